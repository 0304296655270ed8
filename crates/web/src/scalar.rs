//! What the schema's scalars are here, and how people read them.

use std::fmt;

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

/// A fiscal year as the API writes it: `R3`.
pub(crate) type FiscalYear = String;
/// A decimal exactly as written.
pub(crate) type Decimal = String;
/// A point in the order of everything.
pub(crate) type Position = String;
/// An identifier.
#[expect(clippy::upper_case_acronyms, reason = "the schema's name")]
pub(crate) type UUID = String;

/// The municipality's clock: Japan has had one offset since 1952.
const JAPAN: Offset = Offset::constant(9);

/// 令和 began on 1 May 2019, 平成 on 8 January 1989.
const REIWA: jiff::civil::Date = jiff::civil::Date::constant(2019, 5, 1);
const HEISEI: jiff::civil::Date = jiff::civil::Date::constant(1989, 1, 8);

/// A day, printed as 令和4年5月20日.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Date(pub(crate) jiff::civil::Date);

impl Date {
    /// The day as a date field has it: 2022-05-20.
    pub(crate) fn iso(&self) -> String {
        self.0.to_string()
    }

    /// The day without its year: 5月20日.
    pub(crate) fn in_its_year(&self) -> String {
        format!("{}月{}日", self.0.month(), self.0.day())
    }

    /// The last second of this day in Japan, as the API takes moments.
    pub(crate) fn last_second(&self) -> Option<DateTime> {
        JAPAN
            .to_timestamp(self.0.at(23, 59, 59, 0))
            .ok()
            .map(DateTime)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (era, year) = if self.0 >= REIWA {
            ("令和", self.0.year() - 2018)
        } else if self.0 >= HEISEI {
            ("平成", self.0.year() - 1988)
        } else {
            ("", self.0.year())
        };
        match year {
            1 => write!(f, "{era}元年")?,
            year => write!(f, "{era}{year}年")?,
        }
        f.write_str(&self.in_its_year())
    }
}

/// A moment, printed as the municipality's date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DateTime(pub(crate) jiff::Timestamp);

impl DateTime {
    /// The moment as machines read it.
    pub(crate) fn iso(&self) -> String {
        self.0.to_string()
    }

    /// The day in Japan.
    pub(crate) fn day(&self) -> Date {
        Date(self.0.to_zoned(TimeZone::fixed(JAPAN)).date())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.to_zoned(TimeZone::fixed(JAPAN)).time();
        write!(f, "{} {}:{:02}", self.day(), time.hour(), time.minute())
    }
}

/// The hash of a report's content: what an approval names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ContentHash(pub(crate) String);

impl ContentHash {
    /// Enough of it for people to compare.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_japan_and_in_its_era() {
        let moment = DateTime("2022-05-20T15:04:59Z".parse().unwrap());
        assert_eq!(moment.to_string(), "令和4年5月21日 0:04");
        assert_eq!(
            Date("2019-05-01".parse().unwrap()).to_string(),
            "令和元年5月1日"
        );
        assert_eq!(
            Date("2019-04-30".parse().unwrap()).to_string(),
            "平成31年4月30日"
        );
    }

    #[test]
    fn a_day_lasts_until_midnight_in_japan() {
        let day = Date("2022-05-20".parse().unwrap());
        assert_eq!(day.last_second().unwrap().iso(), "2022-05-20T14:59:59Z");
    }
}
