//! The one writer: takes what waits as a group, journals it, answers, feeds sled. When storage
//! fails it opens it anew by itself.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use daicho_eventlog::{
    Admission, Append, AppendOutcome, LogError,
    evidence::{Checkpoint, FullTile, Tree, leaf_hash},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Options,
    block::{Block, Packer},
    checkpoint_file::CheckpointFile,
    disk::{Disk, is_full},
    feeder::{Fed, Feeder},
    index_sealer::IndexSealer,
    journal::{AppendError, Journal, record::Record},
    open,
    sled_store::SledStore,
    visible::{Trouble, Visible},
};

/// Appends in one group.
const GROUP_APPENDS_MAX: usize = 1024;
/// A group is closed once its events have this many bytes. One append may be larger.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// How often it is tried to go on after a failure or a shortage.
const RETRY_EVERY: Duration = Duration::from_secs(1);

type Answer = Result<AppendOutcome, LogError>;
/// Position of its first event, its bytes, and what it holds.
type JournaledBlock = (u64, Vec<u8>, Arc<Block>);

/// What waits for the writer.
#[derive(Debug)]
pub(crate) enum Request {
    /// Record this and answer there.
    Append(Append, oneshot::Sender<Answer>),
    /// Record these exactly as another log stored them.
    Stored(Vec<Vec<u8>>, oneshot::Sender<Result<(), LogError>>),
    /// Keep this signed head.
    Keep(Box<Checkpoint>, oneshot::Sender<Result<(), LogError>>),
    /// Look whether it is time to stop, or whether writing can go on.
    Wake,
}

/// A group that has been judged: what to make durable and what to answer then.
struct Group {
    admission: Admission,
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// What came behind the group and is no append.
    then: Option<Request>,
}

/// What is in the journal and visible, and not yet in sled.
struct Recorded {
    blocks: Vec<JournaledBlock>,
    full: Vec<FullTile>,
}

/// sled, and the thread that keeps it durable.
#[derive(Debug)]
pub(crate) struct KeptStore {
    pub(crate) store: Arc<SledStore>,
    pub(crate) keeping_durable: JoinHandle<Result<(), String>>,
}

impl KeptStore {
    pub(crate) fn start(store: SledStore) -> Self {
        let store = Arc::new(store);
        let keeping_durable = {
            let store = Arc::clone(&store);
            thread::spawn(move || store.keep_durable())
        };
        Self {
            store,
            keeping_durable,
        }
    }

    /// Makes everything durable and lets go of sled.
    pub(crate) fn end(self) -> Result<(), String> {
        self.store.stop();
        drop(self.store);
        self.keeping_durable
            .join()
            .unwrap_or_else(|_| Err("the thread that syncs sled stopped unexpectedly".to_owned()))
    }
}

/// What a writer writes to.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) kept: KeptStore,
    pub(crate) journal: Journal,
    pub(crate) checkpoints: CheckpointFile,
    pub(crate) feeder: Feeder,
    pub(crate) index: IndexSealer,
}

/// Owns the end of the journal.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) wake: mpsc::WeakSender<Request>,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) visible: Arc<Visible>,
    pub(crate) storage: Option<Storage>,
    pub(crate) disk: Disk,
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) packer: Packer,
    /// Whether somebody already wakes this writer again and again.
    pub(crate) is_woken: Arc<AtomicBool>,
}

impl Writer {
    /// Works until told to stop, then finishes what has been accepted and closes the storage. To be
    /// run on a thread of its own.
    pub(crate) fn run(mut self) -> Result<(), String> {
        while let Some(request) = self.queue.blocking_recv() {
            self.handle(request);
            if self.stopping.load(Ordering::Acquire) {
                self.queue.close();
                while let Ok(request) = self.queue.try_recv() {
                    self.handle(request);
                }
                break;
            }
        }
        self.end()
    }

