//! Adopting a plan and setting its route.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Action, Command, Context, Fact, NAME_CHARACTERS_MAX, Scope, Subject, decision_is_complete,
    text_within,
};
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::{GoalId, PlanId, ProjectId};
use crate::indicator::TargetVersion;
use crate::plan::{
    Decision, Goal, LayoutLine, Measure, Placement, PlacementDraft, PlanDraft, Policy, Project,
    Route,
};
use crate::rejection::Rejection;
use crate::report::Actual;
use crate::stream::StreamId;
use crate::world::View;

/// Adopts a plan with everything in it: structure, indicators, targets, and the results that a
/// document already holds. One atomic act, so that no half of a sheet is ever there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdoptPlan {
    /// The plan.
    pub plan: PlanDraft,
}

/// The fiscal years that a term may touch: those that people can write
/// ([`FiscalYear::from_str`](std::str::FromStr)).
const TERM_YEARS_POSSIBLE: (FiscalYear, FiscalYear) = (FiscalYear(1926), FiscalYear(2200));

/// The most bytes of layout text that one event carries; an event is at most 64 KiB.
const LAYOUT_BYTES_MAX: usize = 24 * 1024;

impl Command for AdoptPlan {
    const ACTION: Action = Action::AdoptPlan;

    fn subject(&self) -> Subject {
        Subject {
            municipality: Some(self.plan.municipality),
            plan: Some(self.plan.id),
            ..Subject::default()
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.municipality(self.plan.municipality)
            .map(|m| Scope::whole(m.id))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let plan = &self.plan;
        view.must_be_new(StreamId::Plan(plan.id), "plan")?;
        text_within("title", &plan.title, NAME_CHARACTERS_MAX)?;
        decision_is_complete(&plan.decision)?;
        if plan.term_to < plan.term_from {
            return Err(Rejection::invalid(
                "term_to",
                "the term ends before it begins",
                "計画期間の終わりが始まりより前になっています。",
            ));
        }
        if plan.term_from < TERM_YEARS_POSSIBLE.0 || plan.term_to > TERM_YEARS_POSSIBLE.1 {
            return Err(Rejection::invalid(
                "term",
                format!(
                    "must lie between {} and {}",
                    TERM_YEARS_POSSIBLE.0.western(),
                    TERM_YEARS_POSSIBLE.1.western()
                ),
                "計画期間の年度が正しくありません。",
            ));
        }
        self.ids_are_unique()?;
        self.commentary_has_its_place()?;
        let mut facts = vec![Fact::new(
            StreamId::Plan(plan.id),
            Event::PlanAdopted {
                plan: plan.id,
                municipality: plan.municipality,
                title: plan.title.clone(),
                term_from: plan.term_from,
                term_to: plan.term_to,
                decision: plan.decision.clone(),
                route: Route::two_steps(),
            },
        )];
        self.structure(&mut facts)?;
        self.document(&mut facts);
        for indicator in &plan.indicators {
            if let Some(department) = indicator.department {
                let department = view.department(department)?;
                if department.municipality != plan.municipality {
                    return Err(Rejection::not_found("department in this municipality"));
                }
            }
            view.must_be_new(StreamId::Indicator(indicator.id), "indicator")?;
            self.indicator(indicator, &mut facts);
        }
        Ok(facts)
    }

    fn reason(&self) -> Option<String> {
        Some(self.plan.decision.reason.clone())
    }
}

impl AdoptPlan {
    fn placements(&self) -> impl Iterator<Item = &PlacementDraft> {
        self.plan.goals.iter().flat_map(|goal| {
            let projects = goal
                .policies
                .iter()
                .flat_map(|policy| &policy.measures)
                .flat_map(|measure| &measure.projects);
            goal.numeric_goals
                .iter()
                .chain(projects.flat_map(|project| &project.placements))
        })
    }

