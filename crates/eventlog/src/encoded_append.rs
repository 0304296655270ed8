use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Append, ExpectedVersion, GlobalPosition, InvalidAppend, LogError, MAX_EVENT_BYTES, Metadata,
    NewEvent, StreamName, StreamPosition,
};

/// What stands around an event's data, as a rule, in bytes.
const AROUND_DATA_BYTES: usize = 640;

/// An append that has been checked and encoded as far as that goes without knowing the places
/// of its events: whoever asks for it can do that part of the work, on a thread of their own.
#[derive(Debug)]
pub struct EncodedAppend {
    pub(crate) expected: Vec<(StreamName, ExpectedVersion)>,
    pub(crate) command_id: Uuid,
    pub(crate) events: Vec<EncodedEvent>,
}

#[derive(Debug)]
pub(crate) struct EncodedEvent {
    pub(crate) stream: StreamName,
    event_type: String,
    /// The stored bytes behind the event's places.
    behind: Vec<u8>,
}

impl Append {
    /// Does what can be done before the events get their places.
    ///
    /// # Errors
    /// [`InvalidAppend`] as of [`Append::command_id`].
    pub fn encode(self) -> Result<EncodedAppend, InvalidAppend> {
        Ok(EncodedAppend {
            command_id: self.command_id()?,
            expected: self.expected,
            events: self.events.into_iter().map(EncodedEvent::of).collect(),
        })
    }
}

impl EncodedEvent {
    fn of(event: NewEvent) -> Self {
        #[derive(Serialize)]
        struct Behind<'a> {
            #[serde(rename = "type")]
            event_type: &'a str,
            metadata: &'a Metadata,
            data: &'a RawValue,
        }
        let mut behind = Vec::with_capacity(AROUND_DATA_BYTES + event.data.get().len());
        let written = serde_json::to_writer(
            &mut behind,
            &Behind {
                event_type: &event.event_type,
                metadata: &event.metadata,
                data: &event.data,
            },
        );
        written.expect("every field of an event has a JSON form");
        // The document's other fields come before, so its opening brace does too.
        behind[0] = b',';
        Self {
            stream: event.stream,
            event_type: event.event_type,
            behind,
        }
    }

    /// The bytes that [`RecordedEvent::to_stored_bytes`](crate::RecordedEvent::to_stored_bytes)
    /// would give at this place.
    pub(crate) fn stored_at(
        &self,
        global_position: GlobalPosition,
        stream_position: StreamPosition,
    ) -> Result<Vec<u8>, LogError> {
        let stream = self.stream.as_str();
        let mut bytes = Vec::with_capacity(stream.len() + 96 + self.behind.len());
        // The characters of a stream's name stand for themselves in JSON.
        let written = write!(
            bytes,
            r#"{{"global_position":{global_position},"stream":"{stream}","stream_position":{stream_position}"#
        );
        written.expect("memory takes what is written");
        bytes.extend_from_slice(&self.behind);
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(LogError::TooLarge {
                what: format!("the event {} for stream {stream}", self.event_type),
                bytes: bytes.len(),
                limit_bytes: MAX_EVENT_BYTES,
            });
        }
        Ok(bytes)
    }
}
