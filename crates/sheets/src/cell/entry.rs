//! What a clerk types as the figure of a year.

use daicho_domain::{Cell, CellStatus};

use super::number::{Number, TooManyDigits};
use super::{
    CellReading, CellRole, MAX_FIGURE_BYTES, half_width, read_cell, status_word, strip_marks,
};
use crate::finding::Code;

/// How much of a typed text an answer repeats, in characters.
const REPEATED: usize = 60;

/// Why a typed text is not taken as a figure. The text is carried up to 60 characters.
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
    /// A number with more digits than can be kept exactly.
    #[error(
        "'{0}' has too many digits: at most 28 can be kept exactly; enter a shorter number or choose why there is none"
    )]
    TooManyDigits(String),
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
            Self::TooManyDigits(text) => format!("「{text}」は桁数が多すぎます。正確に保存できるのは28桁までです。桁数を減らして入力するか、数値がない理由を選んでください。"),
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
            Err(EntryError::KanjiOne(repeated(trimmed)))
        }
        CellStatus::Ambiguous if has_too_many_digits(trimmed) => {
            Err(EntryError::TooManyDigits(repeated(trimmed)))
        }
        CellStatus::Ambiguous => Err(EntryError::Unreadable(repeated(trimmed))),
        _ => Ok(cell),
    }
}

fn has_too_many_digits(text: &str) -> bool {
    let half = half_width(text);
    let number = if text.len() > MAX_FIGURE_BYTES {
        half
    } else {
        strip_marks(half.trim()).0
    };
    matches!(Number::recognise(&number), Some(Err(TooManyDigits)))
}

/// The beginning of a text, for an answer.
fn repeated(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_too_many_digits_is_told_how_many_can_be_kept() {
        let digits = "1234567890".repeat(3);
        for text in [
            digits.clone(),
            format!("△{digits}人"),
            format!("暫定値{digits}"),
            format!("0.{digits}"),
            "９".repeat(30),
            "9".repeat(5_000),
        ] {
            let error = read_entry(&text).unwrap_err();
            assert!(matches!(error, EntryError::TooManyDigits(_)), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("too many digits: at most 28 can be kept exactly"),
                "{error}"
            );
            assert!(error.ja().contains("28桁まで"), "{}", error.ja());
        }
        let kept = "1234567890123456789012345678";
        let value = read_entry(kept).unwrap().value();
        assert_eq!(value.map(|value| value.to_string()).as_deref(), Some(kept));
        for text in [format!("x{digits}"), format!("{digits}と{digits}")] {
            let error = read_entry(&text).unwrap_err();
            assert!(matches!(error, EntryError::Unreadable(_)), "{error}");
        }
    }

    #[test]
    fn an_answer_repeats_at_most_60_characters_of_what_was_typed() {
        for (text, first) in [
            ("長".repeat(61), '長'),
            ("暫定".repeat(50_000), '暫'),
            ("9".repeat(5_000), '9'),
        ] {
            let error = read_entry(&text).unwrap_err();
            for message in [error.to_string(), error.ja()] {
                let begins = message.find(first).unwrap();
                let repeated = message[begins..].find('…').unwrap();
                assert_eq!(
                    message[begins..begins + repeated].chars().count(),
                    60,
                    "{message}"
                );
                assert!(message.chars().count() < 200, "{message}");
            }
        }
        let error = read_entry(&"長".repeat(60)).unwrap_err();
        assert_eq!(error, EntryError::Unreadable("長".repeat(60)));
    }

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