    /// Refuses a draft that uses one id twice: the second part would vanish behind the first,
    /// and a second definition of an indicator could not be folded at all.
    fn ids_are_unique(&self) -> Result<(), Rejection> {
        let plan = &self.plan;
        let goals = || plan.goals.iter();
        let policies = || goals().flat_map(|goal| &goal.policies);
        let measures = || policies().flat_map(|policy| &policy.measures);
        let projects = || measures().flat_map(|measure| &measure.projects);
        once("goal", goals().map(|goal| goal.id))?;
        once("policy", policies().map(|policy| policy.id))?;
        once("measure", measures().map(|measure| measure.id))?;
        once("project", projects().map(|project| project.id))?;
        once("placement", self.placements().map(|place| place.id))?;
        once("indicator", plan.indicators.iter().map(|it| it.id))
    }

    /// Refuses adopted commentary at a place where its indicator does not stand: nobody would
    /// ever read it, although approvals would be bound to it.
    fn commentary_has_its_place(&self) -> Result<(), Rejection> {
        let places: BTreeSet<_> = self
            .placements()
            .map(|place| (place.indicator, place.id))
            .collect();
        for indicator in &self.plan.indicators {
            let mut commented = indicator
                .adopted
                .values()
                .flat_map(|adopted| adopted.commentary.keys());
            if commented.any(|placement| !places.contains(&(indicator.id, *placement))) {
                return Err(Rejection::not_found(
                    "place of this indicator in the sheet for its commentary",
                ));
            }
        }
        Ok(())
    }

