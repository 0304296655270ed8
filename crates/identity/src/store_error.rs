//! What can go wrong with the store.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::hashing::HashCost;

/// Why the store could not be opened or used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or folder could not be made or read.
    #[error(
        "the identity store's {} cannot be used; check that the service's own user may write there",
        path.display()
    )]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else on this machine has a right on the file or its folder.
    #[error(
        "{} has the mode {mode:o}, so other users of this machine may get at passwords and keys; \
         find out who could, then run: chmod {wanted} '{}'",
        path.display(),
        path.display()
    )]
    OpenToOthers {
        /// Which file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits that it should have, as `chmod` takes them.
        wanted: &'static str,
    },
    /// SQLite refused an operation.
    #[error(
        "the identity store could not {doing}; check the disk's space and health, then try again"
    )]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is some other database.
    #[error("this file is not an identity store; point the setting at the right folder")]
    NotAnIdentityStore,
    /// A newer program has written the file.
    #[error(
        "the identity store has version {found}, this program knows up to {known}; \
         use the newer program, or restore a backup made by this one"
    )]
    NewerVersion {
        /// The file's version.
        found: usize,
        /// The newest version known here.
        known: usize,
    },
    /// The file's content is not what was written.
    #[error("the identity store is damaged ({detail}); restore it from a backup")]
    Damaged {
        /// What was found.
        detail: String,
    },
    /// The password hash cost in the settings cannot be used.
    #[error(
        "a password hash cost of {} KiB, {} passes and {} lanes cannot be used; \
         take at least 8 KiB for each lane, one pass and one lane",
        cost.memory_kib, cost.passes, cost.lanes
    )]
    HashCost {
        /// The cost asked for.
        cost: HashCost,
    },
    /// A store in a file was given a source of bytes that anyone can compute.
    #[error(
        "a predictable source of random bytes is for tests; \
         give the store the operating system's generator"
    )]
    PredictableEntropy,
    /// Erased data may still be found in the file, because another process holds it.
    #[error(
        "the person is erased, but traces may remain in the file while another process reads it; \
         end that process, then restart the service"
    )]
    TracesRemain,
}

/// Turns SQLite's error into the store's, naming what was being done.
pub(crate) fn during(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotAnIdentityStore,
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            detail: source.to_string(),
        },
        _ => StoreError::Sqlite { doing, source },
    }
}
