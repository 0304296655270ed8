//! The index on the disk: segments that load at memory speed, so that opening takes about the same
//! time however long the log is. Only a cache: what is missing or wrong is derived anew.
//!
//! `index/FROM-UNTIL.segment`:
//! `DIX` version, crc32c of the rest, index segment, block starts, tree, finished journal files.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use daicho_eventlog::{IndexSegment, evidence::Tree};

use crate::journal::{self, FinishedFile};

const MAGIC: [u8; 4] = *b"DIX\x01";
const EXTENSION: &str = "segment";
/// A segment is merged with the one before it unless that one is more than this many times as
/// long: so there are few of them, and each event is written again only a few times.
const MERGE_RATIO: u64 = 3;

/// What is known of the events from one position up to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IndexFile {
    pub(crate) segment: IndexSegment,
    /// Position of the first event of every block.
    pub(crate) block_starts: Vec<u64>,
    /// The tree after the last event.
    pub(crate) tree: Tree,
    /// Journal files that became full meanwhile.
    pub(crate) finished: Vec<FinishedFile>,
}

impl IndexFile {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend([0; 4]);
        self.segment.encode(&mut bytes);
        bytes.extend((self.block_starts.len() as u64).to_le_bytes());
        bytes.extend(self.block_starts.iter().flat_map(|at| at.to_le_bytes()));
        bytes.extend((self.finished.len() as u64).to_le_bytes());
        for file in &self.finished {
            bytes.extend(file.first.to_le_bytes());
            bytes.extend(file.last_record.to_le_bytes());
        }
        bytes.extend(self.tree.to_bytes());
        let checksum = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (checksum, rest) = rest.split_first_chunk()?;
        if crc32c::crc32c(rest) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (segment, rest) = IndexSegment::decode(rest)?;
        let (starts, rest) = numbers(rest, 1)?;
        let (finished, rest) = numbers(rest, 2)?;
        let tree = Tree::from_bytes(rest)?;
        (tree.size() == segment.until()).then(|| Self {
            segment,
            block_starts: starts,
            tree,
            finished: finished
                .chunks_exact(2)
                .map(|pair| FinishedFile {
                    first: pair[0],
                    last_record: pair[1],
                })
                .collect(),
        })
    }

    fn merge(before: Self, after: Self) -> Self {
        Self {
            segment: IndexSegment::merge(&[before.segment, after.segment]),
            block_starts: [before.block_starts, after.block_starts].concat(),
            tree: after.tree,
            finished: [before.finished, after.finished].concat(),
        }
    }

    fn name(&self) -> String {
        name(self.segment.from(), self.segment.until())
    }
}

fn name(from: u64, until: u64) -> String {
    format!("{from:020}-{until:020}.{EXTENSION}")
}

fn numbers(bytes: &[u8], each: usize) -> Option<(Vec<u64>, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (numbers, rest) = rest.split_at_checked(count.checked_mul(8 * each)?)?;
    let (numbers, _) = numbers.as_chunks();
    Some((
        numbers
            .iter()
            .map(|number| u64::from_le_bytes(*number))
            .collect(),
        rest,
    ))
}

/// The folder of index files; one thread writes to it.
#[derive(Debug)]
pub(crate) struct IndexFolder {
    folder: PathBuf,
    /// From and until of the files that follow each other from 0 on.
    files: Vec<(u64, u64)>,
}

impl IndexFolder {
    /// Reads the files that follow each other from 0 on; removes what does not belong to them.
    pub(crate) fn load(folder: &Path) -> io::Result<(Self, Vec<IndexFile>)> {
        fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match range_of(&path) {
                Some(range) => found.push((range, path)),
                None => fs::remove_file(&path)?,
            }
        }
        // Of those that begin at the same place the longest was made of the others.
        found.sort_by_key(|((from, until), _)| (*from, std::cmp::Reverse(*until)));
        let mut files = Vec::new();
        let mut next = 0;
        for ((from, until), path) in found {
            let file = (from == next)
                .then(|| fs::read(&path).ok())
                .flatten()
                .and_then(|bytes| IndexFile::decode(&bytes))
                .filter(|file| (file.segment.from(), file.segment.until()) == (from, until));
            match file {
                Some(file) => {
                    next = until;
                    files.push(file);
                }
                None => {
                    if from >= next {
                        tracing::warn!(file = %path.display(), "an index file is not whole or does not follow the others; derived anew");
                    }
                    fs::remove_file(&path)?;
                }
            }
        }
        let ranges = files
            .iter()
            .map(|file| (file.segment.from(), file.segment.until()))
            .collect();
        let folder = Self {
            folder: folder.to_owned(),
            files: ranges,
        };
        Ok((folder, files))
    }

    /// Drops all files: they are not of this log.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        for (from, until) in self.files.drain(..) {
            fs::remove_file(self.folder.join(name(from, until)))?;
        }
        Ok(())
    }

    /// Writes a file, merged with those before it that are not much longer. Returns what was
    /// written if it was merged.
    pub(crate) fn add(&mut self, file: IndexFile) -> io::Result<Option<IndexSegment>> {
        let next = self.files.last().map_or(0, |(_, until)| *until);
        if file.segment.from() != next {
            return Err(io::Error::other(format!(
                "it begins at position {}, but {next} comes next",
                file.segment.from()
            )));
        }
        let mut file = file;
        let mut replaced = Vec::new();
        while let Some(&(from, until)) = self.files.last() {
            let length = file.segment.until() - file.segment.from();
            if until - from > length.saturating_mul(MERGE_RATIO) {
                break;
            }
            let path = self.folder.join(name(from, until));
            let Some(before) = IndexFile::decode(&fs::read(&path)?) else {
                return Err(io::Error::other(format!(
                    "{} is not what was written",
                    path.display()
                )));
            };
            file = IndexFile::merge(before, file);
            replaced.push(path);
            self.files.pop();
        }
        let path = self.folder.join(file.name());
        let unfinished = path.with_extension("new");
        let mut new = File::create(&unfinished)?;
        new.write_all(&file.encode())?;
        new.sync_all()?;
        fs::rename(&unfinished, &path)?;
        journal::sync_folder(&self.folder)?;
        for path in &replaced {
            fs::remove_file(path)?;
        }
        self.files.push((file.segment.from(), file.segment.until()));
        Ok((!replaced.is_empty()).then_some(file.segment))
    }
}

fn range_of(path: &Path) -> Option<(u64, u64)> {
    if path.extension()? != EXTENSION {
        return None;
    }
    let (from, until) = path.file_stem()?.to_str()?.split_once('-')?;
    Some((from.parse().ok()?, until.parse().ok()?))
}
