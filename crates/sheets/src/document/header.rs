//! Header lines: which column is which fiscal year, and which year is evaluated.

use daicho_domain::FiscalYear;

use crate::cell::half_width;
use crate::table::Record;

/// Which of the two tables of a goal a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// 数値目標: name, baseline and target in three columns.
    NumericGoals,
    /// KPI: project, and name, baseline and target packed in one column.
    Kpis,
}

/// Which of an indicator's two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// 目標値.
    Target,
    /// 実績値.
    Actual,
}

impl RowKind {
    /// The line that a cell of the column 区分 names.
    pub fn of(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        match text.as_str() {
            "目標値" | "目標" => Some(Self::Target),
            "実績値" | "実績" => Some(Self::Actual),
            _ => None,
        }
    }
}

/// A header line. Offsets count from the column 区分, because headers may be shifted against
/// their rows (DOMAIN S6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which table.
    pub kind: TableKind,
    /// Index of the column 区分.
    pub kubun: usize,
    /// Labels of the fiscal years' columns.
    pub labels: Vec<YearLabel>,
    /// Offset of 5年間の合計.
    pub total: Option<usize>,
    /// Offset of the commentary.
    pub commentary: Option<usize>,
    /// Names of further columns that nothing is read from, with their offsets.
    pub extra: Vec<(usize, String)>,
    /// The fiscal year that the header's text names («令和3年度実績値…»).
    pub evaluated: Option<FiscalYear>,
}

/// The label of a year's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearLabel {
    /// The fiscal year, where the label names the era or the western year.
    year: Option<FiscalYear>,
    /// The year within the era, where the era is left out (`3年度`).
    number: i16,
}

impl YearLabel {
    fn read(text: &str) -> Option<Self> {
        let text: String = half_width(text)
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let bare = text
            .strip_suffix("年度")
            .or_else(|| text.strip_suffix('年'))
            .unwrap_or(&text);
        let number = if bare == "元" {
            Some(1)
        } else if !bare.is_empty() && bare.len() <= 2 {
            bare.parse::<i16>().ok()
        } else {
            None
        };
        // A bare number is no label: «3» stands in value cells.
        if let Some(number) = number.filter(|_| bare != text) {
            return Some(Self { year: None, number });
        }
        if number.is_some() || (bare == text && bare.chars().all(|c| c.is_ascii_digit())) {
            return None;
        }
        let year = text.parse::<FiscalYear>().ok()?;
        Some(Self {
            year: Some(year),
            number: year.0,
        })
    }
}

impl Header {
    /// Reads a line as a header: two or more columns in a row are fiscal years.
    pub fn read(record: &Record) -> Option<Self> {
        let texts: Vec<String> = (0..record.cells.len())
            .map(|index| record.text(index))
            .collect();
        let first = texts
            .iter()
            .position(|text| YearLabel::read(text).is_some())?;
        let labels: Vec<YearLabel> = texts[first..]
            .iter()
            .map_while(|text| YearLabel::read(text))
            .collect();
        if labels.len() < 2 || first == 0 {
            return None;
        }
        let kubun = first - 1;
        // Values in 年 look like labels; the line then has 目標値 or 実績値 in front of them.
        if RowKind::of(&texts[kubun]).is_some() {
            return None;
        }
        let after_years = first + labels.len();
        let mut rest = texts
            .iter()
            .enumerate()
            .skip(after_years)
            .filter(|(_, text)| !text.is_empty())
            .peekable();
        let total = rest
            .next_if(|(_, text)| text.contains("合計") || text.contains("累計"))
            .map(|(index, _)| index - kubun);
        let commentary = rest.next().map(|(index, _)| index - kubun);
        let extra = rest
            .map(|(index, text)| (index - kubun, text.clone()))
            .collect();
        let kind = if texts[..kubun].iter().any(|text| text.contains("基準値")) {
            TableKind::NumericGoals
        } else {
            TableKind::Kpis
        };
        Some(Self {
            kind,
            kubun,
            labels,
            total,
            commentary,
            extra,
            evaluated: texts[after_years..]
                .iter()
                .find_map(|text| year_named_in(text)),
        })
    }
}

