//! Fiscal years of a plan: opened, due, closed, published.

use async_graphql::{Context, InputObject, Object};
use daicho_domain::PlanId;
use daicho_domain::command::{ChangeDueDate, ClosePeriod, OpenPeriod, PublishSheet, ReopenPeriod};
use uuid::Uuid;

use super::outcome::{CommandResult, carry_out};
use crate::scalar::{Date, FiscalYear, Id};

/// Commands about fiscal years.
#[derive(Default)]
pub(crate) struct PeriodMutation;

/// Opens a fiscal year for entry.
#[derive(InputObject)]
struct OpenPeriodInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Which year.
    fiscal_year: FiscalYear,
    /// Day by which departments are to submit.
    due: Date,
}

/// Changes the day by which departments are to submit.
#[derive(InputObject)]
struct ChangeDueDateInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Which year.
    fiscal_year: FiscalYear,
    /// The new day.
    due: Date,
    /// Why.
    reason: String,
}

/// Ends entry; what was submitted can still be approved and accepted.
#[derive(InputObject)]
struct ClosePeriodInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Which year.
    fiscal_year: FiscalYear,
}

/// Opens entry again before publication.
#[derive(InputObject)]
struct ReopenPeriodInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Which year.
    fiscal_year: FiscalYear,
    /// Why.
    reason: String,
}

/// Publishes a year's sheet; a second publication is a correction.
#[derive(InputObject)]
struct PublishSheetInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which plan.
    plan: Id<PlanId>,
    /// Which year.
    fiscal_year: FiscalYear,
    /// Why; a correction needs it.
    reason: Option<String>,
}

#[Object]
impl PeriodMutation {
    /// Opens a fiscal year for entry.
    async fn open_period(&self, ctx: &Context<'_>, input: OpenPeriodInput) -> CommandResult {
        let command = OpenPeriod {
            plan: input.plan.0,
            fiscal_year: input.fiscal_year.0,
            due: input.due.0,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Changes the day by which departments are to submit.
    async fn change_due_date(&self, ctx: &Context<'_>, input: ChangeDueDateInput) -> CommandResult {
        let command = ChangeDueDate {
            plan: input.plan.0,
            fiscal_year: input.fiscal_year.0,
            due: input.due.0,
            reason: input.reason,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Ends entry; what was submitted can still be approved and accepted.
    async fn close_period(&self, ctx: &Context<'_>, input: ClosePeriodInput) -> CommandResult {
        let command = ClosePeriod {
            plan: input.plan.0,
            fiscal_year: input.fiscal_year.0,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Opens entry again before publication. After it, single cells are unlocked instead.
    async fn reopen_period(&self, ctx: &Context<'_>, input: ReopenPeriodInput) -> CommandResult {
        let command = ReopenPeriod {
            plan: input.plan.0,
            fiscal_year: input.fiscal_year.0,
            reason: input.reason,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Publishes a year's sheet; a second publication is a correction and needs a reason.
    async fn publish_sheet(&self, ctx: &Context<'_>, input: PublishSheetInput) -> CommandResult {
        let reason = input.reason.filter(|reason| !reason.trim().is_empty());
        let command = PublishSheet {
            plan: input.plan.0,
            fiscal_year: input.fiscal_year.0,
            reason,
        };
        carry_out(ctx, input.command_id, command).await
    }
}
