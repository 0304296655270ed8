//! From the records to the sheet.

use std::collections::BTreeMap;

use super::{
    GoalSection, MeasureSection, PolicySection, ProjectSection, Row, Sheet, Summary, judge, sum_of,
};
use crate::cell::{Cell, CellStatus};
use crate::fiscal_year::FiscalYear;
use crate::id::{DepartmentId, PlacementId};
use crate::indicator::{Aggregation, IndicatorState};
use crate::plan::{IndicatorKind, Placement, PlanState};
use crate::report::{ReportStage, Standing};
use crate::world::World;

/// For whom a sheet is derived.
#[derive(Clone, Copy)]
pub enum Audience<'a> {
    /// Somebody of the municipality. Content that a department has not submitted yet is left
    /// out where the function says no for that department.
    Inside(&'a dyn Fn(Option<DepartmentId>) -> bool),
    /// The public: nothing that is not published or adopted.
    Public,
}

impl Audience<'_> {
    /// Whether the content of a report that stands so may be shown.
    fn sees(self, standing: &Standing, department: Option<DepartmentId>) -> bool {
        match self {
            Self::Inside(sees_drafts) => !is_draft(standing) || sees_drafts(department),
            Self::Public => matches!(
                standing.stage,
                ReportStage::Published | ReportStage::Adopted
            ),
        }
    }
}

impl Sheet {
    /// The sheet of `plan` for `fiscal_year` as it stands in `world`, for `audience`.
    ///
    /// Nothing comes back where an indicator of the plan is not in `world`.
    pub fn derive(
        world: &World,
        plan: &PlanState,
        fiscal_year: FiscalYear,
        audience: Audience<'_>,
    ) -> Option<Self> {
        let rows = Rows {
            world,
            plan,
            fiscal_year,
            audience,
        };
        let goals = plan
            .goals
            .iter()
            .map(|goal| {
                let mut section = GoalSection {
                    goal: goal.id,
                    number: goal.number.clone(),
                    title: goal.title.clone(),
                    numeric_goals: rows
                        .of(|placement| placement.goal == goal.id && placement.project.is_none())?,
                    policies: goal
                        .policies
                        .iter()
                        .map(|policy| {
                            let measures = policy.measures.iter().map(|measure| {
                                let projects = measure.projects.iter().map(|project| {
                                    Some(ProjectSection {
                                        project: project.id,
                                        title: project.title.clone(),
                                        rows: rows.of(|placement| {
                                            placement.project == Some(project.id)
                                        })?,
                                    })
                                });
                                Some(MeasureSection {
                                    measure: measure.id,
                                    heading: measure.heading(),
                                    projects: projects.collect::<Option<_>>()?,
                                })
                            });
                            Some(PolicySection {
                                policy: policy.id,
                                heading: policy.heading(),
                                measures: measures.collect::<Option<_>>()?,
                            })
                        })
                        .collect::<Option<_>>()?,
                    summary: Summary::default(),
                };
                section.summary = summarise(&section, fiscal_year);
                Some(section)
            })
            .collect::<Option<Vec<_>>>()?;
        let mut summary = Summary::default();
        for goal in &goals {
            summary.add(&goal.summary);
        }
        Some(Self {
            plan: plan.id,
            municipality: plan.municipality,
            title: plan.title.clone(),
            term_from: plan.term_from,
            term_to: plan.term_to,
            fiscal_year,
            goals,
            summary,
        })
    }
}

fn summarise(goal: &GoalSection, year: FiscalYear) -> Summary {
    let mut summary = Summary::default();
    let projects = goal
        .policies
        .iter()
        .flat_map(|policy| &policy.measures)
        .map(|measure| measure.projects.len())
        .sum::<usize>();
    summary.projects = u32::try_from(projects).unwrap_or(u32::MAX);
    for in_context in goal.rows() {
        summary.count(in_context.row, year);
    }
    summary
}

struct Rows<'a> {
    world: &'a World,
    plan: &'a PlanState,
    fiscal_year: FiscalYear,
    audience: Audience<'a>,
}

