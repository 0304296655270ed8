//! Indicators: what they measure, their direction and targets.

use async_graphql::SimpleObject;
use daicho_domain::{IndicatorId, indicator, plan};

use crate::cell::{Cell, YearCell};
use crate::scalar::{Date, FiscalYear, Id};
use crate::words;

/// Who decided, when and why.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Decision {
    /// 決定機関.
    pub decided_by: String,
    /// 決定日; unknown for what old sheets do not say.
    pub decided_on: Option<Date>,
    /// Why.
    pub reason: String,
}

impl From<&plan::Decision> for Decision {
    fn from(decision: &plan::Decision) -> Self {
        Self {
            decided_by: decision.decided_by.clone(),
            decided_on: decision.decided_on.map(Date),
            reason: decision.reason.clone(),
        }
    }
}

/// Which way is good, and the decision behind it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct DirectionDecision {
    /// What was decided.
    pub direction: words::Direction,
    /// The direction in Japanese.
    pub direction_label: &'static str,
    /// Who decided, when and why.
    pub decision: Decision,
}

impl From<&indicator::DirectionDecision> for DirectionDecision {
    fn from(decision: &indicator::DirectionDecision) -> Self {
        Self {
            direction: decision.direction.into(),
            direction_label: decision.direction.ja(),
            decision: (&decision.decision).into(),
        }
    }
}

/// What an indicator measures.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Definition {
    /// 指標名; blank for a project without KPI.
    pub name: String,
    /// 単位 as written, scale included.
    pub unit: Option<String>,
    /// How the years' figures are taken together.
    pub aggregation: words::Aggregation,
    /// The cycle in years, where the name says one.
    pub cycle_years: Option<u8>,
}

impl From<&indicator::Definition> for Definition {
    fn from(definition: &indicator::Definition) -> Self {
        Self {
            name: definition.name.clone(),
            unit: definition.unit.clone(),
            aggregation: definition.aggregation.into(),
            cycle_years: definition.cycle_years,
        }
    }
}

/// A baseline (基準値) with its period.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Baseline {
    /// The value or the reason why there is none.
    pub cell: Cell,
    /// The period as written.
    pub period_label: String,
    /// What kind of period it is; none where the label is not understood.
    pub period_kind: Option<words::PeriodKind>,
    /// First calendar or fiscal year of the period.
    pub from: Option<i16>,
    /// Last calendar or fiscal year of the period.
    pub to: Option<i16>,
    /// Length in years, where the label says it.
    pub years: Option<u8>,
}

impl From<&indicator::Baseline> for Baseline {
    fn from(baseline: &indicator::Baseline) -> Self {
        Self {
            cell: (&baseline.cell).into(),
            period_label: baseline.period_label.clone(),
            period_kind: baseline.period_kind.map(Into::into),
            from: baseline.from,
            to: baseline.to,
            years: baseline.years,
        }
    }
}

/// The final target (最終目標) with its basis.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FinalTarget {
    /// The value.
    pub cell: Cell,
    /// The basis as written.
    pub basis_label: String,
    /// The basis; none where the label is not understood.
    pub basis: Option<words::Basis>,
}

impl From<&indicator::FinalTarget> for FinalTarget {
    fn from(target: &indicator::FinalTarget) -> Self {
        Self {
            cell: (&target.cell).into(),
            basis_label: target.basis_label.clone(),
            basis: target.basis.map(Into::into),
        }
    }
}

/// What the sheet says of an indicator at one place.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Statement {
    /// 原文: the cell that packs name, baseline and target, as written.
    pub expression: String,
    /// The baseline as stated here.
    pub baseline: Option<Baseline>,
    /// The final target as stated here.
    pub final_target: Option<FinalTarget>,
    /// Why there is no target or no KPI, as stated here.
    pub no_kpi_reason: Option<String>,
}

impl From<&plan::Statement> for Statement {
    fn from(statement: &plan::Statement) -> Self {
        Self {
            expression: statement.expression.clone(),
            baseline: statement.baseline.as_ref().map(Into::into),
            final_target: statement.final_target.as_ref().map(Into::into),
            no_kpi_reason: statement.no_kpi_reason.clone(),
        }
    }
}

/// A version of an indicator's targets; 1 is the one that the plan was adopted with.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct TargetVersion {
    /// Counted from 1.
    pub number: u32,
    /// Target by fiscal year.
    pub years: Vec<YearCell>,
    /// The final target with its basis.
    pub final_target: Option<FinalTarget>,
    /// The printed total of the term, where a sheet has one.
    pub total: Option<Cell>,
    /// First fiscal year that is judged against this version.
    pub effective_from: FiscalYear,
    /// Who decided, when and why.
    pub decision: Decision,
}

impl From<&indicator::TargetVersion> for TargetVersion {
    fn from(version: &indicator::TargetVersion) -> Self {
        Self {
            number: version.number,
            years: YearCell::list(&version.years),
            final_target: version.final_target.as_ref().map(Into::into),
            total: version.total.as_ref().map(Into::into),
            effective_from: version.effective_from.into(),
            decision: (&version.decision).into(),
        }
    }
}

/// An indicator: what is measured, wherever it is shown.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Indicator {
    /// Its identity.
    pub id: Id<IndicatorId>,
    /// 指標名, or the project's title where it has none.
    pub name: String,
    /// What it measures.
    pub definition: Definition,
    /// Which way is good.
    pub direction: words::Direction,
    /// The direction in Japanese.
    pub direction_label: &'static str,
    /// The decision behind it.
    pub direction_decision: Option<DirectionDecision>,
    /// Targets, oldest version first.
    pub targets: Vec<TargetVersion>,
}