    fn handle(&mut self, first: Request) {
        let mut next = Some(first);
        while let Some(request) = next {
            next = match request {
                Request::Append(..) => self.commit(request),
                Request::Stored(events, answer) => {
                    let taken = self.writable().and_then(|()| self.take_over(events));
                    let _ = answer.send(taken);
                    None
                }
                Request::Keep(checkpoint, answer) => {
                    let kept = self.writable().and_then(|()| self.keep(&checkpoint));
                    let _ = answer.send(kept);
                    None
                }
                Request::Wake => {
                    let _ = self.writable();
                    None
                }
            };
        }
    }

    /// Whether anything can be written now; tries to make it so.
    fn writable(&mut self) -> Result<(), LogError> {
        let failed = self.storage.as_ref().and_then(|to| to.kept.store.failure());
        // Of a failure that is known already the disk says more than sled.
        if let Some(reason) = failed
            && !matches!(self.visible.trouble(), Some(Trouble::Failed(_)))
        {
            self.visible.fail(Trouble::Failed(reason));
        }
        let trouble = self.visible.trouble();
        match &trouble {
            Some(Trouble::Lost(_)) => {}
            Some(Trouble::Failed(_)) if self.stopping.load(Ordering::Acquire) => {}
            // Opening storage anew takes it away from readers: only where it can succeed.
            Some(Trouble::Failed(_)) => match self.refusal() {
                Some(reason) => self.visible.fail(Trouble::Failed(reason)),
                None => self.reopen(),
            },
            Some(Trouble::Short(_)) => match self.refusal() {
                Some(reason) => self.visible.fail(Trouble::Short(reason)),
                None => {
                    self.visible.recovered();
                    self.keep_ballast();
                }
            },
            None => {
                if let Some(reason) = self.disk.shortage(false) {
                    self.visible.fail(Trouble::Short(reason));
                }
            }
        }
        match self.visible.read_only() {
            None => Ok(()),
            Some(refusal) => {
                self.wake_again();
                Err(refusal)
            }
        }
    }

    /// Why nothing can be written yet, after something could not.
    fn refusal(&self) -> Option<String> {
        self.disk.shortage(true).or_else(|| {
            let error = self.disk.try_to_write().err()?;
            Some(self.disk.cannot_be_written(&error))
        })
    }

    /// Lets somebody wake this writer until the trouble is over: nobody else may send anything.
    fn wake_again(&self) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let (wake, stopping) = (self.wake.clone(), Arc::clone(&self.stopping));
        let (visible, is_woken) = (Arc::clone(&self.visible), Arc::clone(&self.is_woken));
        let is_needed = move || visible.trouble().is_some() && !stopping.load(Ordering::Acquire);
        thread::spawn(move || {
            loop {
                while is_needed() {
                    thread::sleep(RETRY_EVERY);
                    let Some(writer) = wake.upgrade() else { return };
                    // A full queue wakes the writer as well.
                    let _ = writer.try_send(Request::Wake);
                }
                is_woken.store(false, Ordering::Release);
                // Who got into trouble just before that relied on this thread.
                if !is_needed() || is_woken.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }

    /// Opens storage anew, through the same checks as at the start.
    fn reopen(&mut self) {
        if let Some(Storage { kept, feeder, .. }) = self.storage.take() {
            drop(self.visible.close());
            feeder.end();
            let _ = kept.end();
        }
        match open::reopen(&self.folder, &self.options, &self.visible) {
            Ok(storage) => {
                self.visible.use_store(Arc::clone(&storage.kept.store));
                self.storage = Some(storage);
                self.visible.recovered();
                self.visible.announce();
            }
            Err(error @ LogError::Damaged { .. }) => {
                self.visible.fail(Trouble::Lost(error.to_string()));
            }
            Err(error) => self.visible.fail(Trouble::Failed(format!(
                "storage does not open: {}",
                with_cause(&error)
            ))),
        }
    }

    fn keep_ballast(&self) {
        if let Err(error) = self.disk.keep_ballast(self.options.ballast_bytes) {
            tracing::warn!(%error, "the ballast could not be put back");
        }
    }

    /// Commits `first` and whatever waits behind it. Returns what came behind and is no append.
    fn commit(&mut self, first: Request) -> Option<Request> {
        if let Err(refusal) = self.writable() {
            if let Request::Append(_, answer) = first {
                let _ = answer.send(Err(refusal));
            }
            return None;
        }
        let mut group = self.gather(first);
        let then = group.then.take();
        if group.admission.events().is_empty() {
            answer(group.answers);
        } else {
            self.make_durable(group);
        }
        then
    }

    fn gather(&mut self, first: Request) -> Group {
        let contents = self.visible.contents();
        let mut admission = Admission::onto(&contents.index);
        let mut answers = Vec::new();
        let mut then = None;
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Append(append, answer) => {
                    answers.push((answer, admission.admit(&contents.index, append)));
                }
                Request::Wake => {}
                other @ (Request::Keep(..) | Request::Stored(..)) => {
                    then = Some(other);
                    break;
                }
            }
            let full =
                answers.len() >= GROUP_APPENDS_MAX || admission.stored_bytes() >= GROUP_BYTES_MAX;
            next = if full {
                None
            } else {
                self.queue.try_recv().ok()
            };
        }
        Group {
            admission,
            answers,
            then,
        }
    }

