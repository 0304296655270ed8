//! One cell: from the text that somebody wrote to a number or the reason why there is none.

mod entry;
mod number;

pub use entry::{EntryError, read_entry};

use daicho_domain::{Cell, CellFlag, CellStatus};

use self::number::{Number, is_unit};
use crate::finding::Code;
use crate::period::Period;

/// Where a cell stands, which decides what a blank means and whether a unit belongs into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellRole {
    /// The target of a year.
    Target,
    /// The actual of a year that is over: the evaluated one or one before it.
    DueActual,
    /// The actual of a year that has not come yet.
    FutureActual,
    /// 5年間の合計.
    Total,
    /// 基準値, with its unit and often with its period in parentheses.
    Baseline,
    /// 最終目標, with its unit and often with its basis in parentheses.
    FinalTarget,
}

/// What is known of a cell before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellContext {
    /// Where it stands.
    pub role: CellRole,
}

impl From<CellRole> for CellContext {
    fn from(role: CellRole) -> Self {
        Self { role }
    }
}

/// What was read from a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellReading {
    /// The cell; `raw` is the text as it was given.
    pub cell: Cell,
    /// What somebody should look at.
    pub warnings: Vec<Code>,
    /// The period in parentheses behind a baseline or final target.
    pub period: Option<Period>,
    /// The word that marks the number as provisional or approximate (`暫定値`).
    pub marker: Option<String>,
}

/// The dashes that files carry for «no number» (DOMAIN M11): the spelling depends on encoding,
/// keyboard and on who typed it.
const DASHES: [char; 16] = [
    '\u{2014}', '\u{2015}', '-', '\u{FF0D}', '\u{30FC}', '\u{2500}', '\u{2013}', '\u{2010}',
    '\u{2212}', '\u{2011}', '\u{2012}', '\u{FF70}', '\u{2501}', '\u{2043}', '\u{FE63}', '\u{2E3A}',
];

/// Whether `text` is a dash (up to three in a row) and nothing else.
pub fn is_dash(text: &str) -> bool {
    let text = text.trim();
    (1..=3).contains(&text.chars().count()) && text.chars().all(|c| DASHES.contains(&c))
}

/// Full-width ASCII and the full-width space as half-width ones. Circled digits, squared words
/// and the wave dash stay: NFKC would destroy them.
pub fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5D}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            '\u{3000}' => ' ',
            _ => c,
        })
        .collect()
}

/// Reads one cell of a sheet. Never fails: what cannot be read is
/// [`CellStatus::Ambiguous`] with its text kept and a warning.
pub fn read_cell(text: &str, context: impl Into<CellContext>) -> CellReading {
    let role = context.into().role;
    let trimmed = text.trim();
    let (body, period) = match role {
        CellRole::Baseline | CellRole::FinalTarget => match split_label(trimmed) {
            Some((body, label)) => (body, Some(Period::read(label))),
            None => (trimmed, None),
        },
        _ => (trimmed, None),
    };
    let mut reading = if body.is_empty() {
        blank(text, role)
    } else {
        read_body(text, body, role)
    };
    reading.period = period;
    reading
}

fn blank(raw: &str, role: CellRole) -> CellReading {
    let (status, warnings) = match role {
        CellRole::FutureActual | CellRole::Total => (CellStatus::NotDue, Vec::new()),
        CellRole::DueActual => (CellStatus::Missing, vec![Code::ActualMissing]),
        CellRole::Target | CellRole::FinalTarget => (CellStatus::Missing, Vec::new()),
        CellRole::Baseline => (CellStatus::NoBaseline, Vec::new()),
    };
    reading(Cell::absent(raw, status), warnings)
}

fn reading(cell: Cell, warnings: Vec<Code>) -> CellReading {
    CellReading {
        cell,
        warnings,
        period: None,
        marker: None,
    }
}

/// The longest text that can be a figure, in bytes: marks are taken off one by one, which is
/// not for whole books.
const MAX_FIGURE_BYTES: usize = 1_000;

