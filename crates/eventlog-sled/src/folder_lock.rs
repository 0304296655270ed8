//! One process per folder, and whether the last one left it properly.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use daicho_eventlog::LogError;

use crate::OpenError;

/// The lock file, held for as long as this lives. It holds the process id while the
/// folder is in use and is empty after a clean shutdown.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Takes the folder. The flag says whether the last holder left it cleanly (as did
    /// nobody).
    pub(crate) fn take(folder: &Path) -> Result<(Self, bool), OpenError> {
        let path = folder.join("lock");
        let failed = |doing: &str, source| {
            OpenError::Log(LogError::io(format!("{doing} {}", path.display()), source))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| failed("open", source))?;
        let locked = file.try_lock();
        // Whatever is in it, it must not keep the log from opening.
        let mut holder = Vec::new();
        file.read_to_end(&mut holder)
            .map_err(|source| failed("read", source))?;
        let holder = String::from_utf8_lossy(&holder);
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked {
                    dir: folder.to_owned(),
                    pid: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", source)),
        }
        let mut lock = Self { file };
        lock.write(&format!("{}\n", std::process::id()))
            .map_err(|source| failed("write", source))?;
        Ok((lock, holder.is_empty()))
    }

    /// Marks the folder as left cleanly. Everything must be durable before.
    pub(crate) fn mark_clean(&mut self) -> std::io::Result<()> {
        self.write("")
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        // In this order: cut first, a disk without room would leave the mark of a clean end.
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_all()
    }
}
