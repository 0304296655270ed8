//! Commands of signed-in people that were refused.

use daicho_domain::command::Subject;
use daicho_domain::{Action, Actor, Event};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decode::Decoded;
use crate::history::{HistoryEntry, HistoryKind};

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Position in the log.
    pub position: u64,
    /// The event's own identity.
    pub event_id: Uuid,
    /// The command that was refused, by its client's id.
    pub command_id: Uuid,
    /// When (UTC).
    pub at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// Name of the command.
    pub command: String,
    /// What it was about.
    pub subject: Subject,
    /// Stable code of the refusal.
    pub code: String,
    /// In words.
    pub message: String,
}

impl Refusal {
    pub(crate) fn of(decoded: &Decoded) -> Option<Self> {
        let Event::CommandRefused {
            command,
            subject,
            code,
            message,
        } = &decoded.event
        else {
            return None;
        };
        Some(Self {
            position: decoded.provenance.position,
            event_id: decoded.provenance.event_id,
            command_id: decoded.cause.unwrap_or(decoded.provenance.command_id),
            at: decoded.provenance.at,
            actor: decoded.provenance.actor.clone(),
            command: command.clone(),
            subject: *subject,
            code: code.clone(),
            message: message.clone(),
        })
    }

    /// The refusal as a line of the history of what it was about.
    pub fn as_history(&self) -> HistoryEntry {
        HistoryEntry {
            position: self.position,
            event_id: self.event_id,
            command_id: self.command_id,
            event_name: "command-refused.v1",
            kind: HistoryKind::Refused,
            at: self.at,
            actor: self.actor.clone(),
            fiscal_year: self.subject.fiscal_year,
            cell: None,
            from: None,
            to: Some(
                Action::from_name(&self.command)
                    .map_or_else(|| self.command.clone(), |action| action.ja().to_owned()),
            ),
            reason: Some(self.message.clone()),
            content: None,
            document: None,
        }
    }
}