/// The first fiscal year with its era that a text names (`令和3年度`, `R3年度`).
pub fn year_named_in(text: &str) -> Option<FiscalYear> {
    let text = half_width(text);
    text.match_indices("年度").find_map(|(end, _)| {
        let before = &text[..end];
        let digits: usize = before
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_digit() || *c == '元')
            .map(char::len_utf8)
            .sum();
        if digits == 0 {
            return None;
        }
        let (era, number) = before.split_at(before.len() - digits);
        ["令和", "平成", "昭和", "R", "H"]
            .into_iter()
            .filter(|name| era.ends_with(name))
            .find_map(|name| format!("{name}{number}年度").parse().ok())
            .or_else(|| (number.len() == 4).then(|| number.parse().ok()).flatten())
    })
}

/// The fiscal years of a header's columns. Where labels leave the era out, `known`, a year whose
/// era is certain, says which one; nothing comes back where nobody says it.
pub fn resolve(
    labels: &[YearLabel],
    known: Option<FiscalYear>,
    term: Option<(FiscalYear, FiscalYear)>,
) -> Option<Vec<FiscalYear>> {
    let count = i16::try_from(labels.len()).ok()?;
    let first = first_year(labels, known).or_else(|| {
        term.filter(|(from, to)| to.0 - from.0 + 1 == count)
            .map(|(from, _)| from)
    })?;
    let years: Vec<FiscalYear> = (0..count)
        .map(|offset| FiscalYear(first.0 + offset))
        .collect();
    let fits = labels
        .iter()
        .zip(&years)
        .all(|(label, year)| match label.year {
            Some(named) => named == *year,
            None => numbers_of(*year).contains(&label.number),
        });
    fits.then_some(years)
}

fn first_year(labels: &[YearLabel], known: Option<FiscalYear>) -> Option<FiscalYear> {
    let offset_of = |index: usize| i16::try_from(index).ok();
    if let Some((index, year)) = labels
        .iter()
        .enumerate()
        .find_map(|(index, label)| label.year.map(|year| (index, year)))
    {
        return Some(FiscalYear(year.0 - offset_of(index)?));
    }
    let known = known?;
    if let Some(index) = labels
        .iter()
        .position(|label| numbers_of(known).contains(&label.number))
    {
        return Some(FiscalYear(known.0 - offset_of(index)?));
    }
    let [number, ..] = numbers_of(known);
    Some(FiscalYear(known.0 - number + labels.first()?.number))
}

/// The numbers that a fiscal year has within eras: FY2019 is 令和元年度 and 平成31年度.
fn numbers_of(year: FiscalYear) -> [i16; 2] {
    let short = year.short();
    let number = short
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap_or(0);
    let other = if year.0 == 2019 { 31 } else { number };
    [number, other]
}

/// The fiscal years that column labels mean, with a text that names one of them in full
/// (`["3年度", "4年度"]` beside «令和3年度実績値»).
pub fn fiscal_years_of(labels: &[&str], context: &str) -> Option<Vec<FiscalYear>> {
    let labels: Vec<YearLabel> = labels
        .iter()
        .map(|label| YearLabel::read(label))
        .collect::<Option<_>>()?;
    resolve(&labels, year_named_in(context), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_era_is_taken_from_the_text_beside() {
        let years = |labels: &[&str], context| {
            fiscal_years_of(labels, context)
                .map(|years| years.into_iter().map(|year| year.0).collect::<Vec<_>>())
        };
        assert_eq!(
            years(
                &["3年度", "4年度", "5年度", "6年度", "7年度"],
                "令和3年度実績値に対する所見"
            ),
            Some(vec![2021, 2022, 2023, 2024, 2025])
        );
        assert_eq!(
            years(&["29年度", "30年度", "元年度", "2年度"], "平成30年度実績値"),
            Some(vec![2017, 2018, 2019, 2020])
        );
        assert_eq!(
            years(&["30年度", "31年度", "2年度"], "平成30年度"),
            Some(vec![2018, 2019, 2020])
        );
        assert_eq!(years(&["R3", "R4"], ""), Some(vec![2021, 2022]));
        assert_eq!(years(&["2021年度", "2022年度"], ""), Some(vec![2021, 2022]));
        assert_eq!(
            years(&["３年度", "４年度"], "Ｒ３年度"),
            Some(vec![2021, 2022])
        );
        assert_eq!(years(&["3年度", "4年度"], "実績値"), None);
        assert_eq!(years(&["3年度", "5年度"], "令和3年度"), None);
    }

    #[test]
    fn value_cells_are_no_labels() {
        for text in ["3", "100", "2021", "1,627", "", "—", "5年間の合計"] {
            assert_eq!(YearLabel::read(text), None, "{text}");
        }
    }
}
