use foldhash::{HashMap, HashMapExt};

use uuid::Uuid;

use crate::command_index::CommandIndex;
use crate::{
    Admission, GlobalPosition, IndexSegment, Recorded, StoredEventHead, StreamName, StreamPosition,
};

/// Where every stream's events and every command's outcome are: derived from the log and kept in
/// memory. It is rebuilt when the log is opened, from segments that were put away
/// ([`LogIndex::seal`]) and from the events behind them.
#[derive(Debug, Default)]
pub struct LogIndex {
    next: GlobalPosition,
    names: HashMap<StreamName, u32>,
    streams: Vec<Stream>,
    commands: CommandIndex,
    /// Up to where segments have been made.
    sealed: u64,
    /// The stream of each event behind that.
    unsealed: Vec<u32>,
}

#[derive(Debug)]
struct Stream {
    name: StreamName,
    positions: Vec<GlobalPosition>,
}

/// A stored event that does not fit behind those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    /// The global position is not the next one.
    #[error("an event says that it is at position {found}, but {expected} comes next")]
    GlobalPosition {
        /// The position that comes next.
        expected: GlobalPosition,
        /// What the event says.
        found: GlobalPosition,
    },
    /// The stream position is not the stream's next one.
    #[error(
        "the event at position {at} says that it is number {found} of stream {stream}, but {expected} comes next there"
    )]
    StreamPosition {
        /// Where in the log.
        at: GlobalPosition,
        /// The stream.
        stream: StreamName,
        /// The position that comes next in the stream.
        expected: StreamPosition,
        /// What the event says.
        found: StreamPosition,
    },
    /// A command's events do not follow each other.
    #[error("the event at position {at} belongs to command {command_id}, which ended at {ended}")]
    Command {
        /// Where in the log.
        at: GlobalPosition,
        /// The command.
        command_id: Uuid,
        /// Position of its last event before the gap.
        ended: GlobalPosition,
    },
}

impl LogIndex {
    /// The position that the next event will have; also the number of events.
    #[must_use]
    pub fn next_position(&self) -> GlobalPosition {
        self.next
    }

    /// Position of the last event; `None` if there is none.
    #[must_use]
    pub fn head(&self) -> Option<GlobalPosition> {
        self.next.0.checked_sub(1).map(GlobalPosition)
    }

    /// Position of the stream's last event; `None` if it has none.
    #[must_use]
    pub fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition> {
        let events = self.positions(stream).len() as u64;
        events.checked_sub(1).map(StreamPosition)
    }

    /// Global positions of at most `max` events of the stream, from `from` on.
    #[must_use]
    pub fn stream_positions(
        &self,
        stream: &StreamName,
        from: StreamPosition,
        max: usize,
    ) -> &[GlobalPosition] {
        let all = self.positions(stream);
        let start = usize::try_from(from.0).unwrap_or(usize::MAX).min(all.len());
        let end = start.saturating_add(max).min(all.len());
        &all[start..end]
    }

