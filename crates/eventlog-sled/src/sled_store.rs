//! sled: opened with suspicion, filled no faster than it becomes durable.

use std::{
    fs::{self, File},
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use daicho_eventlog::{
    LogError,
    evidence::{Checkpoint, FullTile},
};

use crate::{block::Block, journal};

/// Inserted bytes that may wait to become durable. sled writes 3.5 to 4.6 times as
/// much, and unsynced writes must stay below one segment: beyond that, sled reuses
/// segments whose replacement a power cut can still take back.
pub(crate) const UNSYNCED_BYTES_MAX: u64 = 1 << 20;
const SEGMENT_BYTES: usize = 8 << 20;
/// How long a few inserted bytes may wait for others before they are synced.
const SYNC_DELAY: Duration = Duration::from_millis(100);
const BLOCKS: &[u8] = b"blocks";
const TILES: &[u8] = b"tiles";
const CHECKPOINTS: &[u8] = b"checkpoints";
/// sled lets go of its lock in the background; our own lock says that nobody else has it.
const LOCK_ATTEMPTS_MAX: u32 = 400;
const LOCK_ATTEMPT_DELAY: Duration = Duration::from_millis(25);

/// The blocks of the log by the position of their first event, the full tiles of its tree, and the
/// heads that were signed.
#[derive(Debug)]
pub(crate) struct SledStore {
    blocks: sled::Tree,
    tiles: sled::Tree,
    checkpoints: sled::Tree,
    db: sled::Db,
    db_file: File,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    inserted: u64,
    synced: u64,
    writer_waits: bool,
    stopping: bool,
    failed: Option<String>,
}

/// Why sled did not open.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// The machine refused; sled itself may be well.
    Machine(LogError),
    /// What sled holds cannot be read.
    Damaged(String),
}

