//! One report, as the people who work on it see it.

use async_graphql::{Context, Enum, InputObject, SimpleObject};
use daicho_app::{ReportPlace as PlaceView, ReportView};
use daicho_domain::command::local_date;
use daicho_domain::{Actor as DomainActor, DocumentId, PlacementId, PlanId, Rejection, report};

use crate::cell::{Cell, Judgement, Year};
use crate::failure::Failure;
use crate::indicator::{Indicator, Statement, TargetVersion};
use crate::people::{Actor, Department, Departments, Municipality, Names};
use crate::plan::Route;
use crate::request::Asked;
use crate::scalar::{ContentHash, Date, DateTime, FiscalYear, Id};
use crate::sheet::{Actual, Commentary};
use crate::words;

/// A report with everything that its screen needs.
#[derive(SimpleObject)]
pub(crate) struct Report {
    /// The plan.
    pub plan: Id<PlanId>,
    /// 計画名.
    pub plan_title: String,
    /// Whose.
    pub municipality: Municipality,
    /// The year.
    pub fiscal_year: FiscalYear,
    /// The year, as people write it.
    pub year: Year,
    /// The year before, as people write it.
    pub previous_year: Year,
    /// The indicator.
    pub indicator: Indicator,
    /// The department that reports it.
    pub department: Option<Department>,
    /// Whether there is a figure, or commentary alone.
    pub has_figure: bool,
    /// The places of the indicator in the sheet, each with its commentary.
    pub places: Vec<ReportPlace>,
    /// The target of the year.
    pub target: Option<Cell>,
    /// Last year's figure.
    pub previous_actual: Option<Cell>,
    /// The figure.
    pub actual: Option<EnteredActual>,
    /// The judgement of the figure as it stands.
    pub judgement: Judgement,
    /// Where the report stands.
    pub stage: words::ReportStage,
    /// Where it stands, in Japanese.
    pub stage_label: &'static str,
    /// Number of changes of its content: what a writer names as seen.
    pub revision: u32,
    /// The hash of what stands now: what an approver names as seen.
    pub content: ContentHash,
    /// The target version that the figure is judged against.
    pub target_version: Option<u32>,
    /// Whether an approval was given to something else.
    pub is_stale: bool,
    /// Whether it was changed after a publication.
    pub is_corrected: bool,
    /// Whether it was ever approved.
    pub was_approved: bool,
    /// Whether any publication contains it.
    pub was_published: bool,
    /// Whether only the cell that was unlocked may be changed.
    pub is_reopened: bool,
    /// Whether the figure may be changed now, by those whose role allows it.
    pub is_editable: bool,
    /// Whether a change needs a reason.
    pub needs_reason: bool,
    /// The route it takes.
    pub route: Route,
    /// Steps taken since the last submission.
    pub steps: Vec<StepTaken>,
    /// Who submitted it last.
    pub submitted_by: Option<Actor>,
    /// When it was submitted last.
    pub submitted_at: Option<DateTime>,
    /// The return that is not yet answered by a new submission.
    pub returned: Option<Returned>,
    /// The cell that was opened for change.
    pub unlock: Option<Unlock>,
    /// The last change of the content.
    pub last_change: Option<LastChange>,
    /// Where it came from, if it was taken over from a document.
    pub adoption: Option<Adoption>,
    /// Day by which it is to be submitted; none where the year was never opened.
    pub due: Option<Date>,
    /// Whether that day has passed without a submission.
    pub is_overdue: bool,
    /// What the caller may do with it by role; the state decides whether it works now.
    pub allowed: Vec<words::Action>,
}

/// A place of the indicator in the sheet, with the headings above it.
#[derive(SimpleObject)]
pub(crate) struct ReportPlace {
    /// The place.
    pub placement: Id<PlacementId>,
    /// The indicator's role here.
    pub kind: words::IndicatorKind,
    /// The role in Japanese.
    pub kind_label: &'static str,
    /// What the sheet says here.
    pub statement: Statement,
    /// 基本目標, with its number.
    pub goal: String,
    /// 事業名; none for a numeric goal.
    pub project: Option<String>,
    /// Line of the imported document, counted from 1.
    pub source_line: Option<u32>,
    /// Whether the commentary may be changed now, by those whose role allows it.
    pub is_editable: bool,
    /// The commentary.
    pub commentary: Option<EnteredCommentary>,
    /// Last year's commentary here, to start from.
    pub previous_commentary: Option<Commentary>,
}

/// A figure with the person who entered it.
#[derive(SimpleObject)]
pub(crate) struct EnteredActual {
    /// The figure with what supports it.
    pub actual: Actual,
    /// Who entered it.
    pub by: Actor,
    /// When.
    pub at: DateTime,
}

