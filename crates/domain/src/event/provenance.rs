//! Where an event comes from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Actor;

/// What surrounds an event: recorded by the log, the same for every kind of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Position in the whole log, from 0.
    pub position: u64,
    /// The event's own identity.
    pub event_id: Uuid,
    /// The command that it came from.
    pub command_id: Uuid,
    /// Who acted.
    pub actor: Actor,
    /// When it was recorded (UTC).
    pub at: Timestamp,
}
