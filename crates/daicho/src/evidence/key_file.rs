//! Files for secrets: written whole or not at all, and readable by their owner alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::failure::Failure;

/// Makes a folder that only its owner may enter, if it is missing.
///
/// # Errors
/// What the operating system said.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed(folder, "made"))
}

/// Writes `text` to `file`, in place of what was there.
///
/// # Errors
/// What the operating system said; the file is then as it was before.
pub fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    match std::fs::remove_file(new) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(new, "removed")(error)),
    }
    write_new(new, text)?;
    std::fs::rename(new, file)
        .and_then(|()| sync_folder(file))
        .map_err(failed(file, "written"))
}

/// Writes `text` to `file`, which must not be there yet.
///
/// # Errors
/// What the operating system said.
pub fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed(file, "made"))?;
    open.write_all(text.as_bytes())
        .and_then(|()| open.sync_all())
        .and_then(|()| sync_folder(file))
        .map_err(failed(file, "written"))
}

/// The text in `file`; none where there is no such file.
///
/// # Errors
/// What the operating system said, and where others can read the file.
pub fn read(file: &Path) -> Result<Option<String>, Failure> {
    let mode = match std::fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(file, "read")(error)),
    };
    if mode & 0o077 != 0 {
        return Err(Failure::new(format!(
            "{} can be read by others (mode {mode:o})",
            file.display()
        ))
        .help(format!("run: chmod 600 '{}'", file.display())));
    }
    std::fs::read_to_string(file)
        .map(Some)
        .map_err(failed(file, "read"))
}

/// A new name has to survive a power cut as surely as what is written under it.
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent().filter(|folder| *folder != Path::new("")) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::new(format!("{path} cannot be {what}: {error}"))
}