/// Commentary with the person who wrote it.
#[derive(SimpleObject)]
pub(crate) struct EnteredCommentary {
    /// The text.
    pub commentary: Commentary,
    /// Who wrote it.
    pub by: Actor,
    /// When.
    pub at: DateTime,
}

/// A step of the route that somebody took.
#[derive(SimpleObject)]
pub(crate) struct StepTaken {
    /// Index of the step: 0 is the first approval; acceptance is the number of approvals.
    pub step: u8,
    /// Name of the step.
    pub name: String,
    /// Who took it.
    pub by: Actor,
    /// When.
    pub at: DateTime,
    /// Exactly what was approved.
    pub content: ContentHash,
    /// Whether something else stands now.
    pub is_stale: bool,
}

/// Which part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(rename_items = "snake_case")]
pub(crate) enum ReportCellKind {
    /// The figure.
    Actual,
    /// The commentary at one place.
    Commentary,
}

/// A part of a report that can be returned, unlocked or corrected on its own.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct ReportCell {
    /// The figure, or commentary.
    pub kind: ReportCellKind,
    /// The place of the commentary.
    pub placement: Option<Id<PlacementId>>,
}

impl From<report::ReportCell> for ReportCell {
    fn from(cell: report::ReportCell) -> Self {
        match cell {
            report::ReportCell::Actual => Self {
                kind: ReportCellKind::Actual,
                placement: None,
            },
            report::ReportCell::Commentary(placement) => Self {
                kind: ReportCellKind::Commentary,
                placement: Some(placement.into()),
            },
        }
    }
}

/// A part of a report: the figure (without a placement), or the commentary at a placement.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct ReportCellInput {
    /// The figure, or commentary.
    pub kind: ReportCellKind,
    /// The place of the commentary.
    pub placement: Option<Id<PlacementId>>,
}

impl TryFrom<ReportCellInput> for report::ReportCell {
    type Error = Rejection;

    fn try_from(cell: ReportCellInput) -> Result<Self, Rejection> {
        match (cell.kind, cell.placement) {
            (ReportCellKind::Actual, None) => Ok(Self::Actual),
            (ReportCellKind::Commentary, Some(placement)) => Ok(Self::Commentary(placement.0)),
            _ => Err(Rejection::invalid(
                "cell",
                "names the figure without a placement, or commentary with the placement where it stands",
                "対象は、実績値(掲載箇所なし)か、記述(掲載箇所あり)のどちらかを指定してください。",
            )),
        }
    }
}

/// A return with its comment.
#[derive(SimpleObject)]
pub(crate) struct Returned {
    /// What is asked for.
    pub comment: String,
    /// The part that it is about.
    pub cell: ReportCell,
    /// Who returned it.
    pub by: Actor,
    /// When.
    pub at: DateTime,
}

/// One cell opened for change after acceptance or publication.
#[derive(SimpleObject)]
pub(crate) struct Unlock {
    /// The one part that may be changed.
    pub cell: ReportCell,
    /// Why.
    pub reason: ChangeReason,
    /// From this moment on it is locked again.
    pub expires_at: DateTime,
    /// Whether that moment has not come yet.
    pub is_in_force: bool,
    /// Who unlocked it.
    pub by: Actor,
}

/// A typed reason with free text.
#[derive(SimpleObject)]
pub(crate) struct ChangeReason {
    /// The kind.
    pub code: words::ReasonCode,
    /// The kind in Japanese.
    pub code_label: &'static str,
    /// In words.
    pub text: String,
}

impl From<&report::ChangeReason> for ChangeReason {
    fn from(reason: &report::ChangeReason) -> Self {
        Self {
            code: reason.code.into(),
            code_label: reason.code.ja(),
            text: reason.text.clone(),
        }
    }
}

/// The last change of a report's content.
#[derive(SimpleObject)]
pub(crate) struct LastChange {
    /// The part that changed.
    pub cell: ReportCell,
    /// What it says now.
    pub now: String,
    /// Who changed it.
    pub by: Actor,
    /// When.
    pub at: DateTime,
}

/// Where an adopted report came from.
#[derive(SimpleObject)]
pub(crate) struct Adoption {
    /// The printed total of actuals, where the document has one.
    pub printed_total: Option<Cell>,
    /// The document, where it was read from one.
    pub document: Option<Id<DocumentId>>,
    /// Who took it over.
    pub by: Actor,
    /// When.
    pub at: DateTime,
}

/// Everyone whom the screen of `report` names.
fn everyone(report: &report::Report) -> impl Iterator<Item = &DomainActor> {
    report
        .contributors()
        .chain(&report.submitted_by)
        .chain(report.steps.iter().map(|step| &step.by))
        .chain(report.returned.iter().map(|returned| &returned.by))
        .chain(report.unlock.iter().map(|unlock| &unlock.by))
        .chain(report.last_change.iter().map(|change| &change.by))
        .chain(report.adoption.iter().map(|adoption| &adoption.by))
}

