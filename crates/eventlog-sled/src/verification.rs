//! Comparing all that is stored.

use std::{collections::BTreeMap, fmt, path::Path};

use daicho_eventlog::{
    GlobalPosition, LogError, LogIndex, RecordedEvent, StoredEventHead, StreamName,
    evidence::{FullTile, Hash, Tree, TreeHead, leaf_hash},
};

use crate::{
    block::Block,
    checkpoint_file,
    journal::scan::{Range, Scan, ScannedBlock},
    sled_store::SledStore,
};

/// What a verification checked and what it found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Events checked.
    pub events: u64,
    /// Blocks that hold them.
    pub blocks: u64,
    /// Their stored bytes, before compression.
    pub stored_bytes: u64,
    /// Full tiles of the tree compared.
    pub tiles: u64,
    /// Signed heads whose roots were derived anew. Their signatures are not looked at here.
    pub checkpoints: u64,
    /// Where the journal begins. What lies before has been trimmed; it was read from
    /// sled alone.
    pub journal_from: GlobalPosition,
    /// Bytes of the journal's records, as they are on the disk.
    pub journal_bytes: u64,
    /// The tree's root after the last event, derived from the events alone.
    pub root: Hash,
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

struct Check<'a> {
    store: &'a SledStore,
    index: LogIndex,
    tree: Tree,
    blocks: u64,
    stored_bytes: u64,
    tiles: u64,
    /// Roots that signed heads speak of, by size, until they have been derived.
    claimed: BTreeMap<u64, Hash>,
    checkpoints: u64,
    difference: Option<Difference>,
}

/// Verifies all events before `next`, all of which sled must have been given.
pub(crate) fn verify(
    folder: &Path,
    store: &SledStore,
    next: u64,
) -> Result<Verification, LogError> {
    let mut check = Check {
        store,
        index: LogIndex::default(),
        tree: Tree::default(),
        blocks: 0,
        stored_bytes: 0,
        tiles: 0,
        claimed: BTreeMap::new(),
        checkpoints: 0,
        difference: None,
    };
    check.claims(folder, next)?;
    let journal = &folder.join("journal");
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
    // The scan derives the roots of all records, this check those of the events once more.
    let tree = (journal_first == 0).then(Tree::default);
    let scan = Scan::run(journal, until, tree, compare, &mut |_, _| {});
    if let Ok(scan) = &scan
        && check.difference.is_none()
    {
        if scan.next != next {
            check.differs(scan.next, None, "the journal does not have it");
        } else if scan.root != check.tree.head().root && next > 0 {
            check.differs(
                next - 1,
                None,
                "the journal's last root does not follow from the events",
            );
        }
    }
    if let Some((size, _)) = check.claimed.first_key_value()
        && check.difference.is_none()
    {
        let size = *size;
        check.differs(
            size,
            None,
            "a checkpoint was signed for a tree that is larger than the log: it has been cut or rolled back",
        );
    }
    let journal_bytes = scan.as_ref().map_or(0, |scan| scan.used_bytes);
    // A difference tells more than what broke because of it.
    if let (Err(error), None) = (scan, &check.difference) {
        return Err(error);
    }
    Ok(Verification {
        events: check.index.next_position().0,
        blocks: check.blocks,
        stored_bytes: check.stored_bytes,
        tiles: check.tiles,
        checkpoints: check.checkpoints,
        journal_from: GlobalPosition(journal_first),
        journal_bytes,
        root: check.tree.head().root,
        difference: check.difference,
    })
}

impl Check<'_> {
    /// Collects what the signed heads say, from sled and from their file.
    fn claims(&mut self, folder: &Path, next: u64) -> Result<(), LogError> {
        let held = checkpoint_file::read(folder)
            .map_err(|source| LogError::io("read the file of checkpoints", source))?;
        if let Some(line) = held.unreadable.first() {
            let what = format!("line {line} of the file 'checkpoints' cannot be read");
            self.differs(next.saturating_sub(1), None, &what);
        }
        let stored = self.store.checkpoints(0, usize::MAX)?;
        for checkpoint in held.kept.iter().chain(&stored) {
            let TreeHead { size, root } = checkpoint.head;
            if self
                .claimed
                .insert(size, root)
                .is_some_and(|other| other != root)
            {
                let what = "two checkpoints of this size were signed with different roots";
                self.differs(size.saturating_sub(1), None, what);
            }
        }
        self.claimed_at(0, TreeHead::EMPTY.root);
        Ok(())
    }

    /// Compares what was signed for the tree of `size` events with its root.
    fn claimed_at(&mut self, size: u64, root: Hash) {
        if let Some(claimed) = self.claimed.remove(&size) {
            self.checkpoints += 1;
            if claimed != root {
                self.differs(
                    size.saturating_sub(1),
                    None,
                    "the events up to here do not lead to the root that was signed",
                );
            }
        }
    }

    fn tile(&mut self, tile: &FullTile) -> Result<(), LogError> {
        let stored = self.store.tile(tile.level, tile.index)?;
        if stored.is_none_or(|hashes| hashes != tile.hashes) {
            let what = format!(
                "sled does not hold tile {} of level {} as the events make it",
                tile.index, tile.level
            );
            self.differs(self.tree.size() - 1, None, &what);
        }
        self.tiles += 1;
        Ok(())
    }

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
            let mut full = Vec::new();
            self.tree.push(leaf_hash(bytes), &mut full);
            for tile in &full {
                if let Err(error) = self.tile(tile) {
                    return self.differs(position, None, &error.to_string());
                }
            }
            if self.claimed.contains_key(&(position + 1)) {
                self.claimed_at(position + 1, self.tree.head().root);
            }
            if self.difference.is_some() {
                return;
            }
        }
        self.blocks += 1;
    }

    fn differs(&mut self, position: u64, stream: Option<StreamName>, what: &str) {
        if self.difference.is_some() {
            return;
        }
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
