//! A report as the auditor follows it, and when it may change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Finding;
use super::record::{People, Record};

/// A report as the auditor follows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub figure: Option<(Value, People)>,
    pub texts: BTreeMap<String, (Value, People)>,
    /// Number of changes of figure and texts.
    pub revision: u64,
    /// Nobody may change it: it is on its way, or at its end.
    pub locked: bool,
    /// Changed after it was unlocked, and not accepted since: the rest of it stays locked.
    pub narrowed: bool,
    /// As taken over from a document.
    pub adopted: bool,
    pub submitted_by: People,
    pub approvals_needed: usize,
    /// By number of the step: who took it, for which content.
    pub steps: BTreeMap<usize, (People, String)>,
    pub returned: Option<Value>,
    pub unlocked: Option<(Value, Timestamp)>,
}

impl Report {
    pub fn figure(&self) -> Option<&Value> {
        self.figure.as_ref().map(|(figure, _)| figure)
    }

    pub fn commentary(&self, placement: &str) -> Option<&Value> {
        self.texts.get(placement).map(|(text, _)| text)
    }

    /// Everybody who had a hand in what stands, `step` itself left out.
    pub fn hands(&self, step: usize) -> People {
        let figure = self.figure.iter().map(|(_, by)| by);
        let texts = self.texts.values().map(|(_, by)| by);
        let others = self.steps.iter().filter(|(taken, _)| **taken != step);
        figure
            .chain(texts)
            .chain([&self.submitted_by])
            .chain(others.map(|(_, (by, _))| by))
            .flatten()
            .cloned()
            .collect()
    }
}

/// A fiscal year of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Period {
    pub open: bool,
    pub published: bool,
}

pub(super) fn must(holds: bool, rule: &'static str, record: &Record) -> Result<(), Finding> {
    if holds {
        return Ok(());
    }
    Err(Finding::RuleBroken {
        position: record.position,
        kind: record.kind.clone(),
        who: format!("{} as {}", record.account, record.role),
        rule,
    })
}

/// A part of a report changes: unlocked, or open; and where it had been locked only this part.
pub(super) fn change(
    record: &Record,
    cell: &Value,
    period: &Period,
    report: &mut Report,
) -> Result<(), Finding> {
    let unlocked = report.unlocked.as_ref();
    let is_unlocked = unlocked.is_some_and(|(open, until)| open == cell && record.at < *until);
    let is_open = if report.narrowed || period.published {
        report.returned.as_ref() == Some(cell)
    } else {
        period.open
    };
    must(
        is_unlocked || (is_open && !report.locked),
        "changes a report that was submitted, approved or published, without return, withdrawal or unlocking",
        record,
    )?;
    report.narrowed |= report.locked;
    report.locked = false;
    report.adopted = false;
    report.revision += 1;
    Ok(())
}
