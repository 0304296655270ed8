//! Files and folders that only their owner may read.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::store_error::StoreError;

/// Makes the folder (0700) and the file (0600) where they are missing, and refuses them, or
/// SQLite's companions of the file, where anyone but the owner has any right on them.
pub(crate) fn prepare(folder: &Path, file_name: &str) -> Result<PathBuf, StoreError> {
    if !exists(folder)? {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(during(folder))?;
    }
    refuse_others(folder, "700")?;

    let file = folder.join(file_name);
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
    {
        Ok(_) => {
            // The new name must survive a power cut as surely as what is written under it.
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(during(folder))?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(during(&file)(error)),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = OsString::from(&file);
        name.push(suffix);
        let path = PathBuf::from(name);
        if exists(&path)? {
            refuse_others(&path, "600")?;
        }
    }
    Ok(file)
}

fn refuse_others(path: &Path, wanted: &'static str) -> Result<(), StoreError> {
    let mode = std::fs::metadata(path)
        .map_err(during(path))?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(StoreError::OpenToOthers {
            path: path.to_owned(),
            mode,
            wanted,
        })
    }
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(during(path))
}

fn during(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { path, source }
}
