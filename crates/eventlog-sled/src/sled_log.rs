use std::{
    fmt, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use daicho_eventlog::{
    Append, AppendOutcome, EventLog, GlobalPosition, LogError, RecordedEvent, RestoreLog,
    StreamName, StreamPosition,
    evidence::{Checkpoint, EvidenceError, Hash, HashTile, TreeHead, root_at},
};
use futures::{FutureExt, future, future::BoxFuture};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::{
    OpenError, OpenReport, OpenStage, Options, Verification,
    folder_lock::FolderLock,
    journal::{self, Trimmed},
    named_thread, open,
    request::{Request, Requests},
    sled_store::{self, SledStore},
    verification,
    visible::{Trouble, Visible},
    writer::Writer,
};

/// How often a verification looks whether sled has caught up with the journal.
const STORED_POLL: Duration = Duration::from_millis(5);

/// The embedded log. Dropping it closes it.
///
/// Reading and looking up answer at once on the calling thread, mostly from memory;
/// readers who want very many events take them in pages.
pub struct SledLog {
    folder: PathBuf,
    options: Options,
    visible: Arc<Visible>,
    requests: Requests,
    stopping: Arc<AtomicBool>,
    running: Mutex<Option<Running>>,
}

/// What ends when the log is closed.
#[derive(Debug)]
pub(crate) struct Running {
    writer: JoinHandle<Result<(), String>>,
    lock: FolderLock,
}

impl Running {
    pub(crate) fn start(writer: Writer, lock: FolderLock) -> Self {
        let visible = Arc::clone(&writer.visible);
        let run = move || {
            catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| {
                let reason = "the writer stopped unexpectedly".to_owned();
                visible.fail(Trouble::Lost(reason.clone()));
                Err(reason)
            })
        };
        Self {
            writer: named_thread::spawn("log-writer", run),
            lock,
        }
    }
}

impl SledLog {
    /// Opens the log in `dir`, which is created if it is missing.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if a process has it; [`LogError::Damaged`] if the journal
    /// is not whole or contradicts sled; [`LogError::Io`] if the system refused.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, OpenReport), OpenError> {
        Self::open_with_progress(dir, options, &mut |_, _, _| {})
    }

    /// As [`Self::open`]; `progress` is told the stage, what is done and what there is
    /// to do.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_progress(
        dir: &Path,
        options: Options,
        progress: &mut dyn FnMut(OpenStage, u64, u64),
    ) -> Result<(Self, OpenReport), OpenError> {
        open::open(dir, &options, progress)
    }

    pub(crate) fn new(
        folder: PathBuf,
        options: Options,
        visible: Arc<Visible>,
        requests: Requests,
        stopping: Arc<AtomicBool>,
        running: Running,
    ) -> Self {
        Self {
            folder,
            options,
            visible,
            requests,
            stopping,
            running: Mutex::new(Some(running)),
        }
    }

    /// As [`EventLog::read_all`], without a future: for folding the log from a thread.
    ///
    /// # Errors
    /// As there.
    pub fn read_all_now(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        self.visible.read_all(from, max)
    }

    /// Compares every event of the journal with sled, byte for byte, and derives chain
    /// and positions anew, up to the head at this moment. Takes as long as reading the
    /// whole log; the log stays in use meanwhile.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if the journal itself is not whole, [`LogError::ReadOnly`]
    /// if sled lacks events because the log has failed, [`LogError::Closed`].
    pub fn verify(&self) -> Result<Verification, LogError> {
        let next = self.visible.look_up(|index| index.next_position().0)?;
        while !self.visible.is_stored_up_to(next) {
            if let Some(refusal) = self.visible.read_only() {
                return Err(refusal);
            }
            thread::sleep(STORED_POLL);
        }
        self.visible
            .with_store(|store| verification::verify(&self.folder, store, next))
    }

    /// Removes the files of the journal that lie wholly before `position`, but for the newest, once
    /// somebody keeps a verified backup whose tree of `position` events has this `root`. sled alone
    /// has these events then: it cannot be rebuilt any more.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if the root is another or sled has given back something wrong; what the
    /// system said.
    pub async fn trim_journal(&self, position: u64, root: Hash) -> Result<Trimmed, LogError> {
        let own = root_at(self, position).await.map_err(|error| match error {
            EvidenceError::Log(error) => error,
            other => LogError::Damaged {
                what: other.to_string(),
                what_to_do: "Take another backup.".to_owned(),
            },
        })?;
        if own != root || self.visible.store_is_faulty() {
            return Err(LogError::Damaged {
                what: "the backup is of other events, or sled has to be rebuilt first".to_owned(),
                what_to_do: "Restart the service and take another backup; nothing was removed."
                    .to_owned(),
            });
        }
        let has_been_stored = self.visible.is_stored_up_to(position);
        if !has_been_stored {
            return Err(LogError::ReadOnly {
                reason: "sled does not have all of the backup's events yet; try again".to_owned(),
            });
        }
        self.visible.with_store(|store| {
            store
                .wait_durable()
                .map_err(|reason| LogError::ReadOnly { reason })
        })?;
        journal::trim(&self.folder.join("journal"), position)
    }

    /// As [`EventLog::close`], without a future.
    ///
    /// # Errors
    /// As there.
    pub fn close_now(&self) -> Result<(), LogError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Running { writer, mut lock }) = running.take() else {
            return Ok(());
        };
        self.stopping.store(true, Ordering::Release);
        self.requests.tell(Request::Wake);
        let ended = writer.join();
        drop(self.visible.close());
        if let Some(failed) = self.visible.read_only()
            && !matches!(self.visible.trouble(), Some(Trouble::Short(_)))
        {
            return Err(failed);
        }
        let ended = ended.unwrap_or_else(|_| Err("the writer stopped unexpectedly".to_owned()));
        ended.map_err(|reason| LogError::ReadOnly { reason })?;
        let sled_folder = self.folder.join("sled");
        if self.visible.store_is_faulty() {
            fs::write(self.folder.join(open::FAULTY_MARK), b"").map_err(|source| {
                LogError::io(format!("mark {} as faulty", sled_folder.display()), source)
            })?;
        }
        let settled = sled_store::settle(&sled_folder, self.options.sled_cache_bytes);
        if let Err(reason) = settled {
            // Nothing is lost by it: the journal has everything.
            tracing::warn!(reason, "sled did not open again at shutdown");
        }

        lock.mark_clean().map_err(|source| {
            LogError::io(format!("mark {} as closed", self.folder.display()), source)
        })
    }

    /// Why an append is not answered.
    fn refusal(&self) -> LogError {
        let stopping = self.stopping.load(Ordering::Acquire);
        self.visible.read_only().unwrap_or_else(|| {
            if stopping {
                LogError::Closed
            } else {
                LogError::ReadOnly {
                    reason: "the writer stopped unexpectedly".to_owned(),
                }
            }
        })
    }

    async fn send_for(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), LogError>>) -> Request + Send,
    ) -> Result<(), LogError> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        let (answer, answered) = oneshot::channel();
        if !self.requests.send(request(answer)).await {
            return Err(self.refusal());
        }
        answered.await.unwrap_or_else(|_| Err(self.refusal()))
    }

    async fn send(&self, append: Append) -> Result<AppendOutcome, LogError> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        // Here, so that the writer has less to do.
        let append = append.encode().map_err(LogError::InvalidAppend)?;
        let (answer, answered) = oneshot::channel();
        let request = Request::Append(append, answer);
        if !self.requests.send(request).await {
            return Err(self.refusal());
        }
        answered.await.unwrap_or_else(|_| Err(self.refusal()))
    }
}

