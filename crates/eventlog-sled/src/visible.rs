//! What readers see: nothing that is not durable.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use daicho_eventlog::{
    Admission, GlobalPosition, LogError, LogIndex, RecordedEvent, StreamName, StreamPosition,
    evidence::{FullTile, Hash, HashTile, TILE_WIDTH, Tree, TreeHead, leaf_hash},
};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::watch;

use crate::{
    block::Block,
    journal::scan::{Range, Scan},
    sled_store::{REBUILD, SledStore},
};

/// An ordinary block, to give the cache an idea of how many fit.
const ORDINARY_BLOCK_BYTES: u64 = 8 << 10;

/// The readers' side of the log; the writer publishes into it.
#[derive(Debug)]
pub(crate) struct Visible {
    contents: RwLock<Contents>,
    store: RwLock<Option<Arc<SledStore>>>,
    cache: Cache<u64, Arc<Block>, ByMemory>,
    head: watch::Sender<Option<GlobalPosition>>,
    trouble: RwLock<Option<Trouble>>,
    /// sled has not given back what it was given; the journal has.
    store_is_faulty: AtomicBool,
    journal: PathBuf,
}

/// Why the log takes no appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is too little room on the disk; nothing has failed.
    Short(String),
    /// A write failed: storage has to be opened anew, which the writer tries by itself.
    Failed(String),
    /// Only the operator can help.
    Lost(String),
}

impl Trouble {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Short(reason) | Self::Failed(reason) | Self::Lost(reason) => reason,
        }
    }

    /// Whether `other` is no news beside this. What failed is not mended by room, so that a shortage
    /// must not hide it.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Lost(_), _) | (Self::Failed(_), Self::Short(_)) => true,
            _ => self == other,
        }
    }
}

/// Where everything is.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) index: LogIndex,
    /// Position of the first event of every block.
    pub(crate) block_starts: Vec<u64>,
    /// The tree over all events.
    pub(crate) tree: Tree,
    /// Acknowledged blocks that sled does not have yet.
    unstored: BTreeMap<u64, Arc<Block>>,
    /// Full tiles that sled does not have yet.
    unstored_tiles: HashMap<(u8, u64), Vec<u8>>,
}

#[derive(Debug, Clone)]
struct ByMemory;

impl Weighter<u64, Arc<Block>> for ByMemory {
    fn weight(&self, _first: &u64, block: &Arc<Block>) -> u64 {
        block.memory_bytes() as u64
    }
}

impl Visible {
    pub(crate) fn new(
        contents: Contents,
        store: Arc<SledStore>,
        cache_bytes: u64,
        journal: PathBuf,
    ) -> Self {
        let blocks = (cache_bytes / ORDINARY_BLOCK_BYTES).max(1) as usize;
        Self {
            head: watch::Sender::new(contents.index.head()),
            contents: RwLock::new(contents),
            store: RwLock::new(Some(store)),
            cache: Cache::with_weighter(blocks, cache_bytes, ByMemory),
            trouble: RwLock::new(None),
            store_is_faulty: AtomicBool::new(false),
            journal,
        }
    }

    pub(crate) fn contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn contents_mut(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes durable events visible.
    pub(crate) fn publish(
        &self,
        admission: Admission,
        blocks: &[(u64, Arc<Block>)],
        tree: Tree,
        full: &[FullTile],
    ) {
        let mut contents = self.contents_mut();
        contents.index.apply(admission);
        for (first, block) in blocks {
            contents.block_starts.push(*first);
            contents.unstored.insert(*first, Arc::clone(block));
        }
        contents.keep_tiles(full);
        contents.tree = tree;
        let head = contents.index.head();
        drop(contents);
        self.head.send_replace(head);
    }

    /// Tells subscribers how far the log goes now.
    pub(crate) fn announce(&self) {
        let head = self.contents().index.head();
        self.head.send_replace(head);
    }

    /// sled has the block now.
    pub(crate) fn stored(&self, first: u64) {
        let mut contents = self.contents_mut();
        if let Some(block) = contents.unstored.remove(&first) {
            self.cache.insert(first, block);
        }
    }

    /// sled has the tile now.
    pub(crate) fn stored_tile(&self, tile: &FullTile) {
        let mut contents = self.contents_mut();
        contents.unstored_tiles.remove(&(tile.level, tile.index));
    }

    /// sled has everything now.
    pub(crate) fn stored_all(&self) {
        let mut contents = self.contents_mut();
        contents.unstored.clear();
        contents.unstored_tiles.clear();
    }

    /// Whether sled has everything before `next`.
    pub(crate) fn is_stored_up_to(&self, next: u64) -> bool {
        self.contents().unstored.range(..next).next().is_none()
    }

    /// From now on the log takes no more, until [`Self::recovered`].
    pub(crate) fn fail(&self, trouble: Trouble) {
        let mut current = self.trouble.write().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|current| current.covers(&trouble))
        {
            return;
        }
        tracing::error!(reason = trouble.reason(), "the log takes no appends");
        *current = Some(trouble);
    }

