//! Opening: trust nothing, say what was found.
//!
//! 1. Take the folder's lock.
//! 2. Read the whole journal; anything wrong in it but a torn tail ends here, before
//!    sled is touched.
//! 3. Open sled. What does not open is moved aside and rebuilt, as the journal is whole.
//! 4. Compare how far they go: sled ahead of the journal is damage.
//! 5. Mend the journal's tail and make all of it durable.
//! 6. Compare sled's end with the journal and replay what sled lacks.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use daicho_eventlog::{LogError, LogIndex, StoredEventHead};
use tokio::sync::mpsc;

use crate::{
    Options, SledLog, TornTail,
    block::Block,
    folder_lock::FolderLock,
    journal::{
        self, Journal,
        scan::{Range, Scan},
    },
    sled_log::Running,
    sled_store::{self, OpenFailure, REBUILD, SledStore},
    visible::{Contents, Visible},
    writer::Writer,
};

/// Why a log did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Cause: another process has the folder. The operator stops it or talks to it.
    /// Retriable when it has ended.
    #[error(
        "the log in {} is in use by {}; stop that process or use its service",
        dir.display(),
        pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The folder of the log.
        dir: PathBuf,
        /// The process that has it, if it could be read.
        pid: Option<u32>,
    },
    /// What the log itself said: see there.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What was found and done when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Events in the log.
    pub events: u64,
    /// The last user of the folder had closed the log properly (or there was none).
    pub clean_shutdown: bool,
    /// Events that sled lacked and now has from the journal.
    pub replayed_events: u64,
    /// Remains of an interrupted write that were taken off the journal.
    pub torn_tail: Option<TornTail>,
    /// Unfinished snapshots of sled that were removed.
    pub removed_snapshots: Vec<PathBuf>,
    /// A sled that did not open.
    pub set_aside: Option<SetAside>,
    /// Files that sled made for large values. More than 0 is a fault to report.
    pub blob_files: usize,
}

/// A sled that did not open and has been rebuilt from the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is kept.
    pub path: PathBuf,
    /// What it said.
    pub reason: String,
}

/// What opening is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenStage {
    /// Reading the journal; counted in bytes.
    Journal,
    /// Putting into sled what it lacks; counted in events.
    Replay,
}

/// Told the stage, what is done and what there is to do.
type OpenProgress<'a> = &'a mut dyn FnMut(OpenStage, u64, u64);

pub(crate) fn open(
    folder: &Path,
    options: &Options,
    progress: OpenProgress<'_>,
) -> Result<(SledLog, OpenReport), OpenError> {
    let journal_folder = create(folder).map_err(|source| {
        LogError::io(format!("create the log in {}", folder.display()), source)
    })?;
    let (lock, clean_shutdown) = FolderLock::take(folder)?;

    let mut contents = Contents::default();
    let starts_at_0 = journal::files(&journal_folder)?
        .first()
        .is_none_or(|file| file.first == 0);
    let scan = Scan::run(
        &journal_folder,
        Range::default(),
        // A journal that has been trimmed is indexed below, after what only sled has.
        |block| {
            if starts_at_0 {
                contents.add(block.first, &block.block)
            } else {
                Ok(())
            }
        },
        &mut |done, total| progress(OpenStage::Journal, done, total),
    )?;

    let sled_folder = folder.join("sled");
    let removed_snapshots = sled_store::remove_unfinished_snapshots(&sled_folder)?;
    let (store, stored_next, set_aside) = open_sled(&sled_folder, options, &scan)?;
    compare_ends(&scan, stored_next)?;
    if !starts_at_0 {
        for entry in store.blocks_from(0) {
            let (first, bytes) = entry?;
            if first >= scan.first {
                break;
            }
            let block = Block::decode(&bytes).map_err(|error| damaged_sled(error.to_string()))?;
            contents.add(first, &block)?;
        }
        let all = Range::default();
        let index =
            |block: journal::scan::ScannedBlock<'_>| contents.add(block.first, &block.block);
        Scan::run(&journal_folder, all, index, &mut |_, _| {})?;
    }

    // Before sled gets anything from it: what the process before wrote and did not sync
    // could still vanish from the journal and would then leave sled ahead.
    let journal = Journal::resume(
        &journal_folder,
        options.journal_file_bytes,
        &scan,
        clean_shutdown,
    )?;

    let store = Arc::new(store);
    let keeping_durable = {
        let store = Arc::clone(&store);
        thread::spawn(move || store.keep_durable())
    };
    let replayed_events = match catch_up(&journal_folder, &scan, &store, stored_next, progress) {
        Ok(replayed) => replayed,
        Err(error) => {
            store.stop();
            let _ = keeping_durable.join();
            return Err(error.into());
        }
    };

    let report = OpenReport {
        events: scan.next,
        clean_shutdown,
        replayed_events,
        torn_tail: scan.torn,
        removed_snapshots,
        set_aside,
        blob_files: sled_store::blob_files(&sled_folder),
    };
    warn_about(&report);

    let visible = Arc::new(Visible::new(
        contents,
        Arc::clone(&store),
        options.block_cache_bytes,
    ));
    let stopping = Arc::new(AtomicBool::new(false));
    let (queue, requests) = mpsc::channel(options.queue_length.max(1));
    let writer = Writer {
        queue: requests,
        stopping: Arc::clone(&stopping),
        visible: Arc::clone(&visible),
        store: Arc::clone(&store),
        journal,
    };
    let running = Running::start(writer, keeping_durable, store, lock);
    let log = SledLog::new(
        folder.to_owned(),
        options.clone(),
        visible,
        queue,
        stopping,
        running,
    );
    Ok((log, report))
}

