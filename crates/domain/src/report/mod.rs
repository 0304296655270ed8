//! The report of one indicator for one fiscal year: figure, commentary, and its way through
//! submission, approval, acceptance and publication (DESIGN §5).

mod commentary;
mod content;
mod reason;
mod stage;
mod standing;

pub use commentary::{COMMENTARY_CHARACTERS_MAX, Commentary};
pub use content::{ContentHash, content_hash};
pub use reason::{ChangeReason, ReasonCode};
pub use stage::ReportStage;
pub use standing::Standing;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::cell::Cell;
use crate::id::{DocumentId, PlacementId};

/// A part of a report that can be returned, unlocked or corrected on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportCell {
    /// The figure.
    Actual,
    /// The commentary at one place of the sheet.
    Commentary(PlacementId),
}

/// The figure of a report, with what supports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actual {
    /// The number or the reason why there is none.
    pub cell: Cell,
    /// 根拠資料: name and place of what the figure was taken from.
    pub evidence: Option<String>,
    /// When a provisional or pending figure is expected to be final.
    pub expected_final_on: Option<Date>,
}

/// One part of the content with the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered<T> {
    /// What was entered.
    pub content: T,
    /// Who entered it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A step of the route that somebody took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// Index of the step: 0 is the first approval; acceptance is the number of approvals.
    pub step: u8,
    /// Name of the step in the route's version.
    pub name: String,
    /// Who took it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Exactly what was approved.
    pub content: ContentHash,
}

/// A return with its comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// What is asked for.
    pub comment: String,
    /// The part that it is about.
    pub cell: ReportCell,
    /// Who returned it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// One cell opened for change after acceptance or publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlock {
    /// The one part that may be changed.
    pub cell: ReportCell,
    /// Why.
    pub reason: ChangeReason,
    /// From this moment on it is locked again.
    pub expires_at: Timestamp,
    /// Who unlocked it.
    pub by: Actor,
}

/// The last change of a report's content: what a stale writer is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The part that changed.
    pub cell: ReportCell,
    /// What it says now, for people.
    pub now: String,
    /// Who changed it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// Where an adopted report came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The printed total of actuals, where the document has one.
    pub printed_total: Option<Cell>,
    /// The document, where it was read from one.
    pub document: Option<DocumentId>,
    /// Who took it over.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// What is known of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Where it stands on its way; whether it is published is for
    /// [`PeriodState::published_content`](crate::period::PeriodState::published_content) to say.
    pub stage: ReportStage,
    /// Number of changes of its content; what a writer has seen is named by it.
    pub revision: u32,
    /// The figure.
    pub actual: Option<Entered<Actual>>,
    /// Commentary by placement.
    pub commentary: BTreeMap<PlacementId, Entered<Commentary>>,
    /// Who submitted it last.
    pub submitted_by: Option<Actor>,
    /// When it was submitted last.
    pub submitted_at: Option<Timestamp>,
    /// Version of the route that the submission is bound to.
    pub route_version: Option<u32>,
    /// Steps taken since the last submission.
    pub steps: Vec<StepTaken>,
    /// The return that is not yet answered by a new submission.
    pub returned: Option<Returned>,
    /// The cell that is open for change now, if any.
    pub unlock: Option<Unlock>,
    /// Whether it was ever approved: changes then need a reason.
    pub was_approved: bool,
    /// Whether an unlocked cell was changed since the last acceptance: only that cell may be
    /// changed then, and the report goes through its route again, open period or not.
    pub reopened: bool,
    /// Whether the content was changed after a publication.
    pub corrected: bool,
    /// The last change of the content.
    pub last_change: Option<LastChange>,
    /// Where it came from, if it was adopted.
    pub adoption: Option<Adoption>,
}

impl Report {
    /// Everyone whose words or figures the current content contains.
    pub fn contributors(&self) -> impl Iterator<Item = &Actor> {
        self.actual
            .iter()
            .map(|entered| &entered.by)
            .chain(self.commentary.values().map(|entered| &entered.by))
    }

    /// The newest approval or acceptance.
    pub fn last_step(&self) -> Option<&StepTaken> {
        self.steps.last()
    }

    /// Whether somebody has approved a content that is no longer this one.
    pub fn has_stale_approval(&self, now: ContentHash) -> bool {
        self.steps.iter().any(|step| step.content != now)
    }

    /// The unlock that is in force at `now`; an expired one locks itself.
    pub fn unlock_in_force(&self, now: Timestamp) -> Option<&Unlock> {
        self.unlock
            .as_ref()
            .filter(|unlock| now < unlock.expires_at)
    }
}
