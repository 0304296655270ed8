//! The document that a dry run prints, and that an export as JSON has the same shape of.

mod derived;
mod parsed;

pub use derived::{ExportFacts, of_sheet};
pub use parsed::of_parsed;

use std::collections::BTreeMap;

use daicho_domain::indicator::{Baseline, FinalTarget, PeriodKind};
use daicho_domain::sheet::Judgement;
use daicho_domain::{Cell, FiscalYear, PlacementId};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::document::Counts;
use crate::finding::Finding;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SheetReport {
    /// The plan, as far as it is known.
    pub plan: PlanReport,
    /// What there is.
    pub counts: Counts,
    /// Printed subtotals beside the counts.
    pub subtotals: Vec<SubtotalReport>,
    /// Every row in the sheet's order.
    pub indicators: Vec<IndicatorReport>,
    /// Everything that somebody should look at.
    pub issues: Vec<IssueReport>,
}

impl SheetReport {
    /// Whether something has to be mended before the sheet can be taken over.
    pub fn is_blocked(&self) -> bool {
        self.issues.iter().any(|issue| issue.severity == "error")
    }
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// 全国地方公共団体コード.
    pub municipality_code: Option<String>,
    /// 団体名.
    pub municipality: Option<String>,
    /// 計画名.
    pub title: Option<String>,
    /// First and last fiscal year of the term (`["R3", "R7"]`).
    pub term: Option<[String; 2]>,
    /// The fiscal year that is evaluated (`R3`).
    pub evaluated_year: Option<String>,
    /// Western names of the columns' fiscal years.
    pub fiscal_years: Vec<FiscalYear>,
    /// The file it was read from.
    pub source: Option<SourceReport>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Encoding.
    pub encoding: String,
    /// Whether it began with a byte order mark.
    pub byte_order_mark: bool,
    /// What ends a line.
    pub line_ending: String,
    /// Number of lines.
    pub lines: usize,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A subtotal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubtotalReport {
    /// Line of the file; none where nothing is printed.
    pub line: Option<u32>,
    /// The goal it counts; none for the whole plan.
    pub goal: Option<String>,
    /// As printed.
    pub printed: Option<SubtotalCounts>,
    /// As counted.
    pub computed: SubtotalCounts,
    /// Whether both agree.
    pub ok: bool,
}

/// The two numbers of a subtotal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SubtotalCounts {
    /// 事業数.
    pub projects: u32,
    /// KPI数.
    pub kpis: u32,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndicatorReport {
    /// Line of 目標値.
    pub line: Option<u32>,
    /// 基本目標 as printed.
    pub goal: String,
    /// Large 施策 as printed.
    pub policy: Option<String>,
    /// 施策 as printed.
    pub measure: Option<String>,
    /// 事業.
    pub project: Option<String>,
    /// 指標名; none for a project without KPI.
    pub name: Option<String>,
    /// `numeric_goal`, `kpi`, `monitor_only` or `no_kpi`.
    pub kind: &'static str,
    /// 単位.
    pub unit: Option<String>,
    /// The baseline with its period.
    pub baseline: Option<BaselineReport>,
    /// The final target with its basis.
    pub final_target: Option<FinalTargetReport>,
    /// Target by fiscal year.
    pub targets: BTreeMap<FiscalYear, Cell>,
    /// Actual by fiscal year.
    pub actuals: BTreeMap<FiscalYear, Cell>,
    /// 5年間の合計 of targets.
    pub total_target: Cell,
    /// 5年間の合計 of actuals.
    pub total_actual: Cell,
    /// Which way is good.
    pub direction: &'static str,
    /// Whether somebody has decided it.
    pub direction_confirmed: bool,
    /// 担当課, where the plan file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Why there is no target or no KPI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_kpi_reason: Option<String>,
    /// The earlier place of the same indicator: its line, or its id where there are no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_of: Option<PlaceReport>,
    /// Judgement by fiscal year, up to the evaluated one.
    pub verdicts: BTreeMap<FiscalYear, VerdictReport>,
    /// Commentary by fiscal year.
    pub commentary: BTreeMap<FiscalYear, String>,
}

/// Another place of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PlaceReport {
    /// By line of the file.
    Line(u32),
    /// By its identity.
    Placement(PlacementId),
}

/// A baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineReport {
    /// The value.
    #[serde(flatten)]
    pub cell: Cell,
    /// The period as written.
    pub period: String,
    /// What kind of period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_kind: Option<PeriodKind>,
    /// First year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i16>,
    /// Last year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<i16>,
    /// Length in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<u8>,
}

impl From<&Baseline> for BaselineReport {
    fn from(baseline: &Baseline) -> Self {
        Self {
            cell: baseline.cell.clone(),
            period: baseline.period_label.clone(),
            period_kind: baseline.period_kind,
            from: baseline.from,
            to: baseline.to,
            years: baseline.years,
        }
    }
}

/// A final target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinalTargetReport {
    /// The value.
    #[serde(flatten)]
    pub cell: Cell,
    /// The basis as written.
    pub basis: String,
    /// What it compares with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_kind: Option<&'static str>,
}

impl From<&FinalTarget> for FinalTargetReport {
    fn from(target: &FinalTarget) -> Self {
        Self {
            cell: target.cell.clone(),
            basis: target.basis_label.clone(),
            basis_kind: target.basis.map(|basis| basis.code()),
        }
    }
}

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictReport {
    /// Whether the target was reached.
    pub verdict: &'static str,
    /// Achievement rate in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
    /// Why there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_reason: Option<&'static str>,
}

impl From<&Judgement> for VerdictReport {
    fn from(judgement: &Judgement) -> Self {
        Self {
            verdict: judgement.verdict.code(),
            rate: judgement.rate,
            rate_reason: judgement.rate_reason.map(|reason| reason.code()),
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssueReport {
    /// The rule.
    pub code: &'static str,
    /// How much it matters.
    pub severity: &'static str,
    /// Line of the file.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
    /// What was found and what to do.
    pub message: String,
    /// The text it is about.
    pub raw: String,
}

impl From<&Finding> for IssueReport {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.code(),
            severity: finding.severity.code(),
            line: finding.line,
            column: finding.column,
            message: finding.message.clone(),
            raw: finding.raw.clone(),
        }
    }
}