fn create(folder: &Path) -> io::Result<PathBuf> {
    let journal_folder = folder.join("journal");
    fs::create_dir_all(&journal_folder)?;
    journal::sync_folder(folder)?;
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    journal::sync_folder(parent.unwrap_or(Path::new(".")))?;
    Ok(journal_folder)
}

fn open_sled(
    folder: &Path,
    options: &Options,
    scan: &Scan,
) -> Result<(SledStore, u64, Option<SetAside>), LogError> {
    let reason = match SledStore::open(folder, options.sled_cache_bytes) {
        Ok((store, next)) => return Ok((store, next, None)),
        Err(OpenFailure::Machine(error)) => return Err(error),
        Err(OpenFailure::Damaged(reason)) => reason,
    };
    if scan.first > 0 {
        return Err(LogError::Damaged {
            what: format!(
                "sled does not open ({reason}), and the journal only goes back to position {}",
                scan.first
            ),
            what_to_do: "Restore the newest backup; the journal holds what came after it."
                .to_owned(),
        });
    }
    let path = set_aside(folder)
        .map_err(|source| LogError::io(format!("move {} aside", folder.display()), source))?;
    match SledStore::open(folder, options.sled_cache_bytes) {
        Ok((store, next)) => Ok((store, next, Some(SetAside { path, reason }))),
        Err(OpenFailure::Machine(error)) => Err(error),
        Err(OpenFailure::Damaged(reason)) => Err(LogError::Damaged {
            what: format!("a new sled in {} does not open: {reason}", folder.display()),
            what_to_do: "Check the disk.".to_owned(),
        }),
    }
}

/// Moves a sled that does not open to the first free name beside it.
fn set_aside(folder: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    let path = loop {
        let path = folder.with_extension(format!("damaged-{number}"));
        if !path.try_exists()? {
            break path;
        }
        number += 1;
    };
    fs::rename(folder, &path)?;
    if let Some(parent) = folder.parent() {
        journal::sync_folder(parent)?;
    }
    Ok(path)
}

