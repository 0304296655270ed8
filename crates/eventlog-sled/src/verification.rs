//! Comparing all that is stored.

use std::{fmt, path::Path};

use daicho_eventlog::{
    GlobalPosition, LogError, LogIndex, RecordedEvent, StoredEventHead, StreamName,
};

use crate::{
    block::Block,
    journal::scan::{Range, Scan, ScannedBlock},
    sled_store::SledStore,
};

/// What a verification checked and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Events checked.
    pub events: u64,
    /// Blocks that hold them.
    pub blocks: u64,
    /// Their stored bytes, before compression.
    pub stored_bytes: u64,
    /// Where the journal begins. What lies before has been trimmed; it was read from
    /// sled alone.
    pub journal_from: GlobalPosition,
    /// The chain after the last event, in hexadecimal.
    pub chain: String,
    /// The first thing that is not as it should be; what comes after it is not checked.
    pub difference: Option<Difference>,
}

/// Where the journal, sled and the events' own words part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Position of the event.
    pub position: GlobalPosition,
    /// Its stream, if it can be told.
    pub stream: Option<StreamName>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {}", self.position)?;
        if let Some(stream) = &self.stream {
            write!(f, ", stream {stream}")?;
        }
        write!(f, ": {}", self.what)
    }
}

#[derive(Default)]
struct Check {
    index: LogIndex,
    blocks: u64,
    stored_bytes: u64,
    difference: Option<Difference>,
}

/// Verifies all events before `next`, all of which sled must have been given.
pub(crate) fn verify(
    journal: &Path,
    store: &SledStore,
    next: u64,
) -> Result<Verification, LogError> {
    let mut check = Check::default();
    let journal_first = crate::journal::files(journal)?
        .first()
        .map_or(0, |file| file.first);
    let mut stored = store.blocks_from(0).peekable();
    while check.difference.is_none() {
        let trimmed = |entry: &Result<(u64, _), _>| {
            entry
                .as_ref()
                .map_or(true, |(first, _)| *first < journal_first)
        };
        let Some(entry) = stored.next_if(trimmed) else {
            break;
        };
        let (first, bytes) = entry?;
        check.sled_alone(first, &bytes);
    }

    let until = Range {
        from: 0,
        until: Some(next),
    };
    let compare = |scanned: ScannedBlock<'_>| {
        if check.difference.is_none() {
            match stored.next().transpose()? {
                Some((first, bytes)) => check.both(&scanned, first, &bytes),
                None => check.differs(scanned.first, None, "sled does not have it"),
            }
        }
        Ok(())
    };
    let scan = Scan::run(journal, until, compare, &mut |_, _| {});
    if let Ok(scan) = &scan
        && check.difference.is_none()
        && scan.next != next
    {
        check.differs(scan.next, None, "the journal does not have it");
    }
    // A difference tells more than what broke because of it.
    let chain = match (scan, &check.difference) {
        (Ok(scan), _) => scan.chain.to_string(),
        (Err(_), Some(_)) => String::new(),
        (Err(error), None) => return Err(error),
    };
    Ok(Verification {
        events: check.index.next_position().0,
        blocks: check.blocks,
        stored_bytes: check.stored_bytes,
        journal_from: GlobalPosition(journal_first),
        chain,
        difference: check.difference,
    })
}

impl Check {
    fn both(&mut self, scanned: &ScannedBlock<'_>, stored_first: u64, stored: &[u8]) {
        if stored_first != scanned.first {
            let what = format!("sled has a block at {stored_first} instead");
            return self.differs(scanned.first.min(stored_first), None, &what);
        }
        if stored != scanned.bytes {
            let place = match Block::decode(stored) {
                Ok(block) => (0..scanned.block.len().max(block.len()))
                    .find(|place| scanned.block.event(*place) != block.event(*place)),
                Err(_) => None,
            };
            let place = place.unwrap_or(0);
            let stream = scanned.block.event(place).and_then(stream_of);
            let position = scanned.first + place as u64;
            return self.differs(
                position,
                stream,
                "sled and the journal hold different bytes",
            );
        }
        self.events_of(scanned.first, &scanned.block);
    }

    fn sled_alone(&mut self, first: u64, bytes: &[u8]) {
        match Block::decode(bytes) {
            Ok(block) => self.events_of(first, &block),
            Err(error) => self.differs(first, None, &error.to_string()),
        }
    }

    /// What each event says of itself must be true, and it must be in the one form.
    fn events_of(&mut self, first: u64, block: &Block) {
        for (position, bytes) in (first..).zip(block.events()) {
            let one_form = RecordedEvent::from_stored_bytes(bytes)
                .ok()
                .and_then(|event| event.to_stored_bytes().ok())
                .is_some_and(|again| again == bytes);
            if !one_form {
                return self.differs(position, stream_of(bytes), "it is no event document");
            }
            let Ok(head) = StoredEventHead::from_stored_bytes(bytes) else {
                return self.differs(position, None, "it is no event document");
            };
            let stream = head.stream.clone();
            if let Err(error) = self.index.add(head) {
                return self.differs(position, Some(stream), &error.to_string());
            }
            self.stored_bytes += bytes.len() as u64;
        }
        self.blocks += 1;
    }

    fn differs(&mut self, position: u64, stream: Option<StreamName>, what: &str) {
        self.difference = Some(Difference {
            position: GlobalPosition(position),
            stream,
            what: what.to_owned(),
        });
    }
}

fn stream_of(bytes: &[u8]) -> Option<StreamName> {
    StoredEventHead::from_stored_bytes(bytes)
        .ok()
        .map(|head| head.stream)
}