impl Rows<'_> {
    fn of(&self, belongs: impl Fn(&Placement) -> bool) -> Option<Vec<Row>> {
        self.plan
            .placements
            .iter()
            .filter(|placement| belongs(placement))
            .map(|placement| self.row(placement))
            .collect()
    }

    fn first_placement(&self, placement: &Placement) -> Option<PlacementId> {
        self.plan
            .placements_of(placement.indicator)
            .next()
            .map(|first| first.id)
            .filter(|first| *first != placement.id)
    }

    fn row(&self, placement: &Placement) -> Option<Row> {
        let year = self.fiscal_year;
        let indicator = self.world.indicator(placement.indicator)?;
        let standing = Standing::of(indicator, year, self.world.period(self.plan.id, year));
        let is_draft_hidden = !self.audience.sees(&standing, indicator.department);
        let in_force = indicator.targets_in_force(year);
        let targets = in_force
            .map(|version| version.years.clone())
            .unwrap_or_default();
        let actuals = self.actuals(indicator, placement.kind);
        let judgements = self
            .plan
            .years()
            .filter(|judged| *judged <= year)
            .map(|judged| {
                let target = indicator
                    .targets_in_force(judged)
                    .and_then(|version| version.years.get(&judged));
                (
                    judged,
                    judge(
                        placement.kind,
                        indicator.direction,
                        target,
                        actuals.get(&judged),
                    ),
                )
            })
            .collect();
        let report = &standing.report;
        Some(Row {
            placement: placement.id,
            indicator: indicator.id,
            kind: placement.kind,
            definition: indicator.definition.clone(),
            statement: placement.statement.clone(),
            placement_of: self.first_placement(placement),
            department: indicator.department,
            direction: indicator.direction,
            direction_decision: indicator.direction_decision.clone(),
            total_target: in_force
                .and_then(|version| version.total.clone())
                .unwrap_or_else(|| total(indicator, &targets)),
            total_actual: report
                .adoption
                .as_ref()
                .filter(|_| report.last_change.is_none())
                .and_then(|adoption| adoption.printed_total.clone())
                .unwrap_or_else(|| total(indicator, &actuals)),
            targets,
            target_version: standing.target_version,
            actuals,
            judgements,
            commentary: report
                .commentary
                .get(&placement.id)
                .filter(|_| !is_draft_hidden)
                .map(|entered| entered.content.clone()),
            actual: report
                .actual
                .as_ref()
                .filter(|_| !is_draft_hidden)
                .map(|entered| entered.content.clone()),
            stage: standing.stage,
            revision: report.revision,
            content: (!is_draft_hidden).then_some(standing.content),
            is_stale: standing.is_stale(),
            is_corrected: report.corrected,
            is_draft_hidden,
            source_line: placement.source_line,
        })
    }

    fn actuals(
        &self,
        indicator: &IndicatorState,
        kind: IndicatorKind,
    ) -> BTreeMap<FiscalYear, Cell> {
        let cell = |year: FiscalYear| {
            let standing = Standing::of(indicator, year, self.world.period(self.plan.id, year));
            // A later year's figures are that year's sheet's to show; only what a document already
            // said of it («—» of an ended project) belongs here.
            let is_later = year > self.fiscal_year && standing.stage != ReportStage::Adopted;
            let is_hidden = is_later || !self.audience.sees(&standing, indicator.department);
            match standing.report.actual {
                Some(entered) if !is_hidden => entered.content.cell,
                _ if !kind.has_figure() => Cell::absent("", CellStatus::NoKpi),
                _ if year > self.fiscal_year => Cell::absent("", CellStatus::NotDue),
                _ => Cell::absent("", CellStatus::Missing),
            }
        };
        self.plan.years().map(|year| (year, cell(year))).collect()
    }
}

/// Whether the content has not been handed to anybody yet.
fn is_draft(standing: &Standing) -> bool {
    matches!(standing.stage, ReportStage::Draft | ReportStage::Returned)
}

/// 5年間の合計 where adding up has a meaning.
fn total(indicator: &IndicatorState, cells: &BTreeMap<FiscalYear, Cell>) -> Cell {
    match indicator.definition.aggregation {
        Aggregation::Sum => sum_of(cells.values()),
        Aggregation::Last | Aggregation::EachYear | Aggregation::None => {
            Cell::absent("", CellStatus::NotSummable)
        }
    }
}
