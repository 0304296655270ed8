use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Append, AppendOutcome, GlobalPosition, InvalidAppend, LogError, MAX_APPEND_BYTES, OutOfOrder,
    RecordedEvent, StoredEventHead, StreamName, StreamPosition, WrongExpectedVersion,
};

/// What an append is judged by: all that is recorded, as far as the judged appends touch it.
/// [`LogIndex`](crate::LogIndex) knows it for a whole log; a backend that asks a database answers
/// for the streams and commands that it has asked for.
pub trait Recorded {
    /// The position that the next event will have.
    fn next_position(&self) -> GlobalPosition;

    /// Position of the stream's last event; `None` if it has none.
    fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition>;

    /// First and last position of a command's events; `None` if it was never recorded.
    fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)>;
}

/// An event with its place and its stored bytes, not durable yet.
#[derive(Debug)]
pub struct AdmittedEvent {
    /// Place in the whole log.
    pub global_position: GlobalPosition,
    /// The stream that it belongs to.
    pub stream: StreamName,
    /// Place in that stream.
    pub stream_position: StreamPosition,
    /// The command that caused it.
    pub command_id: Uuid,
    /// What will be stored.
    pub stored: Vec<u8>,
}

/// The appends that a log is about to make durable together: each is judged against
/// what is recorded and against those admitted before it. The rules of an append are here, for
/// every backend.
#[derive(Debug)]
pub struct Admission {
    from: GlobalPosition,
    events: Vec<AdmittedEvent>,
    stored_bytes: usize,
    versions: HashMap<StreamName, StreamPosition>,
    commands: HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
}

impl Admission {
    /// Nothing admitted yet, on top of `recorded`.
    #[must_use]
    pub fn onto(recorded: &impl Recorded) -> Self {
        Self {
            from: recorded.next_position(),
            events: Vec::new(),
            stored_bytes: 0,
            versions: HashMap::new(),
            commands: HashMap::new(),
        }
    }

    /// Judges one append and, if it holds, gives its events their places.
    ///
    /// `recorded` must be what was given to [`Admission::onto`], unchanged since.
    ///
    /// # Errors
    /// [`LogError::InvalidAppend`], [`LogError::WrongExpectedVersion`] or
    /// [`LogError::TooLarge`]; nothing of this append is then admitted. As a refusal
    /// may rest on events that are not durable yet, it may be told to the caller only
    /// after they are.
    pub fn admit(
        &mut self,
        recorded: &impl Recorded,
        append: Append,
    ) -> Result<AppendOutcome, LogError> {
        let command_id = append.command_id().map_err(LogError::InvalidAppend)?;
        if let Some(outcome) = self.outcome_before(recorded, command_id) {
            return Ok(outcome);
        }
        for (stream, expected) in &append.expected {
            let actual = self.version(recorded, stream);
            if !expected.holds_for(actual) {
                return Err(LogError::WrongExpectedVersion(WrongExpectedVersion {
                    stream: stream.clone(),
                    expected: *expected,
                    actual,
                }));
            }
        }

        let first = self.next();
        let mut next = first;
        let mut bytes = 0;
        let mut events = Vec::with_capacity(append.events.len());
        let mut versions: HashMap<StreamName, StreamPosition> = HashMap::new();
        for event in append.events {
            let stream = event.stream.clone();
            let position = versions
                .get(&stream)
                .copied()
                .or_else(|| self.version(recorded, &stream))
                .map_or(StreamPosition(0), StreamPosition::next);
            let stored = RecordedEvent::at(next, position, event).to_stored_bytes()?;
            bytes += stored.len();
            versions.insert(stream.clone(), position);
            events.push(AdmittedEvent {
                global_position: next,
                stream,
                stream_position: position,
                command_id,
                stored,
            });
            next = next.next();
        }
        if bytes > MAX_APPEND_BYTES {
            return Err(LogError::TooLarge {
                what: format!("the append of command {command_id}"),
                bytes,
                limit_bytes: MAX_APPEND_BYTES,
            });
        }

        let last = GlobalPosition(next.0 - 1);
        self.stored_bytes += bytes;
        self.events.append(&mut events);
        self.versions.extend(versions);
        self.commands.insert(command_id, (first, last));
        Ok(AppendOutcome {
            first,
            last,
            replayed: false,
        })
    }

