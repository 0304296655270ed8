//! Snapshots of the read models, written beside the work of the service.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daicho_eventlog::EventLog;
use daicho_eventlog::evidence::root_at;
use daicho_projections::{ReadModels, Snapshot};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Where and how often snapshots are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// Their folder; made if it is missing.
    pub folder: PathBuf,
    /// Events between two snapshots.
    pub every_events: u64,
}

impl Snapshots {
    /// Events between two snapshots, unless somebody says otherwise.
    pub const EVERY_EVENTS: u64 = 20_000;

    /// Snapshots in `folder`, as often as usual.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_events: Self::EVERY_EVENTS,
        }
    }
}

/// Writes snapshots, one at a time. Whatever goes wrong is reported in the service's log and
/// does not stop anything: a snapshot only saves time.
pub(crate) struct SnapshotKeeper {
    settings: Snapshots,
    /// Events in the newest snapshot; 0 where there is none.
    kept: Arc<AtomicU64>,
    writing: Arc<Mutex<()>>,
}

impl SnapshotKeeper {
    pub(crate) fn new(settings: Snapshots) -> Self {
        Self {
            settings,
            kept: Arc::default(),
            writing: Arc::default(),
        }
    }

    /// The read models of the newest snapshot that is to be believed.
    pub(crate) async fn load(&self, log: &dyn EventLog) -> Option<ReadModels> {
        let loaded = match Snapshot::load_newest(&self.settings.folder, log).await {
            Ok(loaded) => loaded,
            Err(error) => {
                report(
                    "snapshots cannot be read; the log is folded instead",
                    &error,
                );
                return None;
            }
        };
        for distrusted in &loaded.distrusted {
            tracing::warn!(
                path = %distrusted.path.display(),
                why = %distrusted.why,
                "a snapshot is not believed and was removed; what it held is folded from the log"
            );
        }
        let models = loaded.models?;
        self.kept.store(models.next_position(), Ordering::Relaxed);
        Some(models)
    }

    /// Writes a snapshot in the background, where enough has happened since the last one and
    /// none is being written.
    pub(crate) fn keep_if_due(&self, log: &Arc<dyn EventLog>, models: Arc<ReadModels>) {
        let since = models
            .next_position()
            .saturating_sub(self.kept.load(Ordering::Relaxed));
        if since < self.settings.every_events {
            return;
        }
        let Ok(writing) = Arc::clone(&self.writing).try_lock_owned() else {
            return;
        };
        tokio::spawn(self.keep(Arc::clone(log), models, writing));
    }

    /// Writes a snapshot, unless the newest one is this already.
    pub(crate) async fn keep_last(&self, log: &Arc<dyn EventLog>, models: Arc<ReadModels>) {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        if models.next_position() > self.kept.load(Ordering::Relaxed) {
            self.keep(Arc::clone(log), models, writing).await;
        }
    }

    /// Removes all snapshots: they were found to be wrong.
    pub(crate) async fn discard(&self) {
        let _writing = self.writing.lock().await;
        self.kept.store(0, Ordering::Relaxed);
        let folder = self.settings.folder.clone();
        let removed = tokio::task::spawn_blocking(move || Snapshot::remove_all(&folder)).await;
        if let Ok(Err(error)) = removed {
            report("snapshots that are wrong could not be removed", &error);
        }
    }

    fn keep(
        &self,
        log: Arc<dyn EventLog>,
        models: Arc<ReadModels>,
        writing: OwnedMutexGuard<()>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let kept = Arc::clone(&self.kept);
        let folder = self.settings.folder.clone();
        async move {
            let _writing = writing;
            let events = models.next_position();
            let root = match root_at(log.as_ref(), events).await {
                Ok(root) => root,
                Err(error) => {
                    return report("no snapshot was kept: the log gives no root", &error);
                }
            };
            let written =
                tokio::task::spawn_blocking(move || Snapshot::write(&folder, &models, root)).await;
            match written {
                Ok(Ok(snapshot)) => {
                    kept.store(snapshot.events, Ordering::Relaxed);
                    tracing::info!(
                        events = snapshot.events,
                        bytes = snapshot.bytes,
                        "snapshot kept"
                    );
                }
                Ok(Err(error)) => report("no snapshot was kept", &error),
                Err(error) => report("no snapshot was kept", &error),
            }
        }
    }
}

fn report(what: &str, error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(%error, cause, "{what}");
}
