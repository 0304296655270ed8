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
mod contents;
mod sled_folder;

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use daicho_eventlog::{LogError, evidence::Checkpoint};
use tokio::sync::mpsc;

use self::{
    cache::Cache,
    sled_folder::{compare_ends, journal_ends_before, open_sled},
};
use crate::{
    Options, SledLog, TornTail,
    block::Packer,
    checkpoint_file::{self, CheckpointFile, KeptCheckpoints},
    disk::Disk,
    feeder::Feeder,
    folder_lock::FolderLock,
    index_sealer::IndexSealer,
    journal::{
        self, Journal,
        scan::{Range, Scan, ScannedBlock},
    },
    sled_log::Running,
    sled_store::{self, REBUILD, SledStore},
    visible::{Contents, Visible},
    writer::{KeptStore, Storage, Writer},
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
    /// Events whose index had to be derived, because no index file had them.
    pub indexed_events: u64,
    /// The ballast was given up to make room on a full disk.
    pub gave_up_ballast: bool,
    /// Checkpoints that sled lacked and now has from their file.
    pub replayed_checkpoints: usize,
    /// A file of checkpoints that was not whole. What sled and the rest of it have is in a new one.
    pub checkpoints_set_aside: Option<SetAside>,
}

/// Something that was not whole and has been made anew: sled from the journal, the file of
/// checkpoints from sled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is kept.
    pub path: PathBuf,
    /// What it said, or what was wrong with it.
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
    let indexed_events = scan.next - known.min(scan.next);
    let mut opened = finish(
        Found {
            folder,
            options,
            clean_shutdown,
            cache: &cache,
            scan: &scan,
            held: &held,
            stored_next,
        },
        store,
        progress,
    )?;

    let report = OpenReport {
        events: scan.next,
        clean_shutdown,
        replayed_events: opened.replayed_events,
        torn_tail: scan.torn,
        removed_snapshots,
        set_aside,
        blob_files: sled_store::blob_files(&sled_folder),
        indexed_events,
        gave_up_ballast,
        replayed_checkpoints: opened.replayed_checkpoints,
        checkpoints_set_aside: opened.checkpoints_set_aside,
    };
    warn_about(&report);
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
        .map_err(refused)?;
    let packer =
        Packer::new().map_err(|source| LogError::io("get memory for compression", source))?;
    let stopping = Arc::new(AtomicBool::new(false));
    let (queue, requests) = mpsc::channel(options.queue_length.max(1));
    let writer = Writer {
        queue: requests,
        wake: queue.downgrade(),
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
    };
    let running = Running::start(writer, lock);
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

/// Opens storage anew under readers who go on, after a write has failed. What the journal has
/// beyond what is visible, whole but never acknowledged, becomes visible.
pub(crate) fn reopen(
    folder: &Path,
    options: &Options,
    visible: &Arc<Visible>,
) -> Result<Storage, LogError> {
    let journal_folder = folder.join("journal");
    let (cache, _) = Cache::load(folder)?;
    let tree = visible.contents().tree.clone();
    let known = tree.size();
    let range = Range {
        from: known,
        until: None,
    };
    let mut beyond = Vec::new();
    let collect = |scanned: ScannedBlock<'_>| {
        beyond.push((scanned.first, scanned.block));
        Ok(())
    };
    let scan = Scan::run(&journal_folder, range, Some(tree), collect, &mut |_, _| {})?;
    if scan.next < known {
        return Err(journal_ends_before(known, "the acknowledged events", &scan));
    }
    let sled_folder = folder.join("sled");
    sled_store::remove_unfinished_snapshots(&sled_folder)?;
    let (store, stored_next, _) = open_sled(&sled_folder, options, &scan)?;
    compare_ends(&scan, stored_next)?;
    let held = signed_heads(folder, &store, &scan)?;
    let opened = finish(
        Found {
            folder,
            options,
            clean_shutdown: false,
            cache: &cache,
            scan: &scan,
            held: &held,
            stored_next,
        },
        store,
        &mut |_, _, _| {},
    )?;
    {
        let mut contents = visible.contents_mut();
        for (first, block) in &beyond {
            contents.add(*first, block)?;
        }
        if let Some(tree) = &scan.tree {
            contents.tree = tree.clone();
        }
    }
    visible.stored_all();
    let sealed_blocks = visible.contents().sealed_blocks();
    let feeder = Feeder::start(visible, &opened.kept.store, cache.folder);
    Ok(Storage {
        kept: opened.kept,
        journal: opened.journal,
        checkpoints: opened.checkpoints,
        feeder,
        index: IndexSealer::new(options.index_segment_events, sealed_blocks),
    })
}

