//! Reading the journal and judging what it holds.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use daicho_eventlog::{
    LogError,
    evidence::{FullTile, Hash, Tree, TreeHead, leaf_hash},
};

use super::{
    FinishedFile, JournalFile, files,
    record::{Found, PAGE_BYTES, Record, used_bytes},
};
use crate::block::Block;

const NO_FIRST_RECORD: &str = "a file is given its name only when its first record is on the disk, but this one has none: \
     its beginning has been overwritten";

/// What is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Range {
    /// Begin with the file that holds this position.
    pub(crate) from: u64,
    /// Stop before this position, even if the journal goes on (a writer may be busy
    /// there).
    pub(crate) until: Option<u64>,
}

/// What the journal holds.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Its files.
    pub(crate) files: Vec<JournalFile>,
    /// Position of the first event of the whole journal.
    pub(crate) journal_first: u64,
    /// Position of the first event of the first file read.
    first: u64,
    /// The position after the last event read.
    pub(crate) next: u64,
    /// The tree's root after the last event read.
    pub(crate) root: Hash,
    /// The tree after the last event read, if it could be grown.
    pub(crate) tree: Option<Tree>,
    /// Bytes of all records read.
    pub(crate) used_bytes: u64,
    /// Where the last record ends in the last file.
    pub(crate) end: u64,
    /// Where the last record begins in the last file.
    pub(crate) last_record: u64,
    /// The files read that are full.
    pub(crate) finished: Vec<FinishedFile>,
    /// What follows the last record.
    pub(crate) torn: Option<TornTail>,
}

/// The remains of a record whose writing was cut short. It was never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The journal file.
    pub file: PathBuf,
    /// Where in the file the remains begin.
    pub offset: u64,
    /// Their length.
    pub bytes: u64,
    /// The position after the last event that could be read.
    pub position: u64,
    /// Where they are kept as evidence.
    pub kept_as: PathBuf,
}

/// A block of the journal.
#[derive(Debug)]
pub(crate) struct ScannedBlock<'a> {
    /// Position of its first event.
    pub(crate) first: u64,
    /// As it is stored.
    pub(crate) bytes: &'a [u8],
    /// What it holds.
    pub(crate) block: Block,
    /// Tiles of the tree that became full by its events; none where no tree is grown.
    pub(crate) full: Vec<FullTile>,
}

