//! What an indicator measures.

use serde::{Deserialize, Serialize};

use crate::cell::Cell;

/// What a period of a baseline or target is (DOMAIN 3a).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// `令和元年`.
    CalendarYear,
    /// `令和元年度`.
    FiscalYear,
    /// `平成27年～令和2年`.
    Range,
    /// `第1期6年間`.
    PlanTerm,
}

/// A baseline (基準値) with its period, which need not be comparable with the target's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Baseline {
    /// The value or the reason why there is none; `unit` as written.
    pub cell: Cell,
    /// The period as written (`第1期6年間`).
    pub period_label: String,
    /// What kind of period it is; none where the label is not understood.
    pub period_kind: Option<PeriodKind>,
    /// First calendar or fiscal year of the period.
    pub from: Option<i16>,
    /// Last calendar or fiscal year of the period.
    pub to: Option<i16>,
    /// Length in years, where the label says it.
    pub years: Option<u8>,
}

/// What a final target compares with (DOMAIN Q10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// `5年間`: reached over the plan's term.
    CumulativePlan,
    /// `各年度`: to be reached every year.
    EachFiscalYear,
    /// `令和7年`: to be reached in the final year.
    FinalYear,
    /// `令和2年～令和7年`: a rate over a period.
    PeriodRange,
}

impl Basis {
    /// The code used in files and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CumulativePlan => "cumulative_plan",
            Self::EachFiscalYear => "each_fiscal_year",
            Self::FinalYear => "final_year",
            Self::PeriodRange => "period_range",
        }
    }
}

/// The final target (最終目標) with its basis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FinalTarget {
    /// The value; `unit` as written.
    pub cell: Cell,
    /// The basis as written (`令和7年`).
    pub basis_label: String,
    /// The basis; none where the label is not understood.
    pub basis: Option<Basis>,
}

/// How the years' figures make one figure for the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Added up (counts on the basis `5年間`).
    Sum,
    /// The last year's figure stands.
    Last,
    /// Every year stands for itself.
    EachYear,
    /// There is none.
    None,
}

/// What an indicator measures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Definition {
    /// 指標名; a project without KPI has none and is known by its project.
    pub name: String,
    /// 単位 as written, scale included (`千人` is not multiplied away, DOMAIN Q5).
    pub unit: Option<String>,
    /// How the years' figures are taken together.
    pub aggregation: Aggregation,
    /// The cycle in years, where the name says one (`3年で一巡`).
    pub cycle_years: Option<u8>,
}
