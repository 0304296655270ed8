use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Admission, AppendOutcome, GlobalPosition, StoredEventHead, StreamName, StreamPosition,
};

/// Where every stream's events and every command's outcome are: derived from the log,
/// rebuilt when it is opened, kept in memory.
#[derive(Debug, Default)]
pub struct LogIndex {
    next: GlobalPosition,
    streams: HashMap<StreamName, Vec<GlobalPosition>>,
    commands: HashMap<Uuid, (GlobalPosition, GlobalPosition)>,
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
        let events = self.streams.get(stream)?.len() as u64;
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
        let Some(all) = self.streams.get(stream) else {
            return &[];
        };
        let start = usize::try_from(from.0).unwrap_or(usize::MAX).min(all.len());
        let end = start.saturating_add(max).min(all.len());
        &all[start..end]
    }

    /// First and last position of a command's events; `None` if it was never recorded.
    #[must_use]
    pub fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
        self.commands.get(&command_id).copied()
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
        let command = self.commands.entry(event.command_id).or_insert((at, at));
        if command.1 != at {
            if command.1.next() != at {
                return Err(OutOfOrder::Command {
                    at,
                    command_id: event.command_id,
                    ended: command.1,
                });
            }
            command.1 = at;
        }
        self.streams.entry(event.stream).or_default().push(at);
        self.next = at.next();
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
            self.streams
                .entry(event.stream)
                .or_default()
                .push(event.global_position);
            self.next = event.global_position.next();
        }
        self.commands.extend(commands);
    }

    pub(crate) fn outcome_before(&self, command_id: Uuid) -> Option<AppendOutcome> {
        let (first, last) = self.command_outcome(command_id)?;
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
