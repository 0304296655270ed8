//! The evaluation sheet (評価シート).

use async_graphql::{Context, SimpleObject};
use daicho_domain::sheet;
use daicho_domain::{
    FiscalYear as DomainYear, GoalId, IndicatorId, MeasureId, PlacementId, PlanId, PolicyId,
    ProjectId,
};

use crate::cell::{Cell, Judgement, Year, YearCell, YearJudgement};
use crate::failure::Failure;
use crate::indicator::{Definition, DirectionDecision, Statement};
use crate::people::{Department, Departments, Municipality};
use crate::plan::Publication;
use crate::request::Asked;
use crate::scalar::{ContentHash, Date, FiscalYear, Id};
use crate::words;

/// A sheet of one plan, evaluating one fiscal year.
#[derive(SimpleObject)]
pub(crate) struct Sheet {
    /// The plan.
    pub plan: Id<PlanId>,
    /// Whose plan.
    pub municipality: Municipality,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// The fiscal year that is evaluated.
    pub fiscal_year: FiscalYear,
    /// The fiscal year that is evaluated, as people write it.
    pub year: Year,
    /// The fiscal years of the term: the sheet's columns.
    pub years: Vec<Year>,
    /// 基本目標 in order.
    pub goals: Vec<Goal>,
    /// Counts over the whole plan.
    pub summary: Summary,
}

/// A 基本目標 with what stands below it.
#[derive(SimpleObject)]
pub(crate) struct Goal {
    /// The goal.
    pub id: Id<GoalId>,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// `基本目標1 安定した雇用を…`.
    pub heading: String,
    /// 数値目標.
    pub numeric_goals: Vec<Row>,
    /// 施策 (1), (2)….
    pub policies: Vec<Policy>,
    /// Counts under this goal.
    pub summary: Summary,
}

/// A large 施策.
#[derive(SimpleObject)]
pub(crate) struct Policy {
    /// The policy.
    pub id: Id<PolicyId>,
    /// `(1) 人材育成・雇用対策`.
    pub heading: String,
    /// 施策 ①, ②….
    pub measures: Vec<Measure>,
}

/// A 施策.
#[derive(SimpleObject)]
pub(crate) struct Measure {
    /// The measure.
    pub id: Id<MeasureId>,
    /// `① 地域人材の就労支援`.
    pub heading: String,
    /// 事業.
    pub projects: Vec<Project>,
}

/// A 事業.
#[derive(SimpleObject)]
pub(crate) struct Project {
    /// The project.
    pub id: Id<ProjectId>,
    /// 事業名.
    pub title: String,
    /// Its indicators.
    pub rows: Vec<Row>,
}

/// Counts of a sheet or of one goal for the evaluated year.
#[derive(SimpleObject)]
pub(crate) struct Summary {
    /// 事業数: named projects, ended ones and those without KPI included.
    pub projects: u32,
    /// KPI数: indicators with targets; monitor-only ones and numeric goals are outside.
    pub kpis: u32,
    /// KPIs that could be evaluated: the denominator of what was achieved.
    pub evaluable: u32,
    /// KPIs with a verdict of achieved.
    pub achieved: u32,
    /// KPIs with a verdict of not achieved.
    pub not_achieved: u32,
    /// KPIs without target or figure for the year.
    pub not_evaluable: u32,
    /// KPIs whose direction nobody has decided.
    pub undecided: u32,
    /// 実績値の管理.
    pub monitor_only: u32,
    /// Projects without KPI.
    pub projects_without_kpi: u32,
    /// 数値目標.
    pub numeric_goals: u32,
    /// KPIs judged on a provisional figure.
    pub provisional: u32,
    /// The sentence that sheets print, denominators included.
    pub sentence: String,
}

