use foldhash::{HashMap, HashMapExt};

use uuid::Uuid;

use crate::{
    Append, AppendOutcome, EncodedAppend, GlobalPosition, InvalidAppend, LogError,
    MAX_APPEND_BYTES, OutOfOrder, StoredEventHead, StreamName, StreamPosition,
    WrongExpectedVersion,
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
        let encoded = append.encode().map_err(LogError::InvalidAppend)?;
        self.admit_encoded(recorded, encoded)
    }

    /// As [`Admission::admit`], for what has been encoded already.
    ///
    /// # Errors
    /// As there.
    pub fn admit_encoded(
        &mut self,
        recorded: &impl Recorded,
        append: EncodedAppend,
    ) -> Result<AppendOutcome, LogError> {
        let command_id = append.command_id;
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
            let position = versions
                .get(&event.stream)
                .copied()
                .or_else(|| self.version(recorded, &event.stream))
                .map_or(StreamPosition(0), StreamPosition::next);
            let stored = event.stored_at(next, position)?;
            bytes += stored.len();
            versions.insert(event.stream.clone(), position);
            events.push(AdmittedEvent {
                global_position: next,
                stream: event.stream,
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

/// What is recorded, and what is about to be: the next group can be judged by it while the groups
/// before are made durable.
#[derive(Debug, Clone)]
pub struct Ahead<'a, R, I> {
    recorded: &'a R,
    admissions: I,
}

impl<'a, R, I> Ahead<'a, R, I>
where
    R: Recorded,
    I: DoubleEndedIterator<Item = &'a Admission> + Clone,
{
    /// `recorded` as it will be with `admissions`, which follow it and each other.
    pub fn of(recorded: &'a R, admissions: I) -> Self {
        Self {
            recorded,
            admissions,
        }
    }

    fn newest<T>(&self, find: impl FnMut(&'a Admission) -> Option<T>) -> Option<T> {
        self.admissions.clone().rev().find_map(find)
    }
}

impl<'a, R, I> Recorded for Ahead<'a, R, I>
where
    R: Recorded,
    I: DoubleEndedIterator<Item = &'a Admission> + Clone,
{
    fn next_position(&self) -> GlobalPosition {
        let admitted = self.newest(|admission| Some(admission.next()));
        admitted.unwrap_or_else(|| self.recorded.next_position())
    }

    fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition> {
        let admitted = self.newest(|admission| admission.versions.get(stream).copied());
        admitted.or_else(|| self.recorded.stream_version(stream))
    }

    fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
        let admitted = self.newest(|admission| admission.commands.get(&command_id).copied());
        admitted.or_else(|| self.recorded.command_outcome(command_id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::conformance::{append, at, command, event, exact, no_stream, stream};
    use crate::{LogIndex, RecordedEvent};

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

    #[test]
    fn the_next_group_is_judged_by_those_that_are_not_recorded_yet() {
        let mut index = LogIndex::default();
        let mut first = Admission::onto(&index);
        first
            .admit(&index, append(1, &[("a", no_stream())]))
            .unwrap();
        let before = [&first];
        let ahead = Ahead::of(&index, before.iter().copied());
        let mut second = Admission::onto(&ahead);
        second
            .admit(&ahead, append(2, &[("a", exact(0)), ("b", no_stream())]))
            .unwrap();
        let before = [&first, &second];
        let ahead = Ahead::of(&index, before.iter().copied());
        let mut third = Admission::onto(&ahead);
        let refused = third.admit(&ahead, append(3, &[("a", exact(0))]));
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                if wrong.actual == Some(StreamPosition(1))),
            "{refused:?}"
        );
        for known in [1, 2] {
            let again = third.admit(&ahead, append(known, &[("a", no_stream())]));
            assert!(again.unwrap().replayed);
        }
        let sent = append(3, &[("a", exact(1)), ("b", exact(0))]);
        let next = third.admit(&ahead, sent).unwrap();
        assert_eq!((next.first, next.replayed), (at(3), false));
        for admission in [first, second, third] {
            index.apply(admission);
        }
        assert_eq!(index.stream_version(&stream("a")), Some(StreamPosition(2)));
        assert_eq!(index.command_outcome(command(3)), Some((at(3), at(4))));
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