    /// A refusal may rest on events of the same group, so it too is told only afterwards.
    fn make_durable(&mut self, group: Group) {
        let Group {
            admission, answers, ..
        } = group;
        match self.record(admission) {
            Ok(after) => {
                answer(answers);
                self.store(after);
            }
            Err(refusal) => {
                for (answer, _) in answers {
                    let _ = answer.send(Err(refusal.clone()));
                }
            }
        }
    }

    /// Records events that another log stored.
    fn take_over(&mut self, events: Vec<Vec<u8>>) -> Result<(), LogError> {
        let admission = {
            let contents = self.visible.contents();
            let mut admission = Admission::onto(&contents.index);
            admission.admit_stored(&contents.index, events)?;
            admission
        };
        if !admission.events().is_empty() {
            let after = self.record(admission)?;
            self.store(after);
        }
        Ok(())
    }

    /// Journal, then publish; then come the answers, and then sled: in this order nothing is seen
    /// or acknowledged that a crash could take back.
    fn record(&mut self, admission: Admission) -> Result<Recorded, LogError> {
        let mut tree = self.visible.contents().tree.clone();
        let mut full = Vec::new();
        let blocks = match self.journal_group(&admission, &mut tree, &mut full) {
            Ok(blocks) => blocks,
            Err(trouble) => {
                self.visible.fail(trouble.clone());
                self.wake_again();
                return Err(LogError::ReadOnly {
                    reason: trouble.reason().to_owned(),
                });
            }
        };
        let shared: Vec<_> = blocks
            .iter()
            .map(|(first, _, block)| (*first, Arc::clone(block)))
            .collect();
        self.visible.publish(admission, &shared, tree, &full);
        Ok(Recorded { blocks, full })
    }

    fn store(&mut self, recorded: Recorded) {
        if let Err(reason) = self.store_group(recorded.blocks, recorded.full) {
            self.visible.fail(Trouble::Failed(reason));
            self.wake_again();
        }
    }

    fn store_group(
        &mut self,
        blocks: Vec<JournaledBlock>,
        full: Vec<FullTile>,
    ) -> Result<(), String> {
        let Some(storage) = &mut self.storage else {
            return Err("storage is closed".to_owned());
        };
        for (first, bytes, _) in blocks {
            storage.feeder.send(Fed::Block(first, bytes))?;
        }
        for tile in full {
            storage.feeder.send(Fed::Tile(tile))?;
        }
        storage
            .index
            .after_commit(&self.visible, &mut storage.journal, &storage.feeder)
    }

