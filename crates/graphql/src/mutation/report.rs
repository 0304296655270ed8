//! Reports: entered, submitted, returned, approved, accepted, unlocked.

use async_graphql::{Context, InputObject, Object};
use daicho_domain::command::{
    AcceptReport, ApproveReport, EnterActual, ReturnReport, SubmitReport, UnlockReport,
    WithdrawReport, WriteCommentary,
};
use daicho_domain::report::{Commentary, ReportCell};
use daicho_domain::{IndicatorId, PlacementId, PlanId, Rejection};
use uuid::Uuid;

use super::outcome::{
    AboutReport, ChangeReasonInput, CommandResult, carry_out, carry_out_if, cell_of,
};
use crate::report::ReportCellInput;
use crate::scalar::{ContentHash, Date, DateTime, FiscalYear, Id};
use crate::words;

/// Commands about reports.
#[derive(Default)]
pub(crate) struct ReportMutation;

/// Makes the input of a command about one report: what all of them name, then their own.
macro_rules! inputs_about_a_report {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        struct $name {
            /// Made by the client, a new one for each intention.
            command_id: Uuid,
            /// Whose plan.
            plan: Id<PlanId>,
            /// Which indicator.
            indicator: Id<IndicatorId>,
            /// Which year.
            fiscal_year: FiscalYear,
            $($(#[$field_doc])* $field: $type,)*
        }

        impl $name {
            fn about(&self) -> AboutReport {
                AboutReport {
                    plan: self.plan.0,
                    indicator: self.indicator.0,
                    fiscal_year: self.fiscal_year.0,
                }
            }
        }
    )+};
}

inputs_about_a_report! {
    /// Enters or changes the figure: a number as typed, or the reason why there is none.
    EnterActualInput {
        /// The number as typed (`1,638`, `△5.13`, full-width digits too).
        text: Option<String>,
        /// The reason why there is no number.
        status: Option<words::CellStatus>,
        /// Whether the number will be replaced by a final one (暫定値).
        #[graphql(default)]
        provisional: bool,
        /// When a provisional or pending figure is expected to be final.
        expected_final_on: Option<Date>,
        /// 根拠資料: name and place of what the figure was taken from.
        evidence: Option<String>,
        /// The revision of the report that the writer has seen; 0 for one that nobody has
        /// entered.
        seen_revision: u32,
        /// Why, where the report had been approved before.
        reason: Option<ChangeReasonInput>,
    }
    /// Writes or changes the commentary at one place of the sheet.
    WriteCommentaryInput {
        /// Where it stands.
        placement: Id<PlacementId>,
        /// 増減理由: why the figure rose or fell.
        #[graphql(default)]
        cause: String,
        /// 今後の取組: what is done next.
        #[graphql(default)]
        next_action: String,
        /// The revision of the report that the writer has seen.
        seen_revision: u32,
        /// Why it changes, where the report had been approved before.
        reason: Option<ChangeReasonInput>,
    }
    /// Submits a report to the route.
    SubmitReportInput {
        /// The revision of the report that the submitter has seen.
        seen_revision: u32,
    }
    /// Takes a submission back before the next step acts.
    WithdrawReportInput {}
    /// Returns a report to its department with a comment tied to a cell.
    ReturnReportInput {
        /// What is asked for.
        comment: String,
        /// The part that it is about.
        cell: ReportCellInput,
    }
    /// Approves a report for its department: exactly the content that was read.
    ApproveReportInput {
        /// The hash of the content that the approver has read.
        content: ContentHash,
    }
    /// Accepts a report for the planning office.
    AcceptReportInput {
        /// The hash of the content that was read.
        content: ContentHash,
    }
    /// Opens one cell of an accepted or published report for change, for a time.
    UnlockReportInput {
        /// The one part that may be changed.
        cell: ReportCellInput,
        /// Why.
        reason: ChangeReasonInput,
        /// From this moment on it is locked again; at most 90 days ahead.
        expires_at: DateTime,
    }
}

impl TryFrom<EnterActualInput> for EnterActual {
    type Error = Rejection;

