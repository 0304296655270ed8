//! Judges the appends of a group, each on top of what the database holds and of those before it.

use std::collections::HashMap;

use daicho_eventlog::{
    Append, AppendOutcome, GlobalPosition, LogError, MAX_APPEND_BYTES, RecordedEvent, StreamName,
    StreamPosition, WrongExpectedVersion,
};
use uuid::Uuid;

/// An event with its place and its stored bytes, not recorded yet.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) global_position: GlobalPosition,
    pub(crate) stream: StreamName,
    pub(crate) stream_position: StreamPosition,
    pub(crate) command_id: Uuid,
    pub(crate) stored: Vec<u8>,
}

/// What a group is judged by: read behind the head's lock, then kept up to date with what is
/// admitted.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    next: GlobalPosition,
    versions: HashMap<StreamName, Option<StreamPosition>>,
    commands: HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
    admitted: Vec<Admitted>,
}

impl Judgement {
    /// `versions` of every stream and `commands` of every command of the group that are
    /// recorded already; `next` is the position that the next event gets.
    pub(crate) fn new(
        next: GlobalPosition,
        versions: HashMap<StreamName, Option<StreamPosition>>,
        commands: HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
    ) -> Self {
        Self {
            next,
            versions,
            commands,
            admitted: Vec::new(),
        }
    }

    pub(crate) fn admitted(&self) -> &[Admitted] {
        &self.admitted
    }

    /// Judges one append and, if it holds, gives its events their places. A refusal may rest
    /// on appends admitted before it, so it may be told only after these are committed.
    pub(crate) fn admit(&mut self, append: Append) -> Result<AppendOutcome, LogError> {
        let command_id = append.command_id().map_err(LogError::InvalidAppend)?;
        if let Some(&(first, last)) = self.commands.get(&command_id) {
            return Ok(AppendOutcome {
                first,
                last,
                replayed: true,
            });
        }
        for (stream, expected) in &append.expected {
            let actual = self.versions.get(stream).copied().flatten();
            if !expected.holds_for(actual) {
                return Err(LogError::WrongExpectedVersion(WrongExpectedVersion {
                    stream: stream.clone(),
                    expected: *expected,
                    actual,
                }));
            }
        }
        let (events, bytes) = self.place(command_id, append)?;
        if bytes > MAX_APPEND_BYTES {
            return Err(LogError::TooLarge {
                what: format!("the append of command {command_id}"),
                bytes,
                limit_bytes: MAX_APPEND_BYTES,
            });
        }
        let first = self.next;
        let mut last = first;
        for event in events {
            last = event.global_position;
            self.versions
                .insert(event.stream.clone(), Some(event.stream_position));
            self.admitted.push(event);
        }
        self.next = last.next();
        self.commands.insert(command_id, (first, last));
        Ok(AppendOutcome {
            first,
            last,
            replayed: false,
        })
    }

    fn place(&self, command_id: Uuid, append: Append) -> Result<(Vec<Admitted>, usize), LogError> {
        let mut versions: HashMap<StreamName, StreamPosition> = HashMap::new();
        let mut events = Vec::with_capacity(append.events.len());
        let mut bytes = 0;
        let mut next = self.next;
        for event in append.events {
            let stream = event.stream.clone();
            let before = versions.get(&stream).copied();
            let stream_position = before
                .or_else(|| self.versions.get(&stream).copied().flatten())
                .map_or(StreamPosition(0), StreamPosition::next);
            let stored = RecordedEvent::at(next, stream_position, event).to_stored_bytes()?;
            bytes += stored.len();
            versions.insert(stream.clone(), stream_position);
            events.push(Admitted {
                global_position: next,
                stream,
                stream_position,
                command_id,
                stored,
            });
            next = next.next();
        }
        Ok((events, bytes))
    }
}

#[cfg(test)]
mod tests {
    use daicho_eventlog::conformance::{append, at, command, event, exact, no_stream, stream};

    use super::*;

    #[test]
    fn an_append_is_judged_against_the_database_and_those_admitted_before_it() {
        let recorded = HashMap::from([(stream("a"), Some(StreamPosition(4)))]);
        let mut judgement = Judgement::new(at(10), recorded, HashMap::new());
        let refused = judgement.admit(append(1, &[("a", no_stream())]));
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                if wrong.actual == Some(StreamPosition(4))),
            "{refused:?}"
        );
        let mut sent = append(2, &[("a", exact(4)), ("b", no_stream())]);
        sent.events.push(event(2, "a"));
        let outcome = judgement.admit(sent).unwrap();
        assert_eq!((outcome.first, outcome.last), (at(10), at(12)));
        let outcome = judgement
            .admit(append(3, &[("a", exact(6)), ("b", exact(0))]))
            .unwrap();
        assert_eq!(outcome.first, at(13));
        let places: Vec<_> = judgement
            .admitted()
            .iter()
            .map(|event| (event.global_position.0, event.stream_position.0))
            .collect();
        assert_eq!(places, [(10, 5), (11, 0), (12, 6), (13, 7), (14, 1)]);
    }

    #[test]
    fn a_command_of_the_database_or_of_the_group_has_one_outcome() {
        let recorded = HashMap::from([(command(1), (at(3), at(4)))]);
        let mut judgement = Judgement::new(at(5), HashMap::new(), recorded);
        let replayed = judgement.admit(append(1, &[("a", no_stream())])).unwrap();
        assert_eq!(
            (replayed.first, replayed.last, replayed.replayed),
            (at(3), at(4), true)
        );
        judgement.admit(append(2, &[("a", no_stream())])).unwrap();
        let again = judgement.admit(append(2, &[("a", no_stream())])).unwrap();
        assert_eq!((again.first, again.replayed), (at(5), true));
        assert_eq!(judgement.admitted().len(), 1);
    }
}
