use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use futures::{FutureExt, future, future::BoxFuture};
use tokio::sync::watch;
use uuid::Uuid;

use crate::evidence::{Checkpoint, FullTile, HashTile, Tree, TreeHead, leaf_hash};
use crate::{
    Admission, Append, AppendOutcome, EventLog, GlobalPosition, LogError, LogIndex, RecordedEvent,
    RestoreLog, StreamName, StreamPosition,
};

/// A log in memory: the whole contract but durability. For tests and demonstrations.
#[derive(Debug)]
pub struct MemoryLog {
    state: RwLock<State>,
    head: watch::Sender<Option<GlobalPosition>>,
}

#[derive(Debug, Default)]
struct State {
    index: LogIndex,
    stored: Vec<Vec<u8>>,
    tree: Tree,
    tiles: HashMap<(u8, u64), Vec<u8>>,
    checkpoints: BTreeMap<u64, Checkpoint>,
    closed: bool,
}

impl State {
    fn store(&mut self, stored: Vec<u8>) {
        let mut full = Vec::new();
        self.tree.push(leaf_hash(&stored), &mut full);
        for FullTile {
            level,
            index,
            hashes,
        } in full
        {
            self.tiles.insert((level, index), hashes);
        }
        self.stored.push(stored);
    }

    fn hash_tile(&self, tile: HashTile) -> Result<Vec<u8>, LogError> {
        if !tile.is_in(self.tree.size()) {
            return Err(LogError::no_such_tile(tile));
        }
        let full = self.tiles.get(&(tile.level, tile.index));
        full.map(|hashes| hashes[..usize::from(tile.width) * 32].to_vec())
            .or_else(|| self.tree.partial_tile(tile))
            .ok_or_else(|| LogError::no_such_tile(tile))
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: RwLock::default(),
            head: watch::Sender::new(None),
        }
    }

    /// Opens a closed log again, with all that it holds.
    pub fn reopen(&self) {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = false;
    }

    fn append_now(&self, append: Append) -> Result<AppendOutcome, LogError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(LogError::Closed);
        }
        let mut admission = Admission::onto(&state.index);
        let outcome = admission.admit(&state.index, append)?;
        for event in admission.events() {
            state.store(event.stored.clone());
        }
        state.index.apply(admission);
        if !outcome.replayed {
            // Inside the lock, so that the head never goes back.
            self.head.send_replace(Some(outcome.last));
        }
        Ok(outcome)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, LogError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(LogError::Closed);
        }
        Ok(look(&state))
    }
}

fn decode(bytes: &[u8]) -> RecordedEvent {
    RecordedEvent::from_stored_bytes(bytes).expect("the log holds only what it encoded itself")
}

impl EventLog for MemoryLog {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<AppendOutcome, LogError>> {
        future::lazy(move |_| self.append_now(append)).boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: StreamPosition,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        future::lazy(move |_| {
            self.read(|state| {
                let positions = state.index.stream_positions(stream, from, max);
                positions
                    .iter()
                    .map(|at| decode(&state.stored[at.0 as usize]))
                    .collect()
            })
        })
        .boxed()
    }

    fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, LogError>> {
        future::lazy(move |_| {
            self.read(|state| {
                let skip = usize::try_from(from.0).unwrap_or(usize::MAX);
                state
                    .stored
                    .iter()
                    .skip(skip)
                    .take(max)
                    .map(|bytes| decode(bytes))
                    .collect()
            })
        })
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<GlobalPosition>, LogError>> {
        future::lazy(move |_| self.read(|state| state.index.head())).boxed()
    }

    fn stream_version<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<StreamPosition>, LogError>> {
        future::lazy(move |_| self.read(|state| state.index.stream_version(stream))).boxed()
    }

    fn command_outcome(
        &self,
        command_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<(GlobalPosition, GlobalPosition)>, LogError>> {
        future::lazy(move |_| self.read(|state| state.index.command_outcome(command_id))).boxed()
    }

    fn subscribe_all(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.head.subscribe()
    }

    fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, LogError>> {
        future::lazy(move |_| {
            self.read(|state| {
                let skip = usize::try_from(from.0).unwrap_or(usize::MAX);
                state.stored.iter().skip(skip).take(max).cloned().collect()
            })
        })
        .boxed()
    }

    fn tree_head(&self) -> BoxFuture<'_, Result<TreeHead, LogError>> {
        future::lazy(move |_| self.read(|state| state.tree.head())).boxed()
    }

    fn hash_tile(&self, tile: HashTile) -> BoxFuture<'_, Result<Vec<u8>, LogError>> {
        future::lazy(move |_| self.read(|state| state.hash_tile(tile)).flatten()).boxed()
    }

    fn keep_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), LogError>> {
        future::lazy(move |_| {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return Err(LogError::Closed);
            }
            state.checkpoints.insert(checkpoint.head.size, checkpoint);
            Ok(())
        })
        .boxed()
    }

    fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Checkpoint>, LogError>> {
        future::lazy(move |_| {
            self.read(|state| {
                let kept = state.checkpoints.range(from_size..);
                kept.take(max).map(|(_, kept)| kept.clone()).collect()
            })
        })
        .boxed()
    }

    fn latest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Checkpoint>, LogError>> {
        future::lazy(move |_| {
            self.read(|state| {
                let last = state.checkpoints.last_key_value();
                last.map(|(_, kept)| kept.clone())
            })
        })
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        future::lazy(move |_| {
            self.state
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .closed = true;
            Ok(())
        })
        .boxed()
    }
}

impl RestoreLog for MemoryLog {
    fn append_stored(&self, events: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), LogError>> {
        future::lazy(move |_| {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return Err(LogError::Closed);
            }
            let mut admission = Admission::onto(&state.index);
            admission.admit_stored(&state.index, events.clone())?;
            for event in events {
                state.store(event);
            }
            state.index.apply(admission);
            self.head.send_replace(state.index.head());
            Ok(())
        })
        .boxed()
    }
}
