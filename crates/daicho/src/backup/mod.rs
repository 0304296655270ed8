//! `backup` and `restore`.

mod archive;
mod restore;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use archive::read_commands;
pub use restore::restore;

use crate::failure::{Failure, with_causes};
use crate::operation::Outcome;
use crate::place::Place;
use crate::progress::Progress;
use crate::service::Service;
use crate::storage::Storage;

/// `backup`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupOperation {
    /// The new file, as an absolute path.
    pub file: PathBuf,
    /// Remove those files of the journal that the verified backup covers, but for the newest.
    pub trim_journal: bool,
}

/// Writes a backup, reads it again, and says what it holds.
pub async fn run(service: &Service, operation: BackupOperation) -> Result<Outcome, Failure> {
    let path = operation.file;
    if operation.trim_journal && !matches!(service.storage, Storage::Sled(_)) {
        return Err(
            Failure::new("a log in a database has no journal of its own to trim")
                .help("leave out --trim-journal"),
        );
    }
    let unfinished = with_suffix(&path, ".unfinished");
    if path.exists() {
        return Err(Failure::new(format!("{} is there already", path.display()))
            .help("name a new file; backups are not overwritten"));
    }
    let failed = |doing: &str, error: &dyn std::error::Error| {
        Failure::new(format!(
            "could not {doing} {}: {}",
            unfinished.display(),
            with_causes(error)
        ))
        .help("look for free space and rights there, remove the unfinished file, and run it again")
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .map_err(|error| failed("make", &error))?;
    let mut progress = Progress::of("backing up");
    let made_at = service.app.now().to_string();
    let log = service.storage.log();
    let written = archive::write(
        log.as_ref(),
        made_at,
        not_included(&service.place),
        std::io::BufWriter::new(file),
        |done, all| progress.tell(done, all),
    );
    let (manifest, mut file) = written.await.map_err(|error| failed("write", &error))?;
    file.flush()
        .and_then(|()| file.get_ref().sync_all())
        .map_err(|error| failed("write", &error))?;
    drop(progress);
    let read = verify(&unfinished)?;
    if read != manifest {
        return Err(Failure::new(format!(
            "{} does not read as it was written",
            unfinished.display()
        ))
        .help("check the disk"));
    }
    std::fs::rename(&unfinished, &path).map_err(|error| failed("rename", &error))?;
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed("sync the folder of", &error))?;
    }
    let mut lines = vec![
        format!("{} events in {}", manifest.events, path.display()),
        format!("root {}, derived again from the file", manifest.root),
        format!("NOT included: {}", manifest.not_included),
    ];
    if operation.trim_journal
        && let Storage::Sled(log) = &service.storage
    {
        let root =
            archive::root_of(&manifest).map_err(|error| Failure::new(with_causes(&error)))?;
        let trimmed = log.trim_journal(manifest.events, root).await?;
        lines.push(format!(
            "{} files of the journal removed, {} MiB; sled alone has these events now, and this backup",
            trimmed.files,
            trimmed.bytes >> 20
        ));
    }
    Ok(Outcome::lines(lines))
}

/// What a restored service needs besides.
fn not_included(place: &Place) -> &'static str {
    match place {
        Place::Folder(_) => {
            "people, passwords and keys: the folders identity/ and keys/ of the data folder"
        }
        Place::Database(_) => {
            "people, passwords and keys: the schema daicho_identity of the database"
        }
    }
}

/// Reads a backup from its beginning to its end.
fn verify(path: &Path) -> Result<archive::Manifest, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))?;
    archive::read(std::io::BufReader::new(file), |_| Ok(()))
        .map_err(|error| Failure::new(format!("{}: {}", path.display(), with_causes(&error))))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