    /// Takes events in exactly as another log stored them.
    ///
    /// # Errors
    /// [`LogError::InvalidAppend`] if they do not continue what is there; the admission must then
    /// not be used any more.
    pub fn admit_stored(
        &mut self,
        recorded: &impl Recorded,
        stored: Vec<Vec<u8>>,
    ) -> Result<(), LogError> {
        for bytes in stored {
            let at = self.next();
            let head = StoredEventHead::from_stored_bytes(&bytes)
                .map_err(|_| LogError::InvalidAppend(InvalidAppend::NotAnEvent(at)))?;
            self.continues(recorded, at, &head)
                .map_err(|wrong| LogError::InvalidAppend(InvalidAppend::DoesNotContinue(wrong)))?;
            self.stored_bytes += bytes.len();
            self.versions
                .insert(head.stream.clone(), head.stream_position);
            let outcome = self.commands.entry(head.command_id).or_insert((at, at));
            outcome.1 = at;
            self.events.push(AdmittedEvent {
                global_position: at,
                stream: head.stream,
                stream_position: head.stream_position,
                command_id: head.command_id,
                stored: bytes,
            });
        }
        Ok(())
    }

    fn continues(
        &self,
        recorded: &impl Recorded,
        at: GlobalPosition,
        head: &StoredEventHead,
    ) -> Result<(), OutOfOrder> {
        if head.global_position != at {
            return Err(OutOfOrder::GlobalPosition {
                expected: at,
                found: head.global_position,
            });
        }
        let expected = self
            .version(recorded, &head.stream)
            .map_or(StreamPosition(0), StreamPosition::next);
        if head.stream_position != expected {
            return Err(OutOfOrder::StreamPosition {
                at,
                stream: head.stream.clone(),
                expected,
                found: head.stream_position,
            });
        }
        let ended = self
            .commands
            .get(&head.command_id)
            .filter(|(_, last)| last.next() != at)
            .map(|(_, last)| *last)
            .or_else(|| {
                recorded
                    .command_outcome(head.command_id)
                    .map(|(_, last)| last)
            });
        match ended {
            Some(ended) => Err(OutOfOrder::Command {
                at,
                command_id: head.command_id,
                ended,
            }),
            None => Ok(()),
        }
    }

    /// The events admitted so far, in global order.
    #[must_use]
    pub fn events(&self) -> &[AdmittedEvent] {
        &self.events
    }

    /// Stored bytes of the events admitted so far.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    /// The position of the first event admitted, or that it would have.
    #[must_use]
    pub fn from(&self) -> GlobalPosition {
        self.from
    }

    pub(crate) fn into_parts(
        self,
    ) -> (
        Vec<AdmittedEvent>,
        HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
    ) {
        (self.events, self.commands)
    }

    fn next(&self) -> GlobalPosition {
        GlobalPosition(self.from.0 + self.events.len() as u64)
    }

    fn version(&self, recorded: &impl Recorded, stream: &StreamName) -> Option<StreamPosition> {
        self.versions
            .get(stream)
            .copied()
            .or_else(|| recorded.stream_version(stream))
    }

