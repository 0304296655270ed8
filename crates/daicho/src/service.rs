//! The service over one data folder: log, identity store, use cases.

use std::fs::DirBuilder;
use std::io::IsTerminal;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daicho_access::Access;
use daicho_app::{App, Snapshots, Surroundings};
use daicho_eventlog::EventLog;
use daicho_eventlog_sled::{OpenReport, OpenStage, Options, SledLog};
use daicho_identity::{HashCost, IDENTITY_FILE, IdentityStore, Lifetimes, Settings};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::failure::{Failure, with_causes};
use crate::surroundings;

/// Folder of the log within the data folder.
const LOG_FOLDER: &str = "log";
/// Folder of the identity store within the data folder.
const IDENTITY_FOLDER: &str = "identity";

/// Folder of the read models' snapshots within the data folder. It can be deleted at any time,
/// and belongs in no backup.
const SNAPSHOT_FOLDER: &str = "snapshots";

/// Everything that runs over one data folder.
pub struct Service {
    /// The use cases.
    pub app: Arc<App>,
    /// People and their secrets.
    pub identity: Arc<IdentityStore>,
    /// The log, for checks of its storage.
    pub log: Arc<SledLog>,
    /// The data folder.
    pub folder: PathBuf,
    following: JoinHandle<()>,
}

/// How far long work is: a bar on a terminal, a plain line at every tenth elsewhere.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    tenths: u64,
}

impl Progress {
    /// Begins to tell.
    pub fn of(what: &'static str) -> Self {
        Self {
            bar: progress_bar(what),
            is_terminal: std::io::stderr().is_terminal(),
            tenths: 0,
        }
    }

    /// Says what is being done now.
    pub fn say(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// `done` of `all` are done. Work that is over at once is not worth a line.
    #[expect(
        clippy::print_stderr,
        reason = "progress goes where errors go, so that output stays what was asked for"
    )]
    pub fn tell(&mut self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        let tenths = (done * 10).checked_div(all).unwrap_or(10);
        if !self.is_terminal && tenths > self.tenths && self.bar.elapsed() > WORTH_A_LINE {
            self.tenths = tenths;
            eprintln!("{}: {done} of {all}", self.bar.message());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Work shorter than this is over before anybody has read a line about it.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

fn progress_bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    // The template is a constant of this program; a wrong one would show in the first test.
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({eta})") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

/// Whether a folder may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `init` and `demo`: what is missing is made.
    MayBeNew,
    /// Everything else: a store that is missing has been lost, and an empty one in its place
    /// would look as if nothing had ever been there.
    MustExist,
}

impl Service {
    /// Opens the service over `folder`.
    ///
    /// # Errors
    /// Where another process holds the folder, others can read it, it is damaged, or a part of it
    /// is missing that `opening` does not let be made.
    pub async fn open(
        folder: &Path,
        opening: Opening,
        surroundings: Surroundings,
        settings: Settings,
    ) -> Result<Self, Failure> {
        prepare(folder)?;
        if opening == Opening::MustExist
            && !folder.join(IDENTITY_FOLDER).join(IDENTITY_FILE).is_file()
        {
            return Err(lost(
                folder,
                "the register of people and their passwords (identity/)",
            ));
        }
        let log_folder = folder.join(LOG_FOLDER);
        let (log, report) = tokio::task::spawn_blocking(move || open_log(&log_folder))
            .await
            .map_err(|_| Failure::new("opening the log was interrupted"))??;
        tell(&report);
        if opening == Opening::MustExist && report.events == 0 {
            return Err(lost(folder, "every event of the log (log/)"));
        }
        let log = Arc::new(log);
        let identity = IdentityStore::open(
            &folder.join(IDENTITY_FOLDER),
            settings,
            surroundings::entropy(),
            surroundings.clock.now(),
        )
        .map_err(|error| Failure::new(with_causes(&error)))?;
        let access = Access::new().map_err(|error| Failure::new(with_causes(&error)))?;
        let mut progress = Progress::of("reading the records");
        let app = App::open_with(
            Arc::clone(&log) as Arc<_>,
            access,
            surroundings,
            Some(Snapshots::in_folder(folder.join(SNAPSHOT_FOLDER))),
            |done, all| progress.tell(done, all),
        )
        .await?;
        drop(progress);
        let app = Arc::new(app);
        let follower = Arc::clone(&app);
        let following = tokio::spawn(async move { follower.follow().await });
        Ok(Self {
            app,
            identity: Arc::new(identity),
            log,
            folder: folder.to_owned(),
            following,
        })
    }

    /// Lets go of the folder without signing anything: of a log that is not to be believed.
    ///
    /// # Errors
    /// What the storage said.
    pub async fn release(self) -> Result<(), Failure> {
        self.following.abort();
        Ok(EventLog::close(self.log.as_ref()).await?)
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
    Settings {
        hash_cost: HashCost::STANDARD,
        lifetimes: Lifetimes::STANDARD,
    }
}

/// Makes the folder, for its owner alone.
fn prepare(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "the data folder {} cannot be used: {error}",
            folder.display()
        ))
        .help("name a folder that the service's user may write to")
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let mode = std::fs::metadata(folder)
        .map_err(failed)?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::new(format!(
            "the data folder {} can be read by others (mode {mode:o})",
            folder.display()
        ))
        .help(format!("run: chmod 700 '{}'", folder.display())));
    }
    Ok(())
}

fn open_log(folder: &Path) -> Result<(SledLog, OpenReport), Failure> {
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

/// A new, empty log in the data folder `folder`, which must have none.
///
/// # Errors
/// Where there is a log already, or the folder cannot be used.
pub fn new_log(folder: &Path) -> Result<SledLog, Failure> {
    prepare(folder)?;
    let log_folder = folder.join(LOG_FOLDER);
    if log_folder.exists() {
        return Err(
            Failure::new(format!("{} holds a log already", folder.display()))
                .help("restore into a new folder; what is there is not overwritten"),
        );
    }
    Ok(open_log(&log_folder)?.0)
}

/// Says what opening found, where that is anything but a folder that was closed properly.
fn tell(report: &OpenReport) {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(
            ?torn,
            "the remains of an interrupted write were taken off the journal; nothing acknowledged was in it"
        );
    }
    if let Some(aside) = &report.set_aside {
        tracing::warn!(path = %aside.path.display(), reason = aside.reason, "sled did not open; it was set aside and rebuilt from the journal");
    }
    if report.replayed_events > 0 {
        tracing::info!(events = report.replayed_events, "replayed from the journal");
    }
    tracing::info!(
        events = report.events,
        clean_shutdown = report.clean_shutdown,
        "log opened"
    );
}

fn lost(folder: &Path, what: &str) -> Failure {
    let failure = Failure::new(format!("{} has lost {what}", folder.display()))
        .help("copy what is left, then restore the newest verified backup; a service that was never set up begins with 'daicho init'");
    Failure {
        is_damage: true,
        ..failure
    }
}

/// The failure where there is no data folder, or none that this user may enter.
pub fn no_data_folder(folder: &Path) -> Failure {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Failure::new(
            format!("{} may not be entered by this user", folder.display()),
        )
        .help("run the command as the service's own user, for example with sudo -u daicho"),
        _ => Failure::new(format!("{} is no data folder", folder.display()))
            .help("make one with 'daicho init', or look at a sample city with 'daicho demo'"),
    }
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
