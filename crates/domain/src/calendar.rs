//! Days and moments as the municipality has them: Japan's time, Japan's eras.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Japan has had one offset and no summer time since 1952.
const JAPAN: Offset = Offset::constant(9);

/// Eras with their first day, the newest first. Unlike a fiscal year's, a date's era is exact.
const ERAS: [(&str, Date); 3] = [
    ("令和", Date::constant(2019, 5, 1)),
    ("平成", Date::constant(1989, 1, 8)),
    ("昭和", Date::constant(1926, 12, 25)),
];

/// The date in Japan at `moment`.
pub fn local_date(moment: Timestamp) -> Date {
    JAPAN.to_datetime(moment).date()
}

/// `令和4年5月20日`; a day before 昭和 has its western year.
pub fn ja_date(day: Date) -> String {
    let (month, day_of_month) = (day.month(), day.day());
    match ERAS.into_iter().find(|(_, first)| *first <= day) {
        Some((era, first)) => match day.year() - first.year() + 1 {
            1 => format!("{era}元年{month}月{day_of_month}日"),
            year => format!("{era}{year}年{month}月{day_of_month}日"),
        },
        None => format!("{}年{month}月{day_of_month}日", day.year()),
    }
}

/// `令和4年11月21日 11:24`, the minute in Japan at `moment`.
pub fn ja_minute(moment: Timestamp) -> String {
    let local = JAPAN.to_datetime(moment);
    format!(
        "{} {}:{:02}",
        ja_date(local.date()),
        local.hour(),
        local.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_era_of_their_day() {
        for (day, printed) in [
            ("2022-05-20", "令和4年5月20日"),
            ("2019-05-01", "令和元年5月1日"),
            ("2019-04-30", "平成31年4月30日"),
            ("1989-01-07", "昭和64年1月7日"),
            ("1900-02-03", "1900年2月3日"),
        ] {
            assert_eq!(ja_date(day.parse().unwrap()), printed);
        }
    }

    #[test]
    fn moments_are_japans() {
        let moment = "2022-05-20T15:04:59Z".parse().unwrap();
        assert_eq!(ja_minute(moment), "令和4年5月21日 0:04");
        assert_eq!(local_date(moment).to_string(), "2022-05-21");
    }
}