    /// First and last position of a command's events; `None` if it was never recorded.
    #[must_use]
    pub fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
        let (first, count) = self.commands.get(command_id)?;
        let last = first + u64::from(count).saturating_sub(1);
        Some((GlobalPosition(first), GlobalPosition(last)))
    }

    /// Adds the next stored event while the index is rebuilt.
    ///
    /// # Errors
    /// [`OutOfOrder`] if the event does not fit; the index is then unchanged.
    pub fn add(&mut self, event: StoredEventHead) -> Result<(), OutOfOrder> {
        let at = event.global_position;
        if at != self.next {
            return Err(OutOfOrder::GlobalPosition {
                expected: self.next,
                found: at,
            });
        }
        let expected = self
            .stream_version(&event.stream)
            .map_or(StreamPosition(0), StreamPosition::next);
        if event.stream_position != expected {
            return Err(OutOfOrder::StreamPosition {
                at,
                stream: event.stream,
                expected,
                found: event.stream_position,
            });
        }
        let outcome = match self.commands.get(event.command_id) {
            None => (at.0, 1),
            Some((first, count)) if first + u64::from(count) == at.0 => (first, count + 1),
            Some((first, count)) => {
                return Err(OutOfOrder::Command {
                    at,
                    command_id: event.command_id,
                    ended: GlobalPosition(first + u64::from(count) - 1),
                });
            }
        };
        self.commands.set(event.command_id, outcome);
        self.push(event.stream, at);
        Ok(())
    }

    /// Makes admitted events part of the index, once they are durable.
    ///
    /// # Panics
    /// If the admission was not made from this index in its present state: that would
    /// give two events one position.
    pub fn apply(&mut self, admission: Admission) {
        assert_eq!(
            admission.from(),
            self.next,
            "an admission applies only to the index that it was made from"
        );
        let (events, commands) = admission.into_parts();
        for event in events {
            self.push(event.stream, event.global_position);
        }
        for (command_id, (first, last)) in commands {
            // An append's limit in bytes keeps its events far below 65,536.
            let count = u16::try_from(last.0 - first.0 + 1).unwrap_or(u16::MAX);
            self.commands.set(command_id, (first.0, count));
        }
    }

    /// Number of events that no segment covers yet.
    #[must_use]
    pub fn unsealed_events(&self) -> usize {
        self.unsealed.len()
    }

    /// The position after the last event that a segment covers.
    #[must_use]
    pub fn sealed_until(&self) -> GlobalPosition {
        GlobalPosition(self.sealed)
    }

    /// Makes a segment of the events that no segment covers yet. To be called where an append
    /// ends: a command's events must not be in two segments.
    pub fn seal(&mut self) -> IndexSegment {
        let from = self.sealed;
        let mut places = HashMap::new();
        let mut streams: Vec<(StreamName, Vec<u32>)> = Vec::new();
        for (offset, stream) in (0_u32..).zip(std::mem::take(&mut self.unsealed)) {
            let place = *places.entry(stream).or_insert_with(|| {
                streams.push((self.streams[stream as usize].name.clone(), Vec::new()));
                streams.len() - 1
            });
            streams[place].1.push(offset);
        }
        self.sealed = self.next.0;
        IndexSegment {
            from,
            until: self.next.0,
            streams,
            commands: self.commands.seal(from),
        }
    }

    /// Takes a segment in that begins where the index ends, while the index is rebuilt.
    ///
    /// # Errors
    /// [`OutOfOrder::GlobalPosition`] if it begins somewhere else; the index is then unchanged.
    pub fn load(&mut self, segment: IndexSegment) -> Result<(), OutOfOrder> {
        if segment.from != self.next.0 || self.sealed != self.next.0 {
            return Err(OutOfOrder::GlobalPosition {
                expected: self.next,
                found: GlobalPosition(segment.from),
            });
        }
        for (name, offsets) in segment.streams {
            let stream = self.stream_id(name);
            let positions = &mut self.streams[stream as usize].positions;
            positions.extend(
                offsets
                    .into_iter()
                    .map(|offset| GlobalPosition(segment.from + u64::from(offset))),
            );
        }
        self.commands.push_run(segment.commands);
        self.next = GlobalPosition(segment.until);
        self.sealed = segment.until;
        Ok(())
    }

    /// Uses `segment` instead of those that it was merged from: fewer places to look in.
    pub fn replace(&mut self, segment: &IndexSegment) {
        self.commands
            .replace(std::sync::Arc::clone(&segment.commands), segment.until);
    }

    fn positions(&self, stream: &StreamName) -> &[GlobalPosition] {
        self.names
            .get(stream)
            .map_or(&[], |id| &self.streams[*id as usize].positions)
    }

    fn stream_id(&mut self, name: StreamName) -> u32 {
        if let Some(id) = self.names.get(&name) {
            return *id;
        }
        let id = u32::try_from(self.streams.len()).expect("a log has fewer than 2^32 streams");
        self.names.insert(name.clone(), id);
        self.streams.push(Stream {
            name,
            positions: Vec::new(),
        });
        id
    }

    fn push(&mut self, stream: StreamName, at: GlobalPosition) {
        let stream = self.stream_id(stream);
        self.streams[stream as usize].positions.push(at);
        self.unsealed.push(stream);
        self.next = at.next();
    }
}

