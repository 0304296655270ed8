//! A whole plan as it is given to [`AdoptPlan`](crate::command::AdoptPlan): by an importer
//! that has read a sheet, or by a client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Decision, Document, IndicatorKind, Statement};
use crate::cell::Cell;
use crate::fiscal_year::FiscalYear;
use crate::id::{
    DepartmentId, GoalId, IndicatorId, MeasureId, MunicipalityId, PlacementId, PlanId, PolicyId,
    ProjectId,
};
use crate::indicator::{Definition, DirectionDecision, TargetSet};
use crate::report::Commentary;

/// A plan to be adopted. Ids are made by the client, so that a repeated command is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDraft {
    /// The plan's identity.
    pub id: PlanId,
    /// Whose plan.
    pub municipality: MunicipalityId,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// Who adopted it, when and why.
    pub decision: Decision,
    /// 基本目標 in the sheet's order.
    pub goals: Vec<GoalDraft>,
    /// Every indicator once.
    pub indicators: Vec<IndicatorDraft>,
    /// The document it was read from.
    pub document: Option<Document>,
}

/// 基本目標.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalDraft {
    /// Its identity.
    pub id: GoalId,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 数値目標 of this goal.
    pub numeric_goals: Vec<PlacementDraft>,
    /// 施策 (1), (2)….
    pub policies: Vec<PolicyDraft>,
}

/// A large 施策.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDraft {
    /// Its identity.
    pub id: PolicyId,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 施策 ①, ②….
    pub measures: Vec<MeasureDraft>,
}

/// A 施策.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureDraft {
    /// Its identity.
    pub id: MeasureId,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 事業.
    pub projects: Vec<ProjectDraft>,
}

/// A 事業 and the indicators that stand under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectDraft {
    /// Its identity.
    pub id: ProjectId,
    /// 事業名 as printed.
    pub title: String,
    /// Its indicators in the sheet's order.
    pub placements: Vec<PlacementDraft>,
}

/// One place of an indicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementDraft {
    /// Its identity.
    pub id: PlacementId,
    /// The indicator that stands here; one of [`PlanDraft::indicators`].
    pub indicator: IndicatorId,
    /// Its role here.
    pub kind: IndicatorKind,
    /// What the sheet says here.
    pub statement: Statement,
    /// Line of the document, counted from 1.
    pub source_line: Option<u32>,
}

/// An indicator with its targets and, where a sheet already has them, earlier results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorDraft {
    /// Its identity.
    pub id: IndicatorId,
    /// What it measures.
    pub definition: Definition,
    /// The department that reports it.
    pub department: Option<DepartmentId>,
    /// Targets; none for monitor-only indicators and projects without KPI.
    pub targets: Option<TargetSet>,
    /// The direction that somebody has decided; without one it is undefined.
    pub direction: Option<DirectionDecision>,
    /// Results that the document already holds, adopted as they stand.
    pub adopted: BTreeMap<FiscalYear, AdoptedReport>,
}

/// A result taken over from a document without the approvals of this service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedReport {
    /// The actual; none for a project without KPI.
    pub actual: Option<Cell>,
    /// Commentary by placement.
    pub commentary: BTreeMap<PlacementId, Commentary>,
    /// The printed total of actuals (5年間の合計, 実績値), where the document has one.
    pub printed_total: Option<Cell>,
}