impl SledStore {
    /// Opens or creates the store in `folder` and finds the position after its last event.
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<(Self, u64), OpenFailure> {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = open_db(folder, cache_bytes)?;
            let trees = [BLOCKS, TILES, CHECKPOINTS].map(|name| db.open_tree(name));
            let [blocks, tiles, checkpoints] = trees;
            let blocks = blocks?;
            let last = blocks.last()?;
            Ok((db, blocks, tiles?, checkpoints?, last))
        }));
        let (db, blocks, tiles, checkpoints, last) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(judge(folder, error)),
            Err(panic) => return Err(OpenFailure::Damaged(panic_text(&*panic))),
        };
        let next = match last {
            None => 0,
            Some((key, value)) => position(&key)
                .and_then(|first| Some(first + Block::count(&value).ok()?))
                .ok_or_else(|| OpenFailure::Damaged("its last entry is no block".to_owned()))?,
        };
        let db_file = make_durable(folder).map_err(|source| {
            OpenFailure::Machine(LogError::io(format!("sync {}", folder.display()), source))
        })?;
        let store = Self {
            blocks,
            tiles,
            checkpoints,
            db,
            db_file,
            progress: Mutex::default(),
            changed: Condvar::new(),
        };
        Ok((store, next))
    }

    /// Inserts a block, waiting while too much is not durable yet. Only one thread may
    /// insert.
    pub(crate) fn insert(&self, first: u64, block: &[u8]) -> Result<(), String> {
        self.put(&self.blocks, &first.to_be_bytes(), block)
    }

    /// Inserts a full tile, as [`Self::insert`].
    pub(crate) fn insert_tile(&self, tile: &FullTile) -> Result<(), String> {
        self.put(&self.tiles, &tile_key(tile.level, tile.index), &tile.hashes)
    }

    /// Inserts the newest text of a checkpoint, as [`Self::insert`].
    pub(crate) fn insert_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let key = checkpoint.head.size.to_be_bytes();
        self.put(&self.checkpoints, &key, checkpoint.text().as_bytes())
    }

    fn put(&self, tree: &sled::Tree, key: &[u8], value: &[u8]) -> Result<(), String> {
        let bytes = (key.len() + value.len()) as u64;
        let mut progress = self.progress();
        loop {
            if let Some(reason) = &progress.failed {
                return Err(reason.clone());
            }
            if progress.inserted - progress.synced + bytes <= UNSYNCED_BYTES_MAX {
                break;
            }
            progress.writer_waits = true;
            self.changed.notify_all();
            progress = self
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(progress);
        catch_unwind(AssertUnwindSafe(|| tree.insert(key, value)))
            .map_err(|panic| format!("sled panicked: {}", panic_text(&*panic)))?
            .map_err(|error| format!("sled did not take a value: {error}"))?;
        // Counted afterwards: counted before, a sync running meanwhile could claim it.
        self.progress().inserted += bytes;
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until everything inserted so far is durable.
    pub(crate) fn wait_durable(&self) -> Result<(), String> {
        let mut progress = self.progress();
        let target = progress.inserted;
        while progress.synced < target {
            if let Some(reason) = &progress.failed {
                return Err(reason.clone());
            }
            // Somebody waits: not only when enough has come together.
            if !std::mem::replace(&mut progress.writer_waits, true) {
                self.changed.notify_all();
            }
            progress = self
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Makes sled durable again and again until told to stop or until it fails. To be
    /// run on a thread of its own.
    pub(crate) fn keep_durable(&self) -> Result<(), String> {
        loop {
            let progress = self.progress();
            let progress = self
                .changed
                .wait_while(progress, |p| {
                    p.inserted == p.synced && !p.stopping && p.failed.is_none()
                })
                .unwrap_or_else(PoisonError::into_inner);
            let (mut progress, _) = self
                .changed
                .wait_timeout_while(progress, SYNC_DELAY, |p| {
                    !p.stopping
                        && !p.writer_waits
                        && p.failed.is_none()
                        && p.inserted - p.synced < UNSYNCED_BYTES_MAX / 2
                })
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(reason) = &progress.failed {
                return Err(reason.clone());
            }
            let target = progress.inserted;
            progress.writer_waits = false;
            drop(progress);

            let synced = self.sync();
            let mut progress = self.progress();
            match synced {
                Ok(()) => progress.synced = target,
                Err(reason) => {
                    progress.failed = Some(reason.clone());
                    self.changed.notify_all();
                    return Err(reason);
                }
            }
            self.changed.notify_all();
            if progress.stopping && progress.inserted == progress.synced {
                return Ok(());
            }
        }
    }

    /// Lets [`Self::keep_durable`] end once everything is durable.
    pub(crate) fn stop(&self) {
        self.progress().stopping = true;
        self.changed.notify_all();
    }

    /// Nothing more is inserted or made durable. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        let mut progress = self.progress();
        progress.failed.get_or_insert(reason);
        self.changed.notify_all();
    }

    /// Why sled does not become durable any more, if it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.progress().failed.clone()
    }

    /// The block whose first event is at `first`.
    pub(crate) fn get(&self, first: u64) -> Result<Option<sled::IVec>, LogError> {
        self.blocks.get(first.to_be_bytes()).map_err(unreadable)
    }

    /// The hashes of a full tile.
    pub(crate) fn tile(&self, level: u8, index: u64) -> Result<Option<sled::IVec>, LogError> {
        self.tiles.get(tile_key(level, index)).map_err(unreadable)
    }

    /// At most `max` checkpoints of `from_size` events or more, smallest first.
    pub(crate) fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> Result<Vec<Checkpoint>, LogError> {
        let range = self.checkpoints.range(from_size.to_be_bytes()..);
        range.take(max).map(checkpoint_of).collect()
    }

    /// The checkpoint of most events.
    pub(crate) fn latest_checkpoint(&self) -> Result<Option<Checkpoint>, LogError> {
        let last = self.checkpoints.last().map_err(unreadable)?;
        last.map(|entry| checkpoint_of(Ok(entry))).transpose()
    }

    /// All blocks in order, from the one that begins at `from`.
    pub(crate) fn blocks_from(
        &self,
        from: u64,
    ) -> impl Iterator<Item = Result<(u64, sled::IVec), LogError>> + use<> {
        self.blocks.range(from.to_be_bytes()..).map(|entry| {
            let (key, value) = entry.map_err(unreadable)?;
            let first = position(&key).ok_or_else(|| LogError::Damaged {
                what: "sled holds an entry that is no block".to_owned(),
                what_to_do: REBUILD.to_owned(),
            })?;
            Ok((first, value))
        })
    }

    fn sync(&self) -> Result<(), String> {
        let result = catch_unwind(AssertUnwindSafe(|| {
            // sled's flush is no fsync.
            self.db
                .flush()
                .map_err(|error| format!("sled did not flush: {error}"))?;
            self.db_file
                .sync_data()
                .map_err(|error| format!("sled's file did not sync: {error}"))
        }));
        result.unwrap_or_else(|panic| Err(format!("sled panicked: {}", panic_text(&*panic))))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about a sled that is wrong while the journal is right.
pub(crate) const REBUILD: &str = "If the journal belongs to this log, stop the service and move \
                                  the folder 'sled' aside; it is rebuilt from the journal.";

/// Opens and closes a store that has just been closed, so that sled's snapshot covers
/// everything in it: such a store has never been seen to open short.
pub(crate) fn settle(folder: &Path, cache_bytes: u64) -> Result<(), String> {
    if !folder.join("db").exists() {
        return Err("its file has gone; opening would make a new one".to_owned());
    }
    match catch_unwind(AssertUnwindSafe(|| open_db(folder, cache_bytes).map(drop))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic_text(&*panic)),
    }
}

/// Removes snapshots that sled did not finish: with one there it refuses to open.
pub(crate) fn remove_unfinished_snapshots(folder: &Path) -> Result<Vec<PathBuf>, LogError> {
    let failed = |source| LogError::io(format!("tidy {}", folder.display()), source);
    let mut removed = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(removed),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "generating")
        {
            fs::remove_file(&path).map_err(failed)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

/// Files that sled made for large values. There must be none: it never syncs them.
pub(crate) fn blob_files(folder: &Path) -> usize {
    fs::read_dir(folder.join("blobs")).map_or(0, Iterator::count)
}

fn open_db(folder: &Path, cache_bytes: u64) -> sled::Result<sled::Db> {
    let config = sled::Config::new()
        .path(folder)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None)
        .cache_capacity(cache_bytes);
    let mut attempts = 1;
    loop {
        match config.open() {
            Err(error) if is_lock(&error) && attempts < LOCK_ATTEMPTS_MAX => {
                attempts += 1;
                std::thread::sleep(LOCK_ATTEMPT_DELAY);
            }
            result => return result,
        }
    }
}

fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

fn judge(folder: &Path, error: sled::Error) -> OpenFailure {
    let text = error.to_string();
    let locked = is_lock(&error);
    match error {
        sled::Error::Io(source) if locked || is_the_machines(&source) => OpenFailure::Machine(
            LogError::io(format!("open sled in {}", folder.display()), source),
        ),
        _ => OpenFailure::Damaged(text),
    }
}

/// Whether an error came from the system and not from what sled read. sled passes some
/// errors on without their number, so kinds count as well.
fn is_the_machines(error: &std::io::Error) -> bool {
    let from_system = error.raw_os_error().is_some() && error.kind() != ErrorKind::NotFound;
    from_system
        || matches!(
            error.kind(),
            ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::PermissionDenied
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::OutOfMemory
        )
}

/// sled creates its files without syncing them or their folder.
fn make_durable(folder: &Path) -> std::io::Result<File> {
    let db_file = File::open(folder.join("db"))?;
    db_file.sync_all()?;
    File::open(folder.join("conf"))?.sync_all()?;
    journal::sync_folder(folder)?;
    if let Some(parent) = folder.parent() {
        journal::sync_folder(parent)?;
    }
    Ok(db_file)
}

fn tile_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

fn checkpoint_of(
    entry: Result<(sled::IVec, sled::IVec), sled::Error>,
) -> Result<Checkpoint, LogError> {
    let (key, text) = entry.map_err(unreadable)?;
    Checkpoint::parse(&text)
        .ok()
        .filter(|checkpoint| position(&key) == Some(checkpoint.head.size))
        .ok_or_else(|| LogError::Damaged {
            what: "sled holds an entry that is no checkpoint".to_owned(),
            what_to_do: REBUILD.to_owned(),
        })
}

fn position(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

fn unreadable(error: sled::Error) -> LogError {
    LogError::Damaged {
        what: format!("sled could not be read: {error}"),
        what_to_do: REBUILD.to_owned(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_writer_waits_until_sled_is_durable() {
        let folder = tempfile::tempdir().unwrap();
        let (store, next) = SledStore::open(&folder.path().join("sled"), 1 << 20).unwrap();
        assert_eq!(next, 0);
        let store = Arc::new(store);
        let block = vec![7; 50_000];
        let in_limit = UNSYNCED_BYTES_MAX / (block.len() + 8) as u64;
        for first in 0..in_limit {
            store.insert(first, &block).unwrap();
        }
        let one_more = {
            let (store, block) = (Arc::clone(&store), block.clone());
            std::thread::spawn(move || store.insert(in_limit, &block))
        };
        while !store.progress().writer_waits {
            std::thread::yield_now();
        }
        assert!(
            !one_more.is_finished(),
            "nothing has been synced, so the writer must wait"
        );
        let syncing = {
            let store = Arc::clone(&store);
            std::thread::spawn(move || store.keep_durable())
        };
        one_more.join().unwrap().unwrap();
        store.stop();
        syncing.join().unwrap().unwrap();
        let progress = store.progress();
        assert_eq!(progress.inserted, progress.synced);
    }

    #[test]
    fn a_writer_that_waits_learns_that_sled_failed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SledStore::open(&folder.path().join("sled"), 1 << 20).unwrap();
        store.progress().failed = Some("the disk is gone".to_owned());
        store.progress().inserted = UNSYNCED_BYTES_MAX;
        assert_eq!(store.insert(0, b"x").unwrap_err(), "the disk is gone");
    }

    #[test]
    fn a_full_disk_is_no_damage_and_a_missing_file_is() {
        assert!(is_the_machines(&ErrorKind::StorageFull.into()));
        assert!(is_the_machines(&std::io::Error::from_raw_os_error(5)));
        assert!(!is_the_machines(&std::io::Error::from_raw_os_error(2)));
        assert!(!is_the_machines(&ErrorKind::UnexpectedEof.into()));
    }
}