impl From<&sheet::Summary> for Summary {
    fn from(summary: &sheet::Summary) -> Self {
        Self {
            projects: summary.projects,
            kpis: summary.kpis,
            evaluable: summary.evaluable(),
            achieved: summary.achieved,
            not_achieved: summary.not_achieved,
            not_evaluable: summary.not_evaluable,
            undecided: summary.undecided,
            monitor_only: summary.monitor_only,
            projects_without_kpi: summary.projects_without_kpi,
            numeric_goals: summary.numeric_goals,
            provisional: summary.provisional,
            sentence: summary.ja(),
        }
    }
}

/// One indicator at one place: the two printed lines 目標値 and 実績値.
#[derive(SimpleObject)]
pub(crate) struct Row {
    /// The place.
    pub placement: Id<PlacementId>,
    /// The indicator.
    pub indicator: Id<IndicatorId>,
    /// Its role here.
    pub kind: words::IndicatorKind,
    /// Its role in Japanese.
    pub kind_label: &'static str,
    /// What it measures.
    pub definition: Definition,
    /// What the sheet says of it here.
    pub statement: Statement,
    /// Another, earlier place of the same indicator.
    pub placement_of: Option<Id<PlacementId>>,
    /// The department that reports it.
    pub department: Option<Department>,
    /// Which way is good.
    pub direction: words::Direction,
    /// The direction in Japanese.
    pub direction_label: &'static str,
    /// The decision behind it.
    pub direction_decision: Option<DirectionDecision>,
    /// Target by fiscal year of the term, from the version in force in the evaluated year.
    pub targets: Vec<YearCell>,
    /// Number of that version.
    pub target_version: Option<u32>,
    /// Actual by fiscal year of the term.
    pub actuals: Vec<YearCell>,
    /// 5年間の合計 of targets.
    pub total_target: Cell,
    /// 5年間の合計 of actuals.
    pub total_actual: Cell,
    /// Judgement by fiscal year, up to the evaluated one.
    pub judgements: Vec<YearJudgement>,
    /// The judgement of the evaluated year.
    pub judgement: Option<Judgement>,
    /// The figure of the evaluated year with what supports it.
    pub actual: Option<Actual>,
    /// Commentary on the evaluated year.
    pub commentary: Option<Commentary>,
    /// Where the evaluated year's report stands.
    pub stage: words::ReportStage,
    /// Where it stands, in Japanese.
    pub stage_label: &'static str,
    /// Number of changes of the report's content: what a writer names as seen.
    pub revision: u32,
    /// The hash of the report's content: what an approver names as seen. None where a draft is
    /// hidden, because content can be guessed and compared with its hash.
    pub content: Option<ContentHash>,
    /// Whether somebody has approved what no longer stands.
    pub is_stale: bool,
    /// Whether the report was changed after a publication.
    pub is_corrected: bool,
    /// Whether content was left out because the caller may not see drafts of this department.
    pub is_draft_hidden: bool,
    /// Line of the imported document, counted from 1.
    pub source_line: Option<u32>,
}

/// The figure of a report, with what supports it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Actual {
    /// The number or the reason why there is none.
    pub cell: Cell,
    /// 根拠資料: name and place of what the figure was taken from.
    pub evidence: Option<String>,
    /// When a provisional or pending figure is expected to be final.
    pub expected_final_on: Option<Date>,
}

impl From<&daicho_domain::report::Actual> for Actual {
    fn from(actual: &daicho_domain::report::Actual) -> Self {
        Self {
            cell: (&actual.cell).into(),
            evidence: actual.evidence.clone(),
            expected_final_on: actual.expected_final_on.map(Date),
        }
    }
}

/// Why the figure is what it is, and what comes next.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Commentary {
    /// 増減理由.
    pub reason: String,
    /// 今後の取組.
    pub next_action: String,
    /// 原文: one text for both, as imported.
    pub original: Option<String>,
    /// The text as one cell shows it.
    pub text: String,
}

