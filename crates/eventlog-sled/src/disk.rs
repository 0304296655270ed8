//! Room on the disk: what is kept in reserve, and the ballast that makes room for a recovery.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Room beyond the reserve that has to be there again before writing goes on: so that the log does
/// not go back and forth at the limit.
const MARGIN_PARTS: u64 = 8;

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
        let there = rustix::fs::statvfs(&self.folder)?;
        Ok(there.f_bavail.saturating_mul(there.f_frsize))
    }

    /// Why nothing should be written now; `None` if there is room.
    pub(crate) fn shortage(&self, already_short: bool) -> Option<String> {
        let free = match self.free_bytes() {
            Ok(free) => free,
            Err(error) => return Some(format!("the free space could not be asked for: {error}")),
        };
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
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
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
