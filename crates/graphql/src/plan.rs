//! Plans: their years, publications and structure.

use async_graphql::{ComplexObject, Context, SimpleObject};
use daicho_app::{PlanInfo, PublicationInfo};
use daicho_domain::period::{PeriodStage, PeriodState};
use daicho_domain::{
    DocumentId, GoalId, IndicatorId, MeasureId, PlacementId, PlanId, PolicyId, ProjectId, plan,
};

use crate::cell::Year;
use crate::failure::Failure;
use crate::indicator::{Decision, Statement};
use crate::people::{Municipality, allowed};
use crate::proof::Proof;
use crate::request::Asked;
use crate::scalar::{Date, DateTime, FiscalYear, Id, Position};
use crate::words;

/// A plan (総合戦略).
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Plan {
    /// Its identity.
    pub id: Id<PlanId>,
    /// Whose plan.
    pub municipality: Municipality,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// The fiscal years of the term.
    pub years: Vec<Year>,
    /// Years that were opened, oldest first; for the public, years that were published.
    pub periods: Vec<Period>,
    /// The fiscal year that an imported document evaluates, where there is one.
    pub adopted_year: Option<Year>,
}

impl Plan {
    /// `info`, with the name of its municipality.
    pub(crate) fn of(ctx: &Context<'_>, info: PlanInfo) -> Result<Self, Failure> {
        Ok(Self {
            id: info.plan.into(),
            municipality: Municipality::of(ctx, info.municipality, ctx.caller())?,
            title: info.title,
            term_from: info.term_from.into(),
            term_to: info.term_to.into(),
            years: info
                .term_from
                .through(info.term_to)
                .map(Year::from)
                .collect(),
            periods: info.periods.iter().map(Period::from).collect(),
            adopted_year: info.adopted_year.map(Year::from),
        })
    }
}

#[ComplexObject]
impl Plan {
    /// What the caller may do for the whole plan. Ask it to offer only what will work.
    async fn allowed(&self, ctx: &Context<'_>) -> Vec<words::Action> {
        allowed(ctx, &ctx.caller(), self.municipality.id.0)
    }

    /// What stands where, the route and the documents; refused to those who may not read the
    /// working sheet.
    async fn structure(&self, ctx: &Context<'_>) -> Result<Option<PlanStructure>, Failure> {
        let state = ctx.app().plan_state(&ctx.caller(), self.id.0)?;
        Ok(Some(PlanStructure::from(&state)))
    }
}

/// A fiscal year of a plan that was opened.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Period {
    #[graphql(skip)]
    plan: PlanId,
    /// The year.
    pub fiscal_year: FiscalYear,
    /// The year, as people write it.
    pub year: Year,
    /// Whether reports may be entered.
    pub stage: words::PeriodStage,
    /// Whether reports may be entered, in Japanese.
    pub stage_label: &'static str,
    /// Day by which departments are to submit.
    pub due: Date,
}

#[ComplexObject]
impl Period {
    /// What was published, the first publication first.
    async fn publications(&self, ctx: &Context<'_>) -> Vec<Publication> {
        ctx.app()
            .publications(self.plan, self.fiscal_year.0)
            .into_iter()
            .map(Into::into)
            .collect()
    }
}

impl From<&PeriodState> for Period {
    fn from(period: &PeriodState) -> Self {
        Self {
            plan: period.plan,
            fiscal_year: period.fiscal_year.into(),
            year: period.fiscal_year.into(),
            stage: period.stage.into(),
            stage_label: match period.stage {
                PeriodStage::Open => "入力受付中",
                PeriodStage::Closed => "入力締切",
            },
            due: period.due.into(),
        }
    }
}

/// A publication of a fiscal year's sheet; 1 is the first, higher numbers are corrections.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Publication {
    /// Counted from 1.
    pub number: u32,
    /// When.
    pub at: DateTime,
    /// Position of the publishing event.
    pub position: Position,
    #[graphql(skip)]
    recorded: daicho_app::Position,
    /// Why, for a correction (正誤).
    pub reason: Option<String>,
    /// Indicators that differ from the publication before.
    pub corrected: Vec<Id<IndicatorId>>,
}

#[ComplexObject]
impl Publication {
    /// The smallest signed head of the log that covers this publication; none where the service
    /// has no key to sign with. Public.
    async fn proof(&self, ctx: &Context<'_>) -> Result<Option<Proof>, Failure> {
        let proof = ctx.app().checkpoint_covering(self.recorded).await?;
        Ok(proof.map(Proof::from))
    }
}

impl From<PublicationInfo> for Publication {
    fn from(publication: PublicationInfo) -> Self {
        Self {
            number: publication.number,
            at: publication.at.into(),
            position: publication.position.into(),
            recorded: publication.position,
            reason: publication.reason,
            corrected: publication.corrected.into_iter().map(Id).collect(),
        }
    }
}

/// What stands where in a plan, the route of its reports, the documents it was read from.
#[derive(SimpleObject)]
pub(crate) struct PlanStructure {
    /// Who adopted the plan, when and why.
    pub decision: Decision,
    /// 基本目標 with everything below them, in the sheet's order.
    pub goals: Vec<PlanGoal>,
    /// Where indicators stand, in the sheet's order.
    pub placements: Vec<Placement>,
    /// The route that new submissions take.
    pub route: Route,
    /// Every version of the route, oldest first.
    pub routes: Vec<Route>,
    /// Documents that were read into the plan.
    pub documents: Vec<Document>,
}

