//! A log that fails as storage fails. What is durable is on `disk`; what may be read is a
//! [`MemoryLog`] made from it; what was accepted waits in a queue until somebody flushes.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use daicho_eventlog::evidence::{Checkpoint, HashTile, TreeHead};
use daicho_eventlog::{
    Append, AppendOutcome, EventLog, ExpectedVersion, GlobalPosition, LogError, MemoryLog,
    RecordedEvent, StreamName, StreamPosition,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use uuid::Uuid;

use super::PlantedBug;

/// How many nodes share one log.
pub(super) const NODES: usize = 2;

/// What the nodes share.
#[derive(Debug)]
pub(super) struct Storage {
    state: Mutex<State>,
    heads: [watch::Sender<Option<GlobalPosition>>; NODES],
    planted: Option<PlantedBug>,
}

/// One append as it is on disk.
#[derive(Clone, Debug)]
enum Frame {
    Whole(Append),
    /// Only so many of its events were written when the power went.
    Torn(Append, usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Running,
    ReadOnly,
    Down,
}

#[derive(Debug)]
struct State {
    disk: Vec<Frame>,
    /// Acknowledged although it is not on disk: only with the planted bug.
    unflushed: Vec<Frame>,
    visible: Arc<MemoryLog>,
    queue: VecDeque<(u64, Append)>,
    answers: BTreeMap<u64, Result<AppendOutcome, LogError>>,
    tickets: u64,
    condition: Condition,
    /// Nodes that have not been told of the newest head.
    untold: [bool; NODES],
}

/// The answer of a future that is ready at once, as those of a log in memory are.
fn at_once<T>(future: BoxFuture<'_, T>) -> T {
    future
        .now_or_never()
        .expect("a log in memory never waits for anything")
}

fn unreachable_now() -> LogError {
    LogError::io(
        "reach the storage",
        std::io::Error::other("the connection was lost (simulated)"),
    )
}

fn read_only() -> LogError {
    LogError::ReadOnly {
        reason: "a write failed (simulated)".into(),
    }
}

impl Storage {
    /// A storage that holds what `appends` wrote.
    pub fn holding(appends: &[Append], planted: Option<PlantedBug>) -> Arc<Self> {
        let storage = Self {
            state: Mutex::new(State {
                disk: appends.iter().cloned().map(Frame::Whole).collect(),
                unflushed: Vec::new(),
                visible: Arc::new(MemoryLog::new()),
                queue: VecDeque::new(),
                answers: BTreeMap::new(),
                tickets: 0,
                condition: Condition::Down,
                untold: [false; NODES],
            }),
            heads: std::array::from_fn(|_| watch::Sender::new(None)),
            planted,
        };
        storage.reopen();
        Arc::new(storage)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn condition(&self) -> Condition {
        self.state().condition.clone()
    }

    /// Number of appends that wait, and which of them is a batch of many events, if one is.
    pub fn queued(&self) -> (usize, Option<usize>) {
        let state = self.state();
        let batch = state
            .queue
            .iter()
            .position(|(_, append)| append.events.len() > 1);
        (state.queue.len(), batch)
    }

    /// What is durable, append by append.
    pub fn appends(&self) -> Vec<Append> {
        let state = self.state();
        let whole = state.disk.iter().filter_map(|frame| match frame {
            Frame::Whole(append) => Some(append.clone()),
            Frame::Torn(..) => None,
        });
        whole.collect()
    }

    /// The log that may be read.
    pub fn visible(&self) -> Arc<MemoryLog> {
        Arc::clone(&self.state().visible)
    }

    /// Writes everything that waits, makes it durable, and only then answers. `mischief` is the
    /// moment at which the planted bug strikes.
    pub fn flush(&self, mischief: bool) {
        let mut state = self.state();
        let state = &mut *state;
        if state.condition != Condition::Running {
            return;
        }
        let is_skipped = mischief && self.planted == Some(PlantedBug::SkippedFlush);
        let is_doubled = mischief && self.planted == Some(PlantedBug::RecordedTwice);
        let before = at_once(state.visible.head());
        for (ticket, append) in state.queue.drain(..) {
            let outcome = at_once(state.visible.append(append.clone()));
            if matches!(
                outcome,
                Ok(AppendOutcome {
                    replayed: false,
                    ..
                })
            ) {
                let copy = is_doubled.then(|| again(&state.visible, &append));
                state.unflushed.push(Frame::Whole(append));
                if let Some(copy) = copy
                    && at_once(state.visible.append(copy.clone())).is_ok()
                {
                    state.unflushed.push(Frame::Whole(copy));
                }
            }
            state.answers.insert(ticket, outcome);
        }
        if !is_skipped {
            state.disk.append(&mut state.unflushed);
        }
        if at_once(state.visible.head()).ok() != before.ok() {
            state.untold = [true; NODES];
        }
    }

    /// The write fails, or the power goes: of what waits, the first `written` appends got onto the
    /// disk and of the next one some events, if it is `torn`. None of them is answered.
    pub fn fail(&self, written: usize, torn: bool, into: Condition) {
        let mut state = self.state();
        let state = &mut *state;
        state.unflushed.clear();
        for (index, (ticket, append)) in state.queue.drain(..).enumerate() {
            if index < written {
                state.disk.push(Frame::Whole(append));
            } else if index == written && torn {
                let half = append.events.len() / 2;
                state.disk.push(Frame::Torn(append, half));
            }
            let error = match into {
                Condition::ReadOnly => read_only(),
                _ => unreachable_now(),
            };
            state.answers.insert(ticket, Err(error));
        }
        state.condition = into;
    }

    /// Starts again from what is on disk. A torn append is not there.
    pub fn reopen(&self) {
        let mut state = self.state();
        let log = MemoryLog::new();
        let frames = std::mem::take(&mut state.disk);
        for frame in frames {
            let append = match frame {
                Frame::Whole(append) => append,
                Frame::Torn(mut append, written) => {
                    if self.planted != Some(PlantedBug::HalfABatch) {
                        continue;
                    }
                    append.events.truncate(written);
                    append
                }
            };
            // What was written without an answer is judged now, as it would have been then.
            if matches!(at_once(log.append(append.clone())), Ok(outcome) if !outcome.replayed) {
                state.disk.push(Frame::Whole(append));
            }
        }
        for kept in at_once(state.visible.checkpoints(0, usize::MAX)).unwrap_or_default() {
            let _ = at_once(log.keep_checkpoint(kept));
        }
        state.visible = Arc::new(log);
        state.condition = Condition::Running;
        state.untold = [true; NODES];
    }

    /// Tells a node of the newest head, if it has not been told. `is_lost`: the planted bug eats it.
    pub fn notify(&self, node: usize, is_lost: bool) -> bool {
        let mut state = self.state();
        if !std::mem::take(&mut state.untold[node]) {
            return false;
        }
        let head = at_once(state.visible.head()).unwrap_or_default();
        if !is_lost {
            self.heads[node].send_replace(head);
        }
        true
    }

    fn readable(&self) -> Result<Arc<MemoryLog>, LogError> {
        let state = self.state();
        match state.condition {
            Condition::Down => Err(unreachable_now()),
            Condition::Running | Condition::ReadOnly => Ok(Arc::clone(&state.visible)),
        }
    }

    fn accept(&self, append: Append) -> Result<u64, LogError> {
        let mut state = self.state();
        match state.condition {
            Condition::Down => Err(unreachable_now()),
            Condition::ReadOnly => Err(read_only()),
            Condition::Running => {
                state.tickets += 1;
                let ticket = state.tickets;
                state.queue.push_back((ticket, append));
                Ok(ticket)
            }
        }
    }
}

/// The same append once more, as a log takes it that forgets command ids.
fn again(log: &MemoryLog, append: &Append) -> Append {
    let mut copy = append.clone();
    for (stream, expected) in &mut copy.expected {
        let version = at_once(log.stream_version(stream)).unwrap_or_default();
        *expected = ExpectedVersion::still(version);
    }
    for event in &mut copy.events {
        let id = event.metadata.command_id.as_u128();
        event.metadata.command_id = Uuid::from_u128(!id);
    }
    copy
}

/// Lets others go on: the answer of a storage takes a while.
fn pause() -> impl Future<Output = ()> + Send {
    let mut has_paused = false;
    poll_fn(move |_| {
        if std::mem::replace(&mut has_paused, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

/// A node's connection to the storage.
#[derive(Clone, Debug)]
pub(super) struct FaultyLog {
    storage: Arc<Storage>,
    node: usize,
}

impl FaultyLog {
    pub fn new(storage: &Arc<Storage>, node: usize) -> Self {
        Self {
            storage: Arc::clone(storage),
            node,
        }
    }

    /// Asks the storage as it is in the middle of the call; both ways take their time.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        question: impl for<'l> FnOnce(&'l MemoryLog) -> BoxFuture<'l, Result<T, LogError>> + Send + 'a,
    ) -> Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>> {
        Box::pin(async move {
            pause().await;
            let answer = at_once(question(&*self.storage.readable()?))?;
            pause().await;
            Ok(answer)
        })
    }
}

impl EventLog for FaultyLog {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<AppendOutcome, LogError>> {
        Box::pin(async move {
            pause().await;
            let ticket = self.storage.accept(append)?;
            let outcome = poll_fn(|_| match self.storage.state().answers.remove(&ticket) {
                Some(outcome) => Poll::Ready(outcome),
                None => Poll::Pending,
            })
            .await;
            pause().await;
            outcome
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: StreamPosition,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        let stream = stream.clone();
        self.ask(move |log| async move { log.read_stream(&stream, from, max).await }.boxed())
    }

    fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, LogError>> {
        self.ask(move |log| log.read_all(from, max))
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<GlobalPosition>, LogError>> {
        self.ask(|log| log.head())
    }

    fn stream_version<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<StreamPosition>, LogError>> {
        let stream = stream.clone();
        self.ask(move |log| async move { log.stream_version(&stream).await }.boxed())
    }

    fn command_outcome(
        &self,
        command_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<(GlobalPosition, GlobalPosition)>, LogError>> {
        self.ask(move |log| log.command_outcome(command_id))
    }

    fn subscribe_all(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.storage.heads[self.node].subscribe()
    }

    fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, LogError>> {
        self.ask(move |log| log.read_stored(from, max))
    }

    fn tree_head(&self) -> BoxFuture<'_, Result<TreeHead, LogError>> {
        self.ask(|log| log.tree_head())
    }

    fn hash_tile(&self, tile: HashTile) -> BoxFuture<'_, Result<Vec<u8>, LogError>> {
        self.ask(move |log| log.hash_tile(tile))
    }

    fn keep_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), LogError>> {
        self.ask(move |log| log.keep_checkpoint(checkpoint))
    }

    fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Checkpoint>, LogError>> {
        self.ask(move |log| log.checkpoints(from_size, max))
    }

    fn latest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Checkpoint>, LogError>> {
        self.ask(|log| log.latest_checkpoint())
    }

    fn read_only_reason(&self) -> Option<String> {
        (self.storage.condition() == Condition::ReadOnly)
            .then(|| "a write failed (simulated)".to_owned())
    }

    /// The storage is shared: letting go of a connection changes nothing.
    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }
}
