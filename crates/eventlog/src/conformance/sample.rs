//! Events for the cases: their content does not matter, that they differ does.

use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Append, EventActor, ExpectedVersion, GlobalPosition, Metadata, NewEvent, StreamName,
    StreamPosition,
};

/// The stream `plan-{id}`.
#[must_use]
pub fn stream(id: &str) -> StreamName {
    StreamName::new("plan", id).unwrap()
}

/// The command with number `number`.
#[must_use]
pub fn command(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xc0, number)
}

/// The global position `position`.
#[must_use]
pub fn at(position: u64) -> GlobalPosition {
    GlobalPosition(position)
}

/// Expects that the stream's last event is at `position`.
#[must_use]
pub fn exact(position: u64) -> ExpectedVersion {
    ExpectedVersion::Exact(StreamPosition(position))
}

/// Expects that the stream has no event.
#[must_use]
pub fn no_stream() -> ExpectedVersion {
    ExpectedVersion::NoStream
}

/// A small event of the command `number` for the stream `plan-{id}`.
#[must_use]
pub fn event(number: u64, id: &str) -> NewEvent {
    NewEvent {
        stream: stream(id),
        event_type: "sample-taken.v1".to_owned(),
        data: RawValue::from_string(format!(r#"{{"command":{number},"値":"1.50"}}"#)).unwrap(),
        metadata: Metadata {
            event_id: Uuid::from_u64_pair(0xe0, number),
            command_id: command(number),
            command_digest: None,
            correlation_id: Uuid::from_u64_pair(0xa0, number),
            causation_id: None,
            actor: EventActor {
                account: "staff.企画課".to_owned(),
                role: "staff".to_owned(),
                grant: None,
                on_behalf_of: None,
            },
            municipality: Some(Uuid::from_u64_pair(0xb0, 1)),
            reason: None,
            recorded_at: Timestamp::UNIX_EPOCH,
        },
    }
}

/// An event whose stored document has exactly `stored_bytes` bytes when it is the
/// first of the log and of its stream, with data that compresses badly.
#[must_use]
pub fn long_event(number: u64, id: &str, stored_bytes: usize) -> NewEvent {
    let mut event = event(number, id);
    event.data = RawValue::from_string(r#""""#.to_owned()).unwrap();
    let around = crate::RecordedEvent::at(GlobalPosition(0), StreamPosition(0), event.clone())
        .to_stored_bytes()
        .unwrap()
        .len();
    let mut noise = number | 1;
    let text: String = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        // '!' and '#' to '[': printable ASCII without quote and backslash.
        char::from(b'#' + (noise >> 33) as u8 % 57)
    })
    .take(stored_bytes - around)
    .collect();
    event.data = RawValue::from_string(format!("\"{text}\"")).unwrap();
    event
}

/// An append of one small event for each stream of `expected`.
#[must_use]
pub fn append(number: u64, expected: &[(&str, ExpectedVersion)]) -> Append {
    Append {
        expected: expected
            .iter()
            .map(|(id, version)| (stream(id), *version))
            .collect(),
        events: expected.iter().map(|(id, _)| event(number, id)).collect(),
    }
}