fn read_body(raw: &str, body: &str, role: CellRole) -> CellReading {
    if body.len() > MAX_FIGURE_BYTES {
        return reading(
            Cell::absent(raw, CellStatus::Ambiguous),
            vec![Code::Unreadable],
        );
    }
    let half = half_width(body);
    let (body_without_marks, marks) = strip_marks(half.trim());
    let body = body_without_marks.as_str();
    if is_dash(body) {
        return reading(Cell::absent(raw, CellStatus::DashUnclassified), Vec::new());
    }
    if let Some(status) = status_word(body) {
        return reading(Cell::absent(raw, status), Vec::new());
    }
    if let Some(number) = Number::read(body) {
        let mut cell = Cell::number(raw, number.value)
            .with_provisional(marks.provisional)
            .with_approximate(marks.approximate || number.approximate);
        if let Some(unit) = number.unit {
            cell = cell.with_unit(unit);
            if !matches!(role, CellRole::Baseline | CellRole::FinalTarget) {
                cell = cell.with_flag(CellFlag::UnitInCell);
            }
        }
        if has_full_width_ascii(raw) {
            cell = cell.with_flag(CellFlag::FullWidth);
        }
        if number.has_separator {
            cell = cell.with_flag(CellFlag::ThousandsSeparator);
        }
        return CellReading {
            marker: marks.marker,
            ..reading(cell, Vec::new())
        };
    }
    if let Some(unit) = body.strip_prefix('一')
        && is_unit(unit)
    {
        let cell = Cell::absent(raw, CellStatus::Ambiguous);
        let cell = if unit.is_empty() {
            cell
        } else {
            cell.with_unit(unit)
        };
        return reading(cell, vec![Code::KanjiOneOrDash]);
    }
    let mut characters = body.chars();
    if characters.next().is_some_and(|c| DASHES.contains(&c)) {
        let unit = characters.as_str().trim();
        if !unit.is_empty() && is_unit(unit) {
            let cell = Cell::absent(raw, CellStatus::DashUnclassified).with_unit(unit);
            return reading(cell, Vec::new());
        }
    }
    reading(
        Cell::absent(raw, CellStatus::Ambiguous),
        vec![Code::Unreadable],
    )
}

fn has_full_width_ascii(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(
            c,
            '\u{FF10}'
                ..='\u{FF19}' | '\u{FF0B}' | '\u{FF0C}' | '\u{FF0D}' | '\u{FF0E}' | '\u{FF05}'
        )
    })
}

/// The text in front of the last parentheses, and the text inside them.
pub(crate) fn split_label(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let inner_end = text.strip_suffix([')', '）'])?.len();
    let mut depth = 1_u32;
    for (index, character) in text[..inner_end].char_indices().rev() {
        match character {
            ')' | '）' => depth += 1,
            '(' | '（' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let inner = &text[index + character.len_utf8()..inner_end];
            return Some((text[..index].trim_end(), inner.trim()));
        }
    }
    None
}

#[derive(Default)]
struct Marks {
    provisional: bool,
    approximate: bool,
    marker: Option<String>,
}

/// Words that make a number provisional: it will be replaced by a final one.
const PROVISIONAL: [&str; 9] = [
    "暫定数値",
    "暫定値",
    "暫定",
    "速報値",
    "速報",
    "見込値",
    "見込み",
    "見込",
    "暫",
];

/// Words in front of a number that make it approximate.
const ABOUT: [&str; 6] = ["およそ", "おおよそ", "おおむね", "概ね", "概算", "約"];

/// Takes the words for provisional and approximate off both ends, in parentheses or not.
fn strip_marks(text: &str) -> (String, Marks) {
    let mut marks = Marks::default();
    let mut rest = text.to_owned();
    loop {
        let before = rest.len();
        for word in PROVISIONAL {
            let spellings = [
                format!("※({word})"),
                format!("({word})"),
                format!("[{word}]"),
                format!("【{word}】"),
                format!("※{word}"),
                word.to_owned(),
            ];
            for spelling in spellings {
                let stripped = rest
                    .strip_prefix(&spelling)
                    .or_else(|| rest.strip_suffix(&spelling))
                    .map(|rest| rest.trim_matches([' ', ':', '\t']).to_owned());
                if let Some(stripped) = stripped.filter(|stripped| !stripped.is_empty()) {
                    rest = stripped;
                    marks.provisional = true;
                    marks.marker.get_or_insert_with(|| word.to_owned());
                }
            }
        }
        for word in ABOUT {
            let stripped = rest
                .strip_prefix(word)
                .map(|rest| rest.trim_start().to_owned())
                .filter(|stripped| !stripped.is_empty());
            if let Some(stripped) = stripped {
                rest = stripped;
                marks.approximate = true;
                marks.marker.get_or_insert_with(|| word.to_owned());
            }
        }
        if rest.len() == before {
            return (rest, marks);
        }
    }
}

