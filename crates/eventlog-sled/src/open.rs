//! Opening: trust nothing, say what was found.
//!
//! 1. Take the folder's lock; make room if the disk is full, before the lock where there is none
//!    at all.
//! 2. Load the index files: a cache that says what need not be read again.
//! 3. Read the journal behind them; anything wrong in it but a torn tail ends here, before
//!    sled is touched. Of the files before them only the last record is read: `verify` reads all.
//! 4. Open sled. What does not open is moved aside and rebuilt, as the journal is whole.
//! 5. Compare how far they go: sled ahead of the journal is damage, and so are index files and
//!    signed heads ahead of it.
//! 6. Mend the journal's tail and make all of it durable.
//! 7. Compare sled's end with the journal and replay what sled lacks.

mod cache;
mod catch_up;
mod contents;
mod reopening;
mod report;
mod signed_heads;
mod sled_folder;

use std::{
    collections::VecDeque,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use daicho_eventlog::LogError;

pub(crate) use self::reopening::reopen;
pub use self::report::{OpenReport, SetAside};
use self::{
    cache::Cache,
    catch_up::catch_up,
    signed_heads::{reconcile_checkpoints, signed_heads},
    sled_folder::{compare_ends, journal_ends_before, open_sled},
};
use crate::{
    Options, SledLog,
    block::Packer,
    checkpoint_file::{CheckpointFile, KeptCheckpoints},
    disk::Disk,
    feeder::Feeder,
    folder_lock::FolderLock,
    index_sealer::IndexSealer,
    journal::{self, Journal, scan::Scan},
    request::way_to_the_writer,
    sled_log::Running,
    sled_store::{self, SledStore},
    storage::{KeptStore, Storage},
    visible::{Contents, Visible},
    writer::Writer,
};

/// Says that sled has given back something wrong and is to be rebuilt.
pub(crate) const FAULTY_MARK: &str = "sled.faulty";

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
    fs::create_dir_all(folder).map_err(|source| {
        LogError::io(format!("create the log in {}", folder.display()), source)
    })?;
    let disk = Disk::new(folder, options.disk_reserve_bytes);
    let gave_up_for_the_lock = make_room_for_the_lock(folder, &disk)?;
    let (lock, clean_shutdown) = FolderLock::take(folder)?;
    let gave_up_ballast = disk.make_room().unwrap_or(false) || gave_up_for_the_lock;
    let journal_folder = create(folder).map_err(|source| {
        LogError::io(format!("create the log in {}", folder.display()), source)
    })?;
    let packer =
        Packer::new().map_err(|source| LogError::io("get memory for compression", source))?;

    let (mut cache, mut contents) = Cache::load(folder)?;
    let files = journal::files(&journal_folder)?;
    let journal_first = files.first().map_or(0, |file| file.first);
    cache.check_full_files(&files)?;
    let known = contents.tree.size();
    let scan = match contents.read_journal(&journal_folder, journal_first, progress) {
        Err(LogError::Damaged { .. }) if known > 0 && journal_first == 0 => {
            // Either the journal or the cache is wrong: the whole journal tells.
            contents = Contents::default();
            let scan = contents.read_journal(&journal_folder, journal_first, progress)?;
            if scan.next < known {
                return Err(journal_ends_before(known, "the index files", &scan).into());
            }
            tracing::warn!("the index files do not belong to the journal; derived anew");
            cache.clear()?;
            scan
        }
        other => other?,
    };
    if scan.next < known {
        return Err(journal_ends_before(known, "the index files", &scan).into());
    }

    let sled_folder = folder.join("sled");
    let removed_snapshots = sled_store::remove_unfinished_snapshots(&sled_folder)?;
    let (store, stored_next, set_aside) = open_sled(&sled_folder, options, &scan)?;
    compare_ends(&scan, stored_next)?;
    let held = signed_heads(folder, &store, &scan)?;
    let scan = if contents.tree.size() < journal_first {
        contents.read_trimmed(&store, journal_first)?;
        contents.read_journal(&journal_folder, journal_first, &mut |_, _, _| {})?
    } else {
        scan
    };
    let mut report = OpenReport {
        removed_snapshots,
        set_aside,
        gave_up_ballast,
        ..OpenReport::of_journal(&scan, known, clean_shutdown)
    };
    let mut opened = finish(
        Found {
            folder,
            options,
            cache: &cache,
            scan: &scan,
            held: &held,
            stored_next,
        },
        store,
        &mut report,
        progress,
    )?;
    if let Err(error) = disk.keep_ballast(options.ballast_bytes) {
        tracing::warn!(%error, "the ballast could not be put there");
    }

    let sealed_blocks = contents.sealed_blocks();
    let store = Arc::clone(&opened.kept.store);
    let visible = Arc::new(Visible::new(
        contents,
        Arc::clone(&store),
        options.block_cache_bytes,
        journal_folder,
    ));
    let feeder = Feeder::start(&visible, &store, cache.folder);
    let mut index = IndexSealer::new(options.index_segment_events, sealed_blocks);
    // What took long to derive need not be derived again.
    index
        .after_commit(&visible, &mut opened.journal, &feeder)
        .map_err(|reason| {
            // The next opening finds nothing of this any more.
            tracing::warn!(
                ?report,
                "the log does not open, but this was found and mended"
            );
            refused(reason)
        })?;
    let stopping = Arc::new(AtomicBool::new(false));
    let (requests, inbox) = way_to_the_writer(options.queue_length);
    let writer = Writer {
        inbox,
        teller: requests.teller(),
        stopping: Arc::clone(&stopping),
        visible: Arc::clone(&visible),
        storage: Some(Storage {
            kept: opened.kept,
            journal: opened.journal,
            checkpoints: opened.checkpoints,
            feeder,
            index,
        }),
        packer,
        disk,
        folder: folder.to_owned(),
        options: options.clone(),
        is_woken: Arc::default(),
        gathered: None,
        under_way: VecDeque::new(),
        was_alone: true,
    };
    let running = Running::start(writer, lock);
    let log = SledLog::new(
        folder.to_owned(),
        options.clone(),
        visible,
        requests,
        stopping,
        running,
    );
    Ok((log, report))
}