    /// The log takes appends again.
    pub(crate) fn recovered(&self) {
        let mut current = self.trouble.write().unwrap_or_else(PoisonError::into_inner);
        if current.take().is_some() {
            tracing::info!("the log takes appends again");
        }
    }

    /// What keeps the log from taking appends.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let trouble = self.trouble.read().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Why the log takes no more, if it does not.
    pub(crate) fn read_only(&self) -> Option<LogError> {
        self.trouble().map(|trouble| LogError::ReadOnly {
            reason: trouble.reason().to_owned(),
        })
    }

    /// Whether sled has to be built anew from the journal when the log is opened next.
    pub(crate) fn store_is_faulty(&self) -> bool {
        self.store_is_faulty.load(Ordering::Acquire)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.head.subscribe()
    }

    /// Reads from `store` from now on.
    pub(crate) fn use_store(&self, store: Arc<SledStore>) {
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store);
    }

    /// Gives the store away; from now on nothing can be read.
    pub(crate) fn close(&self) -> Option<Arc<SledStore>> {
        self.store
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Does something with the store, which stays open meanwhile.
    pub(crate) fn with_store<T>(
        &self,
        act: impl FnOnce(&SledStore) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        match store.as_ref() {
            Some(store) => act(store),
            // Storage is being opened anew.
            None => Err(self.read_only().unwrap_or(LogError::Closed)),
        }
    }

    /// Answers from the index.
    pub(crate) fn look_up<T>(&self, look: impl FnOnce(&LogIndex) -> T) -> Result<T, LogError> {
        self.with_store(|_| Ok(look(&self.contents().index)))
    }

    pub(crate) fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let places = {
            let contents = self.contents();
            let next = contents.index.next_position().0;
            let until = from.0.saturating_add(max as u64).min(next);
            contents.places(from.0..until)
        };
        self.read(&places)
    }

    pub(crate) fn read_stream(
        &self,
        stream: &StreamName,
        from: StreamPosition,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let places = {
            let contents = self.contents();
            let positions = contents.index.stream_positions(stream, from, max);
            contents.places(positions.iter().map(|position| position.0))
        };
        self.read(&places)
    }

    /// The stored bytes of at most `max` events from `from` on.
    pub(crate) fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let places = {
            let contents = self.contents();
            let next = contents.index.next_position().0;
            let until = from.0.saturating_add(max as u64).min(next);
            contents.places(from.0..until)
        };
        self.read_places(&places, |_, bytes| Ok(bytes.to_vec()))
    }

    /// Size and root of the tree over everything visible.
    pub(crate) fn tree_head(&self) -> Result<TreeHead, LogError> {
        self.with_store(|_| Ok(self.contents().tree.head()))
    }

    /// The hashes of `tile`. A tile that sled does not have, or not as it must be, is derived from
    /// what is below it.
    pub(crate) fn hash_tile(&self, tile: HashTile) -> Result<Vec<u8>, LogError> {
        let in_memory = {
            let contents = self.contents();
            // First of all: what is cut out below has to be there.
            if !tile.is_in(contents.tree.size()) {
                return Err(LogError::no_such_tile(tile));
            }
            let full = contents.unstored_tiles.get(&(tile.level, tile.index));
            full.map(|hashes| hashes[..usize::from(tile.width) * 32].to_vec())
                .or_else(|| contents.tree.partial_tile(tile))
        };
        if let Some(hashes) = in_memory {
            return self.with_store(|_| Ok(hashes));
        }
        let stored = self.with_store(|store| store.tile(tile.level, tile.index));
        let mut hashes = match stored {
            Ok(Some(hashes)) if hashes.len() == TILE_WIDTH * 32 => hashes.to_vec(),
            Ok(_) | Err(LogError::Damaged { .. }) => {
                tracing::warn!(
                    level = tile.level,
                    index = tile.index,
                    "sled does not have a tile; derived anew"
                );
                self.derive_tile(tile)?
            }
            Err(error) => return Err(error),
        };
        hashes.truncate(usize::from(tile.width) * 32);
        Ok(hashes)
    }

    fn derive_tile(&self, tile: HashTile) -> Result<Vec<u8>, LogError> {
        let first = tile.index * TILE_WIDTH as u64;
        let Some(below) = tile.level.checked_sub(1) else {
            let events = self.read_stored(GlobalPosition(first), TILE_WIDTH)?;
            return Ok(events.iter().flat_map(|event| leaf_hash(event).0).collect());
        };
        let mut hashes = Vec::with_capacity(TILE_WIDTH * 32);
        for index in first..first + TILE_WIDTH as u64 {
            let child = HashTile {
                level: below,
                index,
                width: TILE_WIDTH as u16,
            };
            let bytes = self.hash_tile(child)?;
            let mut tree = Tree::default();
            for leaf in bytes.as_chunks().0 {
                tree.push(Hash(*leaf), &mut Vec::new());
            }
            hashes.extend(tree.head().root.0);
        }
        Ok(hashes)
    }

    fn read(&self, places: &[(u64, usize)]) -> Result<Vec<RecordedEvent>, LogError> {
        self.read_places(places, |position, bytes| {
            RecordedEvent::from_stored_bytes(bytes)
                .ok()
                .filter(|event| event.global_position.0 == position)
                .ok_or_else(|| missing(position))
        })
    }

    fn read_places<T>(
        &self,
        places: &[(u64, usize)],
        decode: impl Fn(u64, &[u8]) -> Result<T, LogError>,
    ) -> Result<Vec<T>, LogError> {
        self.with_store(|store| {
            let mut events = Vec::with_capacity(places.len());
            let mut open: Option<(u64, Arc<Block>)> = None;
            for (first, place) in places {
                let block = match &open {
                    Some((open, block)) if open == first => block,
                    _ => &open.insert((*first, self.block(store, *first)?)).1,
                };
                let position = first + *place as u64;
                let bytes = block.event(*place).ok_or_else(|| missing(position))?;
                events.push(decode(position, bytes)?);
            }
            Ok(events)
        })
    }

    fn block(&self, store: &SledStore, first: u64) -> Result<Arc<Block>, LogError> {
        // The block leaves this map only when it is in sled, so one of the two has it.
        if let Some(block) = self.contents().unstored.get(&first) {
            return Ok(Arc::clone(block));
        }
        self.cache.get_or_insert_with(&first, || {
            let stored = store
                .get(first)
                .and_then(|bytes| bytes.ok_or_else(|| missing(first)))
                .and_then(|bytes| Block::decode(&bytes).map_err(|_| missing(first)))
                // Whole, but of other events: what each says of itself tells.
                .and_then(|block| {
                    if says_its_position(&block, first) {
                        Ok(block)
                    } else {
                        Err(missing(first))
                    }
                });
            match stored {
                Ok(block) => Ok(Arc::new(block)),
                Err(error) => self.block_of_the_journal(first, error),
            }
        })
    }

    /// What sled does not give back is read from the journal, slowly, and sled is built anew when
    /// the log is opened next.
    fn block_of_the_journal(&self, first: u64, error: LogError) -> Result<Arc<Block>, LogError> {
        let range = Range {
            from: first,
            until: Some(first + 1),
        };
        let mut found = None;
        let visit = |scanned: crate::journal::scan::ScannedBlock<'_>| {
            if scanned.first == first {
                found = Some(Arc::new(scanned.block));
            }
            Ok(())
        };
        Scan::run(&self.journal, range, None, visit, &mut |_, _| {}).map_err(|_| error.clone())?;
        let block = found.ok_or_else(|| error.clone())?;
        if !self.store_is_faulty.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "read from the journal instead; sled is rebuilt when the log is opened next");
        }
        Ok(block)
    }
}

