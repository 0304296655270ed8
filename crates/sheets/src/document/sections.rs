//! Headings and printed subtotals: lines with one cell.

use crate::cell::half_width;

/// A line with one cell that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// `基本目標1 …`.
    Goal {
        /// Number as printed.
        number: String,
        /// Title without the number.
        title: String,
    },
    /// `(1) …`.
    Policy {
        /// Number as printed.
        number: String,
        /// Title without the number.
        title: String,
    },
    /// `① …`; the glyph is kept (DOMAIN S8).
    Measure {
        /// Number as printed.
        number: String,
        /// Title without the number.
        title: String,
    },
    /// `小計(事業数:9、KPI数:8)`.
    Subtotal {
        /// Whether it counts the whole plan (合計).
        is_grand_total: bool,
        /// 事業数.
        projects: u32,
        /// KPI数.
        kpis: u32,
    },
}

/// Reads a line with one cell.
pub fn read_section(text: &str) -> Option<Section> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("基本目標") {
        let (number, title) = split_number(rest.trim_start());
        return (!number.is_empty()).then(|| Section::Goal {
            number: number.to_owned(),
            title: title.to_owned(),
        });
    }
    if let Some((number, title)) = parenthesised(text) {
        return Some(Section::Policy {
            number: number.to_owned(),
            title: title.to_owned(),
        });
    }
    let first = text.chars().next()?;
    if is_circled(first) {
        let (number, title) = text.split_at(first.len_utf8());
        return Some(Section::Measure {
            number: number.to_owned(),
            title: title.trim().to_owned(),
        });
    }
    read_subtotal(text)
}

/// The number in front: digits (any width) or Roman numerals, up to the first other character.
fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| {
            !(c.is_ascii_digit()
                || ('\u{FF10}'..='\u{FF19}').contains(&c)
                || ('\u{2160}'..='\u{217F}').contains(&c)
                || "一二三四五六七八九十IVX".contains(c))
        })
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let title = rest.trim_start_matches([' ', '\u{3000}', ':', '：', '.', '．', '、']);
    (number, title.trim_end())
}

fn parenthesised(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(['(', '（'])?;
    let end = inner.find([')', '）'])?;
    let is_number = !inner[..end].is_empty()
        && inner[..end].chars().all(|c| {
            c.is_ascii_digit()
                || ('\u{FF10}'..='\u{FF19}').contains(&c)
                || "一二三四五六七八九十".contains(c)
        });
    if !is_number {
        return None;
    }
    let close = inner[end..].chars().next().map_or(1, char::len_utf8);
    let length = text.len() - inner.len() + end + close;
    let (number, title) = text.split_at(length);
    Some((number, title.trim()))
}

fn is_circled(c: char) -> bool {
    matches!(c, '\u{2460}'..='\u{2473}' | '\u{3251}'..='\u{325F}' | '\u{32B1}'..='\u{32BF}' | '\u{2776}'..='\u{2793}')
}

fn read_subtotal(text: &str) -> Option<Section> {
    let text = half_width(text);
    let is_grand_total = if text.starts_with("小計") {
        false
    } else if text.starts_with("合計") || text.starts_with("総計") || text.starts_with("総合計")
    {
        true
    } else {
        return None;
    };
    Some(Section::Subtotal {
        is_grand_total,
        projects: number_after(&text, "事業数")?,
        kpis: number_after(&text, "KPI数").or_else(|| number_after(&text, "指標数"))?,
    })
}

fn number_after(text: &str, word: &str) -> Option<u32> {
    let rest = &text[text.find(word)? + word.len()..];
    let rest = rest.trim_start_matches([' ', ':', '=']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_keep_their_numbers_as_printed() {
        for (text, number, title) in [
            ("基本目標1 安定した雇用", "1", "安定した雇用"),
            ("基本目標１　安定した雇用", "１", "安定した雇用"),
            ("基本目標 2：新しいひと", "2", "新しいひと"),
        ] {
            assert_eq!(
                read_section(text),
                Some(Section::Goal {
                    number: number.into(),
                    title: title.into()
                })
            );
        }
        assert_eq!(
            read_section("（２）産業の競争力強化"),
            Some(Section::Policy {
                number: "（２）".into(),
                title: "産業の競争力強化".into()
            })
        );
        assert_eq!(
            read_section("⑥ 暮らしを支える"),
            Some(Section::Measure {
                number: "⑥".into(),
                title: "暮らしを支える".into()
            })
        );
        for text in ["(案) 評価シート", "令和3年度 評価シート", "基本目標", ""] {
            assert_eq!(read_section(text), None, "{text}");
        }
    }

    #[test]
    fn subtotals_are_read_in_either_width() {
        for (text, is_grand_total, projects, kpis) in [
            ("小計(事業数:9、KPI数:8)", false, 9, 8),
            ("合計（事業数：４８、ＫＰＩ数：４６）", true, 48, 46),
        ] {
            assert_eq!(
                read_section(text),
                Some(Section::Subtotal {
                    is_grand_total,
                    projects,
                    kpis
                })
            );
        }
        assert_eq!(read_section("小計"), None);
    }
}