fn compare_ends(scan: &Scan, stored_next: u64) -> Result<(), LogError> {
    if stored_next > scan.next {
        let cut = match &scan.torn {
            Some(torn) => {
                format!(
                    " (something that is no whole record follows there, in {} at byte {})",
                    torn.file.display(),
                    torn.offset
                )
            }
            None => String::new(),
        };
        return Err(LogError::Damaged {
            what: format!(
                "the journal ends before position {}{cut}, but sled holds events up to {}",
                scan.next,
                stored_next - 1
            ),
            what_to_do: "The journal has lost acknowledged events. Copy the whole folder before \
                         anything else, check the disk, and restore the newest backup."
                .to_owned(),
        });
    }
    if scan.first > 0 && scan.next == scan.first {
        return Err(LogError::Damaged {
            what: format!(
                "the journal begins at position {} and holds nothing",
                scan.first
            ),
            what_to_do: "It has been trimmed too far. Restore the newest backup.".to_owned(),
        });
    }
    if stored_next < scan.first {
        return Err(LogError::Damaged {
            what: format!(
                "sled ends before position {stored_next}, and the journal only goes back to {}",
                scan.first
            ),
            what_to_do: "Restore the newest backup; the journal holds what came after it."
                .to_owned(),
        });
    }
    Ok(())
}

/// Compares the end of sled with the journal and replays what sled lacks. Returns how
/// many events that were.
fn catch_up(
    journal_folder: &Path,
    scan: &Scan,
    store: &SledStore,
    stored_next: u64,
    progress: OpenProgress<'_>,
) -> Result<u64, LogError> {
    let lacking = scan.next - stored_next;
    let mut replayed = 0;
    let from = Range {
        from: stored_next.saturating_sub(1),
        until: Some(scan.next),
    };
    let visit = |scanned: journal::scan::ScannedBlock<'_>| {
        if scanned.first < stored_next {
            let same = store
                .get(scanned.first)?
                .is_some_and(|stored| stored == scanned.bytes);
            return if same {
                Ok(())
            } else {
                Err(differs(scanned.first))
            };
        }
        if replayed == 0 && scanned.first != stored_next {
            return Err(differs(stored_next));
        }
        store
            .insert(scanned.first, scanned.bytes)
            .map_err(|reason| {
                LogError::io(
                    "put the journal's events into sled; free space or check the disk",
                    io::Error::other(reason),
                )
            })?;
        replayed += scanned.block.len() as u64;
        progress(OpenStage::Replay, replayed, lacking);
        Ok(())
    };
    Scan::run(journal_folder, from, visit, &mut |_, _| {})?;
    Ok(replayed)
}

impl Contents {
    /// Adds the next block while the log is opened.
    fn add(&mut self, first: u64, block: &Block) -> Result<(), LogError> {
        index_block(&mut self.index, block)?;
        self.block_starts.push(first);
        Ok(())
    }
}

fn index_block(index: &mut LogIndex, block: &Block) -> Result<(), LogError> {
    for event in block.events() {
        let next = index.next_position();
        let head = StoredEventHead::from_stored_bytes(event).map_err(|error| {
            contradicts(format!(
                "the event at position {next} cannot be read: {error}"
            ))
        })?;
        index
            .add(head)
            .map_err(|error| contradicts(error.to_string()))?;
    }
    Ok(())
}

fn contradicts(what: String) -> LogError {
    LogError::Damaged {
        what,
        what_to_do: "Copy the whole folder before anything else, and restore the newest backup."
            .to_owned(),
    }
}

fn damaged_sled(what: String) -> LogError {
    LogError::Damaged {
        what: format!("in sled, {what}"),
        what_to_do: "Copy the whole folder before anything else, and restore the newest backup."
            .to_owned(),
    }
}

fn differs(position: u64) -> LogError {
    LogError::Damaged {
        what: format!("sled and the journal differ at position {position}"),
        what_to_do: REBUILD.to_owned(),
    }
}

fn warn_about(report: &OpenReport) {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(file = %torn.file.display(), offset = torn.offset, bytes = torn.bytes,
            kept_as = %torn.kept_as.display(), "took an interrupted write off the journal");
    }
    if let Some(aside) = &report.set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason,
            "sled did not open; rebuilt it from the journal");
    }
    if report.replayed_events > 0 {
        tracing::info!(
            events = report.replayed_events,
            "replayed from the journal into sled"
        );
    }
    if report.blob_files > 0 {
        tracing::error!(
            files = report.blob_files,
            "sled made blob files, which it never syncs"
        );
    }
}