    /// The blocks of the group with the position of their first event, once they are
    /// in the journal.
    fn journal_group(
        &mut self,
        admission: &Admission,
        tree: &mut Tree,
        full: &mut Vec<FullTile>,
    ) -> Result<Vec<JournaledBlock>, Trouble> {
        let Some(storage) = &mut self.storage else {
            return Err(Trouble::Failed("storage is closed".to_owned()));
        };
        let disk = &self.disk;
        let failed = |reason: String| Trouble::Failed(reason);
        let events = admission.events();
        let stored = || events.iter().map(|event| event.stored.as_slice());
        let packed = self
            .packer
            .pack(stored())
            .map_err(|error| failed(format!("zstd failed: {error}")))?;
        let first = admission.from().0;
        let root_before = tree.head().root;
        for event in stored() {
            tree.push(leaf_hash(event), full);
        }
        let mut record = Record {
            first,
            count: u32::try_from(events.len()).map_err(|error| failed(error.to_string()))?,
            root_before,
            root_after: tree.head().root,
            blocks: Vec::with_capacity(packed.len()),
        };
        let mut starts = Vec::with_capacity(packed.len());
        let mut start = first;
        for (bytes, block) in packed {
            let after = start + block.len() as u64;
            record.blocks.push(bytes);
            starts.push((start, Arc::new(block)));
            start = after;
        }
        storage
            .journal
            .append(&record)
            .map_err(|error| match error {
                AppendError::NoRoom(error) => Trouble::Short(format!(
                    "there is no room for the journal's next file: {}",
                    disk.cannot_be_written(&error)
                )),
                AppendError::Failed(error) => Trouble::Failed(format!(
                    "the journal could not be written: {}",
                    disk.cannot_be_written(&error)
                )),
            })?;
        let blocks = starts.into_iter().zip(record.blocks);
        Ok(blocks
            .map(|((first, block), bytes)| (first, bytes, block))
            .collect())
    }

    /// File first, so that sled is never the only one to have it.
    fn keep(&mut self, checkpoint: &Checkpoint) -> Result<(), LogError> {
        let Some(storage) = &mut self.storage else {
            return Err(LogError::Closed);
        };
        let kept = storage
            .checkpoints
            .add(checkpoint)
            .map_err(|error| {
                format!(
                    "the checkpoint could not be written: {}",
                    self.disk.cannot_be_written(&error)
                )
            })
            .and_then(|()| {
                let (answer, answered) = std::sync::mpsc::sync_channel(1);
                let fed = Fed::Checkpoint(Box::new(checkpoint.clone()), answer);
                storage.feeder.send(fed)?;
                answered
                    .recv()
                    .unwrap_or_else(|_| Err("sled did not take the checkpoint".to_owned()))
            });
        kept.map_err(|reason| {
            self.visible.fail(Trouble::Failed(reason.clone()));
            self.wake_again();
            LogError::ReadOnly { reason }
        })
    }

    /// Puts away what is not yet in the index's files and closes the storage.
    fn end(&mut self) -> Result<(), String> {
        let Some(mut storage) = self.storage.take() else {
            return Ok(());
        };
        if self.visible.trouble().is_none() {
            storage
                .index
                .seal(&self.visible, &mut storage.journal, &storage.feeder)?;
        }
        if let Err(error) = self.disk.try_to_write()
            && !is_full(error.kind())
        {
            let reason = self.disk.cannot_be_written(&error);
            self.visible.fail(Trouble::Failed(reason));
            // sled panics where it cannot sync as it is dropped. Whoever closes a log on such a disk
            // is about to end, and the journal has everything.
            std::mem::forget(Arc::clone(&storage.kept.store));
        }
        storage.feeder.end();
        drop(storage.journal);
        drop(self.visible.close());
        storage.kept.end()
    }
}

/// An error with what the system said.
fn with_cause(error: &LogError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn answer(answers: Vec<(oneshot::Sender<Answer>, Answer)>) {
    for (receiver, answer) in answers {
        // A caller that has gone away asks for its command's outcome later.
        let _ = receiver.send(answer);
    }
}