    fn try_from(input: EnterActualInput) -> Result<Self, Rejection> {
        let cell = cell_of(input.text.as_deref(), input.status)?;
        let is_provisional = cell.is_provisional() || (input.provisional && cell.value().is_some());
        Ok(Self {
            plan: input.plan.0,
            indicator: input.indicator.0,
            fiscal_year: input.fiscal_year.0,
            cell: cell.with_provisional(is_provisional),
            evidence: input.evidence,
            expected_final_on: input.expected_final_on.map(|date| date.0),
            seen_revision: input.seen_revision,
            reason: input.reason.map(Into::into),
        })
    }
}

#[Object]
impl ReportMutation {
    /// Enters or changes the figure of a report.
    async fn enter_actual(&self, ctx: &Context<'_>, input: EnterActualInput) -> CommandResult {
        let (command_id, about) = (input.command_id, input.about());
        carry_out_if(ctx, command_id, EnterActual::try_from(input))
            .await
            .about(about)
    }

    /// Writes or changes the commentary at one place of the sheet.
    async fn write_commentary(
        &self,
        ctx: &Context<'_>,
        input: WriteCommentaryInput,
    ) -> CommandResult {
        let (command_id, about) = (input.command_id, input.about());
        let command = WriteCommentary {
            plan: about.plan,
            indicator: about.indicator,
            fiscal_year: about.fiscal_year,
            placement: input.placement.0,
            commentary: Commentary {
                reason: input.cause,
                next_action: input.next_action,
                original: None,
            },
            seen_revision: input.seen_revision,
            reason: input.reason.map(Into::into),
        };
        carry_out(ctx, command_id, command).await.about(about)
    }

    /// Submits a report to the route.
    async fn submit_report(&self, ctx: &Context<'_>, input: SubmitReportInput) -> CommandResult {
        let AboutReport {
            plan,
            indicator,
            fiscal_year,
        } = input.about();
        let command = SubmitReport {
            plan,
            indicator,
            fiscal_year,
            seen_revision: input.seen_revision,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .about(input.about())
    }

    /// Takes a submission back before the next step acts.
    async fn withdraw_report(
        &self,
        ctx: &Context<'_>,
        input: WithdrawReportInput,
    ) -> CommandResult {
        let AboutReport {
            plan,
            indicator,
            fiscal_year,
        } = input.about();
        let command = WithdrawReport {
            plan,
            indicator,
            fiscal_year,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .about(input.about())
    }

    /// Returns a report to its department with a comment tied to a cell.
    async fn return_report(&self, ctx: &Context<'_>, input: ReturnReportInput) -> CommandResult {
        let (command_id, about) = (input.command_id, input.about());
        let command = ReportCell::try_from(input.cell).map(|cell| ReturnReport {
            plan: about.plan,
            indicator: about.indicator,
            fiscal_year: about.fiscal_year,
            comment: input.comment,
            cell,
        });
        carry_out_if(ctx, command_id, command).await.about(about)
    }

    /// Approves a report for its department: exactly the content that was read.
    async fn approve_report(&self, ctx: &Context<'_>, input: ApproveReportInput) -> CommandResult {
        let AboutReport {
            plan,
            indicator,
            fiscal_year,
        } = input.about();
        let command = ApproveReport {
            plan,
            indicator,
            fiscal_year,
            content: input.content.0,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .about(input.about())
    }

    /// Accepts a report for the planning office: the last step of the route.
    async fn accept_report(&self, ctx: &Context<'_>, input: AcceptReportInput) -> CommandResult {
        let AboutReport {
            plan,
            indicator,
            fiscal_year,
        } = input.about();
        let command = AcceptReport {
            plan,
            indicator,
            fiscal_year,
            content: input.content.0,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .about(input.about())
    }

    /// Opens one cell of an accepted or published report for change, for a time.
    async fn unlock_report(&self, ctx: &Context<'_>, input: UnlockReportInput) -> CommandResult {
        let (command_id, about) = (input.command_id, input.about());
        let command = ReportCell::try_from(input.cell).map(|cell| UnlockReport {
            plan: about.plan,
            indicator: about.indicator,
            fiscal_year: about.fiscal_year,
            cell,
            reason: input.reason.into(),
            expires_at: input.expires_at.0,
        });
        carry_out_if(ctx, command_id, command).await.about(about)
    }
}
