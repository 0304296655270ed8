//! Groups: what is made durable together, from what was asked for to what is answered.

use std::{io, sync::Arc};

use daicho_eventlog::{
    Admission, EncodedAppend, LogError, Recorded,
    evidence::{FullTile, Tree, leaf_hash},
};
use tokio::sync::oneshot;

use crate::{
    block::{Block, Packer},
    journal::record::Record,
    request::Answer,
};

/// Appends in one group.
const APPENDS_MAX: usize = 1024;
/// A group is closed once its events have this many bytes. One append may be larger.
const BYTES_MAX: usize = 1 << 20;

/// Who is to be told what once the group is durable.
pub(crate) type Answers = Vec<(oneshot::Sender<Answer>, Answer)>;

/// A group that has been judged: what to make durable and what to answer then.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) admission: Admission,
    pub(crate) answers: Answers,
}

/// Events that have been packed and hashed.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) record: Record,
    /// Position of the first event of each of the record's blocks, and what the block holds.
    pub(crate) blocks: Vec<(u64, Arc<Block>)>,
    /// The tree with these events.
    pub(crate) tree: Tree,
    /// What became full in it.
    pub(crate) full: Vec<FullTile>,
}

/// A group that is being made durable: neither visible nor answered before it is.
#[derive(Debug)]
pub(crate) struct UnderWay {
    pub(crate) admission: Admission,
    pub(crate) answers: Answers,
    pub(crate) packed: Packed,
}

impl Group {
    /// Adds an append, judged by what is recorded or about to be.
    pub(crate) fn admit(
        group: &mut Option<Self>,
        recorded: &impl Recorded,
        append: EncodedAppend,
        answer: oneshot::Sender<Answer>,
    ) {
        let group = group.get_or_insert_with(|| Self {
            admission: Admission::onto(recorded),
            answers: Vec::new(),
        });
        let outcome = group.admission.admit_encoded(recorded, append);
        group.answers.push((answer, outcome));
    }

    /// Whether nothing more may be added.
    pub(crate) fn is_full(&self) -> bool {
        self.answers.len() >= APPENDS_MAX || self.admission.stored_bytes() >= BYTES_MAX
    }
}

impl Packed {
    /// The admitted events behind `tree`.
    ///
    /// # Errors
    /// If zstd gets no memory.
    pub(crate) fn of(
        admission: &Admission,
        mut tree: Tree,
        packer: &mut Packer,
    ) -> io::Result<Self> {
        let events = admission.events();
        let stored = || events.iter().map(|event| event.stored.as_slice());
        let packed = packer.pack(stored())?;
        let mut full = Vec::new();
        let root_before = tree.head().root;
        for event in stored() {
            tree.push(leaf_hash(event), &mut full);
        }
        let mut record = Record {
            first: admission.from().0,
            count: u32::try_from(events.len()).map_err(io::Error::other)?,
            root_before,
            root_after: tree.head().root,
            blocks: Vec::with_capacity(packed.len()),
        };
        let mut blocks = Vec::with_capacity(packed.len());
        let mut first = record.first;
        for (bytes, block) in packed {
            let after = first + block.len() as u64;
            record.blocks.push(bytes);
            blocks.push((first, Arc::new(block)));
            first = after;
        }
        Ok(Self {
            record,
            blocks,
            tree,
            full,
        })
    }
}

/// Tells everybody that nothing was recorded.
pub(crate) fn refuse(answers: Answers, refusal: &LogError) {
    for (receiver, _) in answers {
        let _ = receiver.send(Err(refusal.clone()));
    }
}

/// Tells everybody what was decided.
pub(crate) fn answer(answers: Answers) {
    for (receiver, answer) in answers {
        // A caller that has gone away asks for its command's outcome later.
        let _ = receiver.send(answer);
    }
}
