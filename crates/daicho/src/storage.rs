//! The log's storage: sled in a folder, or PostgreSQL.

use std::path::Path;
use std::sync::Arc;

use daicho_app::Discrepancy;
use daicho_eventlog::{EventLog, LogError, RestoreLog};
use daicho_eventlog_postgres::PostgresLog;
use daicho_eventlog_sled::{OpenReport, OpenStage, Options, SledLog};

use crate::failure::{Failure, with_causes};
use crate::place::{Database, Place};
use crate::progress::Progress;
use crate::service::{log_folder, prepare};

/// A log with its storage.
#[derive(Clone)]
pub enum Storage {
    /// The embedded log.
    Sled(Arc<SledLog>),
    /// The shared log.
    Postgres(Arc<PostgresLog>),
}

impl Storage {
    /// Opens the log in `place`; what comes back besides is the number of its events.
    ///
    /// # Errors
    /// Where another process holds it, it cannot be reached, or it is damaged.
    pub async fn open(place: &Place) -> Result<(Self, u64), Failure> {
        match place {
            Place::Folder(folder) => {
                let folder = log_folder(folder);
                let (log, report) = tokio::task::spawn_blocking(move || open_sled(&folder))
                    .await
                    .map_err(|_| Failure::new("opening the log was interrupted"))??;
                tell(&report);
                Ok((Self::Sled(Arc::new(log)), report.events))
            }
            Place::Database(database) => {
                let log = open_postgres(database).await?;
                let events = log.head().await?.map_or(0, |head| head.0 + 1);
                tracing::info!(events, "log in the database opened");
                Ok((Self::Postgres(Arc::new(log)), events))
            }
        }
    }

    /// A new, empty log in `place`, which must have none.
    ///
    /// # Errors
    /// Where there is a log with events already, or the place cannot be used.
    pub async fn new(place: &Place) -> Result<Self, Failure> {
        if let Place::Folder(folder) = place {
            prepare(folder)?;
            if log_folder(folder).exists() {
                return Err(taken(place));
            }
        }
        let (storage, events) = Self::open(place).await?;
        if events > 0 {
            storage.log().close().await?;
            return Err(taken(place));
        }
        Ok(storage)
    }

    /// The log.
    pub fn log(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Sled(log) => Arc::clone(log) as Arc<_>,
            Self::Postgres(log) => Arc::clone(log) as Arc<_>,
        }
    }

    /// The log, for taking in the events of another one.
    pub fn restoring(&self) -> Arc<dyn RestoreLog> {
        match self {
            Self::Sled(log) => Arc::clone(log) as Arc<_>,
            Self::Postgres(log) => Arc::clone(log) as Arc<_>,
        }
    }

    /// Compares what the storage keeps twice; what was checked, in words, and what does not agree.
    ///
    /// # Errors
    /// Where the check was interrupted.
    pub async fn verify(&self) -> Result<(Option<&'static str>, Vec<Discrepancy>), Failure> {
        let Self::Sled(log) = self else {
            // The database keeps each event once; what is derived from them is compared elsewhere.
            return Ok((None, Vec::new()));
        };
        let log = Arc::clone(log);
        let found = tokio::task::spawn_blocking(move || log.verify())
            .await
            .map_err(|_| Failure::new("checking the log was interrupted"))?;
        let discrepancy = match found {
            Ok(found) => {
                let check = "every event of the journal compared with sled, byte for byte; tree, tiles and positions derived anew";
                let discrepancy = found.difference.map(|difference| Discrepancy {
                    check: "journal and sled".into(),
                    found: difference.to_string(),
                    what_to_do: "stop the service, move the folder log/sled aside and start again: it is rebuilt from the journal".into(),
                });
                return Ok((Some(check), discrepancy.into_iter().collect()));
            }
            Err(error) => Discrepancy {
                check: "journal".into(),
                found: with_causes(&error),
                what_to_do:
                    "copy the data folder, then restore the newest verified backup into a new one"
                        .into(),
            },
        };
        Ok((None, vec![discrepancy]))
    }
}

fn taken(place: &Place) -> Failure {
    Failure::new(format!("{place} holds a log already"))
        .help("restore into a new place; what is there is not overwritten")
}

async fn open_postgres(database: &Database) -> Result<PostgresLog, Failure> {
    PostgresLog::open(&database.log()).await.map_err(|error| match error {
        LogError::Io { .. } => Failure::from(error).help(
            "check the connection string (--database-url); where the database was never set up, run 'daicho migrate' once in its owner's role",
        ),
        other => other.into(),
    })
}

fn open_sled(folder: &Path) -> Result<(SledLog, OpenReport), Failure> {
    let mut progress = Progress::of("reading the journal");
    let mut last = None;
    let opened =
        SledLog::open_with_progress(folder, Options::default(), &mut |stage, done, all| {
            if last != Some(stage) {
                last = Some(stage);
                progress.say(match stage {
                    OpenStage::Journal => "reading the journal",
                    OpenStage::Replay => "replaying the journal",
                });
            }
            progress.tell(done, all);
        });
    Ok(opened?)
}

/// Says what opening found, where that is anything but a folder that was closed properly.
fn tell(report: &OpenReport) {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(
            ?torn,
            "unreadable bytes were taken off the journal's end: as a rule a write that was cut off before anybody was answered; 'daicho verify --against' a checkpoint kept elsewhere shows whether the disk has lost more"
        );
    }
    if report.gave_up_ballast {
        tracing::warn!(
            "the disk is full; the ballast was given up to open the log: free some space"
        );
    }
    if let Some(aside) = &report.checkpoints_set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason, "the file of checkpoints was not whole; it was set aside and made anew of what is left and of sled");
    }
    if report.replayed_checkpoints > 0 {
        tracing::info!(
            checkpoints = report.replayed_checkpoints,
            "replayed from their file into sled"
        );
    }
    if let Some(aside) = &report.set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason, "sled did not open; it was set aside and rebuilt from the journal");
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
    tracing::info!(
        events = report.events,
        clean_shutdown = report.clean_shutdown,
        "log opened"
    );
}
