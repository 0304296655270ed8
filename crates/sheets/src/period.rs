//! The labels in parentheses: when a baseline was measured, what a final target compares with.

use daicho_domain::FiscalYear;
use daicho_domain::indicator::{Basis, PeriodKind};

use crate::cell::half_width;

/// A period as labels name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The label as written.
    pub label: String,
    /// What kind of period; none where the label is not understood.
    pub kind: Option<PeriodKind>,
    /// First calendar or fiscal year.
    pub from: Option<i16>,
    /// Last calendar or fiscal year.
    pub to: Option<i16>,
    /// Length in years, where the label says it.
    pub years: Option<u8>,
}

impl Period {
    /// Reads `令和元年`, `令和元年度`, `平成27年～令和2年`, `第1期6年間`. What is not understood
    /// keeps its label and nothing else.
    pub fn read(label: &str) -> Self {
        let unknown = Self {
            label: label.to_owned(),
            kind: None,
            from: None,
            to: None,
            years: None,
        };
        let text = half_width(label.trim());
        if let Some((year, kind)) = read_year(&text) {
            return Self {
                kind,
                from: Some(year),
                to: Some(year),
                ..unknown
            };
        }
        if let Some((from, to)) = read_range(&text) {
            return Self {
                kind: Some(PeriodKind::Range),
                from: Some(from),
                to: Some(to),
                ..unknown
            };
        }
        if let Some(years) = read_duration(&text) {
            return Self {
                kind: Some(PeriodKind::PlanTerm),
                years: Some(years),
                ..unknown
            };
        }
        unknown
    }

    /// What a final target with this label compares with.
    pub fn basis(&self) -> Option<Basis> {
        let label = half_width(&self.label);
        if ["各年度", "各年", "毎年度", "毎年"].contains(&label.as_str()) {
            return Some(Basis::EachFiscalYear);
        }
        if ["累計", "計画期間", "計画期間中", "計画期間累計", "期間累計"].contains(&label.as_str())
        {
            return Some(Basis::CumulativePlan);
        }
        match self.kind? {
            PeriodKind::CalendarYear | PeriodKind::FiscalYear => Some(Basis::FinalYear),
            PeriodKind::Range => Some(Basis::PeriodRange),
            PeriodKind::PlanTerm => Some(Basis::CumulativePlan),
        }
    }
}

/// A single year; without 年 or 年度 its kind is open.
fn read_year(text: &str) -> Option<(i16, Option<PeriodKind>)> {
    let year = text.parse::<FiscalYear>().ok()?.0;
    let kind = if text.ends_with("年度") {
        Some(PeriodKind::FiscalYear)
    } else if text.ends_with('年') {
        Some(PeriodKind::CalendarYear)
    } else {
        None
    };
    Some((year, kind))
}

/// Two years with one of the many signs between them.
fn read_range(text: &str) -> Option<(i16, i16)> {
    const SIGNS: [char; 9] = [
        '\u{FF5E}', '\u{301C}', '~', '-', '\u{2015}', '\u{2014}', '\u{2013}', '\u{2212}',
        '\u{30FC}',
    ];
    let (from, to) = text.split_once(SIGNS).or_else(|| text.split_once("から"))?;
    let (from, _) = read_year(from.trim())?;
    let (to, _) = read_year(to.trim()).or_else(|| {
        // «令和3～7年度» names the era once.
        let era: String = text.chars().take_while(|c| !c.is_ascii_digit()).collect();
        read_year(&format!("{era}{}", to.trim()))
    })?;
    (from <= to).then_some((from, to))
}

/// `5年間` at the end of a label.
fn read_duration(text: &str) -> Option<u8> {
    let before = text.strip_suffix("年間")?;
    let digits: String = before
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect();
    let digits: String = digits.chars().rev().collect();
    digits.parse().ok().filter(|years| *years > 0)
}

/// The cycle that a name tells of: `(3年で一巡)`, `3年に1回`, `3年周期`.
pub fn cycle_years(name: &str) -> Option<u8> {
    const WORDS: [&str; 8] = [
        "年で一巡",
        "年で1巡",
        "年に一度",
        "年に1度",
        "年に一回",
        "年に1回",
        "年周期",
        "年ごと",
    ];
    let name = half_width(name);
    WORDS.into_iter().find_map(|word| {
        let before = &name[..name.find(word)?];
        let start = before.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
        before[start..].parse().ok().filter(|years| *years > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_understood() {
        use PeriodKind::{CalendarYear, FiscalYear, PlanTerm, Range};
        for (label, kind, from, to, years) in [
            ("令和元年", Some(CalendarYear), Some(2019), Some(2019), None),
            ("令和元年度", Some(FiscalYear), Some(2019), Some(2019), None),
            ("Ｒ３年度", Some(FiscalYear), Some(2021), Some(2021), None),
            ("2019年", Some(CalendarYear), Some(2019), Some(2019), None),
            ("R3", None, Some(2021), Some(2021), None),
            (
                "平成27年～令和2年",
                Some(Range),
                Some(2015),
                Some(2020),
                None,
            ),
            (
                "平成27年〜令和2年",
                Some(Range),
                Some(2015),
                Some(2020),
                None,
            ),
            (
                "平成27年-令和2年",
                Some(Range),
                Some(2015),
                Some(2020),
                None,
            ),
            (
                "平成27年―令和2年",
                Some(Range),
                Some(2015),
                Some(2020),
                None,
            ),
            ("令和3～7年度", Some(Range), Some(2021), Some(2025), None),
            ("第1期6年間", Some(PlanTerm), None, None, Some(6)),
            ("5年間", Some(PlanTerm), None, None, Some(5)),
            ("前回調査", None, None, None, None),
            ("令和3年3月末", None, None, None, None),
        ] {
            let period = Period::read(label);
            assert_eq!(
                (period.kind, period.from, period.to, period.years),
                (kind, from, to, years),
                "{label}"
            );
            assert_eq!(period.label, label);
        }
    }

    #[test]
    fn the_basis_follows_from_the_label() {
        for (label, basis) in [
            ("5年間", Some(Basis::CumulativePlan)),
            ("各年度", Some(Basis::EachFiscalYear)),
            ("令和7年", Some(Basis::FinalYear)),
            ("令和2年～令和7年", Some(Basis::PeriodRange)),
            ("いつか", None),
        ] {
            assert_eq!(Period::read(label).basis(), basis, "{label}");
        }
    }

    #[test]
    fn cycles_are_found_in_names() {
        assert_eq!(cycle_years("情報交換を実施した団体数(3年で一巡)"), Some(3));
        assert_eq!(cycle_years("調査(２年に1回)"), Some(2));
        assert_eq!(cycle_years("団体数"), None);
        assert_eq!(cycle_years("隔年で一巡"), None);
    }
}