/// What has been read before storage is opened for writing.
struct Found<'a> {
    folder: &'a Path,
    options: &'a Options,
    clean_shutdown: bool,
    cache: &'a Cache,
    scan: &'a Scan,
    held: &'a KeptCheckpoints,
    stored_next: u64,
}

struct Opened {
    kept: KeptStore,
    journal: Journal,
    checkpoints: CheckpointFile,
    replayed_events: u64,
    replayed_checkpoints: usize,
    checkpoints_set_aside: Option<SetAside>,
}

/// Mends the journal's tail and gives sled what it lacks.
fn finish(
    found: Found<'_>,
    store: SledStore,
    progress: OpenProgress<'_>,
) -> Result<Opened, LogError> {
    let journal_folder = found.folder.join("journal");
    // Before sled gets anything from it: what the process before wrote and did not sync
    // could still vanish from the journal and would then leave sled ahead.
    let journal = Journal::resume(
        &journal_folder,
        found.options.journal_file_bytes,
        found.scan,
        found.clean_shutdown,
    )?;
    let kept = KeptStore::start(store);
    let caught_up = catch_up(&found, &kept.store, progress).and_then(|replayed| {
        let (replayed_checkpoints, set_aside) =
            reconcile_checkpoints(found.folder, &kept.store, found.held)?;
        let file = CheckpointFile::open(found.folder)
            .map_err(|source| LogError::io("open the file of checkpoints", source))?;
        Ok((replayed, file, replayed_checkpoints, set_aside))
    });
    match caught_up {
        Ok((replayed_events, checkpoints, replayed_checkpoints, checkpoints_set_aside)) => {
            Ok(Opened {
                kept,
                journal,
                checkpoints,
                replayed_events,
                replayed_checkpoints,
                checkpoints_set_aside,
            })
        }
        Err(error) => {
            let _ = kept.end();
            Err(error)
        }
    }
}

/// The checkpoints in their file. A head is signed of what has been acknowledged, so one that goes
/// further than the journal, here or in sled, is damage.
fn signed_heads(
    folder: &Path,
    store: &SledStore,
    scan: &Scan,
) -> Result<KeptCheckpoints, LogError> {
    let held = checkpoint_file::read(folder)
        .map_err(|source| LogError::io("read the file of checkpoints", source))?;
    let newest = store.latest_checkpoint()?;
    let sizes = held
        .kept
        .iter()
        .chain(&newest)
        .map(|signed| signed.head.size);
    match sizes.max() {
        Some(size) if size > scan.next => Err(journal_ends_before(size, "the signed heads", scan)),
        _ => Ok(held),
    }
}

