//! What comes of a command: done, or a refusal.

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject, Union};
use daicho_app::{AppError, CommandId, Done};
use daicho_domain::report::ReasonCode;
use daicho_domain::{Cell, CellStatus, Command, FiscalYear, IndicatorId, PlanId, Rejection};
use uuid::Uuid;

use crate::failure::Failure;
use crate::refusal::CommandRefusal;
use crate::report::Report;
use crate::request::Asked;
use crate::scalar::{Date, Id, Position};
use crate::words;

/// A command that was carried out.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct CommandDone {
    /// Everything up to here contains its effect.
    pub position: Position,
    /// Number of events that it led to; 0 where everything was already as asked.
    pub events: usize,
    /// Whether it had been carried out before, under the same command id.
    pub replayed: bool,
    /// The identity of what was opened or given.
    pub created: Option<Id<Uuid>>,
    #[graphql(skip)]
    about: Option<AboutReport>,
}

/// Which report a command was about.
#[derive(Clone, Copy, Debug)]
pub(super) struct AboutReport {
    pub(super) plan: PlanId,
    pub(super) indicator: IndicatorId,
    pub(super) fiscal_year: FiscalYear,
}

#[ComplexObject]
impl CommandDone {
    /// The report as it stands now; none for commands that are not about a report.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<Report>, Failure> {
        let Some(about) = self.about else {
            return Ok(None);
        };
        let view = ctx.app().report(
            &ctx.caller(),
            about.plan,
            about.indicator,
            about.fiscal_year,
        )?;
        Ok(Some(Report::of(ctx, view).await?))
    }
}

/// What came of a command.
#[derive(Union)]
pub(crate) enum CommandResult {
    /// It was carried out.
    Done(CommandDone),
    /// It was refused.
    #[graphql(flatten)]
    Refused(CommandRefusal),
}

impl CommandResult {
    pub(super) fn done(done: Done) -> Self {
        CommandDone {
            position: done.position.into(),
            events: done.events,
            replayed: done.replayed,
            created: None,
            about: None,
        }
        .into()
    }

    pub(super) async fn refused(ctx: &Context<'_>, error: impl Into<AppError>) -> Self {
        CommandRefusal::of(ctx, error.into()).await.into()
    }

    pub(super) fn created(self, id: Uuid) -> Self {
        match self {
            Self::Done(done) => Self::Done(CommandDone {
                created: Some(id.into()),
                ..done
            }),
            refused @ Self::Refused(_) => refused,
        }
    }

    pub(super) fn about(self, report: AboutReport) -> Self {
        match self {
            Self::Done(done) => Self::Done(CommandDone {
                about: Some(report),
                ..done
            }),
            refused @ Self::Refused(_) => refused,
        }
    }
}

/// Hands `command` to the app.
pub(super) async fn carry_out<C: Command>(
    ctx: &Context<'_>,
    command_id: Uuid,
    command: C,
) -> CommandResult {
    match ctx
        .app()
        .handle(&ctx.caller(), command, CommandId(command_id))
        .await
    {
        Ok(done) => CommandResult::done(done),
        Err(error) => CommandResult::refused(ctx, error).await,
    }
}

/// Hands the command to the app that the input was understood as, or says why it was not.
pub(super) async fn carry_out_if<C: Command>(
    ctx: &Context<'_>,
    command_id: Uuid,
    command: Result<C, Rejection>,
) -> CommandResult {
    match command {
        Ok(command) => carry_out(ctx, command_id, command).await,
        Err(rejection) => CommandResult::refused(ctx, rejection).await,
    }
}

/// Who decided, when and why.
#[derive(InputObject)]
pub(super) struct DecisionInput {
    /// 決定機関.
    pub decided_by: String,
    /// 決定日, where it is known.
    pub decided_on: Option<Date>,
    /// Why.
    pub reason: String,
}

impl From<DecisionInput> for daicho_domain::plan::Decision {
    fn from(decision: DecisionInput) -> Self {
        Self {
            decided_by: decision.decided_by,
            decided_on: decision.decided_on.map(|date| date.0),
            reason: decision.reason,
        }
    }
}

/// Why something changes that people have relied on.
#[derive(InputObject)]
pub(super) struct ChangeReasonInput {
    /// The kind.
    pub code: words::ReasonCode,
    /// In words.
    pub text: String,
}

impl From<ChangeReasonInput> for daicho_domain::report::ChangeReason {
    fn from(reason: ChangeReasonInput) -> Self {
        Self {
            code: ReasonCode::from(reason.code),
            text: reason.text,
        }
    }
}

/// The cell that somebody typed, or chose a reason for instead.
pub(super) fn cell_of(
    text: Option<&str>,
    status: Option<words::CellStatus>,
) -> Result<Cell, Rejection> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match (text, status.map(CellStatus::from)) {
        (Some(text), None | Some(CellStatus::Value)) => daicho_app::read_entry(text),
        (None, Some(status)) if status != CellStatus::Value => Ok(Cell::absent("", status)),
        (Some(_), Some(_)) => Err(Rejection::invalid(
            "value",
            "has a number and a reason for having none; leave one of them out",
            "数値と「数値がない理由」の両方が入力されています。どちらか一方にしてください。",
        )),
        (None, _) => Err(Rejection::invalid(
            "value",
            "is missing; enter the number, or choose the reason why there is none",
            "数値を入力するか、数値がない理由を選んでください。",
        )),
    }
}