impl From<&daicho_domain::report::Commentary> for Commentary {
    fn from(commentary: &daicho_domain::report::Commentary) -> Self {
        Self {
            text: commentary.as_one_text(),
            reason: commentary.reason.clone(),
            next_action: commentary.next_action.clone(),
            original: commentary.original.clone(),
        }
    }
}

/// A published sheet.
#[derive(SimpleObject)]
pub(crate) struct PublishedSheet {
    /// The sheet as published.
    pub sheet: Sheet,
    /// Which publication it is.
    pub publication: Publication,
    /// All publications of the year, the first one first.
    pub publications: Vec<Publication>,
}

impl Sheet {
    /// `sheet`, with the names of its municipality and departments.
    pub(crate) fn of(ctx: &Context<'_>, sheet: &sheet::Sheet) -> Result<Self, Failure> {
        let departments = Departments::of(ctx, sheet.municipality);
        let year = sheet.fiscal_year;
        let rows = |rows: &[sheet::Row]| {
            rows.iter()
                .map(|row| Row::of(row, year, &departments))
                .collect()
        };
        let goals = sheet
            .goals
            .iter()
            .map(|goal| Goal {
                id: goal.goal.into(),
                heading: goal.heading(),
                number: goal.number.clone(),
                title: goal.title.clone(),
                numeric_goals: rows(&goal.numeric_goals),
                policies: goal
                    .policies
                    .iter()
                    .map(|policy| Policy::of(policy, &rows))
                    .collect(),
                summary: (&goal.summary).into(),
            })
            .collect();
        Ok(Self {
            plan: sheet.plan.into(),
            municipality: Municipality::of(ctx, sheet.municipality, ctx.caller())?,
            title: sheet.title.clone(),
            term_from: sheet.term_from.into(),
            term_to: sheet.term_to.into(),
            fiscal_year: year.into(),
            year: year.into(),
            years: sheet.years().map(Year::from).collect(),
            goals,
            summary: (&sheet.summary).into(),
        })
    }
}

impl Policy {
    fn of(policy: &sheet::PolicySection, rows: &impl Fn(&[sheet::Row]) -> Vec<Row>) -> Self {
        Self {
            id: policy.policy.into(),
            heading: policy.heading.clone(),
            measures: policy
                .measures
                .iter()
                .map(|measure| Measure {
                    id: measure.measure.into(),
                    heading: measure.heading.clone(),
                    projects: measure
                        .projects
                        .iter()
                        .map(|project| Project {
                            id: project.project.into(),
                            title: project.title.clone(),
                            rows: rows(&project.rows),
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}

impl Row {
    fn of(row: &sheet::Row, year: DomainYear, departments: &Departments) -> Self {
        Self {
            placement: row.placement.into(),
            indicator: row.indicator.into(),
            kind: row.kind.into(),
            kind_label: row.kind.ja(),
            definition: (&row.definition).into(),
            statement: (&row.statement).into(),
            placement_of: row.placement_of.map(Id),
            department: departments.get(row.department),
            direction: row.direction.into(),
            direction_label: row.direction.ja(),
            direction_decision: row.direction_decision.as_ref().map(Into::into),
            targets: YearCell::list(&row.targets),
            target_version: row.target_version,
            actuals: YearCell::list(&row.actuals),
            total_target: (&row.total_target).into(),
            total_actual: (&row.total_actual).into(),
            judgements: row
                .judgements
                .iter()
                .map(|(year, judgement)| YearJudgement {
                    fiscal_year: (*year).into(),
                    judgement: judgement.into(),
                })
                .collect(),
            judgement: row.judgement(year).map(Into::into),
            actual: row.actual.as_ref().map(Into::into),
            commentary: row.commentary.as_ref().map(Into::into),
            stage: row.stage.into(),
            stage_label: row.stage.ja(),
            revision: row.revision,
            content: row.content.map(ContentHash),
            is_stale: row.is_stale,
            is_corrected: row.is_corrected,
            is_draft_hidden: row.is_draft_hidden,
            source_line: row.source_line,
        }
    }
}