/// Gives sled the checkpoints that only their file has, and the file those that only sled has.
/// Says how many sled lacked, and where a file that was not whole is kept.
fn reconcile_checkpoints(
    folder: &Path,
    store: &SledStore,
    held: &KeptCheckpoints,
) -> Result<(usize, Option<SetAside>), LogError> {
    let is_whole = held.unreadable.is_empty() && !held.is_cut;
    if is_whole && held.kept.last() == store.latest_checkpoint()?.as_ref() {
        return Ok((0, None));
    }
    let stored = store.checkpoints(0, usize::MAX)?;
    let mut newest = BTreeMap::new();
    for checkpoint in stored.iter().chain(&held.kept) {
        let known = newest.entry(checkpoint.head.size).or_insert(checkpoint);
        // Signatures are only ever added. The file got it first.
        if checkpoint.text().len() >= known.text().len() {
            *known = checkpoint;
        }
    }
    let mut replayed = 0;
    for checkpoint in newest.values() {
        let place = stored.binary_search_by_key(&checkpoint.head.size, |other| other.head.size);
        if place.is_ok_and(|place| stored[place] == **checkpoint) {
            continue;
        }
        store.insert_checkpoint(checkpoint).map_err(refused)?;
        replayed += 1;
    }
    let in_file: HashSet<_> = held.kept.iter().map(Checkpoint::text).collect();
    let has_all = newest
        .values()
        .all(|checkpoint| in_file.contains(checkpoint.text()));
    if is_whole && has_all {
        return Ok((replayed, None));
    }
    let failed = |source| LogError::io("mend the file of checkpoints", source);
    let set_aside = match held.unreadable.first() {
        None => None,
        Some(line) => Some(SetAside {
            path: checkpoint_file::set_aside(folder).map_err(failed)?,
            reason: format!(
                "line {line} cannot be read (if it is the last one, its writing may have been interrupted)"
            ),
        }),
    };
    checkpoint_file::replace(folder, newest.into_values()).map_err(failed)?;
    Ok((replayed, set_aside))
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
/// Compares the end of sled with the journal and replays what sled lacks, blocks and full tiles.
/// Returns how many events that were.
fn catch_up(
    found: &Found<'_>,
    store: &SledStore,
    progress: OpenProgress<'_>,
) -> Result<u64, LogError> {
    let stored_next = found.stored_next;
    let lacking = found.scan.next - stored_next;
    let mut replayed = 0;
    let tree = found.cache.tree_before(stored_next);
    let from = tree.size();
    let journal_first = journal::files(&found.folder.join("journal"))?
        .first()
        .map_or(0, |file| file.first);
    let range = Range {
        from,
        until: Some(found.scan.next),
    };
    let same = |scanned: &ScannedBlock<'_>| {
        let stored = store.get(scanned.first)?;
        if stored.is_some_and(|stored| stored == scanned.bytes) {
            Ok(())
        } else {
            Err(differs(scanned.first))
        }
    };
    if let Some(last) = stored_next
        .checked_sub(1)
        .filter(|last| *last >= journal_first)
    {
        let end = Range {
            from: last,
            until: Some(stored_next),
        };
        let visit = |scanned: ScannedBlock<'_>| {
            let after = scanned.first + scanned.block.len() as u64;
            if after < stored_next {
                return Ok(());
            }
            same(&scanned)
        };
        Scan::run(
            &found.folder.join("journal"),
            end,
            None,
            visit,
            &mut |_, _| {},
        )?;
    }
    let visit = |scanned: ScannedBlock<'_>| {
        if scanned.first < stored_next {
            same(&scanned)?;
        } else {
            if replayed == 0 && scanned.first != stored_next {
                return Err(differs(stored_next));
            }
            store
                .insert(scanned.first, scanned.bytes)
                .map_err(refused)?;
            replayed += scanned.block.len() as u64;
            progress(OpenStage::Replay, replayed, lacking);
        }
        for tile in &scanned.full {
            let stored = store.tile(tile.level, tile.index)?;
            if stored.is_none_or(|hashes| hashes != tile.hashes) {
                store.insert_tile(tile).map_err(refused)?;
            }
        }
        Ok(())
    };
    // Tiles of what has been trimmed are in sled or are derived when they are asked for.
    let tree = (tree.size() >= journal_first).then_some(tree);
    Scan::run(
        &found.folder.join("journal"),
        range,
        tree,
        visit,
        &mut |_, _| {},
    )?;
    Ok(replayed)
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
        tracing::warn!(file = %torn.file.display(), offset = torn.offset, kept_as = %torn.kept_as.display(),
            "{} bytes after position {} unreadable: an interrupted write, taken off the journal", torn.bytes, torn.position);
    }
    if report.gave_up_ballast {
        tracing::warn!(
            "the disk is full; the ballast was given up to open the log: free some space"
        );
    }
    if report.replayed_checkpoints > 0 {
        tracing::info!(
            checkpoints = report.replayed_checkpoints,
            "replayed from their file into sled"
        );
    }
    if let Some(aside) = &report.checkpoints_set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason,
            "the file of checkpoints was not whole; it is made anew of what is left and of sled");
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
