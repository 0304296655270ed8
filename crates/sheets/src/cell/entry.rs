//! What a clerk types as the figure of a year.

use daicho_domain::{Cell, CellStatus};

use super::{CellReading, CellRole, read_cell, status_word};
use crate::finding::Code;

/// Why a typed text is not taken as a figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Nothing was typed.
    #[error("nothing was entered; enter a number or choose why there is none")]
    Blank,
    /// A dash, which has nine meanings on a sheet.
    #[error(
        "a dash does not say why there is no number; choose a reason (such as 集計中 or 開始前)"
    )]
    DashWithoutReason,
    /// Kanji 一, which may be the number 1 or a dash.
    #[error(
        "'{0}' may be the number 1 or a dash; enter 1 in digits or choose why there is no number"
    )]
    KanjiOne(String),
    /// Anything else that is no number.
    #[error(
        "'{0}' is not a number; enter digits (1,638, △7.77%, 暫定値43.1) or choose why there is none"
    )]
    Unreadable(String),
}

impl EntryError {
    /// The same in Japanese, for pages.
    pub fn ja(&self) -> String {
        match self {
            Self::Blank => "数値を入力するか、数値がない理由を選んでください。".into(),
            Self::DashWithoutReason => "「—」だけでは理由が分かりません。集計中・開始前・計測前・終了後・算出不可・秘匿から選んでください。".into(),
            Self::KanjiOne(text) => format!("「{text}」は数字の1か「—」か判別できません。数字で入力するか、数値がない理由を選んでください。"),
            Self::Unreadable(text) => format!("「{text}」を数値として読めません。1,638、△7.77%、暫定値43.1のように入力するか、数値がない理由を選んでください。"),
        }
    }
}

/// Understands what a clerk typed as the figure of a year: `１，６３８`, `△7.77%`, `集計中`,
/// `暫定値43.1`.
///
/// # Errors
/// Where the text gives neither a number nor a reason for having none.
pub fn read_entry(text: &str) -> Result<Cell, EntryError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(EntryError::Blank);
    }
    let CellReading { cell, warnings, .. } = read_cell(trimmed, CellRole::DueActual);
    match cell.status() {
        CellStatus::DashUnclassified if status_word(trimmed).is_none() => {
            Err(EntryError::DashWithoutReason)
        }
        CellStatus::Ambiguous if status_word(trimmed).is_some() => Ok(cell),
        CellStatus::Ambiguous if warnings.contains(&Code::KanjiOneOrDash) => {
            Err(EntryError::KanjiOne(trimmed.to_owned()))
        }
        CellStatus::Ambiguous => Err(EntryError::Unreadable(trimmed.to_owned())),
        _ => Ok(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_understood_or_answered_with_what_to_do() {
        for (text, shown) in [
            ("１，６３８", "1,638"),
            ("△7.77%", "△7.77%"),
            ("暫定値43.1", "暫定値43.1"),
            (" 12 ", "12"),
        ] {
            assert_eq!(read_entry(text).unwrap().display(), shown, "{text}");
        }
        for status in CellStatus::ALL {
            match read_entry(status.ja()) {
                Ok(cell) => assert_eq!(cell.status(), status),
                Err(error) => assert_eq!(
                    (status, error),
                    (
                        CellStatus::Value,
                        EntryError::Unreadable(CellStatus::Value.ja().into())
                    )
                ),
            }
        }
        assert_eq!(read_entry(" "), Err(EntryError::Blank));
        assert_eq!(read_entry("—"), Err(EntryError::DashWithoutReason));
        assert_eq!(read_entry("一件"), Err(EntryError::KanjiOne("一件".into())));
        assert!(
            read_entry("たくさん")
                .unwrap_err()
                .ja()
                .contains("たくさん")
        );
    }
}
