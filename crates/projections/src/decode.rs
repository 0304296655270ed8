//! From the log's words to the domain's.

use daicho_domain::{AccountId, Actor, Event, GrantId, Provenance, Role, StreamId, Who};
use daicho_eventlog::{EventActor, RecordedEvent};

/// An event of the log, understood.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What happened.
    pub event: Event,
    /// Who, when, where in the log.
    pub provenance: Provenance,
    /// The command or event that led to it, where it is not its own.
    pub cause: Option<uuid::Uuid>,
    /// The reason recorded with it.
    pub reason: Option<String>,
}

/// An event that this version cannot understand.
#[derive(Debug, thiserror::Error)]
#[error(
    "event {position} of stream {stream} ({event_type}) cannot be understood: {why}; it was written by a newer version, or the log is damaged: run 'daicho verify'"
)]
pub struct Undecodable {
    /// Position in the log.
    pub position: u64,
    /// The stream's name.
    pub stream: String,
    /// The event's name.
    pub event_type: String,
    /// What does not fit.
    pub why: String,
}

/// Understands one event.
///
/// # Errors
/// When its stream, name, data or actor is not one of this domain's.
pub fn decode(recorded: &RecordedEvent) -> Result<Decoded, Undecodable> {
    let undecodable = |why: String| Undecodable {
        position: recorded.global_position.0,
        stream: recorded.stream.to_string(),
        event_type: recorded.event_type.clone(),
        why,
    };
    let metadata = &recorded.metadata;
    Ok(Decoded {
        stream: recorded
            .stream
            .as_str()
            .parse()
            .map_err(|e: daicho_domain::stream::UnknownStream| undecodable(e.to_string()))?,
        event: Event::decode(&recorded.event_type, &recorded.data)
            .map_err(|e| undecodable(e.to_string()))?,
        provenance: Provenance {
            position: recorded.global_position.0,
            event_id: metadata.event_id,
            command_id: metadata.command_id,
            actor: actor(&metadata.actor).map_err(undecodable)?,
            at: metadata.recorded_at,
        },
        cause: metadata.causation_id,
        reason: metadata.reason.clone(),
    })
}

fn actor(recorded: &EventActor) -> Result<Actor, String> {
    let who = match recorded.account.strip_prefix("operator:") {
        Some(user) => Who::Operator(user.to_owned()),
        None => Who::Account(account(&recorded.account)?),
    };
    Ok(Actor {
        who,
        role: Role::from_code(&recorded.role)
            .ok_or_else(|| format!("unknown role '{}'", recorded.role))?,
        grant: recorded.grant.map(GrantId),
        on_behalf_of: recorded.on_behalf_of.as_deref().map(account).transpose()?,
    })
}

fn account(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|_| format!("'{text}' is no account"))
}