/// What has been read before storage is opened for writing.
struct Found<'a> {
    folder: &'a Path,
    options: &'a Options,
    cache: &'a Cache,
    scan: &'a Scan,
    held: &'a KeptCheckpoints,
    stored_next: u64,
}

struct Opened {
    kept: KeptStore,
    journal: Journal,
    checkpoints: CheckpointFile,
}

/// Mends the journal's tail and gives sled what it lacks; adds to `report` what that was.
fn finish(
    found: Found<'_>,
    store: SledStore,
    report: &mut OpenReport,
    progress: OpenProgress<'_>,
) -> Result<Opened, LogError> {
    let journal_folder = found.folder.join("journal");
    // Before sled gets anything from it: what the process before wrote and did not sync
    // could still vanish from the journal and would then leave sled ahead.
    let journal = Journal::resume(
        &journal_folder,
        found.options.journal_file_bytes,
        found.scan,
        report.clean_shutdown,
    )?;
    let kept = KeptStore::start(store);
    let caught_up = catch_up(&found, &kept.store, progress).and_then(|replayed| {
        report.replayed_events = replayed;
        (report.replayed_checkpoints, report.checkpoints_set_aside) =
            reconcile_checkpoints(found.folder, &kept.store, found.held)?;
        CheckpointFile::open(found.folder)
            .map_err(|source| LogError::io("open the file of checkpoints", source))
    });
    report.blob_files = sled_store::blob_files(&found.folder.join("sled"));
    match caught_up {
        Ok(checkpoints) => Ok(Opened {
            kept,
            journal,
            checkpoints,
        }),
        Err(error) => {
            let _ = kept.end();
            Err(error)
        }
    }
}

/// Taking the lock writes its file. Where there is no room for that nothing else would find room
/// either, and it is said before anything is touched.
fn make_room_for_the_lock(folder: &Path, disk: &Disk) -> Result<bool, LogError> {
    if disk.has_scraps() {
        return Ok(false);
    }
    let is_held = File::open(folder.join("lock"))
        .is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    if is_held {
        // Whoever has the folder may still need its ballast; taking the lock says who it is.
        return Ok(false);
    }
    let gave_up_ballast = disk.make_room().unwrap_or(false);
    if disk.has_scraps() {
        return Ok(gave_up_ballast);
    }
    Err(LogError::io(
        format!("open the log in {}", folder.display()),
        io::ErrorKind::StorageFull.into(),
    ))
}

fn refused(reason: String) -> LogError {
    LogError::io(
        "put the journal's events into sled; free space or check the disk",
        io::Error::other(reason),
    )
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
