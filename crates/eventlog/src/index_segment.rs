//! A part of an index that never changes again, in a form that loads at memory speed.

use std::sync::Arc;

use crate::StreamName;
use crate::command_index::CommandRun;

/// The index over the events from one position up to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSegment {
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Of each stream, where its events are, counted from `from`.
    pub(crate) streams: Vec<(StreamName, Vec<u32>)>,
    pub(crate) commands: Arc<CommandRun>,
}

impl IndexSegment {
    /// Position of its first event.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The position after its last event.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.until
    }

    /// One segment with all that these hold, each beginning where the one before it ends.
    ///
    /// # Panics
    /// If there is a gap between them, or none at all.
    #[must_use]
    pub fn merge(segments: &[Self]) -> Self {
        let from = segments[0].from;
        let mut next = from;
        let mut places = std::collections::HashMap::new();
        let mut streams: Vec<(StreamName, Vec<u32>)> = Vec::new();
        for segment in segments {
            assert_eq!(segment.from, next, "segments follow each other");
            next = segment.until;
            let shift = u32::try_from(segment.from - from).expect("fewer than 2^32 events");
            for (name, positions) in &segment.streams {
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    streams.push((name.clone(), Vec::new()));
                    streams.len() - 1
                });
                streams[place]
                    .1
                    .extend(positions.iter().map(|position| position + shift));
            }
        }
        let runs: Vec<_> = segments.iter().map(|segment| &*segment.commands).collect();
        Self {
            from,
            until: next,
            streams,
            commands: Arc::new(CommandRun::merge(&runs)),
        }
    }

    /// Adds the segment's bytes to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.from.to_le_bytes());
        bytes.extend(self.until.to_le_bytes());
        bytes.extend((self.streams.len() as u64).to_le_bytes());
        for (name, positions) in &self.streams {
            let name = name.as_str().as_bytes();
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend(name);
            bytes.extend((positions.len() as u32).to_le_bytes());
            bytes.extend(positions.iter().flat_map(|position| position.to_le_bytes()));
        }
        self.commands.encode(bytes);
    }

    /// Reads what [`Self::encode`] wrote at the beginning of `bytes`; also what follows it.
    /// `None` if it is something else: an index is only a cache, so it is then rebuilt.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (from, rest) = take_u64(bytes)?;
        let (until, rest) = take_u64(rest)?;
        let (count, mut rest) = take_u64(rest)?;
        let events = until.checked_sub(from)?;
        let mut streams = Vec::new();
        let mut indexed = 0;
        for _ in 0..count {
            let (length, after) = take_u32(rest)?;
            let (name, after) = after.split_at_checked(length as usize)?;
            let name = std::str::from_utf8(name).ok()?.parse().ok()?;
            let (length, after) = take_u32(after)?;
            let (positions, after) = after.split_at_checked((length as usize).checked_mul(4)?)?;
            let (positions, _) = positions.as_chunks();
            let positions: Vec<u32> = positions.iter().map(|at| u32::from_le_bytes(*at)).collect();
            if positions
                .last()
                .is_some_and(|last| u64::from(*last) >= events)
            {
                return None;
            }
            indexed += positions.len() as u64;
            streams.push((name, positions));
            rest = after;
        }
        let (commands, rest) = CommandRun::decode(from, rest)?;
        let segment = Self {
            from,
            until,
            streams,
            commands: Arc::new(commands),
        };
        (indexed == events).then_some((segment, rest))
    }
}

fn take_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}
