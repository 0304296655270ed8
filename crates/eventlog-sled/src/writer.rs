//! The one writer: takes what waits as a group, journals it, answers, feeds sled.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use daicho_eventlog::{Admission, Append, AppendOutcome, LogError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    block::{self, Block},
    journal::{Journal, record::Record},
    sled_store::SledStore,
    visible::Visible,
};

/// Appends in one group.
const GROUP_APPENDS_MAX: usize = 1024;
/// A group is closed once its events have this many bytes. One append may be larger.
const GROUP_BYTES_MAX: usize = 1 << 20;

type Answer = Result<AppendOutcome, LogError>;
/// Position of its first event, its bytes, and what it holds.
type JournaledBlock = (u64, Vec<u8>, Arc<Block>);

/// What waits for the writer.
#[derive(Debug)]
pub(crate) enum Request {
    /// Record this and answer there.
    Append(Append, oneshot::Sender<Answer>),
    /// Look whether it is time to stop.
    Wake,
}

/// A group that has been judged: what to make durable and what to answer then.
struct Group {
    admission: Admission,
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
}

/// Owns the end of the journal.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) visible: Arc<Visible>,
    pub(crate) store: Arc<SledStore>,
    pub(crate) journal: Journal,
}

impl Writer {
    /// Works until told to stop, then finishes what has been accepted. To be run on a
    /// thread of its own.
    pub(crate) fn run(mut self) {
        while let Some(request) = self.queue.blocking_recv() {
            self.commit(request);
            if self.stopping.load(Ordering::Acquire) {
                self.queue.close();
                while let Ok(request) = self.queue.try_recv() {
                    self.commit(request);
                }
                break;
            }
        }
    }

    /// Commits `first` and whatever waits behind it.
    fn commit(&mut self, first: Request) {
        if let Some(reason) = self.store.failure() {
            self.visible.fail(reason);
        }
        if let Some(refusal) = self.visible.read_only() {
            if let Request::Append(_, answer) = first {
                let _ = answer.send(Err(refusal));
            }
            return;
        }
        let group = self.gather(first);
        if group.admission.events().is_empty() {
            answer(group.answers);
            return;
        }
        if let Err(reason) = self.make_durable(group) {
            self.visible.fail(reason);
        }
    }

    fn gather(&mut self, first: Request) -> Group {
        let contents = self.visible.contents();
        let mut admission = Admission::onto(&contents.index);
        let mut answers = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            if let Request::Append(append, answer) = request {
                answers.push((answer, admission.admit(&contents.index, append)));
            }
            let full =
                answers.len() >= GROUP_APPENDS_MAX || admission.stored_bytes() >= GROUP_BYTES_MAX;
            next = if full {
                None
            } else {
                self.queue.try_recv().ok()
            };
        }
        Group { admission, answers }
    }

    /// Journal, then publish, then answer, then sled: in this order nothing is seen or
    /// acknowledged that a crash could take back.
    fn make_durable(&mut self, group: Group) -> Result<(), String> {
        let Group { admission, answers } = group;
        let blocks = match self.journal_group(&admission) {
            Ok(blocks) => blocks,
            Err(reason) => {
                // Refusals too: they may rest on events of this group.
                for (answer, _) in answers {
                    let _ = answer.send(Err(LogError::ReadOnly {
                        reason: reason.clone(),
                    }));
                }
                return Err(reason);
            }
        };
        let shared: Vec<_> = blocks
            .iter()
            .map(|(first, _, block)| (*first, Arc::clone(block)))
            .collect();
        self.visible.publish(admission, &shared);
        answer(answers);
        for (first, bytes, _) in blocks {
            self.store.insert(first, &bytes)?;
            self.visible.stored(first);
        }
        Ok(())
    }

    /// The blocks of the group with the position of their first event, once they are
    /// in the journal.
    fn journal_group(&mut self, admission: &Admission) -> Result<Vec<JournaledBlock>, String> {
        let events = admission.events();
        let stored = || events.iter().map(|event| event.stored.as_slice());
        let packed = block::pack(stored()).map_err(|error| format!("zstd failed: {error}"))?;
        let first = admission.from().0;
        let chain_before = self.journal.chain();
        let mut record = Record {
            first,
            count: u32::try_from(events.len()).map_err(|error| error.to_string())?,
            chain_before,
            chain_after: chain_before.after(stored()),
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
        self.journal
            .append(&record)
            .map_err(|error| format!("the journal could not be written: {error}"))?;
        let blocks = starts.into_iter().zip(record.blocks);
        Ok(blocks
            .map(|((first, block), bytes)| (first, bytes, block))
            .collect())
    }
}

fn answer(answers: Vec<(oneshot::Sender<Answer>, Answer)>) {
    for (receiver, answer) in answers {
        // A caller that has gone away asks for its command's outcome later.
        let _ = receiver.send(answer);
    }
}
