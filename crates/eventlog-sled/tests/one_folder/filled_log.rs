//! A log with some events, and its files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use daicho_eventlog::{
    AppendOutcome, EventLog, LogError,
    conformance::{append, at, command, exact, no_stream},
};
use daicho_eventlog_sled::{OpenError, OpenReport, Options, SledLog};

pub(crate) const RECORD_HEADER_BYTES: usize = 88;
pub(crate) const PAGE_BYTES: usize = 4096;

pub(crate) fn options() -> Options {
    Options {
        journal_file_bytes: 64 << 10,
        ..Options::default()
    }
}

pub(crate) fn open(folder: &Path) -> (SledLog, OpenReport) {
    SledLog::open(folder, options()).unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn append_next(log: &SledLog, number: u64) -> Result<AppendOutcome, LogError> {
    let version = number.checked_sub(1).map_or(no_stream(), exact);
    block_on(log.append(append(number, &[("a", version)])))
}

/// A closed log with `events` events, each a commit and so a record of its own.
pub(crate) fn filled(events: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    for number in 0..events {
        append_next(&log, number).unwrap();
    }
    log.close_now().unwrap();
    folder
}

pub(crate) fn journal_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("journal")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "journal")
    });
    files.sort();
    files
}

/// Offset and length of every record in a journal file.
pub(crate) fn records(file: &Path) -> Vec<(usize, usize)> {
    let bytes = fs::read(file).unwrap();
    let mut records = Vec::new();
    let mut offset = 0;
    while bytes[offset..].starts_with(b"DJR") {
        let body = u32::from_le_bytes(bytes[offset + 4..offset + 8].try_into().unwrap());
        let length = (RECORD_HEADER_BYTES + body as usize).next_multiple_of(PAGE_BYTES);
        records.push((offset, length));
        offset += length;
    }
    records
}

pub(crate) fn change(file: &Path, act: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    act(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// The log must have exactly `events` events, sled must agree, and it must go on.
pub(crate) fn assert_whole(log: &SledLog, events: u64) {
    let read = log.read_all_now(at(0), usize::MAX).unwrap();
    assert_eq!(read.len() as u64, events);
    for (place, event) in read.iter().enumerate() {
        assert_eq!(event.metadata.command_id, command(place as u64));
    }
    assert_eq!(append_next(log, events).unwrap().first, at(events));
    let verification = log.verify().unwrap();
    assert_eq!(verification.difference, None);
    assert_eq!(verification.events, events + 1);
}

#[track_caller]
pub(crate) fn damaged(folder: &Path) -> String {
    match SledLog::open(folder, options()) {
        Err(OpenError::Log(LogError::Damaged { what, what_to_do })) => {
            assert!(!what_to_do.is_empty());
            what
        }
        other => panic!("expected damage, got {other:?}"),
    }
}

/// Does something to the store behind the log's back.
pub(crate) fn with_sled<T>(folder: &Path, act: impl FnOnce(&sled::Tree) -> T) -> T {
    let config = sled::Config::new()
        .path(folder.join("sled"))
        .segment_size(8 << 20)
        .flush_every_ms(None);
    let db = loop {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("lock") => {
                std::thread::yield_now();
            }
            opened => break opened.unwrap(),
        }
    };
    let done = act(&db.open_tree("blocks").unwrap());
    db.flush().unwrap();
    done
}
