//! Signs, digits, decimals and the unit behind them.

use rust_decimal::Decimal;

/// A number as sheets write it.
pub(super) struct Number<'t> {
    pub value: Decimal,
    pub unit: Option<&'t str>,
    pub has_separator: bool,
    pub approximate: bool,
}

/// A number in the right form with more digits than can be kept exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyDigits;

impl<'t> Number<'t> {
    /// Reads `△1,234.5千人`: sign, digits with right thousands separators, decimals, unit.
    pub fn read(text: &'t str) -> Option<Self> {
        Self::recognise(text)?.ok()
    }

    /// As [`read`](Self::read), with what has the form of a number and is none that can be kept.
    pub fn recognise(text: &'t str) -> Option<Result<Self, TooManyDigits>> {
        let (is_negative, rest) = match text.chars().next()? {
            '△' | '▲' | '-' | '\u{2212}' | '\u{2013}' => (true, text),
            '+' => (false, text),
            _ if text.starts_with("マイナス") => (true, text),
            c if c.is_ascii_digit() => (false, text),
            _ => return None,
        };
        let rest = rest
            .strip_prefix("マイナス")
            .unwrap_or_else(|| rest.trim_start_matches(|c: char| !c.is_ascii_digit()));
        let sign = text.len() - rest.len();
        // One sign, perhaps with a space behind it: «-(5)» is no number.
        if text[..sign].trim_end().chars().count() > 1 && !text.starts_with("マイナス") {
            return None;
        }
        let whole_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != ',')
            .unwrap_or(rest.len());
        let (whole, after) = rest.split_at(whole_end);
        let has_separator = whole.contains(',');
        if !is_grouped(whole) {
            return None;
        }
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => {
                let end = after
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(after.len());
                if end == 0 {
                    return None;
                }
                after.split_at(end)
            }
            None => ("", after),
        };
        let digits = whole.replace(',', "");
        let written = if fraction.is_empty() {
            digits
        } else {
            format!("{digits}.{fraction}")
        };
        let unit = after.trim();
        let (unit, approximate) = match ["程度", "前後", "ほど", "くらい"]
            .into_iter()
            .find_map(|word| unit.strip_suffix(word))
        {
            Some(unit) => (unit.trim_end(), true),
            None => (unit, false),
        };
        if !is_unit(unit) {
            return None;
        }
        let Ok(mut value) = Decimal::from_str_exact(&written) else {
            return Some(Err(TooManyDigits));
        };
        if is_negative && !value.is_zero() {
            value.set_sign_negative(true);
        }
        Some(Ok(Self {
            value,
            unit: (!unit.is_empty()).then_some(unit),
            has_separator,
            approximate,
        }))
    }
}

/// Whether digits are separated in threes, or not at all.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    !first.is_empty()
        && (rest.is_empty() || first.len() <= 3)
        && rest.iter().all(|group| group.len() == 3)
}

/// Whether `text` can be a unit (or is empty): short, one word, no number of its own. What
/// compares («以上») is no unit, and digits belong to units such as `m2` only.
pub(super) fn is_unit(text: &str) -> bool {
    const COMPARISONS: [&str; 6] = ["以上", "以下", "未満", "超", "以内", "～"];
    if text.chars().count() > 12 || COMPARISONS.iter().any(|word| text.contains(word)) {
        return false;
    }
    let mut previous = '\0';
    text.chars().all(|c| {
        let fits = match c {
            '0'..='9' => previous.is_ascii_alphabetic(),
            '(' | ')' | '（' | '）' | '[' | ']' | '、' | '。' | ',' | '.' | ':' | ';' | '"'
            | '→' | '=' | '!' | '?' | '#' | '△' | '▲' | '※' | '+' => false,
            '一' | '二' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' => false,
            c => !c.is_whitespace() && !c.is_control(),
        };
        previous = c;
        fits
    })
}