    fn structure(&self, facts: &mut Vec<Fact>) -> Result<(), Rejection> {
        let stream = StreamId::Plan(self.plan.id);
        for goal in &self.plan.goals {
            facts.push(Fact::new(
                stream,
                Event::GoalAdded {
                    goal: Goal {
                        id: goal.id,
                        number: goal.number.clone(),
                        title: goal.title.clone(),
                        policies: Vec::new(),
                    },
                },
            ));
            self.place(goal.id, None, &goal.numeric_goals, facts)?;
            for policy in &goal.policies {
                facts.push(Fact::new(
                    stream,
                    Event::PolicyAdded {
                        goal: goal.id,
                        policy: Policy {
                            id: policy.id,
                            number: policy.number.clone(),
                            title: policy.title.clone(),
                            measures: Vec::new(),
                        },
                    },
                ));
                for measure in &policy.measures {
                    facts.push(Fact::new(
                        stream,
                        Event::MeasureAdded {
                            goal: goal.id,
                            policy: policy.id,
                            measure: Measure {
                                id: measure.id,
                                number: measure.number.clone(),
                                title: measure.title.clone(),
                                projects: Vec::new(),
                            },
                        },
                    ));
                    for project in &measure.projects {
                        facts.push(Fact::new(
                            stream,
                            Event::ProjectAdded {
                                measure: measure.id,
                                project: Project {
                                    id: project.id,
                                    title: project.title.clone(),
                                },
                            },
                        ));
                        self.place(goal.id, Some(project.id), &project.placements, facts)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn place(
        &self,
        goal: GoalId,
        project: Option<ProjectId>,
        placements: &[PlacementDraft],
        facts: &mut Vec<Fact>,
    ) -> Result<(), Rejection> {
        let known: BTreeSet<_> = self
            .plan
            .indicators
            .iter()
            .map(|indicator| indicator.id)
            .collect();
        for placement in placements {
            if !known.contains(&placement.indicator) {
                return Err(Rejection::not_found("indicator that is placed"));
            }
            facts.push(Fact::new(
                StreamId::Plan(self.plan.id),
                Event::IndicatorPlaced {
                    placement: Placement {
                        id: placement.id,
                        indicator: placement.indicator,
                        goal,
                        project,
                        kind: placement.kind,
                        statement: placement.statement.clone(),
                        source_line: placement.source_line,
                    },
                },
            ));
        }
        Ok(())
    }

    fn document(&self, facts: &mut Vec<Fact>) {
        let Some(document) = &self.plan.document else {
            return;
        };
        let stream = StreamId::Plan(self.plan.id);
        facts.push(Fact::new(
            stream,
            Event::DocumentImported {
                document: document.id,
                file_name: document.file_name.clone(),
                sha256: document.sha256.clone(),
                encoding: document.encoding.clone(),
                byte_order_mark: document.byte_order_mark,
                line_ending: document.line_ending.clone(),
                ends_with_line_ending: document.ends_with_line_ending,
                evaluated_year: document.evaluated_year,
                subtotals: document.subtotals.clone(),
            },
        ));
        let mut part: Vec<LayoutLine> = Vec::new();
        let mut bytes = 0;
        for line in &document.lines {
            // 160 bytes stand for a cell's field reference and punctuation.
            let size: usize = line.0.iter().map(|cell| cell.text.len() + 160).sum();
            if bytes + size > LAYOUT_BYTES_MAX && !part.is_empty() {
                facts.push(Fact::new(
                    stream,
                    Event::LayoutRecorded {
                        document: document.id,
                        lines: std::mem::take(&mut part),
                    },
                ));
                bytes = 0;
            }
            bytes += size;
            part.push(line.clone());
        }
        if !part.is_empty() {
            facts.push(Fact::new(
                stream,
                Event::LayoutRecorded {
                    document: document.id,
                    lines: part,
                },
            ));
        }
    }

    fn indicator(&self, indicator: &crate::plan::IndicatorDraft, facts: &mut Vec<Fact>) {
        let stream = StreamId::Indicator(indicator.id);
        let mut push = |event| facts.push(Fact::new(stream, event));
        push(Event::IndicatorDefined {
            indicator: indicator.id,
            plan: self.plan.id,
            definition: indicator.definition.clone(),
        });
        if let Some(department) = indicator.department {
            push(Event::DepartmentAssigned {
                previous: None,
                department,
            });
        }
        if let Some(targets) = &indicator.targets {
            push(Event::TargetsSet {
                targets: TargetVersion::new(1, targets.clone()),
            });
        }
        if let Some(decision) = &indicator.direction {
            push(Event::DirectionDecided {
                decision: decision.clone(),
            });
        }
        for (year, adopted) in &indicator.adopted {
            push(Event::FigureAdopted {
                fiscal_year: *year,
                actual: adopted.actual.clone().map(|cell| Actual {
                    cell,
                    evidence: None,
                    expected_final_on: None,
                }),
                printed_total: adopted.printed_total.clone(),
                document: self.plan.document.as_ref().map(|document| document.id),
            });
            for (placement, commentary) in &adopted.commentary {
                push(Event::CommentaryAdopted {
                    fiscal_year: *year,
                    placement: *placement,
                    commentary: commentary.clone(),
                });
            }
        }
    }
}

/// Refuses a draft in which one of `ids` stands twice.
fn once<T: Ord + std::fmt::Display>(
    what: &str,
    ids: impl Iterator<Item = T>,
) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if seen.contains(&id) {
            return Err(Rejection::invalid(
                what,
                format!("the id {id} is used twice; every {what} needs its own"),
                format!("同じ識別子({id})が二度使われています。"),
            ));
        }
        seen.insert(id);
    }
    Ok(())
}

/// Sets the route that submissions take from now on; reports on their way keep theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetRoute {
    /// Which plan.
    pub plan: PlanId,
    /// Names of the department's approval steps, in order; at least one.
    pub approvals: Vec<String>,
    /// Name of the planning office's acceptance.
    pub acceptance: String,
    /// Who decided.
    pub decision: Decision,
}

impl Command for SetRoute {
    const ACTION: Action = Action::SetRoute;

    fn subject(&self) -> Subject {
        Subject {
            plan: Some(self.plan),
            ..Subject::default()
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.plan(self.plan)
            .map(|plan| Scope::whole(plan.municipality))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let plan = view.plan(self.plan)?;
        decision_is_complete(&self.decision)?;
        if !(1..=4).contains(&self.approvals.len()) {
            return Err(Rejection::invalid(
                "approvals",
                "a route has one to four approvals before acceptance",
                "承認の段階は1〜4段階で指定してください。",
            ));
        }
        for name in self.approvals.iter().chain([&self.acceptance]) {
            text_within("step", name, NAME_CHARACTERS_MAX)?;
        }
        let current = plan.route();
        if current.approvals == self.approvals && current.acceptance == self.acceptance {
            return Ok(Vec::new());
        }
        let route = Route {
            version: current.version + 1,
            approvals: self.approvals.clone(),
            acceptance: self.acceptance.clone(),
        };
        Ok(vec![Fact::new(
            StreamId::Plan(self.plan),
            Event::RouteSet {
                route,
                decision: self.decision.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.decision.reason.clone())
    }
}
