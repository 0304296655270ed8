//! Japanese fiscal years: FY2021 = 令和3年度 = 2021-04-01 … 2022-03-31.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A fiscal year, named by the calendar year in which it starts (April).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FiscalYear(pub i16);

/// An era: its Japanese name, its letter and the calendar year that is its year 1.
const ERAS: [(&str, char, i16); 3] = [
    ("令和", 'R', 2019),
    ("平成", 'H', 1989),
    ("昭和", 'S', 1926),
];

/// A text that is no fiscal year.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a fiscal year; write R3, 令和3年度, FY2021 or 2021")]
pub struct NotAFiscalYear(pub String);

impl FiscalYear {
    /// The era's letter and the year within it; 令和 begins with FY2019 in municipal use
    /// (平成31年度 = 令和元年度, DOMAIN 2.9).
    fn era(self) -> (&'static str, char, i16) {
        let (name, letter, first) = ERAS
            .into_iter()
            .find(|(_, _, first)| self.0 >= *first)
            .unwrap_or(ERAS[2]);
        (name, letter, self.0.saturating_sub(first).saturating_add(1))
    }

    /// `令和3年度`; the first year of an era is 元年度.
    pub fn ja(self) -> String {
        let (name, _, year) = self.era();
        if year == 1 {
            format!("{name}元年度")
        } else {
            format!("{name}{year}年度")
        }
    }

    /// `R3`.
    pub fn short(self) -> String {
        let (_, letter, year) = self.era();
        format!("{letter}{year}")
    }

    /// `3年度`, as sheets head their columns (era omitted).
    pub fn column(self) -> String {
        let (_, _, year) = self.era();
        if year == 1 {
            "元年度".into()
        } else {
            format!("{year}年度")
        }
    }

    /// `FY2021`.
    pub fn western(self) -> String {
        format!("FY{}", self.0)
    }

    /// The fiscal year that a calendar date falls into.
    pub fn of(date: Date) -> Self {
        Self(if date.month() >= 4 {
            date.year()
        } else {
            date.year() - 1
        })
    }

    /// First day (1 April).
    pub fn first_day(self) -> Date {
        Date::constant(self.0, 4, 1)
    }

    /// Last day (31 March of the following calendar year).
    pub fn last_day(self) -> Date {
        Date::constant(self.0 + 1, 3, 31)
    }

    /// The following fiscal year.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The preceding fiscal year.
    pub fn previous(self) -> Self {
        Self(self.0 - 1)
    }

    /// All years from `self` to `last`, both included.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> + Clone {
        (self.0..=last.0).map(Self)
    }
}

impl fmt::Display for FiscalYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for FiscalYear {
    type Err = NotAFiscalYear;

    /// Reads `R3`, `R元`, `令和3年度`, `令和3年`, `FY2021` and `2021`.
    fn from_str(text: &str) -> Result<Self, NotAFiscalYear> {
        let wrong = || NotAFiscalYear(text.to_owned());
        let bare = text.trim().trim_end_matches("年度").trim_end_matches('年');
        let number = |digits: &str| match digits {
            "元" => Ok(1),
            _ => digits.parse::<i16>().map_err(|_| wrong()),
        };
        for (name, letter, first) in ERAS {
            if let Some(rest) = bare
                .strip_prefix(name)
                .or_else(|| bare.strip_prefix(letter))
            {
                let year = number(rest)?;
                return if (1..=99).contains(&year) {
                    Ok(Self(first + year - 1))
                } else {
                    Err(wrong())
                };
            }
        }
        let year: i16 = bare
            .strip_prefix("FY")
            .unwrap_or(bare)
            .parse()
            .map_err(|_| wrong())?;
        if (1926..=2200).contains(&year) {
            Ok(Self(year))
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_all_three_ways() {
        let year = FiscalYear(2021);
        assert_eq!(
            (
                year.ja().as_str(),
                year.short().as_str(),
                year.western().as_str()
            ),
            ("令和3年度", "R3", "FY2021")
        );
        assert_eq!(FiscalYear(2019).ja(), "令和元年度");
        assert_eq!(FiscalYear(2015).ja(), "平成27年度");
    }

    #[test]
    fn reads_what_it_prints_and_what_people_write() {
        for text in ["R3", "令和3年度", "令和3年", "FY2021", "2021"] {
            assert_eq!(text.parse(), Ok(FiscalYear(2021)), "{text}");
        }
        assert_eq!("R元".parse(), Ok(FiscalYear(2019)));
        assert_eq!("平成31年度".parse(), Ok(FiscalYear(2019)));
        for text in ["", "R", "R0", "3年度", "20210", "FY1"] {
            assert!(text.parse::<FiscalYear>().is_err(), "{text}");
        }
    }

    #[test]
    fn runs_from_april_to_march() {
        assert_eq!(
            FiscalYear::of(Date::constant(2022, 3, 31)),
            FiscalYear(2021)
        );
        assert_eq!(FiscalYear::of(Date::constant(2022, 4, 1)), FiscalYear(2022));
        assert_eq!(FiscalYear(2021).last_day(), Date::constant(2022, 3, 31));
    }
}
