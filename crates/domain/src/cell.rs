//! A cell of a sheet: a number exactly as written, or the reason why there is none.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why a cell holds what it holds (DOMAIN 3a, value status codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellStatus {
    /// 値: a number is there.
    Value,
    /// 未到来: the year has not come yet.
    NotDue,
    /// 未入力: it should be there and is not.
    Missing,
    /// 集計中: being collected.
    Pending,
    /// 目標設定なし: no target is set on purpose.
    NotSet,
    /// 基準値なし: there is no baseline.
    NoBaseline,
    /// 最終年度のみ: only the final year has a target.
    FinalYearOnly,
    /// 開始前: the project starts later.
    NotStarted,
    /// 計測前: nothing to measure yet.
    NotMeasurableYet,
    /// 終了後: the project has ended.
    Ended,
    /// 算出不可: the statistic is not published this year.
    NotAvailable,
    /// 合計不適: a total has no meaning.
    NotSummable,
    /// KPIなし: the project has no KPI.
    NoKpi,
    /// 秘匿: withheld.
    Suppressed,
    /// 判読不能: written, but it cannot be told what is meant.
    Ambiguous,
    /// 「—」理由未分類: a dash whose reason nobody has given yet.
    DashUnclassified,
}

impl CellStatus {
    /// Every status, in the order of DOMAIN 3a.
    pub const ALL: [Self; 16] = [
        Self::Value,
        Self::NotDue,
        Self::Missing,
        Self::Pending,
        Self::NotSet,
        Self::NoBaseline,
        Self::FinalYearOnly,
        Self::NotStarted,
        Self::NotMeasurableYet,
        Self::Ended,
        Self::NotAvailable,
        Self::NotSummable,
        Self::NoKpi,
        Self::Suppressed,
        Self::Ambiguous,
        Self::DashUnclassified,
    ];

    /// The statuses that staff may choose for an actual instead of a number.
    pub const REASONS_FOR_NO_ACTUAL: [Self; 6] = [
        Self::Pending,
        Self::NotStarted,
        Self::NotMeasurableYet,
        Self::Ended,
        Self::NotAvailable,
        Self::Suppressed,
    ];

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Value => "値",
            Self::NotDue => "未到来",
            Self::Missing => "未入力",
            Self::Pending => "集計中",
            Self::NotSet => "目標設定なし",
            Self::NoBaseline => "基準値なし",
            Self::FinalYearOnly => "最終年度のみ",
            Self::NotStarted => "開始前",
            Self::NotMeasurableYet => "計測前",
            Self::Ended => "終了後",
            Self::NotAvailable => "算出不可",
            Self::NotSummable => "合計不適",
            Self::NoKpi => "KPIなし",
            Self::Suppressed => "秘匿",
            Self::Ambiguous => "判読不能",
            Self::DashUnclassified => "理由未分類",
        }
    }

    /// The code used in files and in the API (`not_started`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::NotDue => "not_due",
            Self::Missing => "missing",
            Self::Pending => "pending",
            Self::NotSet => "not_set",
            Self::NoBaseline => "no_baseline",
            Self::FinalYearOnly => "final_year_only",
            Self::NotStarted => "not_started",
            Self::NotMeasurableYet => "not_measurable_yet",
            Self::Ended => "ended",
            Self::NotAvailable => "not_available",
            Self::NotSummable => "not_summable",
            Self::NoKpi => "no_kpi",
            Self::Suppressed => "suppressed",
            Self::Ambiguous => "ambiguous",
            Self::DashUnclassified => "dash_unclassified",
        }
    }

    /// The status with this [`code`](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

/// What a reader noticed about the way a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellFlag {
    /// The unit stands inside the cell («△5.13%»).
    UnitInCell,
    /// Full-width digits or signs were read as half-width ones.
    FullWidth,
    /// A thousands separator was read.
    ThousandsSeparator,
}

/// One cell. Holds either a number (`status` is [`CellStatus::Value`]) or a reason; never
/// both, which the constructors see to. `raw` is what was written, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "CellOnTheWire")]
pub struct Cell {
    raw: String,
    value: Option<Decimal>,
    status: CellStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    provisional: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    approximate: bool,
    flags: Vec<CellFlag>,
}

#[derive(Deserialize)]
struct CellOnTheWire {
    raw: String,
    value: Option<Decimal>,
    status: CellStatus,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    provisional: bool,
    #[serde(default)]
    approximate: bool,
    #[serde(default)]
    flags: Vec<CellFlag>,
}

impl TryFrom<CellOnTheWire> for Cell {
    type Error = &'static str;

    fn try_from(cell: CellOnTheWire) -> Result<Self, Self::Error> {
        if cell.value.is_some() != (cell.status == CellStatus::Value) {
            return Err(
                "a cell has either a value with the status 'value', or another status without a value",
            );
        }
        let CellOnTheWire {
            raw,
            value,
            status,
            unit,
            provisional,
            approximate,
            flags,
        } = cell;
        Ok(Self {
            raw,
            value,
            status,
            unit,
            provisional,
            approximate,
            flags,
        })
    }
}