impl fmt::Debug for SledLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledLog")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Drop for SledLog {
    fn drop(&mut self) {
        if let Err(error) = self.close_now() {
            tracing::error!(%error, "the log did not close cleanly");
        }
    }
}

impl EventLog for SledLog {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<AppendOutcome, LogError>> {
        self.send(append).boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: StreamPosition,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        future::lazy(move |_| self.visible.read_stream(stream, from, max)).boxed()
    }

    fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, LogError>> {
        future::lazy(move |_| self.visible.read_all(from, max)).boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<GlobalPosition>, LogError>> {
        future::lazy(move |_| self.visible.look_up(|index| index.head())).boxed()
    }

    fn stream_version<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<StreamPosition>, LogError>> {
        future::lazy(move |_| self.visible.look_up(|index| index.stream_version(stream))).boxed()
    }

    fn command_outcome(
        &self,
        command_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<(GlobalPosition, GlobalPosition)>, LogError>> {
        future::lazy(move |_| {
            self.visible
                .look_up(|index| index.command_outcome(command_id))
        })
        .boxed()
    }

    fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, LogError>> {
        future::lazy(move |_| self.visible.read_stored(from, max)).boxed()
    }

    fn tree_head(&self) -> BoxFuture<'_, Result<TreeHead, LogError>> {
        future::lazy(move |_| self.visible.tree_head()).boxed()
    }

    fn hash_tile(&self, tile: HashTile) -> BoxFuture<'_, Result<Vec<u8>, LogError>> {
        future::lazy(move |_| self.visible.hash_tile(tile)).boxed()
    }

    fn keep_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), LogError>> {
        self.send_for(|answer| Request::Keep(Box::new(checkpoint), answer))
            .boxed()
    }

    fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Checkpoint>, LogError>> {
        future::lazy(move |_| {
            self.visible
                .with_store(|store| store.checkpoints(from_size, max))
        })
        .boxed()
    }

    fn latest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Checkpoint>, LogError>> {
        future::lazy(move |_| self.visible.with_store(SledStore::latest_checkpoint)).boxed()
    }

    fn subscribe_all(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.visible.subscribe()
    }

    fn read_only_reason(&self) -> Option<String> {
        match self.visible.read_only()? {
            LogError::ReadOnly { reason } => Some(reason),
            other => Some(other.to_string()),
        }
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        future::lazy(move |_| self.close_now()).boxed()
    }
}

impl RestoreLog for SledLog {
    fn append_stored(&self, events: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), LogError>> {
        self.send_for(|answer| Request::Stored(events, answer))
            .boxed()
    }
}
