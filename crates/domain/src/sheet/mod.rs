//! The evaluation sheet (評価シート): what people read, derived from the records.
//!
//! Nothing here is stored. Rules of calculation are DOMAIN 3a's; their version is part of what
//! an approval is bound to.

mod calculation;
mod derive;
mod summary;

pub use calculation::{Judgement, RateReason, Verdict, judge, rate_of, sum_of};
pub use derive::Audience;
pub use summary::Summary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::fiscal_year::FiscalYear;
use crate::id::{
    DepartmentId, GoalId, IndicatorId, MeasureId, MunicipalityId, PlacementId, PlanId, PolicyId,
    ProjectId,
};
use crate::indicator::{Definition, Direction, DirectionDecision};
use crate::plan::{IndicatorKind, Statement};
use crate::report::{Actual, Commentary, ContentHash, ReportStage};

/// Version of the calculation rules in this module. Raised when a rule changes; approvals
/// given under an older version then show as stale.
pub const RULE_VERSION: u32 = 1;

/// A sheet of one plan, evaluating one fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The plan.
    pub plan: PlanId,
    /// Whose plan.
    pub municipality: MunicipalityId,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// The fiscal year that is evaluated.
    pub fiscal_year: FiscalYear,
    /// 基本目標 in order.
    pub goals: Vec<GoalSection>,
    /// Counts over the whole plan.
    pub summary: Summary,
}

/// A 基本目標 with what stands below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalSection {
    /// The goal.
    pub goal: GoalId,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 数値目標.
    pub numeric_goals: Vec<Row>,
    /// 施策 (1), (2)….
    pub policies: Vec<PolicySection>,
    /// Counts under this goal.
    pub summary: Summary,
}

/// A large 施策.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySection {
    /// The policy.
    pub policy: PolicyId,
    /// `(1) 人材育成・雇用対策`.
    pub heading: String,
    /// 施策 ①, ②….
    pub measures: Vec<MeasureSection>,
}

/// A 施策.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureSection {
    /// The measure.
    pub measure: MeasureId,
    /// `① 地域人材の就労支援`.
    pub heading: String,
    /// 事業.
    pub projects: Vec<ProjectSection>,
}

/// A 事業.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSection {
    /// The project.
    pub project: ProjectId,
    /// 事業名.
    pub title: String,
    /// Its indicators.
    pub rows: Vec<Row>,
}

/// One indicator at one place: the two printed lines 目標値 and 実績値.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The place.
    pub placement: PlacementId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// Its role here.
    pub kind: IndicatorKind,
    /// What it measures.
    pub definition: Definition,
    /// What the sheet says of it here.
    pub statement: Statement,
    /// Another, earlier place of the same indicator.
    pub placement_of: Option<PlacementId>,
    /// The department that reports it.
    pub department: Option<DepartmentId>,
    /// Which way is good.
    pub direction: Direction,
    /// The decision behind it.
    pub direction_decision: Option<DirectionDecision>,
    /// Target by fiscal year of the term, from the version in force in the evaluated year.
    pub targets: BTreeMap<FiscalYear, Cell>,
    /// Number of that version.
    pub target_version: Option<u32>,
    /// Actual by fiscal year of the term.
    pub actuals: BTreeMap<FiscalYear, Cell>,
    /// 5年間の合計 of targets.
    pub total_target: Cell,
    /// 5年間の合計 of actuals.
    pub total_actual: Cell,
    /// Judgement by fiscal year, up to the evaluated one.
    pub judgements: BTreeMap<FiscalYear, Judgement>,
    /// Commentary on the evaluated year.
    pub commentary: Option<Commentary>,
    /// The figure of the evaluated year with what supports it.
    pub actual: Option<Actual>,
    /// Where the evaluated year's report stands.
    pub stage: ReportStage,
    /// Number of changes of the report's content.
    pub revision: u32,
    /// The hash of the report's content; none where the content is hidden, because short contents
    /// can be guessed from their hash.
    pub content: Option<ContentHash>,
    /// Whether somebody has approved what no longer stands.
    pub is_stale: bool,
    /// Whether the report was changed after a publication.
    pub is_corrected: bool,
    /// Whether content was left out because the reader may not see drafts of this department.
    pub is_draft_hidden: bool,
    /// Line of the imported document, counted from 1.
    pub source_line: Option<u32>,
}

impl Row {
    /// The judgement of `year`.
    pub fn judgement(&self, year: FiscalYear) -> Option<&Judgement> {
        self.judgements.get(&year)
    }

    /// Whether the evaluated year's figure is provisional.
    pub fn is_provisional(&self, year: FiscalYear) -> bool {
        self.actuals.get(&year).is_some_and(Cell::is_provisional)
    }
}

/// A row with the headings above it.
#[derive(Clone, Copy, Debug)]
pub struct RowInContext<'s> {
    /// The goal.
    pub goal: &'s GoalSection,
    /// The policy; numeric goals have none.
    pub policy: Option<&'s PolicySection>,
    /// The measure.
    pub measure: Option<&'s MeasureSection>,
    /// The project.
    pub project: Option<&'s ProjectSection>,
    /// The row.
    pub row: &'s Row,
}

impl GoalSection {
    /// `基本目標1 安定した雇用を…`.
    pub fn heading(&self) -> String {
        format!("基本目標{} {}", self.number, self.title)
    }

    /// Every row under this goal in the sheet's order.
    pub fn rows(&self) -> impl Iterator<Item = RowInContext<'_>> {
        let numeric = self.numeric_goals.iter().map(move |row| RowInContext {
            goal: self,
            policy: None,
            measure: None,
            project: None,
            row,
        });
        let placed = self.policies.iter().flat_map(move |policy| {
            policy.measures.iter().flat_map(move |measure| {
                measure.projects.iter().flat_map(move |project| {
                    project.rows.iter().map(move |row| RowInContext {
                        goal: self,
                        policy: Some(policy),
                        measure: Some(measure),
                        project: Some(project),
                        row,
                    })
                })
            })
        });
        numeric.chain(placed)
    }
}

impl Sheet {
    /// Every row in the sheet's order.
    pub fn rows(&self) -> impl Iterator<Item = RowInContext<'_>> {
        self.goals.iter().flat_map(GoalSection::rows)
    }

    /// The fiscal years of the term.
    pub fn years(&self) -> impl Iterator<Item = FiscalYear> + Clone {
        self.term_from.through(self.term_to)
    }
}
