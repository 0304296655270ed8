//! What readers see: nothing that is not durable.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard},
};

use daicho_eventlog::{
    Admission, GlobalPosition, LogError, LogIndex, RecordedEvent, StreamName, StreamPosition,
};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::watch;

use crate::{
    block::Block,
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
    read_only: OnceLock<String>,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) index: LogIndex,
    /// Position of the first event of every block.
    pub(crate) block_starts: Vec<u64>,
    /// Acknowledged blocks that sled does not have yet.
    unstored: BTreeMap<u64, Arc<Block>>,
}

#[derive(Debug, Clone)]
struct ByMemory;

impl Weighter<u64, Arc<Block>> for ByMemory {
    fn weight(&self, _first: &u64, block: &Arc<Block>) -> u64 {
        block.memory_bytes() as u64
    }
}

impl Visible {
    pub(crate) fn new(contents: Contents, store: Arc<SledStore>, cache_bytes: u64) -> Self {
        let blocks = (cache_bytes / ORDINARY_BLOCK_BYTES).max(1) as usize;
        Self {
            head: watch::Sender::new(contents.index.head()),
            contents: RwLock::new(contents),
            store: RwLock::new(Some(store)),
            cache: Cache::with_weighter(blocks, cache_bytes, ByMemory),
            read_only: OnceLock::new(),
        }
    }

    pub(crate) fn contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes durable events visible.
    pub(crate) fn publish(&self, admission: Admission, blocks: &[(u64, Arc<Block>)]) {
        let mut contents = self
            .contents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        contents.index.apply(admission);
        for (first, block) in blocks {
            contents.block_starts.push(*first);
            contents.unstored.insert(*first, Arc::clone(block));
        }
        let head = contents.index.head();
        drop(contents);
        self.head.send_replace(head);
    }

    /// sled has the block now.
    pub(crate) fn stored(&self, first: u64) {
        let mut contents = self
            .contents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = contents.unstored.remove(&first) {
            self.cache.insert(first, block);
        }
    }

    /// Whether sled has everything before `next`.
    pub(crate) fn is_stored_up_to(&self, next: u64) -> bool {
        self.contents().unstored.range(..next).next().is_none()
    }

    /// From now on the log takes no more. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        if self.read_only.set(reason.clone()).is_ok() {
            tracing::error!(%reason, "the log is read-only until it is reopened");
        }
    }

    /// Why the log takes no more, if it does not.
    pub(crate) fn read_only(&self) -> Option<LogError> {
        self.read_only.get().map(|reason| LogError::ReadOnly {
            reason: reason.clone(),
        })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.head.subscribe()
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
        act(store.as_ref().ok_or(LogError::Closed)?)
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

    fn read(&self, places: &[(u64, usize)]) -> Result<Vec<RecordedEvent>, LogError> {
        self.with_store(|store| {
            let mut events = Vec::with_capacity(places.len());
            let mut open: Option<(u64, Arc<Block>)> = None;
            for (first, place) in places {
                let block = match &open {
                    Some((open, block)) if open == first => block,
                    _ => &open.insert((*first, self.block(store, *first)?)).1,
                };
                let position = first + *place as u64;
                let event = block
                    .event(*place)
                    .and_then(|bytes| RecordedEvent::from_stored_bytes(bytes).ok())
                    .filter(|event| event.global_position.0 == position)
                    .ok_or_else(|| missing(position))?;
                events.push(event);
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
            let bytes = store.get(first)?.ok_or_else(|| missing(first))?;
            Block::decode(&bytes)
                .map(Arc::new)
                .map_err(|_| missing(first))
        })
    }
}

impl Contents {
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