/// Words that say why there is no number: those that pages show, and common other spellings.
fn status_word(text: &str) -> Option<CellStatus> {
    let text = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(text)
        .trim();
    let text = half_width(text);
    let known = CellStatus::ALL
        .into_iter()
        .filter(|status| *status != CellStatus::Value)
        .find(|status| status.ja() == text);
    known.or(match text.as_str() {
        "未集計" | "集計中です" | "調査中" => Some(CellStatus::Pending),
        "算定不可" | "算出不能" | "算出できず" => Some(CellStatus::NotAvailable),
        "事業開始前" | "未実施(開始前)" | "開始前のため" => {
            Some(CellStatus::NotStarted)
        }
        "事業終了" | "終了" => Some(CellStatus::Ended),
        "目標値なし" | "目標なし" => Some(CellStatus::NotSet),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn read(text: &str) -> CellReading {
        read_cell(text, CellRole::DueActual)
    }

    fn value(text: &str) -> Option<String> {
        read(text).cell.value().map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_read_in_every_spelling() {
        for (text, number) in [
            ("1,638", "1638"),
            ("１，６３８", "1638"),
            ("100.0", "100.0"),
            ("０．５", "0.5"),
            ("△5.13%", "-5.13"),
            ("▲5.13", "-5.13"),
            ("−5", "-5"),
            ("-5", "-5"),
            ("－５", "-5"),
            ("△ 312人", "-312"),
            ("△0", "0"),
            ("+3", "3"),
            ("暫定値43.1", "43.1"),
            ("(暫定)43.1", "43.1"),
            ("（暫定値）43.1", "43.1"),
            ("※暫定43.1", "43.1"),
            ("43.1(暫定)", "43.1"),
            ("43.1※暫定値", "43.1"),
            ("約1,200人", "1200"),
            ("12千人程度", "12"),
            ("5m2", "5"),
            (" 7 ", "7"),
        ] {
            assert_eq!(value(text).as_deref(), Some(number), "{text}");
            assert_eq!(read(text).cell.raw(), text);
        }
    }

    #[test]
    fn what_is_no_number_stays_as_it_was_written() {
        for text in [
            "1,63",
            "2組4人",
            "1万2600回",
            "10以上",
            "3-1",
            "1/2",
            "5(3)",
            "#DIV/0!",
            "5.",
            ".5",
            "二件",
            "延39人",
            "-(5)",
            "=1+1",
            "1.2.3",
            "99999999999999999999999999999999",
        ] {
            let reading = read(text);
            assert_eq!(reading.cell.status(), CellStatus::Ambiguous, "{text}");
            assert_eq!(reading.cell.raw(), text);
            assert_eq!(reading.warnings, [Code::Unreadable], "{text}");
        }
    }

    #[test]
    fn marks_units_and_flags_are_noted() {
        let provisional = read("暫定値43.1");
        assert!(provisional.cell.is_provisional());
        assert_eq!(provisional.marker.as_deref(), Some("暫定値"));
        assert!(read("約5").cell.is_approximate());
        let with_unit = read("△5.13%").cell;
        assert_eq!(with_unit.unit(), Some("%"));
        assert_eq!(with_unit.flags(), [CellFlag::UnitInCell]);
        assert_eq!(
            read("１，６３８％").cell.flags(),
            [
                CellFlag::UnitInCell,
                CellFlag::FullWidth,
                CellFlag::ThousandsSeparator
            ]
        );
    }

    #[test]
    fn every_dash_is_a_dash_without_a_reason_and_never_zero() {
        for text in ["—", "―", "-", "－", "ー", "─", "–", "‐", "−", "――", " — "]
        {
            let cell = read(text).cell;
            assert_eq!(
                (cell.status(), cell.value(), cell.raw()),
                (CellStatus::DashUnclassified, None, text)
            );
        }
        assert_eq!(read("—件").cell.unit(), Some("件"));
        assert_eq!(read("—件").cell.status(), CellStatus::DashUnclassified);
    }

    #[test]
    fn kanji_one_is_never_one() {
        let reading = read_cell("一件", CellRole::Baseline);
        assert_eq!(reading.cell.status(), CellStatus::Ambiguous);
        assert_eq!(reading.cell.unit(), Some("件"));
        assert_eq!(reading.warnings, [Code::KanjiOneOrDash]);
    }

    #[test]
    fn a_blank_means_what_its_place_says() {
        for (role, status) in [
            (CellRole::FutureActual, CellStatus::NotDue),
            (CellRole::DueActual, CellStatus::Missing),
            (CellRole::Target, CellStatus::Missing),
            (CellRole::Total, CellStatus::NotDue),
            (CellRole::Baseline, CellStatus::NoBaseline),
        ] {
            assert_eq!(read_cell("　", role).cell.status(), status, "{role:?}");
        }
        assert_eq!(read("").warnings, [Code::ActualMissing]);
    }

    #[test]
    fn a_baseline_carries_its_period() {
        let reading = read_cell("△7.04%(平成27年～令和2年)", CellRole::Baseline);
        assert_eq!(reading.cell.value().unwrap().to_string(), "-7.04");
        let period = reading.period.unwrap();
        assert_eq!((period.from, period.to), (Some(2015), Some(2020)));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_keeps_the_text(text in "\\PC{0,20}|[-0-9,.△—一件%()（）暫定約 ]{0,12}") {
            for role in [CellRole::Target, CellRole::DueActual, CellRole::FutureActual, CellRole::Total] {
                let reading = read_cell(&text, role);
                prop_assert_eq!(reading.cell.raw(), text.as_str());
            }
            for role in [CellRole::Baseline, CellRole::FinalTarget] {
                read_cell(&text, role);
            }
            let _ = read_entry(&text);
        }

        #[test]
        fn what_is_displayed_reads_back_as_the_same(number in -10_000_000_i64..10_000_000, scale in 0_u32..4, provisional: bool) {
            let value = Decimal::new(number, scale);
            let cell = Cell::number("", value).with_provisional(provisional);
            let again = read_cell(&cell.display(), CellRole::DueActual).cell;
            prop_assert!(again.says_the_same_as(&cell), "{} → {:?}", cell.display(), again);
        }
    }
}