impl Report {
    /// `view`, with the names of everyone in it.
    pub(crate) async fn of(ctx: &Context<'_>, view: ReportView) -> Result<Self, Failure> {
        let names = Names::of_actors(ctx, everyone(&view.report)).await?;
        let report = &view.report;
        let now = ctx.app().now();
        let name = match view.indicator.definition.name.as_str() {
            "" => view
                .places
                .iter()
                .find_map(|place| place.project.clone())
                .unwrap_or_default(),
            name => name.to_owned(),
        };
        let is_awaited = view.stage.is_editable() && !report.reopened;
        Ok(Self {
            plan: view.plan.into(),
            municipality: Municipality::of(ctx, view.municipality, ctx.caller())?,
            fiscal_year: view.fiscal_year.into(),
            year: view.fiscal_year.into(),
            previous_year: view.fiscal_year.previous().into(),
            indicator: Indicator {
                id: view.indicator.id.into(),
                name,
                definition: (&view.indicator.definition).into(),
                direction: view.indicator.direction.into(),
                direction_label: view.indicator.direction.ja(),
                direction_decision: view.indicator.direction_decision.as_ref().map(Into::into),
                targets: view
                    .indicator
                    .targets
                    .iter()
                    .map(TargetVersion::from)
                    .collect(),
            },
            department: Departments::of(ctx, view.municipality).get(view.department),
            has_figure: view.has_figure,
            places: view
                .places
                .iter()
                .map(|place| ReportPlace::of(place, report, &names))
                .collect(),
            target: view.target.as_ref().map(Into::into),
            previous_actual: view.previous_actual.as_ref().map(Into::into),
            actual: report.actual.as_ref().map(|entered| EnteredActual {
                actual: (&entered.content).into(),
                by: names.actor(&entered.by),
                at: entered.at.into(),
            }),
            judgement: (&view.judgement).into(),
            stage: view.stage.into(),
            stage_label: view.stage.ja(),
            revision: report.revision,
            content: view.content.into(),
            target_version: view.target_version,
            is_stale: view.is_stale,
            is_corrected: report.corrected,
            was_approved: report.was_approved,
            was_published: view.was_published,
            is_reopened: report.reopened,
            is_editable: view.is_actual_editable,
            needs_reason: report.was_approved || report.adoption.is_some(),
            route: (&view.route).into(),
            steps: report
                .steps
                .iter()
                .map(|step| StepTaken {
                    step: step.step,
                    name: step.name.clone(),
                    by: names.actor(&step.by),
                    at: step.at.into(),
                    content: step.content.into(),
                    is_stale: step.content != view.content,
                })
                .collect(),
            submitted_by: report.submitted_by.as_ref().map(|by| names.actor(by)),
            submitted_at: report.submitted_at.map(DateTime),
            returned: report.returned.as_ref().map(|returned| Returned {
                comment: returned.comment.clone(),
                cell: returned.cell.into(),
                by: names.actor(&returned.by),
                at: returned.at.into(),
            }),
            unlock: report.unlock.as_ref().map(|unlock| Unlock {
                cell: unlock.cell.into(),
                reason: (&unlock.reason).into(),
                expires_at: unlock.expires_at.into(),
                is_in_force: now < unlock.expires_at,
                by: names.actor(&unlock.by),
            }),
            last_change: report.last_change.as_ref().map(|change| LastChange {
                cell: change.cell.into(),
                now: change.now.clone(),
                by: names.actor(&change.by),
                at: change.at.into(),
            }),
            adoption: report.adoption.as_ref().map(|adoption| Adoption {
                printed_total: adoption.printed_total.as_ref().map(Into::into),
                document: adoption.document.map(Id),
                by: names.actor(&adoption.by),
                at: adoption.at.into(),
            }),
            due: view.due.map(Date),
            is_overdue: is_awaited && view.due.is_some_and(|due| due < local_date(now)),
            allowed: view.allowed.iter().copied().map(Into::into).collect(),
            plan_title: view.plan_title,
        })
    }
}

impl ReportPlace {
    fn of(place: &PlaceView, report: &report::Report, names: &Names) -> Self {
        let placement = &place.placement;
        Self {
            placement: placement.id.into(),
            kind: placement.kind.into(),
            kind_label: placement.kind.ja(),
            statement: (&placement.statement).into(),
            goal: place.goal.clone(),
            project: place.project.clone(),
            source_line: placement.source_line,
            is_editable: place.is_editable,
            commentary: report
                .commentary
                .get(&placement.id)
                .map(|entered| EnteredCommentary {
                    commentary: (&entered.content).into(),
                    by: names.actor(&entered.by),
                    at: entered.at.into(),
                }),
            previous_commentary: place.previous_commentary.as_ref().map(Into::into),
        }
    }
}
