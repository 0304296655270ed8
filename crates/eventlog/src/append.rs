use std::collections::HashSet;

use uuid::Uuid;

use crate::{ExpectedVersion, GlobalPosition, NewEvent, OutOfOrder, StreamName};

/// Largest append, in stored bytes of all its events together. A longer import is
/// several appends.
pub const MAX_APPEND_BYTES: usize = 8 * 1024 * 1024;

/// Events to be recorded together or not at all, and what they rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The version of every stream that is written, and of every stream that the
    /// decision relied on without writing it. Each stream once.
    pub expected: Vec<(StreamName, ExpectedVersion)>,
    /// The events, in the order in which they are recorded; all of one command.
    pub events: Vec<NewEvent>,
}

/// Where an append's events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendOutcome {
    /// Position of its first event.
    pub first: GlobalPosition,
    /// Position of its last event.
    pub last: GlobalPosition,
    /// The command had been recorded before; this is that outcome and nothing was added.
    pub replayed: bool,
}

/// An append that no log can take, whatever it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppend {
    /// There is no event in it.
    #[error("an append needs at least one event")]
    Empty,
    /// A stream is written, but its expected version is not given.
    #[error("stream {0} is written, so the append must name its expected version")]
    UnlistedStream(StreamName),
    /// Two expectations for one stream.
    #[error("stream {0} has two expected versions; name each stream once")]
    StreamListedTwice(StreamName),
    /// Stored events of another log do not begin where this log ends, or do not follow each other.
    #[error("the stored events do not continue this log: {0}")]
    DoesNotContinue(OutOfOrder),
    /// Stored bytes of another log are no event.
    #[error("the bytes for position {0} are no stored event")]
    NotAnEvent(GlobalPosition),
    /// Its events belong to several commands.
    #[error("the events of an append must share one command id, found {first} and {other}")]
    SeveralCommands {
        /// Command id of the first event.
        first: Uuid,
        /// The first one that differs.
        other: Uuid,
    },
}

impl Append {
    /// Checks everything that does not depend on what the log holds and returns the
    /// command id that all events share.
    ///
    /// # Errors
    /// [`InvalidAppend`] says which rule is broken.
    pub fn command_id(&self) -> Result<Uuid, InvalidAppend> {
        let first = self
            .events
            .first()
            .ok_or(InvalidAppend::Empty)?
            .metadata
            .command_id;
        let mut listed = HashSet::with_capacity(self.expected.len());
        for (stream, _) in &self.expected {
            if !listed.insert(stream) {
                return Err(InvalidAppend::StreamListedTwice(stream.clone()));
            }
        }
        for event in &self.events {
            if !listed.contains(&event.stream) {
                return Err(InvalidAppend::UnlistedStream(event.stream.clone()));
            }
            let other = event.metadata.command_id;
            if other != first {
                return Err(InvalidAppend::SeveralCommands { first, other });
            }
        }
        Ok(first)
    }
}