impl Scan {
    /// Reads the records of `range`, checks checksum, order and roots, and shows every
    /// block to `visit`. `progress` is told bytes read and bytes to read.
    ///
    /// A `tree` is grown from its size on, and every root behind that is derived anew; the records
    /// before it are only checked for being whole, and not shown.
    pub(crate) fn run(
        folder: &Path,
        range: Range,
        tree: Option<Tree>,
        mut visit: impl FnMut(ScannedBlock<'_>) -> Result<(), LogError>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, LogError> {
        let all = files(folder)?;
        let begin = all
            .iter()
            .rposition(|file| file.first <= range.from)
            .unwrap_or(0);
        let first = all.get(begin).map_or(0, |file| file.first);
        let mut scan = Self {
            files: all[begin..].to_vec(),
            journal_first: all.first().map_or(0, |file| file.first),
            first,
            next: first,
            // Until a record says it.
            root: match &tree {
                Some(tree) if tree.size() == first => tree.head().root,
                _ => TreeHead::EMPTY.root,
            },
            tree,
            used_bytes: 0,
            end: 0,
            last_record: 0,
            finished: Vec::new(),
            torn: None,
        };
        let mut sizes = Vec::new();
        for file in &scan.files {
            let failed = |source| LogError::io(format!("look at {}", file.path.display()), source);
            sizes.push(fs::metadata(&file.path).map_err(failed)?.len());
        }
        let total = sizes.iter().sum();
        let mut done = 0;
        for (place, file) in scan.files.clone().iter().enumerate() {
            if range.until.is_some_and(|until| scan.next >= until) {
                break;
            }
            if file.first != scan.next {
                return Err(damaged(format!(
                    "the journal file {} begins at position {}, but {} comes next",
                    file.path.display(),
                    file.first,
                    scan.next
                )));
            }
            let is_last = place + 1 == sizes.len();
            scan.read_file(file, is_last, range.until, &mut visit)?;
            if !is_last {
                scan.finished.push(FinishedFile {
                    first: file.first,
                    last_record: scan.last_record,
                });
            }
            done += sizes[place];
            progress(done, total);
        }
        Ok(scan)
    }

    /// Where the tree begins to grow: everything before is known from elsewhere.
    fn known(&self) -> u64 {
        self.tree.as_ref().map_or(0, Tree::size)
    }

    fn read_file(
        &mut self,
        file: &JournalFile,
        is_last: bool,
        until: Option<u64>,
        visit: &mut impl FnMut(ScannedBlock<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let bytes = fs::read(&file.path)
            .map_err(|source| LogError::io(format!("read {}", file.path.display()), source))?;
        if !bytes.len().is_multiple_of(PAGE_BYTES) {
            return Err(damaged(format!(
                "the journal file {} is {} bytes long, which is no whole number of pages: the file has been cut",
                file.path.display(),
                bytes.len()
            )));
        }
        let used = used_bytes(&bytes);
        let is_wanted = |next| until.is_none_or(|until| next < until);
        if used == 0 && is_wanted(self.next) {
            let place = Place {
                file: &file.path,
                offset: 0,
                position: self.next,
            };
            return Err(damaged(place.says(NO_FIRST_RECORD)));
        }
        let mut at = 0;
        while at < used && is_wanted(self.next) {
            let place = Place {
                file: &file.path,
                offset: at,
                position: self.next,
            };
            match Record::decode(&bytes[at..]) {
                Found::Record(record, length) => {
                    self.take(&record, &place, visit)?;
                    self.last_record = at as u64;
                    at += length;
                }
                Found::Garbage(_) if is_last && Record::is_cut_off(&bytes[at..], self.next) => {
                    return Err(damaged(place.says(
                        "the record runs over the end of the file, where none is ever begun: the file has been cut",
                    )));
                }
                Found::Garbage(_) if at == 0 => {
                    return Err(damaged(place.says(NO_FIRST_RECORD)));
                }
                Found::Garbage(_)
                    if is_last && Record::search(&bytes[at + PAGE_BYTES..used]).is_none() =>
                {
                    let offset = at as u64;
                    self.torn = Some(TornTail {
                        file: file.path.clone(),
                        offset,
                        bytes: (used - at) as u64,
                        position: self.next,
                        kept_as: file.path.with_extension(format!("torn-at-{offset}")),
                    });
                    break;
                }
                Found::Garbage(why) => return Err(damaged(place.says(why))),
            }
        }
        self.end = at as u64;
        self.used_bytes += self.end;
        Ok(())
    }

    fn take(
        &mut self,
        record: &Record,
        place: &Place<'_>,
        visit: &mut impl FnMut(ScannedBlock<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        if record.first != self.next {
            return Err(damaged(
                place.says(&format!("the record is for {}", record.first)),
            ));
        }
        // Where reading begins in the middle there is nothing to compare with.
        let begins_in_the_middle = self.next == self.first && self.first > 0;
        if !begins_in_the_middle && record.root_before != self.root {
            return Err(damaged(
                place.says("the record does not continue the one before it"),
            ));
        }
        let after = record.first + u64::from(record.count);
        let known = self.known();
        if after <= known {
            if after == known && self.tree_root() != Some(record.root_after) {
                return Err(other_tree(place));
            }
            self.next = after;
            self.root = record.root_after;
            return Ok(());
        }
        if record.first < known {
            return Err(other_tree(place));
        }
        if record.first == known
            && self
                .tree_root()
                .is_some_and(|root| root != record.root_before)
        {
            return Err(other_tree(place));
        }
        let mut first = record.first;
        let mut scanned = Vec::with_capacity(record.blocks.len());
        for bytes in &record.blocks {
            let block =
                Block::decode(bytes).map_err(|error| damaged(place.says(&error.to_string())))?;
            let after = first + block.len() as u64;
            let mut full = Vec::new();
            if let Some(tree) = &mut self.tree {
                for event in block.events() {
                    tree.push(leaf_hash(event), &mut full);
                }
            }
            scanned.push(ScannedBlock {
                first,
                bytes,
                block,
                full,
            });
            first = after;
        }
        if first == record.first || first != after {
            return Err(damaged(
                place.says("the record does not hold as many events as it says"),
            ));
        }
        if self
            .tree_root()
            .is_some_and(|root| root != record.root_after)
        {
            return Err(damaged(
                place.says("the record's root does not follow from its events"),
            ));
        }
        for block in scanned {
            visit(block)?;
        }
        self.next = after;
        self.root = record.root_after;
        Ok(())
    }

    fn tree_root(&self) -> Option<Hash> {
        self.tree.as_ref().map(|tree| tree.head().root)
    }
}

/// The position after the last event of a full journal file. Reads only its last record.
pub(crate) fn end_of(file: &JournalFile, finished: FinishedFile) -> Result<u64, LogError> {
    let failed = |source| LogError::io(format!("read {}", file.path.display()), source);
    let open = File::open(&file.path).map_err(failed)?;
    let length = open.metadata().map_err(failed)?.len();
    let rest = length.saturating_sub(finished.last_record);
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    open.read_exact_at(&mut bytes, finished.last_record)
        .map_err(failed)?;
    match Record::decode(&bytes) {
        Found::Record(record, _) => Ok(record.first + u64::from(record.count)),
        Found::Garbage(why) => Err(damaged(format!(
            "the journal file {} has lost its last record, at byte {}: {why}",
            file.path.display(),
            finished.last_record
        ))),
    }
}

struct Place<'a> {
    file: &'a Path,
    offset: usize,
    position: u64,
}

impl Place<'_> {
    fn says(&self, what: &str) -> String {
        format!(
            "in the journal file {} at byte {}, where the event at position {} should begin: {what}",
            self.file.display(),
            self.offset,
            self.position
        )
    }
}

fn other_tree(place: &Place<'_>) -> LogError {
    damaged(place.says("the record belongs to another tree than the events before it"))
}

fn damaged(what: String) -> LogError {
    LogError::Damaged {
        what,
        what_to_do: "Copy the whole folder before anything else, check the disk, and restore the \
                     newest backup."
            .to_owned(),
    }
}
