//! Read models in a file, so that a start folds only what came after it.
//!
//! A snapshot is a cache. One that is damaged, of another format, version or calculation rule, or
//! of a log that is not this one, is not believed: it is removed, and the log is folded instead.
//! Of this log is one whose root is the root that the log's tree had at that position; so the
//! snapshot of another log, or of events that the log has lost since, is found out.
//!
//! Measured with the example `snapshot_cost` on a busy machine with two cores, the sample city
//! forty times over (34,920 events, 80 publications; the three crates concerned optimised, the
//! log in memory): the file has 650 kB, 18 bytes an event; folding takes 0.72 s, loading 0.42 s,
//! writing 0.24 s. In the development profile it is 1.6 s, 1.3 s and 0.5 s. Loading saves less
//! than half, because histories grow with the log; a log on a disk, which has to be read and
//! unpacked too, is not in these figures.
//!
//! Nothing signs a snapshot: whoever can write into the folder can forge one. `verify` and a
//! rebuild therefore never read it.

mod file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daicho_eventlog::evidence::{EvidenceError, Hash, root_at};
use daicho_eventlog::{EventLog, LogError};

use crate::read_models::ReadModels;

pub use file::READ_MODELS_FORMAT;

/// How many snapshots are kept: the newest, and one before it in case that is damaged.
const SNAPSHOTS_KEPT: usize = 2;

/// Last part of a snapshot's name; before it stands the number of events, in twenty digits.
const EXTENSION: &str = "snapshot";

/// A snapshot that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    /// Events that it stands for.
    pub events: u64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Why snapshots cannot be written or looked for.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is nothing to write a snapshot of.
    #[error("no event has been folded yet; there is nothing to keep")]
    Empty,
    /// The file system refused.
    #[error("could not {doing}")]
    Io {
        /// What was being done, and to which file.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The log could not be asked for its root.
    #[error("the log could not be read")]
    Log(#[source] LogError),
    /// The work was cut off, because the service stops or by a fault of ours.
    #[error("reading or writing a snapshot was cut off")]
    CutOff,
}

/// Why a snapshot is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is not as it was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It has another format than this version writes.
    #[error("it has format {found}, this version has {READ_MODELS_FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Another version of this software, or of the calculation rules, wrote it.
    #[error("{found} wrote it, this is {own}")]
    Version {
        /// The version that wrote it.
        found: String,
        /// This version.
        own: String,
    },
    /// The log has fewer events than it.
    #[error(
        "it stands for {events} events and the log has only {size}: it is of another log, or the log was set back"
    )]
    Beyond {
        /// Events that it stands for.
        events: u64,
        /// Events in the log.
        size: u64,
    },
    /// The log had another root at its position.
    #[error(
        "its {events} events are not the first {events} of this log: it is of another log, or the log was set back and went on differently"
    )]
    OtherLog {
        /// Events that it stands for.
        events: u64,
    },
    /// The log's tree gives no root for its position.
    #[error("the log cannot vouch for it: {0}")]
    NotVouchedFor(String),
}

/// A snapshot that was not believed, and has been removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distrusted {
    /// Where it was.
    pub path: PathBuf,
    /// Why it is not believed.
    pub why: Distrust,
}

/// What was found in a folder of snapshots.
#[derive(Debug, Default)]
pub struct LoadedSnapshot {
    /// The newest snapshot that is of this log and whole; none where there is none such.
    pub models: Option<ReadModels>,
    /// Newer ones that are not.
    pub distrusted: Vec<Distrusted>,
}

impl Snapshot {
    /// Keeps `models` in `folder`, which is made if it is missing; `root` is the root that the
    /// log's tree has after the last event that is folded in. The file is there completely or
    /// not at all. Of older snapshots one is kept. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError::Empty`] before the first event, [`SnapshotError::Io`] where the file
    /// cannot be written; older snapshots are then still there.
    pub fn write(folder: &Path, models: &ReadModels, root: Hash) -> Result<Self, SnapshotError> {
        let position = models.position.ok_or(SnapshotError::Empty)?;
        let events = position + 1;
        let content = file::encode(models, position, root)?;
        let path = folder.join(format!("{events:020}.{EXTENSION}"));
        file::put(folder, &path, &content)?;
        prune(folder, &path)?;
        Ok(Self {
            path,
            events,
            bytes: content.len() as u64,
        })
    }

    /// The newest snapshot in `folder` that is whole and of this log. Those that are not
    /// believed on the way to it are removed and named in the answer. A folder that is missing
    /// has no snapshots.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] where the folder cannot be read, [`SnapshotError::Log`] where the
    /// log cannot be asked for its root.
    pub async fn load_newest(
        folder: &Path,
        log: &dyn EventLog,
    ) -> Result<LoadedSnapshot, SnapshotError> {
        let mut loaded = LoadedSnapshot::default();
        for path in snapshots(folder)?.into_iter().rev() {
            match load(&path, log).await? {
                Ok(models) => {
                    loaded.models = Some(models);
                    break;
                }
                Err(why) => {
                    remove(&path)?;
                    loaded.distrusted.push(Distrusted { path, why });
                }
            }
        }
        Ok(loaded)
    }

    /// Removes every snapshot: what they hold has turned out to be wrong. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] where a file cannot be removed.
    pub fn remove_all(folder: &Path) -> Result<(), SnapshotError> {
        snapshots(folder)?.iter().try_for_each(|path| remove(path))
    }
}

async fn load(
    path: &Path,
    log: &dyn EventLog,
) -> Result<Result<ReadModels, Distrust>, SnapshotError> {
    let own_path = path.to_owned();
    let opened = blocking(move || file::open(&own_path)).await??;
    let opened = match opened {
        Ok(opened) => opened,
        Err(why) => return Ok(Err(why)),
    };
    let events = opened.position.saturating_add(1);
    if path.file_stem() != Some(format!("{events:020}").as_ref()) {
        let why = format!("it holds {events} events, which is not what its name says");
        return Ok(Err(Distrust::Damaged(why)));
    }
    match root_at(log, events).await {
        Ok(root) if root == opened.root => {}
        Ok(_) => return Ok(Err(Distrust::OtherLog { events })),
        Err(EvidenceError::Log(error)) => return Err(SnapshotError::Log(error)),
        Err(EvidenceError::Beyond { size, .. }) => {
            return Ok(Err(Distrust::Beyond { events, size }));
        }
        Err(error) => return Ok(Err(Distrust::NotVouchedFor(error.to_string()))),
    }
    blocking(move || opened.read_models()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SnapshotError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| SnapshotError::CutOff)
}

/// The snapshots in `folder`, oldest first.
fn snapshots(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let failed = |source| file::failed("look into", folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Removes all but `newest` and the one before it. Any that claims to be newer still is of
/// events that the log does not have.
fn prune(folder: &Path, newest: &Path) -> Result<(), SnapshotError> {
    let mut paths = snapshots(folder)?;
    let older = paths.iter().filter(|path| path.as_path() < newest).count();
    let first_kept = (older + 1).saturating_sub(SNAPSHOTS_KEPT);
    paths.drain(first_kept..=older);
    paths.iter().try_for_each(|path| remove(path))
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file::failed("remove", path, error))
        }
        _ => Ok(()),
    }
}
