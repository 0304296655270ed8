use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who acted, and under which right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventActor {
    /// Account id of the person or service that acted.
    pub account: String,
    /// The role it acted in.
    pub role: String,
    /// The grant that gave the role, where one did.
    pub grant: Option<Uuid>,
    /// Account id of the person represented, for an act under a delegation.
    pub on_behalf_of: Option<String>,
}

/// What every event carries beside its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Identity of this event.
    pub event_id: Uuid,
    /// The command that caused it; made by the client, the idempotency key of the append.
    pub command_id: Uuid,
    /// Digest of the command's content and of who gave it: the same id with another digest is
    /// another command. `None` for what the service records by itself.
    pub command_digest: Option<String>,
    /// The whole conversation that it belongs to.
    pub correlation_id: Uuid,
    /// The event or command that directly led to this command, if any.
    pub causation_id: Option<Uuid>,
    /// Who acted.
    pub actor: EventActor,
    /// The municipality concerned; `None` for acts on the service itself.
    pub municipality: Option<Uuid>,
    /// Why, where the act needed a reason.
    pub reason: Option<String>,
    /// When the service recorded it (UTC). A date of the subject is data, not metadata.
    pub recorded_at: Timestamp,
}
