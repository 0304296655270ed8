//! The history of a figure, and the refused commands.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};
use daicho_app::HistoryKind;
use daicho_domain::{AccountId, Action, DepartmentId, DocumentId, IndicatorId, PlanId};
use uuid::Uuid;

use crate::failure::Failure;
use crate::people::{Actor, Departments, Names};
use crate::report::ReportCell;
use crate::scalar::{ContentHash, DateTime, FiscalYear, Id, Position};
use crate::words;

/// One line of a figure's history.
#[derive(SimpleObject)]
pub(crate) struct HistoryEntry {
    /// Position in the records.
    pub position: Position,
    /// The event's own identity.
    pub event_id: Id<Uuid>,
    /// The command that it came from.
    pub command_id: Id<Uuid>,
    /// Pinned name of the event (`actual-revised.v1`).
    pub event: &'static str,
    /// What kind of thing happened.
    pub kind: words::HistoryKind,
    /// What kind of thing happened, in Japanese.
    pub kind_label: &'static str,
    /// When.
    pub at: DateTime,
    /// Who, in which role, under which grant, for whom.
    pub actor: Actor,
    /// The year it is about; none for what concerns all years.
    pub fiscal_year: Option<FiscalYear>,
    /// The part of the report it is about.
    pub cell: Option<ReportCell>,
    /// What stood before.
    pub from: Option<String>,
    /// What stands after.
    pub to: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Exactly what was submitted, approved or accepted.
    pub content: Option<ContentHash>,
    /// The document it was read from.
    pub document: Option<Id<DocumentId>>,
}

impl HistoryEntry {
    /// `entries` with names, in the same order.
    pub(crate) async fn list(
        ctx: &Context<'_>,
        entries: &[Arc<daicho_app::HistoryEntry>],
        departments: &Departments,
    ) -> Result<Vec<Self>, Failure> {
        let names = Names::of_actors(ctx, entries.iter().map(|entry| &entry.actor)).await?;
        let in_words = |kind: HistoryKind, text: &Option<String>| {
            let text = text.clone()?;
            match kind {
                // The records name departments by id, because their names change.
                HistoryKind::Assigned => Some(departments.name_by_text(&text).unwrap_or(text)),
                _ => Some(text),
            }
        };
        let list = entries.iter().map(|entry| Self {
            position: Position::new(entry.position),
            event_id: entry.event_id.into(),
            command_id: entry.command_id.into(),
            event: entry.event_name,
            kind: entry.kind.into(),
            kind_label: entry.kind.ja(),
            at: entry.at.into(),
            actor: names.actor(&entry.actor),
            fiscal_year: entry.fiscal_year.map(FiscalYear),
            cell: entry.cell.map(Into::into),
            from: in_words(entry.kind, &entry.from),
            to: in_words(entry.kind, &entry.to),
            reason: entry.reason.clone(),
            content: entry.content.map(ContentHash),
            document: entry.document.map(Id),
        });
        Ok(list.collect())
    }
}

/// A command of somebody signed in that was refused.
#[derive(SimpleObject)]
pub(crate) struct RecordedRefusal {
    /// Position in the records.
    pub position: Position,
    /// The event's own identity.
    pub event_id: Id<Uuid>,
    /// When.
    pub at: DateTime,
    /// Who asked.
    pub actor: Actor,
    /// Name of the command (`enter_actual`).
    pub command: String,
    /// The command in words (`実績値の入力`).
    pub command_label: String,
    /// The plan that it was about.
    pub plan: Option<Id<PlanId>>,
    /// The indicator that it was about.
    pub indicator: Option<Id<IndicatorId>>,
    /// The fiscal year that it was about.
    pub fiscal_year: Option<FiscalYear>,
    /// The department that it was about.
    pub department: Option<Id<DepartmentId>>,
    /// The account that it was about.
    pub account: Option<Id<AccountId>>,
    /// Stable code of the refusal.
    pub code: String,
    /// The refusal in words, as it was given.
    pub message: String,
}

impl RecordedRefusal {
    /// `refusals` with names, in the same order.
    pub(crate) async fn list(
        ctx: &Context<'_>,
        refusals: &[Arc<daicho_app::Refusal>],
    ) -> Result<Vec<Self>, Failure> {
        let names = Names::of_actors(ctx, refusals.iter().map(|refusal| &refusal.actor)).await?;
        let list = refusals.iter().map(|refusal| Self {
            position: Position::new(refusal.position),
            event_id: refusal.event_id.into(),
            at: refusal.at.into(),
            actor: names.actor(&refusal.actor),
            command: refusal.command.clone(),
            command_label: Action::from_name(&refusal.command)
                .map_or_else(|| refusal.command.clone(), |action| action.ja().to_owned()),
            plan: refusal.subject.plan.map(Id),
            indicator: refusal.subject.indicator.map(Id),
            fiscal_year: refusal.subject.fiscal_year.map(FiscalYear),
            department: refusal.subject.department.map(Id),
            account: refusal.subject.account.map(Id),
            code: refusal.code.clone(),
            message: refusal.message.clone(),
        });
        Ok(list.collect())
    }
}
