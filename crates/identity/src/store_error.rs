//! What can go wrong with the store.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::hashing::HashCost;
use crate::postgres::PostgresSaid;

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
    /// PostgreSQL refused an operation or did not answer; nothing of it was kept.
    #[error(
        "the identity store could not {doing} on PostgreSQL at {server}; \
         put right what the server says, then try again"
    )]
    Postgres {
        /// What was being done.
        doing: &'static str,
        /// The hosts.
        server: String,
        /// What the server said.
        source: PostgresSaid,
    },
    /// No host of the connection string takes connections and writes.
    #[error(
        "the identity store cannot reach PostgreSQL at {server}; \
         check that it runs, takes writes and lets this role in, then try again"
    )]
    Unreachable {
        /// The hosts.
        server: String,
        /// What each said.
        source: PostgresSaid,
    },
    /// Every connection was in use for too long.
    #[error(
        "the identity store's connections to PostgreSQL at {server} are all waiting for it; \
         find out what keeps the server, or try again in a few seconds"
    )]
    Busy {
        /// The hosts.
        server: String,
    },
    /// The connection was lost before PostgreSQL confirmed a commit.
    #[error(
        "the connection to PostgreSQL at {server} was lost while the identity store made a \
         change durable, so the change may stand or not; look which, then try again"
    )]
    OutcomeUnknown {
        /// The hosts.
        server: String,
        /// What was heard last.
        source: PostgresSaid,
    },
    /// The server would not keep what it confirms.
    #[error(
        "PostgreSQL at {server} has fsync off, so a power cut could destroy the identity store; \
         switch it on"
    )]
    NotDurable {
        /// The host.
        server: String,
    },
    /// The connection string cannot be used. It is not shown, for it holds a password.
    #[error(
        "the identity store's connection string cannot be used ({detail}); write \
         postgresql://ROLE:PASSWORD@HOST:5432/DATABASE with %40 for @, %2F for / and %3F for ? \
         in the password"
    )]
    ConnectionString {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The authorities' certificates cannot be read.
    #[error(
        "the certificates in {} cannot be used; name a file with those (PEM) of the authority \
         that vouches for the PostgreSQL server",
        path.display()
    )]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The role may not do what the store needs, or may not make its tables.
    #[error(
        "the role {role} may not use the identity store's tables in the database {database}; \
         run there as {owner}: {command}"
    )]
    RightsMissing {
        /// The role that is connected.
        role: String,
        /// The database that it is connected to.
        database: String,
        /// Who can put it right.
        owner: String,
        /// With what.
        command: String,
    },
    /// The store to move to holds something already.
    #[error(
        "the identity store to move to is not empty (its table {table} has rows); \
         move to a new one"
    )]
    NotEmpty {
        /// Where something was found.
        table: &'static str,
    },
    /// The file or the schema is some other database's.
    #[error("this is not an identity store; point the setting at the right folder or database")]
    NotAnIdentityStore,
    /// A newer program has written the store.
    #[error(
        "the identity store has version {found}, this program knows up to {known}; \
         use the newer program, or restore a backup made by this one"
    )]
    NewerVersion {
        /// The store's version.
        found: usize,
        /// The newest version known here.
        known: usize,
    },
    /// The content is not what was written.
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
    /// A lasting store was given a source of bytes that anyone can compute.
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
