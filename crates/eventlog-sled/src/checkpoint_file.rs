//! The signed heads outside sled: a line each, in the order in which they were kept. Before the
//! head, as JSON, stands the crc32c of it in eight hexadecimal digits.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use daicho_eventlog::evidence::Checkpoint;

use crate::journal;

const NAME: &str = "checkpoints";
const CHECKSUM_DIGITS: usize = 8;

/// The file, open for adding.
#[derive(Debug)]
pub(crate) struct CheckpointFile {
    file: File,
}

/// What the file holds.
#[derive(Debug, Default)]
pub(crate) struct KeptCheckpoints {
    /// In the order in which they were kept.
    pub(crate) kept: Vec<Checkpoint>,
    /// Lines that are no checkpoint, counted from 1. The last line may be an interrupted write.
    pub(crate) unreadable: Vec<usize>,
    /// The last line has no end, so that nothing can be added behind it.
    pub(crate) is_cut: bool,
}

impl CheckpointFile {
    /// Opens or makes the file.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(NAME))?;
        file.sync_all()?;
        // Without this the file itself could vanish with everything in it.
        journal::sync_folder(folder)?;
        Ok(Self { file })
    }

    /// Adds a checkpoint and returns when it is durable.
    pub(crate) fn add(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        self.file.write_all(&line(checkpoint)?)?;
        self.file.sync_data()
    }
}

fn line(checkpoint: &Checkpoint) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(checkpoint.text()).map_err(io::Error::other)?;
    let mut line = format!("{:08x} ", crc32c::crc32c(&text)).into_bytes();
    line.extend(text);
    line.push(b'\n');
    Ok(line)
}

fn checkpoint_in(line: &[u8]) -> Option<Checkpoint> {
    let (checksum, text) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let text = text.strip_prefix(b" ")?;
    if checksum != format!("{:08x}", crc32c::crc32c(text)).as_bytes() {
        return None;
    }
    let text = serde_json::from_slice::<String>(text).ok()?;
    Checkpoint::parse(text.as_bytes()).ok()
}

/// Copies a file that is not whole to the first free name beside it, as evidence.
pub(crate) fn set_aside(folder: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    let path = loop {
        let path = folder.join(format!("{NAME}.damaged-{number}"));
        if !path.try_exists()? {
            break path;
        }
        number += 1;
    };
    fs::copy(folder.join(NAME), &path)?;
    File::open(&path)?.sync_all()?;
    Ok(path)
}

/// Puts a file with exactly these in the place of what is there.
pub(crate) fn replace<'a>(
    folder: &Path,
    checkpoints: impl IntoIterator<Item = &'a Checkpoint>,
) -> io::Result<()> {
    let new = folder.join(format!("{NAME}.new"));
    let mut file = File::create(&new)?;
    for checkpoint in checkpoints {
        file.write_all(&line(checkpoint)?)?;
    }
    file.sync_all()?;
    fs::rename(&new, folder.join(NAME))?;
    journal::sync_folder(folder)
}

/// What the file in `folder` holds; nothing if there is none.
pub(crate) fn read(folder: &Path) -> io::Result<KeptCheckpoints> {
    let bytes = match fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(KeptCheckpoints::default());
        }
        Err(error) => return Err(error),
    };
    let mut held = KeptCheckpoints {
        is_cut: bytes.last().is_some_and(|last| *last != b'\n'),
        ..KeptCheckpoints::default()
    };
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.is_empty() {
            continue;
        }
        match checkpoint_in(line) {
            Some(checkpoint) => held.kept.push(checkpoint),
            None => held.unreadable.push(number),
        }
    }
    Ok(held)
}