impl From<&plan::PlanState> for PlanStructure {
    fn from(state: &plan::PlanState) -> Self {
        Self {
            decision: (&state.decision).into(),
            goals: state.goals.iter().map(PlanGoal::from).collect(),
            placements: state.placements.iter().map(Placement::from).collect(),
            route: state.route().into(),
            routes: state.routes.iter().map(Route::from).collect(),
            documents: state.documents.values().map(Document::from).collect(),
        }
    }
}

/// 基本目標.
#[derive(SimpleObject)]
pub(crate) struct PlanGoal {
    /// Its identity.
    pub id: Id<GoalId>,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// `基本目標1 安定した雇用を…`.
    pub heading: String,
    /// 施策 (1), (2)….
    pub policies: Vec<PlanPolicy>,
}

impl From<&plan::Goal> for PlanGoal {
    fn from(goal: &plan::Goal) -> Self {
        Self {
            id: goal.id.into(),
            number: goal.number.clone(),
            title: goal.title.clone(),
            heading: goal.heading(),
            policies: goal.policies.iter().map(PlanPolicy::from).collect(),
        }
    }
}

/// A large 施策.
#[derive(SimpleObject)]
pub(crate) struct PlanPolicy {
    /// Its identity.
    pub id: Id<PolicyId>,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// `(1) 人材育成・雇用対策`.
    pub heading: String,
    /// 施策 ①, ②….
    pub measures: Vec<PlanMeasure>,
}

impl From<&plan::Policy> for PlanPolicy {
    fn from(policy: &plan::Policy) -> Self {
        Self {
            id: policy.id.into(),
            number: policy.number.clone(),
            title: policy.title.clone(),
            heading: policy.heading(),
            measures: policy.measures.iter().map(PlanMeasure::from).collect(),
        }
    }
}

/// A 施策.
#[derive(SimpleObject)]
pub(crate) struct PlanMeasure {
    /// Its identity.
    pub id: Id<MeasureId>,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// `① 地域人材の就労支援`.
    pub heading: String,
    /// 事業.
    pub projects: Vec<PlanProject>,
}

impl From<&plan::Measure> for PlanMeasure {
    fn from(measure: &plan::Measure) -> Self {
        Self {
            id: measure.id.into(),
            number: measure.number.clone(),
            title: measure.title.clone(),
            heading: measure.heading(),
            projects: measure.projects.iter().map(PlanProject::from).collect(),
        }
    }
}

/// A 事業.
#[derive(SimpleObject)]
pub(crate) struct PlanProject {
    /// Its identity.
    pub id: Id<ProjectId>,
    /// 事業名 as printed.
    pub title: String,
}

impl From<&plan::Project> for PlanProject {
    fn from(project: &plan::Project) -> Self {
        Self {
            id: project.id.into(),
            title: project.title.clone(),
        }
    }
}

/// One place of an indicator in the sheet.
#[derive(SimpleObject)]
pub(crate) struct Placement {
    /// Its identity.
    pub id: Id<PlacementId>,
    /// The indicator that stands here.
    pub indicator: Id<IndicatorId>,
    /// The goal that it stands under.
    pub goal: Id<GoalId>,
    /// The project that it stands under; a numeric goal has none.
    pub project: Option<Id<ProjectId>>,
    /// Its role here.
    pub kind: words::IndicatorKind,
    /// Its role in Japanese.
    pub kind_label: &'static str,
    /// What the sheet says here.
    pub statement: Statement,
    /// Line of the imported document, counted from 1.
    pub source_line: Option<u32>,
}

impl From<&plan::Placement> for Placement {
    fn from(placement: &plan::Placement) -> Self {
        Self {
            id: placement.id.into(),
            indicator: placement.indicator.into(),
            goal: placement.goal.into(),
            project: placement.project.map(Id),
            kind: placement.kind.into(),
            kind_label: placement.kind.ja(),
            statement: (&placement.statement).into(),
            source_line: placement.source_line,
        }
    }
}

/// The route that a report takes: approvals of the department, then acceptance.
#[derive(SimpleObject)]
pub(crate) struct Route {
    /// Counted from 1.
    pub version: u32,
    /// Names of the department's approval steps, in order.
    pub approvals: Vec<String>,
    /// Name of the last step, the planning office's acceptance.
    pub acceptance: String,
}

impl From<&plan::Route> for Route {
    fn from(route: &plan::Route) -> Self {
        Self {
            version: route.version,
            approvals: route.approvals.clone(),
            acceptance: route.acceptance.clone(),
        }
    }
}

/// A document that was read into the records (原本).
#[derive(SimpleObject)]
pub(crate) struct Document {
    /// Its identity.
    pub id: Id<DocumentId>,
    /// Name of the file as given.
    pub file_name: String,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
    /// Encoding that was detected.
    pub encoding: String,
    /// The fiscal year that it evaluates.
    pub evaluated_year: Year,
    /// Number of its lines.
    pub lines: usize,
}

impl From<&plan::Document> for Document {
    fn from(document: &plan::Document) -> Self {
        Self {
            id: document.id.into(),
            file_name: document.file_name.clone(),
            sha256: document.sha256.clone(),
            encoding: document.encoding.clone(),
            evaluated_year: document.evaluated_year.into(),
            lines: document.lines.len(),
        }
    }
}