impl Recorded for LogIndex {
    fn next_position(&self) -> GlobalPosition {
        Self::next_position(self)
    }

    fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition> {
        Self::stream_version(self, stream)
    }

    fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
        Self::command_outcome(self, command_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(global: u64, id: &str, position: u64, command: u128) -> StoredEventHead {
        StoredEventHead {
            global_position: GlobalPosition(global),
            stream: StreamName::new("plan", id).unwrap(),
            stream_position: StreamPosition(position),
            command_id: Uuid::from_u128(command),
        }
    }

    #[test]
    fn a_rebuilt_index_knows_streams_and_commands() {
        let mut index = LogIndex::default();
        for event in [head(0, "a", 0, 1), head(1, "b", 0, 1), head(2, "a", 1, 2)] {
            index.add(event).unwrap();
        }
        let a = StreamName::new("plan", "a").unwrap();
        assert_eq!(index.head(), Some(GlobalPosition(2)));
        assert_eq!(index.stream_version(&a), Some(StreamPosition(1)));
        assert_eq!(
            index.stream_positions(&a, StreamPosition(0), usize::MAX),
            [GlobalPosition(0), GlobalPosition(2)]
        );
        assert_eq!(index.stream_positions(&a, StreamPosition(9), 1), []);
        assert_eq!(
            index.command_outcome(Uuid::from_u128(1)),
            Some((GlobalPosition(0), GlobalPosition(1)))
        );
    }

    #[test]
    fn an_index_of_segments_is_the_same_index() {
        let mut whole = LogIndex::default();
        let mut segments = Vec::new();
        for number in 0..400_u64 {
            let id = ["a", "b", "c"][(number % 3) as usize];
            whole
                .add(head(number, id, number / 3, 1 + u128::from(number / 2)))
                .unwrap();
            if [9, 11, 199].contains(&number) {
                segments.push(whole.seal());
            }
        }
        assert_eq!(whole.unsealed_events(), 200);
        let merged = IndexSegment::merge(&segments[1..]);
        let mut bytes = Vec::new();
        segments[0].encode(&mut bytes);
        merged.encode(&mut bytes);
        let (first, rest) = IndexSegment::decode(&bytes).unwrap();
        let (second, rest) = IndexSegment::decode(rest).unwrap();
        assert_eq!((&first, &second, rest.len()), (&segments[0], &merged, 0));
        assert!(IndexSegment::decode(&bytes[..60]).is_none());

        let mut loaded = LogIndex::default();
        assert!(loaded.load(second.clone()).is_err());
        loaded.load(first).unwrap();
        loaded.load(second).unwrap();
        whole.replace(&merged);
        for number in 0..400 {
            let command = Uuid::from_u128(1 + number / 2);
            let known = whole.command_outcome(command);
            assert!(known.is_some());
            if number < 200 {
                assert_eq!(loaded.command_outcome(command), known, "{number}");
            } else {
                assert_eq!(loaded.command_outcome(command), None, "{number}");
            }
        }
        let a = StreamName::new("plan", "a").unwrap();
        assert_eq!(
            loaded.stream_positions(&a, StreamPosition(0), usize::MAX),
            &whole.stream_positions(&a, StreamPosition(0), usize::MAX)[..67]
        );
        loaded.add(head(200, "c", 66, 101)).unwrap();
        assert_eq!(loaded.next_position(), GlobalPosition(201));
    }

    #[test]
    fn events_that_do_not_follow_each_other_are_refused() {
        let mut index = LogIndex::default();
        index.add(head(0, "a", 0, 1)).unwrap();
        index.add(head(1, "a", 1, 2)).unwrap();
        assert!(matches!(
            index.add(head(3, "a", 2, 3)),
            Err(OutOfOrder::GlobalPosition { .. })
        ));
        assert!(matches!(
            index.add(head(2, "a", 1, 3)),
            Err(OutOfOrder::StreamPosition { .. })
        ));
        assert!(matches!(
            index.add(head(2, "a", 2, 1)),
            Err(OutOfOrder::Command { .. })
        ));
        assert_eq!(index.head(), Some(GlobalPosition(1)));
    }
}
