//! Cells and judgements.

use async_graphql::SimpleObject;
use daicho_domain::cell::format_number;

use crate::scalar::{Decimal, FiscalYear};
use crate::words;

/// One cell of a sheet: a number exactly as written, or the reason why there is none.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Cell {
    /// What was written.
    pub raw: String,
    /// The number, if there is one; its decimals are those written.
    pub value: Option<Decimal>,
    /// Why the cell holds what it holds.
    pub status: words::CellStatus,
    /// The status in Japanese.
    pub status_label: &'static str,
    /// As sheets print it: `30,378`, `△5.13`, `暫定値100.0`, `—`; nothing where it is not due.
    pub display: String,
    /// The unit written inside the cell.
    pub unit: Option<String>,
    /// Whether the number will be replaced by a final one (暫定値).
    pub provisional: bool,
    /// Whether the number was given as approximate (約).
    pub approximate: bool,
    /// What was noticed about the way it is written.
    pub flags: Vec<words::CellFlag>,
}

impl From<&daicho_domain::Cell> for Cell {
    fn from(cell: &daicho_domain::Cell) -> Self {
        Self {
            raw: cell.raw().to_owned(),
            value: cell.value().map(Decimal::new),
            status: cell.status().into(),
            status_label: cell.status().ja(),
            display: cell.display(),
            unit: cell.unit().map(str::to_owned),
            provisional: cell.is_provisional(),
            approximate: cell.is_approximate(),
            flags: cell.flags().iter().copied().map(Into::into).collect(),
        }
    }
}

/// The cell of one fiscal year.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct YearCell {
    /// The year.
    pub fiscal_year: FiscalYear,
    /// Its cell.
    pub cell: Cell,
}

impl YearCell {
    /// Cells by year, first to last.
    pub(crate) fn list<'c>(
        cells: impl IntoIterator<Item = (&'c daicho_domain::FiscalYear, &'c daicho_domain::Cell)>,
    ) -> Vec<Self> {
        cells
            .into_iter()
            .map(|(year, cell)| Self {
                fiscal_year: (*year).into(),
                cell: cell.into(),
            })
            .collect()
    }
}

/// The judgement of one figure against one target.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Judgement {
    /// Whether the target was reached; judged from unrounded values.
    pub verdict: words::Verdict,
    /// The verdict in Japanese.
    pub label: &'static str,
    /// Achievement rate in percent, one decimal, rounded half up.
    pub rate: Option<Decimal>,
    /// Why there is no rate.
    pub rate_reason: Option<words::RateReason>,
    /// Why there is no rate, in Japanese.
    pub rate_reason_label: Option<&'static str>,
    /// Actual minus target, in the indicator's unit.
    pub difference: Option<Decimal>,
    /// The difference as sheets print it: `△1,234.5`.
    pub difference_display: Option<String>,
}

impl From<&daicho_domain::sheet::Judgement> for Judgement {
    fn from(judgement: &daicho_domain::sheet::Judgement) -> Self {
        Self {
            verdict: judgement.verdict.into(),
            label: judgement.verdict.ja(),
            rate: judgement.rate.map(Decimal::new),
            rate_reason: judgement.rate_reason.map(Into::into),
            rate_reason_label: judgement
                .rate_reason
                .map(daicho_domain::sheet::RateReason::ja),
            difference: judgement.difference.map(Decimal::new),
            difference_display: judgement.difference.map(format_number),
        }
    }
}

/// The judgement of one fiscal year.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct YearJudgement {
    /// The year.
    pub fiscal_year: FiscalYear,
    /// Its judgement.
    pub judgement: Judgement,
}

/// A fiscal year in every spelling that people read.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Year {
    /// The year as other fields write it.
    pub fiscal_year: FiscalYear,
    /// `令和3年度`.
    pub ja: String,
    /// `3年度`, as sheets head their columns.
    pub column: String,
    /// `FY2021`.
    pub western: String,
}

impl From<daicho_domain::FiscalYear> for Year {
    fn from(year: daicho_domain::FiscalYear) -> Self {
        Self {
            fiscal_year: year.into(),
            ja: year.ja(),
            column: year.column(),
            western: year.western(),
        }
    }
}
