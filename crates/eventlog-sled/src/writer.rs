//! The one writer: takes what waits as a group, journals it, answers, feeds sled. While a group is
//! made durable the next one is judged, packed and hashed. When storage fails the writer opens it
//! anew by itself.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daicho_eventlog::{
    Admission, Ahead, EncodedAppend, LogError,
    evidence::{Checkpoint, FullTile},
};
use tokio::sync::oneshot;

use crate::{
    Options,
    block::Packer,
    disk::{Disk, is_full},
    feeder::Fed,
    group::{Group, Packed, UnderWay, answer, refuse},
    journal::AppendError,
    named_thread, open,
    request::{Answer, Inbox, Request, Teller},
    storage::Storage,
    visible::{Trouble, Visible},
};

/// Groups that are written and not durable yet. While one is synced the next one waits, so that
/// syncing need not wait for packing.
const UNDER_WAY_MAX: usize = 2;
/// How often it is tried to go on after a failure or a shortage.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Owns the end of the journal.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) inbox: Inbox,
    pub(crate) teller: Teller,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) visible: Arc<Visible>,
    pub(crate) storage: Option<Storage>,
    pub(crate) disk: Disk,
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) packer: Packer,
    /// Whether somebody already wakes this writer again and again.
    pub(crate) is_woken: Arc<AtomicBool>,
    pub(crate) gathered: Option<Group>,
    /// One that is synced and one that waits for it, oldest first.
    pub(crate) under_way: VecDeque<UnderWay>,
    /// The last group was one append.
    pub(crate) was_alone: bool,
}

impl Writer {
    /// Works until told to stop, then finishes what has been accepted and closes the storage. To be
    /// run on a thread of its own.
    pub(crate) fn run(mut self) -> Result<(), String> {
        while let Some(request) = self.inbox.wait() {
            self.take(request);
            self.drain();
            if self.stopping.load(Ordering::Acquire) {
                self.inbox.close();
            }
        }
        self.settle();
        self.end()
    }

    /// Takes what waits. As long as a group is under way the next one may still grow.
    fn drain(&mut self) {
        loop {
            self.land_what_is_synced();
            if self.is_due() {
                self.begin();
            }
            match self.inbox.next() {
                Some(request) => self.take(request),
                None => break,
            }
        }
        if self.under_way.is_empty() {
            self.begin();
        }
    }

    fn land_what_is_synced(&mut self) {
        while !self.under_way.is_empty()
            && let Some(storage) = &mut self.storage
            && storage.journal.is_synced()
        {
            let _ = self.land_oldest();
        }
    }