impl Cell {
    /// A number, with the text it was read from.
    pub fn number(raw: impl Into<String>, value: Decimal) -> Self {
        Self {
            raw: raw.into(),
            value: Some(value),
            status: CellStatus::Value,
            unit: None,
            provisional: false,
            approximate: false,
            flags: Vec::new(),
        }
    }

    /// No number, and why. A `status` of [`CellStatus::Value`] would promise a number, so it
    /// is taken as [`CellStatus::Missing`].
    pub fn absent(raw: impl Into<String>, status: CellStatus) -> Self {
        let status = if status == CellStatus::Value {
            CellStatus::Missing
        } else {
            status
        };
        Self {
            raw: raw.into(),
            value: None,
            status,
            unit: None,
            provisional: false,
            approximate: false,
            flags: Vec::new(),
        }
    }

    /// With the unit that was written inside the cell.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Marked provisional (暫定値) or not.
    #[must_use]
    pub fn with_provisional(mut self, provisional: bool) -> Self {
        self.provisional = provisional;
        self
    }

    /// Marked approximate (約) or not.
    #[must_use]
    pub fn with_approximate(mut self, approximate: bool) -> Self {
        self.approximate = approximate;
        self
    }

    /// With one more flag; a flag is kept once.
    #[must_use]
    pub fn with_flag(mut self, flag: CellFlag) -> Self {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
        self
    }

    /// What was written.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The number, if there is one; its scale is the number of decimals written.
    pub fn value(&self) -> Option<Decimal> {
        self.value
    }

    /// Why the cell holds what it holds.
    pub fn status(&self) -> CellStatus {
        self.status
    }

    /// The unit written inside the cell.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Whether the number will be replaced by a final one.
    pub fn is_provisional(&self) -> bool {
        self.provisional
    }

    /// Whether the number was given as approximate.
    pub fn is_approximate(&self) -> bool {
        self.approximate
    }

    /// What was noticed about the way it is written.
    pub fn flags(&self) -> &[CellFlag] {
        &self.flags
    }

    /// Same content, whatever way it was written: «1,638» and «1638» say the same,
    /// «100.0» and «100» do not (the decimals are significant, DOMAIN S16).
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.value.map(|v| v.to_string()) == other.value.map(|v| v.to_string())
            && self.status == other.status
            && self.unit == other.unit
            && self.provisional == other.provisional
            && self.approximate == other.approximate
    }

    /// The cell in words for people: thousands separated, △ for negative numbers, «暫定値»
    /// in front of a provisional one, «—» where there is no number, nothing where it is not due.
    pub fn display(&self) -> String {
        match (self.value, self.status) {
            (Some(value), _) => {
                let mark = if self.provisional {
                    "暫定値"
                } else if self.approximate {
                    "約"
                } else {
                    ""
                };
                format!(
                    "{mark}{}{}",
                    format_number(value),
                    self.unit.as_deref().unwrap_or("")
                )
            }
            (None, CellStatus::NotDue | CellStatus::Missing) => String::new(),
            (None, CellStatus::Ambiguous) => self.raw.clone(),
            (None, _) => "—".to_owned(),
        }
    }
}

/// A number the way municipal sheets print it: `30,378`, `100.0`, `△5.13`.
pub fn format_number(value: Decimal) -> String {
    let text = value.abs().to_string();
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let mut out = String::new();
    if value.is_sign_negative() && !value.is_zero() {
        out.push('△');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_print_as_sheets_print_them() {
        for (value, printed) in [
            ("30378", "30,378"),
            ("100.0", "100.0"),
            ("-5.13", "△5.13"),
            ("0", "0"),
            ("123", "123"),
            ("1234567.50", "1,234,567.50"),
        ] {
            assert_eq!(format_number(decimal(value)), printed);
        }
    }

    #[test]
    fn trailing_zeros_survive_the_wire() {
        let cell = Cell::number("100.0", decimal("100.0"));
        let json = serde_json::to_string(&cell).unwrap();
        assert_eq!(
            json,
            r#"{"raw":"100.0","value":"100.0","status":"value","flags":[]}"#
        );
        assert_eq!(serde_json::from_str::<Cell>(&json).unwrap(), cell);
    }

    #[test]
    fn a_value_with_a_reason_does_not_decode() {
        let both = r#"{"raw":"1","value":"1","status":"pending","flags":[]}"#;
        assert!(serde_json::from_str::<Cell>(both).is_err());
        let neither = r#"{"raw":"","value":null,"status":"value","flags":[]}"#;
        assert!(serde_json::from_str::<Cell>(neither).is_err());
    }

    #[test]
    fn every_status_is_found_by_its_code() {
        for status in CellStatus::ALL {
            assert_eq!(CellStatus::from_code(status.code()), Some(status));
            assert_eq!(
                serde_json::to_string(&status).unwrap(),
                format!("\"{}\"", status.code())
            );
        }
    }

    #[test]
    fn the_decimals_written_are_part_of_what_a_cell_says() {
        assert!(
            Cell::number("1,638", decimal("1638"))
                .says_the_same_as(&Cell::number("1638", decimal("1638")))
        );
        assert!(
            !Cell::number("100.0", decimal("100.0"))
                .says_the_same_as(&Cell::number("100", decimal("100")))
        );
    }
}
