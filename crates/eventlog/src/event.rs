use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{GlobalPosition, Metadata, StreamName, StreamPosition};

/// An event that somebody wants recorded.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The stream that it is added to.
    pub stream: StreamName,
    /// Wire name of the event, with its version.
    pub event_type: String,
    /// The event itself as JSON text, kept exactly as written.
    pub data: Box<RawValue>,
    /// Who, when, why.
    pub metadata: Metadata,
}

/// An event of the log. It never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedEvent {
    /// Place in the whole log.
    pub global_position: GlobalPosition,
    /// The stream that it belongs to.
    pub stream: StreamName,
    /// Place in that stream.
    pub stream_position: StreamPosition,
    /// Wire name of the event, with its version.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Who, when, why.
    pub metadata: Metadata,
    /// The event itself as JSON text, exactly as it was written.
    pub data: Box<RawValue>,
}

impl RecordedEvent {
    /// `event` at its place in the log.
    #[must_use]
    pub fn at(
        global_position: GlobalPosition,
        stream_position: StreamPosition,
        event: NewEvent,
    ) -> Self {
        Self {
            global_position,
            stream: event.stream,
            stream_position,
            event_type: event.event_type,
            metadata: event.metadata,
            data: event.data,
        }
    }
}

impl PartialEq for NewEvent {
    fn eq(&self, other: &Self) -> bool {
        self.stream == other.stream
            && self.event_type == other.event_type
            && self.metadata == other.metadata
            && self.data.get() == other.data.get()
    }
}

impl Eq for NewEvent {}

impl PartialEq for RecordedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.global_position == other.global_position
            && self.stream == other.stream
            && self.stream_position == other.stream_position
            && self.event_type == other.event_type
            && self.metadata == other.metadata
            && self.data.get() == other.data.get()
    }
}

impl Eq for RecordedEvent {}
