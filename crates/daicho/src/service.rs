//! The service over its records: log, identity store, use cases.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daicho_access::Access;
use daicho_app::{App, Snapshots, Surroundings};
use daicho_identity::{HashCost, IDENTITY_FILE, IdentityStore, Lifetimes, Settings};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::failure::{Failure, with_causes};
use crate::place::Place;
use crate::progress::Progress;
use crate::storage::Storage;
use crate::surroundings;

/// Folder of the log within the data folder.
const LOG_FOLDER: &str = "log";
/// Folder of the identity store within the data folder.
const IDENTITY_FOLDER: &str = "identity";

/// Folder of the read models' snapshots within the data folder. It can be deleted at any time,
/// and belongs in no backup.
const SNAPSHOT_FOLDER: &str = "snapshots";

/// Everything that runs over one place of records.
pub struct Service {
    /// The use cases.
    pub app: Arc<App>,
    /// People and their secrets.
    pub identity: Arc<IdentityStore>,
    /// The log's storage, for checks of it and for maintenance.
    pub storage: Storage,
    /// Where the records live.
    pub place: Place,
    following: JoinHandle<()>,
}

/// Whether records may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `init` and `demo`: what is missing is made.
    MayBeNew,
    /// Everything else: a store that is missing has been lost, and an empty one in its place
    /// would look as if nothing had ever been there.
    MustExist,
}

impl Service {
    /// Opens the service over `place`. In a data folder the read models start from snapshots; for a
    /// database they do where `snapshots` names a folder for them.
    ///
    /// # Errors
    /// Where another process holds the folder, others can read it, the database cannot be
    /// reached, something is damaged, or a part is missing that `opening` does not let be made.
    pub async fn open(
        place: &Place,
        snapshots: Option<&Path>,
        opening: Opening,
        surroundings: Surroundings,
        settings: Settings,
    ) -> Result<Self, Failure> {
        if let Place::Folder(folder) = place {
            prepare(folder)?;
            if opening == Opening::MustExist && !has_identity(folder)? {
                return Err(lost(
                    place,
                    "the register of people and their passwords (identity/)",
                ));
            }
        }
        let (storage, events) = Storage::open(place).await?;
        if opening == Opening::MustExist && events == 0 {
            return Err(lost(place, "every event of the log"));
        }
        let identity = open_identity(place, settings, surroundings.clock.now()).await?;
        let snapshots = match place {
            Place::Folder(folder) => Some(folder.join(SNAPSHOT_FOLDER)),
            Place::Database(_) => snapshots.map(Path::to_owned),
        };
        let access = Access::new().map_err(|error| Failure::new(with_causes(&error)))?;
        let mut progress = Progress::of("reading the records");
        let app = App::open_with(
            storage.log(),
            access,
            surroundings,
            snapshots.map(Snapshots::in_folder),
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
            storage,
            place: place.clone(),
            following,
        })
    }

    /// Lets go of the folder without signing anything: of a log that is not to be believed.
    ///
    /// # Errors
    /// What the storage said.
    pub async fn release(self) -> Result<(), Failure> {
        self.following.abort();
        Ok(self.storage.log().close().await?)
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

/// Opens the register of people in `place`, making it where there is none.
///
/// # Errors
/// Where it cannot be read or reached, or others can read it.
pub async fn open_identity(
    place: &Place,
    settings: Settings,
    now: Timestamp,
) -> Result<IdentityStore, Failure> {
    let help = match place {
        Place::Folder(folder) => Some(format!(
            "look for free space and rights in {}: its files have to belong to the service's user, who has to be able to write them",
            identity_folder(folder).display()
        )),
        Place::Database(_) => None,
    };
    let place = place.clone();
    let open = move || match &place {
        Place::Folder(folder) => IdentityStore::open(
            &identity_folder(folder),
            settings,
            surroundings::entropy(),
            now,
        ),
        Place::Database(database) => IdentityStore::open_postgres(
            &database.identity(),
            settings,
            surroundings::entropy(),
            now,
        ),
    };
    tokio::task::spawn_blocking(open)
        .await
        .map_err(|_| Failure::new("opening the register of people was interrupted"))?
        .map_err(|error| {
            let failure = Failure::new(with_causes(&error));
            match help {
                Some(help) => failure.help(help),
                None => failure,
            }
        })
}

/// Folder of the log within the data folder `folder`.
pub fn log_folder(folder: &Path) -> PathBuf {
    folder.join(LOG_FOLDER)
}

fn identity_folder(folder: &Path) -> PathBuf {
    folder.join(IDENTITY_FOLDER)
}

/// Whether the data folder `folder` has a register of people. One that this user may not look at is
/// not lost.
fn has_identity(folder: &Path) -> Result<bool, Failure> {
    let file = identity_folder(folder).join(IDENTITY_FILE);
    match std::fs::metadata(&file) {
        Ok(found) => Ok(found.is_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::new(format!(
            "{} cannot be looked at: {error}",
            file.display()
        ))
        .help(
            "the data folder and everything in it has to belong to the service's user: \
             run the command as that user, for example with sudo -u daicho, or put it right with chown -R",
        )),
    }
}

/// Makes the folder, for its owner alone.
///
/// # Errors
/// Where it cannot be made, or others can read it.
pub fn prepare(folder: &Path) -> Result<(), Failure> {
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

fn lost(place: &Place, what: &str) -> Failure {
    let failure = Failure::new(format!("{place} has lost {what}"))
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