    fn outcome_before(&self, recorded: &impl Recorded, command_id: Uuid) -> Option<AppendOutcome> {
        let admitted = self.commands.get(&command_id).copied();
        let (first, last) = admitted.or_else(|| recorded.command_outcome(command_id))?;
        Some(AppendOutcome {
            first,
            last,
            replayed: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogIndex;
    use crate::conformance::{append, at, command, event, exact, no_stream, stream};

    #[test]
    fn an_append_is_judged_against_those_admitted_before_it() {
        let index = LogIndex::default();
        let mut admission = Admission::onto(&index);
        admission
            .admit(&index, append(1, &[("a", no_stream())]))
            .unwrap();
        let refused = admission.admit(&index, append(2, &[("a", no_stream())]));
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                if wrong.actual == Some(StreamPosition(0))),
            "{refused:?}"
        );
        let outcome = admission.admit(&index, append(3, &[("b", no_stream()), ("a", exact(0))]));
        assert_eq!(
            (outcome.unwrap().first, admission.events().len()),
            (at(1), 3)
        );
    }

    #[test]
    fn a_command_admitted_twice_has_one_outcome() {
        let index = LogIndex::default();
        let mut admission = Admission::onto(&index);
        let first = admission
            .admit(&index, append(1, &[("a", no_stream())]))
            .unwrap();
        let again = admission
            .admit(&index, append(1, &[("a", no_stream())]))
            .unwrap();
        assert_eq!(
            again,
            AppendOutcome {
                replayed: true,
                ..first
            }
        );
        assert_eq!(admission.events().len(), 1);
    }

    #[test]
    fn an_admission_goes_on_where_the_index_ends() {
        let mut index = LogIndex::default();
        let mut admission = Admission::onto(&index);
        let mut sent = append(1, &[("a", no_stream())]);
        sent.events.push(event(1, "a"));
        admission.admit(&index, sent).unwrap();
        index.apply(admission);
        assert_eq!(index.stream_version(&stream("a")), Some(StreamPosition(1)));
        let mut admission = Admission::onto(&index);
        let outcome = admission
            .admit(&index, append(2, &[("a", exact(1))]))
            .unwrap();
        assert_eq!(outcome.first, at(2));
        let written = RecordedEvent::from_stored_bytes(&admission.events()[0].stored).unwrap();
        assert_eq!(
            (written.global_position, written.stream_position),
            (at(2), StreamPosition(2))
        );
    }

    struct Asked {
        next: GlobalPosition,
        versions: HashMap<StreamName, StreamPosition>,
        commands: HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
    }

    impl Recorded for Asked {
        fn next_position(&self) -> GlobalPosition {
            self.next
        }

        fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition> {
            self.versions.get(stream).copied()
        }

        fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
            self.commands.get(&command_id).copied()
        }
    }

    #[test]
    fn what_a_database_said_is_judged_like_an_index() {
        let asked = Asked {
            next: at(10),
            versions: HashMap::from([(stream("a"), StreamPosition(4))]),
            commands: HashMap::from([(command(1), (at(3), at(4)))]),
        };
        let mut admission = Admission::onto(&asked);
        let replayed = admission.admit(&asked, append(1, &[("a", no_stream())]));
        assert_eq!(
            replayed.unwrap(),
            AppendOutcome {
                first: at(3),
                last: at(4),
                replayed: true
            }
        );
        let refused = admission.admit(&asked, append(2, &[("a", no_stream())]));
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                if wrong.actual == Some(StreamPosition(4))),
            "{refused:?}"
        );
        let mut sent = append(3, &[("a", exact(4)), ("b", no_stream())]);
        sent.events.push(event(3, "a"));
        let outcome = admission.admit(&asked, sent).unwrap();
        assert_eq!((outcome.first, outcome.last), (at(10), at(12)));
        admission
            .admit(&asked, append(4, &[("a", exact(6)), ("b", exact(0))]))
            .unwrap();
        let places: Vec<_> = admission
            .events()
            .iter()
            .map(|event| (event.global_position.0, event.stream_position.0))
            .collect();
        assert_eq!(places, [(10, 5), (11, 0), (12, 6), (13, 7), (14, 1)]);
        assert_eq!(admission.events()[3].command_id, command(4));
    }
}
