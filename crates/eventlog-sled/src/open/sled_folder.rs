//! Getting at sled, and comparing how far it goes with how far the journal does.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use daicho_eventlog::LogError;

use super::{FAULTY_MARK, SetAside};
use crate::{
    Options, journal,
    journal::scan::Scan,
    sled_store::{OpenFailure, SledStore},
};

pub(super) fn open_sled(
    folder: &Path,
    options: &Options,
    scan: &Scan,
) -> Result<(SledStore, u64, Option<SetAside>), LogError> {
    let faulty = folder.with_file_name(FAULTY_MARK);
    let is_faulty = scan.journal_first == 0 && faulty.exists();
    let opened = if is_faulty {
        Err(OpenFailure::Damaged(
            "it gave back something wrong before".to_owned(),
        ))
    } else {
        SledStore::open(folder, options.sled_cache_bytes)
    };
    let reason = match opened {
        Ok((store, next)) => return Ok((store, next, None)),
        Err(OpenFailure::Machine(error)) => return Err(error),
        Err(OpenFailure::Damaged(reason)) => reason,
    };
    if scan.journal_first > 0 {
        return Err(LogError::Damaged {
            what: format!(
                "sled does not open ({reason}), and the journal only goes back to position {}",
                scan.journal_first
            ),
            what_to_do: "Restore the newest backup; the journal holds what came after it."
                .to_owned(),
        });
    }
    let path = set_aside(folder)
        .and_then(|path| {
            if is_faulty {
                fs::remove_file(&faulty)?;
            }
            Ok(path)
        })
        .map_err(|source| LogError::io(format!("move {} aside", folder.display()), source))?;
    match SledStore::open(folder, options.sled_cache_bytes) {
        Ok((store, next)) => Ok((store, next, Some(SetAside { path, reason }))),
        Err(OpenFailure::Machine(error)) => Err(error),
        Err(OpenFailure::Damaged(reason)) => Err(LogError::Damaged {
            what: format!("a new sled in {} does not open: {reason}", folder.display()),
            what_to_do: "Check the disk.".to_owned(),
        }),
    }
}

/// Moves a sled that does not open to the first free name beside it.
fn set_aside(folder: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    let path = loop {
        let path = folder.with_extension(format!("damaged-{number}"));
        if !path.try_exists()? {
            break path;
        }
        number += 1;
    };
    fs::rename(folder, &path)?;
    if let Some(parent) = folder.parent() {
        journal::sync_folder(parent)?;
    }
    Ok(path)
}

pub(super) fn journal_ends_before(position: u64, other: &str, scan: &Scan) -> LogError {
    let torn = scan.torn.as_ref().map_or(String::new(), |torn| {
        format!(
            "; {} bytes after position {} are unreadable",
            torn.bytes, torn.position
        )
    });
    LogError::Damaged {
        what: format!(
            "the journal ends before position {}, but {other} go on to {position}{torn}",
            scan.next
        ),
        what_to_do: "The journal has lost acknowledged events. Copy the whole folder before \
                     anything else, check the disk, and restore the newest backup."
            .to_owned(),
    }
}

pub(super) fn compare_ends(scan: &Scan, stored_next: u64) -> Result<(), LogError> {
    if stored_next > scan.next {
        let cut = match &scan.torn {
            Some(torn) => {
                format!(
                    " (something that is no whole record follows there, in {} at byte {})",
                    torn.file.display(),
                    torn.offset
                )
            }
            None => String::new(),
        };
        return Err(LogError::Damaged {
            what: format!(
                "the journal ends before position {}{cut}, but sled holds events up to {}",
                scan.next,
                stored_next - 1
            ),
            what_to_do: "The journal has lost acknowledged events. Copy the whole folder before \
                         anything else, check the disk, and restore the newest backup."
                .to_owned(),
        });
    }
    if scan.journal_first > 0 && scan.next == scan.journal_first {
        return Err(LogError::Damaged {
            what: format!(
                "the journal begins at position {} and holds nothing",
                scan.journal_first
            ),
            what_to_do: "It has been trimmed too far. Restore the newest backup.".to_owned(),
        });
    }
    if stored_next < scan.journal_first {
        return Err(LogError::Damaged {
            what: format!(
                "sled ends before position {stored_next}, and the journal only goes back to {}",
                scan.journal_first
            ),
            what_to_do: "Restore the newest backup; the journal holds what came after it."
                .to_owned(),
        });
    }
    Ok(())
}
