//! One report, as the people who work on it see it.

use std::collections::BTreeMap;

use daicho_access::Caller;
use daicho_domain::cell::Cell;
use daicho_domain::id::PlacementId;
use daicho_domain::indicator::IndicatorState;
use daicho_domain::plan::{Placement, Route};
use daicho_domain::report::{Commentary, Report, ReportCell, ReportStage, Standing};
use daicho_domain::sheet::{Judgement, judge};
use daicho_domain::{Action, DepartmentId, FiscalYear, IndicatorId, MunicipalityId, PlanId};
use jiff::civil::Date;

use crate::app::App;
use crate::error::AppError;

/// A place of the indicator in the sheet, with the headings above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPlace {
    /// The place.
    pub placement: Placement,
    /// 基本目標.
    pub goal: String,
    /// 事業名; none for a numeric goal.
    pub project: Option<String>,
    /// Whether its commentary may be changed now.
    pub is_editable: bool,
    /// Last year's commentary at this place, to start from.
    pub previous_commentary: Option<Commentary>,
}

/// A report with everything its screen needs.
#[derive(Clone, Debug)]
pub struct ReportView {
    /// The plan.
    pub plan: PlanId,
    /// Its title.
    pub plan_title: String,
    /// Whose.
    pub municipality: MunicipalityId,
    /// The year.
    pub fiscal_year: FiscalYear,
    /// The indicator.
    pub indicator: IndicatorState,
    /// The department that reports it.
    pub department: Option<DepartmentId>,
    /// Whether there is a figure, or commentary alone.
    pub has_figure: bool,
    /// The places of the indicator.
    pub places: Vec<ReportPlace>,
    /// The target of the year.
    pub target: Option<Cell>,
    /// Last year's figure.
    pub previous_actual: Option<Cell>,
    /// The report.
    pub report: Report,
    /// Where it stands.
    pub stage: ReportStage,
    /// The hash of what stands now: what an approval names.
    pub content: daicho_domain::report::ContentHash,
    /// The target version that the figure is judged against.
    pub target_version: Option<u32>,
    /// Whether an approval was given to something else.
    pub is_stale: bool,
    /// Whether any publication contains it.
    pub was_published: bool,
    /// The judgement of the figure as it stands.
    pub judgement: Judgement,
    /// The route it takes.
    pub route: Route,
    /// Day by which it is to be submitted; none where the year was never opened.
    pub due: Option<Date>,
    /// Whether the figure may be changed now (by those whose role allows it).
    pub is_actual_editable: bool,
    /// What the caller may do with it by role; the state decides whether it works now.
    pub allowed: Vec<Action>,
}

impl App {
    /// One report.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read the department's drafts.
    pub fn report(
        &self,
        caller: &Caller,
        plan: PlanId,
        indicator: IndicatorId,
        year: FiscalYear,
    ) -> Result<ReportView, AppError> {
        let models = self.models();
        let view = models.world.view();
        let state = view.plan(plan)?;
        let indicator = view.indicator(plan, indicator)?;
        self.must(
            &models,
            caller,
            Action::ReadDraft,
            state.municipality,
            indicator.department,
        )?;
        super::plan::must_be_in_term(state, year)?;
        let period = view.period(plan, year);
        let standing = Standing::of(indicator, year, period);
        let now = self.now();
        let previous = indicator.reports.get(&year.previous());
        let kind = state
            .placements_of(indicator.id)
            .map(|placement| placement.kind)
            .next();
        let target = indicator
            .targets_in_force(year)
            .and_then(|version| version.years.get(&year))
            .cloned();
        let actual = standing
            .report
            .actual
            .as_ref()
            .map(|entered| &entered.content.cell);
        let previous_texts: BTreeMap<PlacementId, Commentary> = previous
            .map(|report| {
                report
                    .commentary
                    .iter()
                    .map(|(id, entered)| (*id, entered.content.clone()))
                    .collect()
            })
            .unwrap_or_default();
        let places = state
            .placements_of(indicator.id)
            .map(|placement| ReportPlace {
                goal: state
                    .goals
                    .iter()
                    .find(|goal| goal.id == placement.goal)
                    .map(daicho_domain::plan::Goal::heading)
                    .unwrap_or_default(),
                project: placement
                    .project
                    .and_then(|id| state.project(id))
                    .map(|(_, _, _, project)| project.title.clone()),
                is_editable: standing.is_editable(ReportCell::Commentary(placement.id), now),
                previous_commentary: previous_texts.get(&placement.id).cloned(),
                placement: placement.clone(),
            })
            .collect();
        let allowed = Action::ALL
            .into_iter()
            .filter(|action| {
                self.may(
                    &models,
                    caller,
                    *action,
                    state.municipality,
                    indicator.department,
                )
            })
            .collect();
        Ok(ReportView {
            plan,
            plan_title: state.title.clone(),
            municipality: state.municipality,
            fiscal_year: year,
            department: indicator.department,
            has_figure: state
                .placements_of(indicator.id)
                .any(|placement| placement.kind.has_figure()),
            places,
            judgement: judge(
                kind.unwrap_or(daicho_domain::plan::IndicatorKind::NoKpi),
                indicator.direction,
                target.as_ref(),
                actual,
            ),
            target,
            previous_actual: previous
                .and_then(|report| report.actual.as_ref())
                .map(|entered| entered.content.cell.clone()),
            route: state.route_version(standing.report.route_version).clone(),
            due: period.map(|period| period.due),
            is_actual_editable: standing.is_editable(ReportCell::Actual, now),
            stage: standing.stage,
            content: standing.content,
            target_version: standing.target_version,
            is_stale: standing.is_stale(),
            was_published: standing.was_published,
            report: standing.report,
            indicator: indicator.clone(),
            allowed,
        })
    }
}
