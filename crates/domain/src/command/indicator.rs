//! What the planning office decides of an indicator: department, direction, targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, Command, Context, Fact, Scope, Subject, decision_is_complete};
use crate::cell::Cell;
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::{DepartmentId, IndicatorId, PlanId};
use crate::indicator::{DirectionDecision, FinalTarget, TargetChange, TargetSet, TargetVersion};
use crate::plan::Decision;
use crate::rejection::Rejection;
use crate::stream::StreamId;
use crate::world::View;

fn about(plan: PlanId, indicator: IndicatorId) -> Subject {
    Subject {
        plan: Some(plan),
        indicator: Some(indicator),
        ..Subject::default()
    }
}

/// Sets the department that reports an indicator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssignDepartment {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// The department from now on.
    pub department: DepartmentId,
}

impl Command for AssignDepartment {
    const ACTION: Action = Action::AssignDepartment;

    fn subject(&self) -> Subject {
        Subject {
            department: Some(self.department),
            ..about(self.plan, self.indicator)
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.plan(self.plan)
            .map(|plan| Scope::whole(plan.municipality))
    }

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let plan = view.plan(self.plan)?;
        let indicator = view.indicator(self.plan, self.indicator)?;
        let department = view.department(self.department)?;
        if department.municipality != plan.municipality {
            return Err(Rejection::not_found("department in this municipality"));
        }
        if indicator.department == Some(self.department) {
            return Ok(Vec::new());
        }
        if let Some(last) = department.valid_to.filter(|last| *last < context.today()) {
            return Err(Rejection::invalid(
                "department",
                format!("was closed on {last}; choose one that exists today"),
                "廃止された課です。現在ある課を指定してください。",
            ));
        }
        Ok(vec![Fact::new(
            StreamId::Indicator(self.indicator),
            Event::DepartmentAssigned {
                previous: indicator.department,
                department: self.department,
            },
        )])
    }
}

/// Decides which way is good. Leaving it open is a decision too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecideDirection {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// The direction with who decided, when and why.
    pub decision: DirectionDecision,
}

impl Command for DecideDirection {
    const ACTION: Action = Action::DecideDirection;

    fn subject(&self) -> Subject {
        about(self.plan, self.indicator)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.plan(self.plan)
            .map(|plan| Scope::whole(plan.municipality))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let indicator = view.indicator(self.plan, self.indicator)?;
        decision_is_complete(&self.decision.decision)?;
        if indicator.direction_decision.as_ref() == Some(&self.decision) {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Indicator(self.indicator),
            Event::DirectionDecided {
                decision: self.decision.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.decision.decision.reason.clone())
    }
}

/// Revises targets from a fiscal year on. What is published is not judged anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviseTargets {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// New targets by fiscal year; years that are not named keep theirs.
    pub years: BTreeMap<FiscalYear, Cell>,
    /// The new final target, if it changes.
    pub final_target: Option<FinalTarget>,
    /// First fiscal year that is judged against the new targets.
    pub effective_from: FiscalYear,
    /// Who decided, when and why.
    pub decision: Decision,
}

impl Command for ReviseTargets {
    const ACTION: Action = Action::ReviseTargets;

    fn subject(&self) -> Subject {
        Subject {
            fiscal_year: Some(self.effective_from),
            ..about(self.plan, self.indicator)
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.plan(self.plan)
            .map(|plan| Scope::whole(plan.municipality))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let plan = view.plan(self.plan)?;
        let indicator = view.indicator(self.plan, self.indicator)?;
        decision_is_complete(&self.decision)?;
        if !(plan.term_from..=plan.term_to).contains(&self.effective_from) {
            return Err(Rejection::invalid(
                "effective_from",
                format!(
                    "{} is outside the plan's term {} to {}; targets take effect in a year of the term",
                    self.effective_from, plan.term_from, plan.term_to
                ),
                format!(
                    "適用年度には計画期間({}〜{})の年度を指定してください。",
                    plan.term_from.ja(),
                    plan.term_to.ja()
                ),
            ));
        }
        if let Some(year) = self
            .years
            .keys()
            .find(|year| **year < self.effective_from || **year > plan.term_to)
        {
            return Err(Rejection::invalid(
                "years",
                format!(
                    "{year} is outside {}..{}; a revision changes targets from its effective year to the end of the term",
                    self.effective_from, plan.term_to
                ),
                format!(
                    "{}の目標は変更できません。適用年度から計画期間の終わりまでの年度を指定してください。",
                    year.ja()
                ),
            ));
        }
        for year in self.effective_from.through(plan.term_to) {
            if view
                .period(self.plan, year)
                .is_some_and(|period| !period.publications.is_empty())
            {
                return Err(Rejection::PeriodNotOpen {
                    fiscal_year: year,
                    hint: "its sheet is published and stays judged as it was; choose a later effective year".into(),
                    hint_ja: "公表済みの年度の評価は変わりません。適用年度には公表後の年度を指定してください。".into(),
                });
            }
        }
        let current = indicator.targets.last();
        let mut years = current
            .map(|version| version.years.clone())
            .unwrap_or_default();
        let mut changes = Vec::new();
        for (year, revised) in &self.years {
            let previous = years.insert(*year, revised.clone());
            if !previous
                .as_ref()
                .is_some_and(|previous| previous.says_the_same_as(revised))
            {
                changes.push(TargetChange {
                    fiscal_year: Some(*year),
                    previous,
                    revised: Some(revised.clone()),
                });
            }
        }
        let previous_final = current.and_then(|version| version.final_target.clone());
        let final_target = self.final_target.clone().or_else(|| previous_final.clone());
        if final_target != previous_final {
            changes.push(TargetChange {
                fiscal_year: None,
                previous: previous_final.map(|target| target.cell),
                revised: final_target.as_ref().map(|target| target.cell.clone()),
            });
        }
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let set = TargetSet {
            years,
            final_target,
            // A printed total belongs to the targets it was printed with.
            total: None,
            effective_from: self.effective_from,
            decision: self.decision.clone(),
        };
        let event = match current {
            None => Event::TargetsSet {
                targets: TargetVersion::new(1, set),
            },
            Some(version) => Event::TargetsRevised {
                targets: TargetVersion::new(version.number + 1, set),
                changes,
            },
        };
        Ok(vec![Fact::new(StreamId::Indicator(self.indicator), event)])
    }

    fn reason(&self) -> Option<String> {
        Some(self.decision.reason.clone())
    }
}