    /// Whether the group that is being gathered should not grow any more. With half of those who
    /// wait in it, it can be packed while the other half's is synced.
    fn is_due(&self) -> bool {
        let Some(gathered) = &self.gathered else {
            return false;
        };
        let under_way: usize = self.under_way.iter().map(|group| group.answers.len()).sum();
        let here = gathered.answers.len();
        let half = (under_way + here + self.inbox.len()).div_ceil(2);
        gathered.is_full() || (under_way > 0 && here >= half)
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Append(append, answer) => self.admit(append, answer),
            Request::Synced => {}
            Request::Stored(events, answer) => {
                let taken = self.at_rest().and_then(|()| self.take_over(events));
                let _ = answer.send(taken);
            }
            Request::Keep(checkpoint, answer) => {
                let kept = self.at_rest().and_then(|()| self.keep(&checkpoint));
                let _ = answer.send(kept);
            }
            Request::Wake => {
                let _ = self.at_rest();
            }
        }
    }

    /// Adds an append to the group that is being gathered.
    fn admit(&mut self, append: EncodedAppend, answer: oneshot::Sender<Answer>) {
        if self.gathered.is_none()
            && let Err(refusal) = self.writable()
        {
            let _ = answer.send(Err(refusal));
            return;
        }
        let contents = self.visible.contents();
        let before = self.under_way.iter().map(|group| &group.admission);
        let ahead = Ahead::of(&contents.index, before);
        Group::admit(&mut self.gathered, &ahead, append, answer);
    }

    /// Finishes everything that has been taken.
    fn settle(&mut self) {
        self.begin();
        let _ = self.land();
    }

    /// Whether anything can be written now, after everything that was taken is finished.
    fn at_rest(&mut self) -> Result<(), LogError> {
        self.settle();
        self.writable()
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
        if self.visible.trouble().is_some() {
            // Before storage is opened anew, and before it is known what there is to do: this may
            // fail as well.
            let _ = self.land();
        }
        match &self.visible.trouble() {
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
        let (teller, stopping) = (self.teller.clone(), Arc::clone(&self.stopping));
        let (visible, is_woken) = (Arc::clone(&self.visible), Arc::clone(&self.is_woken));
        let is_needed = move || visible.trouble().is_some() && !stopping.load(Ordering::Acquire);
        let woken = named_thread::try_spawn("log-waker", move || {
            loop {
                while is_needed() {
                    std::thread::sleep(RETRY_EVERY);
                    if !teller.tell(Request::Wake) {
                        return;
                    }
                }
                is_woken.store(false, Ordering::Release);
                // Who got into trouble just before that relied on this thread.
                if !is_needed() || is_woken.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
        if woken.is_err() {
            // The next request asks for it again.
            self.is_woken.store(false, Ordering::Release);
        }
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

    /// Packs the gathered group and gives it to the journal.
    fn begin(&mut self) {
        let Some(Group { admission, answers }) = self.gathered.take() else {
            return;
        };
        if admission.events().is_empty() {
            match self.under_way.back_mut() {
                // What it says may rest on these events.
                Some(before) => before.answers.extend(answers),
                None => answer(answers),
            }
            return;
        }
        // To hand a record over costs a lone caller more than the next one's packing takes.
        let is_alone = answers.len() == 1 && self.was_alone && self.under_way.is_empty();
        self.was_alone = answers.len() == 1;
        let packed = self.pack(&admission);
        let has_room = if self.under_way.len() < UNDER_WAY_MAX {
            Ok(())
        } else {
            self.land_oldest()
        };
        let begun = has_room
            .and(packed)
            .and_then(|packed| self.journal(packed, is_alone));
        match begun {
            Ok(packed) => {
                self.under_way.push_back(UnderWay {
                    admission,
                    answers,
                    packed,
                });
                // Nobody tells of what has been written in place, as a file's first record is.
                self.land_what_is_synced();
            }
            // A refusal may rest on events of the same group, so it too is not told.
            Err(refusal) => refuse(answers, &refusal),
        }
    }

    /// Records events that another log stored. Nothing may be under way.
    fn take_over(&mut self, events: Vec<Vec<u8>>) -> Result<(), LogError> {
        let admission = {
            let contents = self.visible.contents();
            let mut admission = Admission::onto(&contents.index);
            admission.admit_stored(&contents.index, events)?;
            admission
        };
        if admission.events().is_empty() {
            return Ok(());
        }
        let packed = self.pack(&admission)?;
        let packed = self.journal(packed, true)?;
        self.under_way.push_back(UnderWay {
            admission,
            answers: Vec::new(),
            packed,
        });
        self.land()
    }

    /// Packs and hashes what comes behind everything visible or under way.
    fn pack(&mut self, admission: &Admission) -> Result<Packed, LogError> {
        let tree = match self.under_way.back() {
            Some(before) => before.packed.tree.clone(),
            None => self.visible.contents().tree.clone(),
        };
        Packed::of(admission, tree, &mut self.packer)
            .map_err(|error| self.failed(Trouble::Failed(format!("zstd failed: {error}"))))
    }

    /// Begins to write to the journal, where nothing else may be under way; with `in_place` it is
    /// also done.
    fn journal(&mut self, packed: Packed, in_place: bool) -> Result<Packed, LogError> {
        let written = match &mut self.storage {
            None => return Err(self.failed(Trouble::Failed("storage is closed".to_owned()))),
            Some(storage) if in_place => storage.journal.append(&packed.record),
            Some(storage) => storage.journal.begin(&packed.record, &self.teller),
        };
        match written {
            Ok(()) => Ok(packed),
            Err(error) => Err(self.failed(self.trouble_of(error))),
        }
    }

    /// Finishes everything that is under way.
    fn land(&mut self) -> Result<(), LogError> {
        while !self.under_way.is_empty() {
            self.land_oldest()?;
        }
        Ok(())
    }

    /// Waits until the group that has been under way for longest is in the journal, and publishes
    /// it. If it cannot be, its callers are told, and so are those of all groups behind it.
    fn land_oldest(&mut self) -> Result<(), LogError> {
        let Some(oldest) = self.under_way.pop_front() else {
            return Ok(());
        };
        let trouble = match &mut self.storage {
            None => Trouble::Failed("storage is closed".to_owned()),
            Some(storage) => match storage.journal.wait() {
                Ok(()) => {
                    self.publish(oldest);
                    return Ok(());
                }
                Err(error) => self.trouble_of(error),
            },
        };
        let refusal = self.failed(trouble);
        refuse(oldest.answers, &refusal);
        for behind in self.under_way.drain(..) {
            refuse(behind.answers, &refusal);
        }
        if let Some(gathered) = self.gathered.take() {
            refuse(gathered.answers, &refusal);
        }
        Err(refusal)
    }

    /// Publishes what is in the journal, then answers, then feeds sled: in this order nothing is
    /// seen or acknowledged that a crash could take back.
    fn publish(&mut self, landed: UnderWay) {
        let UnderWay {
            admission,
            answers,
            packed,
        } = landed;
        let Packed {
            record,
            blocks,
            tree,
            full,
        } = packed;
        self.visible.publish(admission, &blocks, tree, &full);
        answer(answers);
        let starts = blocks.iter().map(|(first, _)| *first);
        let fed = self.feed(starts.zip(record.blocks), full);
        if let Err(reason) = fed {
            self.failed(Trouble::Failed(reason));
        }
    }

    fn feed(
        &mut self,
        blocks: impl Iterator<Item = (u64, Vec<u8>)>,
        full: Vec<FullTile>,
    ) -> Result<(), String> {
        let Some(storage) = &mut self.storage else {
            return Err("storage is closed".to_owned());
        };
        for (first, bytes) in blocks {
            storage.feeder.send(Fed::Block(first, bytes))?;
        }
        for tile in full {
            storage.feeder.send(Fed::Tile(tile))?;
        }
        storage
            .index
            .after_commit(&self.visible, &mut storage.journal, &storage.feeder)
    }

    /// From now on nothing is taken; the answer to whoever waits.
    fn failed(&self, trouble: Trouble) -> LogError {
        let reason = trouble.reason().to_owned();
        self.visible.fail(trouble);
        self.wake_again();
        LogError::ReadOnly { reason }
    }

    fn trouble_of(&self, error: AppendError) -> Trouble {
        match error {
            AppendError::NoRoom(error) => Trouble::Short(format!(
                "there is no room for the journal's next file: {}",
                self.disk.cannot_be_written(&error)
            )),
            AppendError::Failed(error) => Trouble::Failed(format!(
                "the journal could not be written: {}",
                self.disk.cannot_be_written(&error)
            )),
        }
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
        kept.map_err(|reason| self.failed(Trouble::Failed(reason)))
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
