//! The service over one data folder: log, identity store, use cases.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daicho_access::Access;
use daicho_app::{App, Surroundings};
use daicho_eventlog_sled::{OpenReport, OpenStage, Options, SledLog};
use daicho_identity::{HashCost, IdentityStore, Lifetimes, Settings};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::failure::{Failure, with_causes};
use crate::surroundings;

/// Folder of the log within the data folder.
const LOG_FOLDER: &str = "log";
/// Folder of the identity store within the data folder.
const IDENTITY_FOLDER: &str = "identity";

/// Everything that runs over one data folder.
pub struct Service {
    /// The use cases.
    pub app: Arc<App>,
    /// People and their secrets.
    pub identity: Arc<IdentityStore>,
    /// The log, for checks of its storage.
    pub log: Arc<SledLog>,
    following: JoinHandle<()>,
}

/// A bar on a terminal, plain lines elsewhere.
pub fn progress_bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    // The template is a constant of this program; a wrong one would show in the first test.
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({eta})") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

impl Service {
    /// Opens the service over `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// Where another process holds the folder, others can read it, or it is damaged.
    pub async fn open(folder: &Path, surroundings: Surroundings, settings: Settings) -> Result<Self, Failure> {
        prepare(folder)?;
        let log_folder = folder.join(LOG_FOLDER);
        let (log, report) = tokio::task::spawn_blocking(move || open_log(&log_folder))
            .await
            .map_err(|_| Failure::new("opening the log was interrupted"))??;
        tell(&report);
        let log = Arc::new(log);
        let identity = IdentityStore::open(
            &folder.join(IDENTITY_FOLDER),
            settings,
            surroundings::entropy(),
            surroundings.clock.now(),
        )
        .map_err(|error| Failure::new(with_causes(&error)))?;
        let access = Access::new().map_err(|error| Failure::new(with_causes(&error)))?;
        let bar = progress_bar("reading the records");
        let app = App::open(Arc::clone(&log) as Arc<_>, access, surroundings, |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await?;
        bar.finish_and_clear();
        let app = Arc::new(app);
        let follower = Arc::clone(&app);
        let following = tokio::spawn(async move { follower.follow().await });
        Ok(Self { app, identity: Arc::new(identity), log, following })
    }

    /// Makes everything durable and lets go of the folder.
    ///
    /// # Errors
    /// What the storage said; everything acknowledged is durable all the same.
    pub async fn close(self) -> Result<(), Failure> {
        self.following.abort();
        Ok(self.app.close().await?)
    }
}

/// The settings of a service that people use.
pub fn settings() -> Settings {
    Settings { hash_cost: HashCost::STANDARD, lifetimes: Lifetimes::STANDARD }
}

/// Makes the folder, for its owner alone.
fn prepare(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("the data folder {} cannot be used: {error}", folder.display()))
            .help("name a folder that the service's user may write to")
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::new(format!("the data folder {} can be read by others (mode {mode:o})", folder.display()))
            .help(format!("run: chmod 700 '{}'", folder.display())));
    }
    Ok(())
}

fn open_log(folder: &Path) -> Result<(SledLog, OpenReport), Failure> {
    let bar = progress_bar("reading the journal");
    let mut last = None;
    let opened = SledLog::open_with_progress(folder, Options::default(), &mut |stage, done, all| {
        if last != Some(stage) {
            last = Some(stage);
            bar.set_message(match stage {
                OpenStage::Journal => "reading the journal",
                OpenStage::Replay => "replaying the journal",
            });
        }
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(opened?)
}

/// Says what opening found, where that is anything but a folder that was closed properly.
fn tell(report: &OpenReport) {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(?torn, "the remains of an interrupted write were taken off the journal; nothing acknowledged was in it");
    }
    if let Some(aside) = &report.set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason, "sled did not open; it was set aside and rebuilt from the journal");
    }
    if report.replayed_events > 0 {
        tracing::info!(events = report.replayed_events, "replayed from the journal");
    }
    tracing::info!(events = report.events, clean_shutdown = report.clean_shutdown, "log opened");
}

/// Whether `folder` holds a service's data.
pub fn is_data_folder(folder: &Path) -> bool {
    folder.join(LOG_FOLDER).is_dir()
}

/// Path of the socket that a running service listens on for commands.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// How long requests under way may take after the service was told to stop.
pub const DRAIN: Duration = Duration::from_secs(20);
