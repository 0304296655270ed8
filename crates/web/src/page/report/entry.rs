//! The fields of the form, as they stand, as they were when the page was made, and as typed.

use std::collections::BTreeMap;

use super::report_page::{CellStatus, ReportPageReport as Report};
use crate::form::Fields;

/// Fields of the figure.
pub(super) const FIGURE_FIELDS: [&str; 5] =
    ["figure", "status", "provisional", "expected", "evidence"];
/// Prefix of hidden fields that say what a field held when the page was made.
const BEFORE: &str = "before-";

/// What every field of the form holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry(BTreeMap<String, String>);

/// Name of the field for 増減理由 at a place.
pub(super) fn cause_field(placement: &str) -> String {
    format!("cause-{placement}")
}

/// Name of the field for 今後の取組 at a place.
pub(super) fn next_field(placement: &str) -> String {
    format!("next-{placement}")
}

/// The code of a status as the API writes it.
pub(super) fn code(status: &CellStatus) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(code)) => code,
        _ => String::new(),
    }
}

impl Entry {
    /// What stands in the records.
    pub(super) fn recorded(report: &Report) -> Self {
        let mut fields: BTreeMap<String, String> = FIGURE_FIELDS
            .iter()
            .map(|name| ((*name).to_owned(), String::new()))
            .collect();
        if let Some(entered) = &report.actual {
            let (actual, cell) = (&entered.actual, &entered.actual.cell);
            if cell.value.is_some() {
                fields.insert("figure".into(), cell.raw.clone());
            } else {
                fields.insert("status".into(), code(&cell.status));
            }
            fields.insert("provisional".into(), ticked(cell.provisional));
            fields.insert(
                "expected".into(),
                actual
                    .expected_final_on
                    .map(|day| day.iso())
                    .unwrap_or_default(),
            );
            fields.insert(
                "evidence".into(),
                actual.evidence.clone().unwrap_or_default(),
            );
        }
        for place in &report.places {
            let commentary = place.commentary.as_ref().map(|entered| &entered.commentary);
            fields.insert(
                cause_field(&place.placement),
                commentary
                    .map(|text| text.reason.clone())
                    .unwrap_or_default(),
            );
            fields.insert(
                next_field(&place.placement),
                commentary
                    .map(|text| text.next_action.clone())
                    .unwrap_or_default(),
            );
        }
        Self(fields)
    }

    /// What was typed, for the fields of `recorded`.
    pub(super) fn typed(fields: &Fields, recorded: &Self) -> Self {
        Self::read(recorded, |name| match name {
            "provisional" => ticked(fields.is_ticked(name)),
            "figure" | "evidence" => fields.get(name).trim().to_owned(),
            _ => fields.get(name).to_owned(),
        })
    }

    /// What stood there when the page was made.
    pub(super) fn before(fields: &Fields, recorded: &Self) -> Self {
        Self::read(recorded, |name| {
            fields.get(&format!("{BEFORE}{name}")).to_owned()
        })
    }

    fn read(recorded: &Self, get: impl Fn(&str) -> String) -> Self {
        Self(
            recorded
                .0
                .keys()
                .map(|name| (name.clone(), get(name)))
                .collect(),
        )
    }

    /// What a field holds.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether any of these fields holds something else than in `other`.
    pub(super) fn differs_in(&self, other: &Self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name) != other.get(name))
    }

    /// What the form shows: what was typed where something was, else what stands now.
    pub(super) fn shown(typed: &Self, before: &Self, now: &Self) -> Self {
        let choose = |name: &String, typed: &String| {
            if before.get(name) == typed {
                now.get(name).to_owned()
            } else {
                typed.clone()
            }
        };
        Self(
            typed
                .0
                .iter()
                .map(|(name, text)| (name.clone(), choose(name, text)))
                .collect(),
        )
    }

    /// Fields that were typed into here and changed by somebody else meanwhile, with what
    /// stands there now.
    pub(super) fn conflicts(typed: &Self, before: &Self, now: &Self) -> BTreeMap<String, String> {
        typed
            .0
            .iter()
            .filter(|(name, text)| {
                let (before, now) = (before.get(name), now.get(name));
                *text != before && now != before && now != *text
            })
            .map(|(name, _)| (name.clone(), now.get(name).to_owned()))
            .collect()
    }

    /// The fields of the figure as a form sends them: a box that is not ticked is not sent.
    pub(super) fn figure_fields(&self) -> Vec<(String, String)> {
        FIGURE_FIELDS
            .iter()
            .filter(|name| **name != "provisional" || !self.get(name).is_empty())
            .map(|name| ((*name).to_owned(), self.get(name).to_owned()))
            .collect()
    }

    /// Hidden fields that say what stands now.
    pub(super) fn as_before(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|(name, text)| (format!("{BEFORE}{name}"), text.clone()))
            .collect()
    }
}

fn ticked(is_ticked: bool) -> String {
    if is_ticked {
        "1".to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pairs: &[(&str, &str)]) -> Entry {
        Entry(
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn what_somebody_else_wrote_does_not_replace_what_was_typed_nor_the_reverse() {
        let before = entry(&[("figure", "7"), ("evidence", "")]);
        let typed = entry(&[("figure", "8"), ("evidence", "")]);
        let now = entry(&[("figure", "9"), ("evidence", "台帳")]);
        assert_eq!(
            Entry::shown(&typed, &before, &now),
            entry(&[("figure", "8"), ("evidence", "台帳")])
        );
        assert_eq!(
            Entry::conflicts(&typed, &before, &now),
            BTreeMap::from([("figure".to_owned(), "9".to_owned())])
        );
    }

    #[test]
    fn what_was_saved_a_moment_ago_is_no_conflict() {
        let before = entry(&[("figure", "7")]);
        let typed = entry(&[("figure", "8")]);
        assert!(Entry::conflicts(&typed, &before, &typed).is_empty());
    }
}
