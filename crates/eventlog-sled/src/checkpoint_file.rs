//! The signed heads outside sled: a line of JSON each, in the order in which they were kept.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use daicho_eventlog::evidence::Checkpoint;

const NAME: &str = "checkpoints";

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
}

impl CheckpointFile {
    /// Opens or makes the file and reads what it holds.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, KeptCheckpoints)> {
        let held = read(folder)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(NAME))?;
        if !held.unreadable.is_empty() {
            // So that what is added begins on a line of its own.
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        Ok((Self { file }, held))
    }

    /// Adds a checkpoint and returns when it is durable.
    pub(crate) fn add(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut line = serde_json::to_vec(checkpoint.text()).map_err(io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

/// What the file in `folder` holds; nothing if there is none.
pub(crate) fn read(folder: &Path) -> io::Result<KeptCheckpoints> {
    let file = match File::open(folder.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(KeptCheckpoints::default());
        }
        Err(error) => return Err(error),
    };
    let mut held = KeptCheckpoints::default();
    for (number, line) in (1..).zip(BufReader::new(file).split(b'\n')) {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let checkpoint = serde_json::from_slice::<String>(&line)
            .ok()
            .and_then(|text| Checkpoint::parse(text.as_bytes()).ok());
        match checkpoint {
            Some(checkpoint) => held.kept.push(checkpoint),
            None => held.unreadable.push(number),
        }
    }
    Ok(held)
}
