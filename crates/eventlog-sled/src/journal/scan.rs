//! Reading the journal and judging what it holds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use daicho_eventlog::LogError;

use super::{
    JournalFile, files,
    record::{Found, Record},
};
use crate::{block::Block, chain::Chain};

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
    /// Position of the first event read.
    pub(crate) first: u64,
    /// The position after the last event read.
    pub(crate) next: u64,
    /// The chain after the last event read.
    pub(crate) chain: Chain,
    /// Where the last record ends in the last file.
    pub(crate) end: u64,
    /// What follows there.
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
}

impl Scan {
    /// Reads the records of `range`, checks checksum, order and chain, and shows every
    /// block to `visit`. `progress` is told bytes read and bytes to read.
    pub(crate) fn run(
        folder: &Path,
        range: Range,
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
            first,
            next: first,
            chain: Chain::START,
            end: 0,
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
            done += sizes[place];
            progress(done, total);
        }
        Ok(scan)
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
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let mut at = 0;
        while at < used && until.is_none_or(|until| self.next < until) {
            let place = Place {
                file: &file.path,
                offset: at,
                position: self.next,
            };
            match Record::decode(&bytes[at..]) {
                Found::Record(record, length) => {
                    self.take(&record, &place, visit)?;
                    at += length;
                }
                Found::Garbage(_) if is_last && Record::search(&bytes[at + 1..used]).is_none() => {
                    let offset = at as u64;
                    self.torn = Some(TornTail {
                        file: file.path.clone(),
                        offset,
                        bytes: (used - at) as u64,
                        kept_as: file.path.with_extension(format!("torn-at-{offset}")),
                    });
                    break;
                }
                Found::Garbage(why) => return Err(damaged(place.says(why))),
            }
        }
        self.end = at as u64;
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
        if !begins_in_the_middle && record.chain_before != self.chain {
            return Err(damaged(
                place.says("the record does not continue the one before it"),
            ));
        }
        let mut blocks = Vec::with_capacity(record.blocks.len());
        let mut first = record.first;
        for bytes in &record.blocks {
            let block =
                Block::decode(bytes).map_err(|error| damaged(place.says(&error.to_string())))?;
            let after = first + block.len() as u64;
            blocks.push(ScannedBlock {
                first,
                bytes,
                block,
            });
            first = after;
        }
        if first == record.first || first != record.first + u64::from(record.count) {
            return Err(damaged(
                place.says("the record does not hold as many events as it says"),
            ));
        }
        let events = blocks.iter().flat_map(|scanned| scanned.block.events());
        if record.chain_before.after(events) != record.chain_after {
            return Err(damaged(
                place.says("the record's chain does not follow from its events"),
            ));
        }
        for block in blocks {
            visit(block)?;
        }
        self.next = first;
        self.chain = record.chain_after;
        Ok(())
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

fn damaged(what: String) -> LogError {
    LogError::Damaged {
        what,
        what_to_do: "Copy the whole folder before anything else, check the disk, and restore the \
                     newest backup."
            .to_owned(),
    }
}
