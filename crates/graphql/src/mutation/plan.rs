//! Plans and indicators: route, departments, directions, targets.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Object};
use daicho_domain::command::{AssignDepartment, DecideDirection, ReviseTargets, SetRoute};
use daicho_domain::indicator::{DirectionDecision, FinalTarget};
use daicho_domain::{DepartmentId, IndicatorId, PlanId, Rejection};
use uuid::Uuid;

use super::outcome::{CommandResult, DecisionInput, carry_out, carry_out_if, cell_of};
use crate::scalar::{FiscalYear, Id};
use crate::words;

/// Commands about plans and indicators.
#[derive(Default)]
pub(crate) struct PlanMutation;

/// Sets the route that new submissions take.
#[derive(InputObject)]
struct SetRouteInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Names of the department's approval steps, in order; at least one.
    approvals: Vec<String>,
    /// Name of the planning office's acceptance.
    acceptance: String,
    /// Who decided.
    decision: DecisionInput,
}

/// Gives an indicator to a department.
#[derive(InputObject)]
struct AssignDepartmentInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Whose plan.
    plan: Id<PlanId>,
    /// Which indicator.
    indicator: Id<IndicatorId>,
    /// The department from now on.
    department: Id<DepartmentId>,
}

/// Records which way is good, as somebody has decided.
#[derive(InputObject)]
struct DecideDirectionInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Whose plan.
    plan: Id<PlanId>,
    /// Which indicator.
    indicator: Id<IndicatorId>,
    /// The direction; `undefined` where it was decided to leave it open.
    direction: words::Direction,
    /// Who decided, when and why.
    decision: DecisionInput,
}

/// The target of one year, as typed, or the reason why there is none.
#[derive(InputObject)]
struct TargetInput {
    /// The year.
    fiscal_year: FiscalYear,
    /// The number as typed.
    text: Option<String>,
    /// The reason why there is none.
    status: Option<words::CellStatus>,
}

/// A final target, as typed.
#[derive(InputObject)]
struct FinalTargetInput {
    /// The number as typed.
    text: String,
    /// The basis as the sheet writes it.
    basis_label: String,
    /// The basis.
    basis: Option<words::Basis>,
}

/// Revises targets from a fiscal year on. What is published is not judged anew.
#[derive(InputObject)]
struct ReviseTargetsInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Whose plan.
    plan: Id<PlanId>,
    /// Which indicator.
    indicator: Id<IndicatorId>,
    /// New targets; years that are not named keep theirs.
    years: Vec<TargetInput>,
    /// The new final target, if it changes.
    final_target: Option<FinalTargetInput>,
    /// First fiscal year that is judged against the new targets.
    effective_from: FiscalYear,
    /// Who decided, when and why.
    decision: DecisionInput,
}

impl TryFrom<ReviseTargetsInput> for ReviseTargets {
    type Error = Rejection;

    fn try_from(input: ReviseTargetsInput) -> Result<Self, Rejection> {
        let mut years = BTreeMap::new();
        for target in &input.years {
            let cell = cell_of(target.text.as_deref(), target.status)?;
            if years.insert(target.fiscal_year.0, cell).is_some() {
                return Err(Rejection::invalid(
                    "years",
                    format!("names {} twice; name each year once", target.fiscal_year.0),
                    format!("{}が2回指定されています。", target.fiscal_year.0.ja()),
                ));
            }
        }
        let final_target = input.final_target.map(|target| {
            Ok(FinalTarget {
                cell: cell_of(Some(&target.text), None)?,
                basis_label: target.basis_label,
                basis: target.basis.map(Into::into),
            })
        });
        Ok(Self {
            plan: input.plan.0,
            indicator: input.indicator.0,
            years,
            final_target: final_target.transpose()?,
            effective_from: input.effective_from.0,
            decision: input.decision.into(),
        })
    }
}

#[Object]
impl PlanMutation {
    /// Sets the route that new submissions take.
    async fn set_route(&self, ctx: &Context<'_>, input: SetRouteInput) -> CommandResult {
        let command = SetRoute {
            plan: input.plan.0,
            approvals: input.approvals,
            acceptance: input.acceptance,
            decision: input.decision.into(),
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Gives an indicator to a department.
    async fn assign_department(
        &self,
        ctx: &Context<'_>,
        input: AssignDepartmentInput,
    ) -> CommandResult {
        let command = AssignDepartment {
            plan: input.plan.0,
            indicator: input.indicator.0,
            department: input.department.0,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Records which way is good, as somebody has decided.
    async fn decide_direction(
        &self,
        ctx: &Context<'_>,
        input: DecideDirectionInput,
    ) -> CommandResult {
        let decision = DirectionDecision {
            direction: input.direction.into(),
            decision: input.decision.into(),
        };
        let command = DecideDirection {
            plan: input.plan.0,
            indicator: input.indicator.0,
            decision,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Revises targets from a fiscal year on. What is published is not judged anew.
    async fn revise_targets(&self, ctx: &Context<'_>, input: ReviseTargetsInput) -> CommandResult {
        let command_id = input.command_id;
        carry_out_if(ctx, command_id, ReviseTargets::try_from(input)).await
    }
}