fn says_its_position(block: &Block, first: u64) -> bool {
    let head = block
        .event(0)
        .and_then(|bytes| daicho_eventlog::StoredEventHead::from_stored_bytes(bytes).ok());
    head.is_some_and(|head| head.global_position.0 == first)
}

impl Contents {
    fn keep_tiles(&mut self, full: &[FullTile]) {
        for tile in full {
            self.unstored_tiles
                .insert((tile.level, tile.index), tile.hashes.clone());
        }
    }

    /// Block and place in it for positions that the log has.
    fn places(&self, positions: impl IntoIterator<Item = u64>) -> Vec<(u64, usize)> {
        let place = |position| {
            let after = self
                .block_starts
                .partition_point(|first| *first <= position);
            let first = self.block_starts[after - 1];
            (first, (position - first) as usize)
        };
        positions.into_iter().map(place).collect()
    }
}

fn missing(position: u64) -> LogError {
    LogError::Damaged {
        what: format!("sled does not hold the event at position {position} as it was written"),
        what_to_do: REBUILD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Trouble::{Failed, Lost, Short};

    #[test]
    fn a_shortage_hides_no_failure_and_nothing_hides_a_loss() {
        let reason = || "reason".to_owned();
        assert!(Failed(reason()).covers(&Short(reason())));
        assert!(!Short(reason()).covers(&Failed(reason())));
        assert!(!Failed(reason()).covers(&Failed("another".to_owned())));
        for other in [Short(reason()), Failed(reason())] {
            assert!(Lost(reason()).covers(&other));
            assert!(!other.covers(&Lost(reason())));
            assert!(other.covers(&other));
        }
    }
}
