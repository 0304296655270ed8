//! Where a store is kept.

use crate::database::{Reading, Writing};
use crate::postgres::PostgresServer;
use crate::sqlite_file::SqliteFile;
use crate::store_error::StoreError;

/// One of the two databases.
pub(crate) enum Home {
    /// A SQLite file (or memory), of one process.
    File(SqliteFile),
    /// A schema in PostgreSQL, which several nodes share.
    Server(PostgresServer),
}

impl Home {
    /// Runs `work` in one transaction, kept if it returns `Ok`.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&dyn Writing) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File(file) => file.write(work),
            Self::Server(server) => server.write(|tx| work(tx)),
        }
    }

    /// Runs `work` without a transaction.
    pub(crate) fn read<T, E>(
        &self,
        work: impl FnOnce(&dyn Reading) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File(file) => file.read(work),
            Self::Server(server) => work(&server.reading()),
        }
    }

    /// As [`Home::read`], but gives up soon where the database cannot be reached.
    pub(crate) fn read_soon<T, E>(
        &self,
        work: impl FnOnce(&dyn Reading) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File(file) => file.read(work),
            Self::Server(server) => work(&server.reading_soon()),
        }
    }

    /// Clears away what deleted rows have left, as far as the database lets us. `Ok(false)`:
    /// another process holds the file.
    pub(crate) fn scrub(&self) -> Result<bool, StoreError> {
        match self {
            Self::File(file) => file.scrub(),
            Self::Server(server) => {
                server.vacuum();
                Ok(true)
            }
        }
    }

    /// Finishes what an earlier [`Home::scrub`] was kept from; PostgreSQL does that by itself.
    pub(crate) fn scrub_at_start(&self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.scrub().map(drop),
            Self::Server(_) => Ok(()),
        }
    }
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(_) => f.write_str("SQLite"),
            Self::Server(server) => write!(f, "PostgreSQL at {}", server.hosts()),
        }
    }
}
