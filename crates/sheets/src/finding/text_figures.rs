//! Percentages in commentary, compared with the figure they are written about.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::cell::half_width;

/// A percentage in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Percentage {
    value: Decimal,
    /// Whether the words around it say that it is another year's, an average or about right.
    is_about_something_else: bool,
}

/// The percentage in `commentary` that contradicts `actual`, as the text writes it.
///
/// A percentage is taken to be about the actual where it is within one point of it, or where
/// counts in the same text give just this percentage («114名…86名…75.4%») and it is within ten.
/// Where any percentage agrees with the actual, nothing contradicts it.
pub fn contradiction(commentary: &str, actual: Decimal) -> Option<Decimal> {
    let text: Vec<char> = half_width(commentary).chars().collect();
    let (percentages, counts) = figures_in(&text);
    if percentages.iter().any(|p| agrees(p.value, actual)) {
        return None;
    }
    percentages
        .into_iter()
        .find(|percentage| {
            let distance = (percentage.value - actual).abs();
            (distance <= Decimal::ONE && !percentage.is_about_something_else)
                || (distance <= Decimal::TEN && is_backed_by(percentage.value, &counts))
        })
        .map(|percentage| percentage.value)
}

fn agrees(written: Decimal, actual: Decimal) -> bool {
    let scale = written.scale().min(actual.scale());
    round(written, scale) == round(actual, scale)
}

fn round(value: Decimal, scale: u32) -> Decimal {
    value.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero)
}

fn is_backed_by(percentage: Decimal, counts: &[Decimal]) -> bool {
    counts.iter().any(|whole| {
        *whole >= Decimal::TEN
            && counts.iter().any(|part| {
                part < whole
                    && !part.is_zero()
                    && round(part * Decimal::ONE_HUNDRED / whole, percentage.scale()) == percentage
            })
    })
}

/// How many percentages, and how many counts, of one text are compared: each count with each.
const FIGURES: usize = 40;

/// Percentages and whole numbers of a text.
fn figures_in(text: &[char]) -> (Vec<Percentage>, Vec<Decimal>) {
    let mut percentages = Vec::new();
    let mut counts = Vec::new();
    let mut at = 0;
    while at < text.len() && percentages.len() < FIGURES && counts.len() < FIGURES {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < text.len()
            && (text[at].is_ascii_digit()
                || (matches!(text[at], '.' | ',')
                    && text.get(at + 1).is_some_and(char::is_ascii_digit)))
        {
            at += 1;
        }
        let digits: String = text[start..at].iter().filter(|c| **c != ',').collect();
        // Figures beyond nine digits are no percentages and no counts of people.
        let Some(value) = Decimal::from_str_exact(&digits)
            .ok()
            .filter(|_| digits.len() <= 9)
        else {
            continue;
        };
        let after: String = text[at..].iter().take(6).collect();
        if after.starts_with('%') || after.starts_with("パーセント") {
            percentages.push(Percentage {
                value,
                is_about_something_else: is_hedged(text, start, &after),
            });
        } else if value.is_integer() {
            counts.push(value);
        }
    }
    (percentages, counts)
}

fn is_hedged(text: &[char], start: usize, after: &str) -> bool {
    const BEFORE: [&str; 12] = [
        "前年",
        "昨年",
        "前回",
        "全国",
        "全道",
        "平均",
        "目標",
        "基準",
        "令和",
        "平成",
        "約",
        "およそ",
    ];
    const AFTER: [&str; 7] = ["程度", "前後", "以上", "以下", "未満", "近く", "台"];
    let before: String = text[start.saturating_sub(12)..start].iter().collect();
    let behind = after
        .trim_start_matches("パーセント")
        .trim_start_matches('%');
    BEFORE.iter().any(|word| before.contains(word))
        || AFTER.iter().any(|word| behind.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, actual: &str) -> Option<String> {
        contradiction(text, actual.parse().unwrap()).map(|p| p.to_string())
    }

    #[test]
    fn a_rate_counted_in_the_text_that_differs_is_found() {
        assert_eq!(
            found(
                "受検者114名のうち86名が合格し(75.4%)、受検者は全体の32%程度",
                "75.0"
            ),
            Some("75.4".into())
        );
        assert_eq!(found("合格率は75.4％だった", "75.0"), Some("75.4".into()));
    }

    #[test]
    fn percentages_of_something_else_are_left_alone() {
        for (text, actual) in [
            ("R2年度の法定報告値も51.7%で", "43.1"),
            ("初妊婦訪問は93.8%、乳児全戸訪問は100%", "96.9"),
            ("小学5年生25名(受診率22.9%)、成人1名", "100.0"),
            ("前年度の74.8%から伸びた", "75.0"),
            ("約75.4%", "75.0"),
            ("合格率は75%で、前回は75.4%", "75.0"),
            ("75.38%に当たる", "75.4"),
            ("", "75.0"),
        ] {
            assert_eq!(found(text, actual), None, "{text}");
        }
    }
}
