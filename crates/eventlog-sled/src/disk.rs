//! Room on the disk: what is kept in reserve, and the ballast that makes room for a recovery; and
//! whether anything can be written there at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{StatVfs, StatVfsMountFlags};

/// Room beyond the reserve that has to be there again before writing goes on: so that the log does
/// not go back and forth at the limit.
const MARGIN_PARTS: u64 = 8;
/// Less room than this is none: the first small file that opening writes could fail.
const SCRAPS_BYTES: u64 = 1 << 20;
/// Written and removed again to see whether writing works.
const PROBE: &str = "probe";
const PROBE_BYTES: usize = 4096;

/// The room in the file system that holds the log.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    reserve_bytes: u64,
}

impl Disk {
    pub(crate) fn new(folder: &Path, reserve_bytes: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            reserve_bytes,
        }
    }

    /// Bytes that a process may still write there.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        Ok(free_bytes(&rustix::fs::statvfs(&self.folder)?))
    }

    /// Why nothing should be written now; `None` if there is room.
    pub(crate) fn shortage(&self, already_short: bool) -> Option<String> {
        let there = match rustix::fs::statvfs(&self.folder) {
            Ok(there) => there,
            Err(error) => return Some(format!("the free space could not be asked for: {error}")),
        };
        if there.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Some(self.cannot_be_written(&ErrorKind::ReadOnlyFilesystem.into()));
        }
        let free = free_bytes(&there);
        let margin = if already_short {
            self.reserve_bytes / MARGIN_PARTS
        } else {
            0
        };
        (free < self.reserve_bytes + margin).then(|| {
            format!(
                "the disk of {} has {} MiB left and {} MiB are kept in reserve; free some space, writing then goes on by itself",
                self.folder.display(),
                free >> 20,
                (self.reserve_bytes + margin) >> 20
            )
        })
    }

    /// Writes something and removes it again. A file system that the kernel has given up looks
    /// writable until something is written.
    pub(crate) fn try_to_write(&self) -> io::Result<()> {
        let probe = self.folder.join(PROBE);
        let written = File::create(&probe).and_then(|mut file| {
            file.write_all(&[0; PROBE_BYTES])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// What the operator has to know of a write that failed with `error`.
    pub(crate) fn cannot_be_written(&self, error: &io::Error) -> String {
        let what_to_do = match error.kind() {
            ErrorKind::ReadOnlyFilesystem => {
                "the file system is read-only, and the kernel's messages (dmesg) say why; make it \
                 writable again, writing then goes on by itself; if it has to be unmounted or \
                 checked for that, stop the service before"
            }
            ErrorKind::PermissionDenied => {
                "give the folder and everything in it back to the service's user, writing then \
                 goes on by itself"
            }
            kind if is_full(kind) => "free some space, writing then goes on by itself",
            _ => "check the disk; once it can be written writing goes on by itself",
        };
        format!(
            "{} cannot be written ({error}): {what_to_do}",
            self.folder.display()
        )
    }

    /// Whether there is any room to speak of.
    pub(crate) fn has_scraps(&self) -> bool {
        // Where it cannot be asked for, writing tells.
        self.free_bytes().map_or(true, |free| free >= SCRAPS_BYTES)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Gives the ballast away if the disk is so full that opening could fail. Returns whether it
    /// did.
    pub(crate) fn make_room(&self) -> io::Result<bool> {
        if self.free_bytes()? >= self.reserve_bytes / 4 {
            return Ok(false);
        }
        match fs::remove_file(self.ballast()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts the ballast back once there is more room than the reserve and the ballast need.
    pub(crate) fn keep_ballast(&self, bytes: u64) -> io::Result<()> {
        let path = self.ballast();
        let has = fs::metadata(&path).map_or(0, |file| file.len());
        if has >= bytes || self.free_bytes()? < self.reserve_bytes + 2 * bytes {
            return Ok(());
        }
        // Written, not only reserved: so that removing it gives room in any file system.
        let mut file = File::create(&path)?;
        let zeros = [0; 1 << 16];
        let mut left = bytes;
        while left > 0 {
            let step = left.min(zeros.len() as u64) as usize;
            file.write_all(&zeros[..step])?;
            left -= step as u64;
        }
        file.sync_all()
    }
}

fn free_bytes(there: &StatVfs) -> u64 {
    there.f_bavail.saturating_mul(there.f_frsize)
}

/// Whether an error of this kind is over once there is room again.
pub(crate) fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_named_with_what_to_do() {
        let disk = Disk::new(Path::new("/records/log"), 0);
        let said = |kind: ErrorKind| disk.cannot_be_written(&kind.into());
        for (kind, what_to_do) in [
            (ErrorKind::ReadOnlyFilesystem, "stop the service before"),
            (ErrorKind::StorageFull, "free some space"),
            (ErrorKind::PermissionDenied, "the service's user"),
            (ErrorKind::Other, "check the disk"),
        ] {
            let said = said(kind);
            assert!(
                said.starts_with("/records/log cannot be written")
                    && said.contains(what_to_do)
                    && said.contains("goes on by itself"),
                "{said}"
            );
        }
    }

    #[test]
    fn trying_to_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path(), 0);
        disk.try_to_write().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let missing = Disk::new(&folder.path().join("missing"), 0);
        assert_eq!(
            missing.try_to_write().unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
