//! The store itself: one SQLite file, opened with care.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daicho_domain::AccountId;
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use thiserror::Error;
use uuid::Uuid;

use crate::entropy::Entropy;
use crate::hashing::{HashCost, Hasher};
use crate::lifetimes::Lifetimes;
use crate::{attempt, owner_only, schema, signing_key};

/// The file's name inside the store's folder.
pub const IDENTITY_FILE: &str = "identity.sqlite3";

/// How long to wait for another process (a backup, the command line) that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What an operator may choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// How much work a password hash is. Raising it rehashes each password at its next
    /// sign-in.
    pub hash_cost: HashCost,
    /// How long sessions and tokens live.
    pub lifetimes: Lifetimes,
}

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

/// Names what was being done, for [`StoreError::Sqlite`].
pub(crate) fn during(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sqlite { doing, source }
}

/// How much an [`IdentityStore::prune`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Page sessions past one of their limits.
    pub sessions: usize,
    /// Refresh families past one of their limits.
    pub refresh_families: usize,
    /// Failed attempts that no longer count.
    pub failed_attempts: usize,
}

/// The register of people with their passwords, sessions, refresh tokens and signing keys.
///
/// It may be shared between threads. Every call blocks; those that check or set a password
/// take as long as the hash cost says.
pub struct IdentityStore {
    connection: Mutex<Connection>,
    entropy: Mutex<Entropy>,
    pub(crate) hasher: Hasher,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) attempt_key: [u8; 32],
}

impl IdentityStore {
    /// Opens the store in its own `folder` (say `data/identity`), making folder, file and
    /// the first signing key where there are none.
    ///
    /// # Errors
    /// [`StoreError::OpenToOthers`] if anyone but the owner has a right on the folder or the
    /// file, [`StoreError::PredictableEntropy`], [`StoreError::HashCost`], and the others if
    /// the file cannot be read, is damaged, newer, or not an identity store.
    pub fn open(
        folder: &Path,
        settings: Settings,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        if entropy.is_predictable() {
            return Err(StoreError::PredictableEntropy);
        }
        let file = owner_only::prepare(folder, IDENTITY_FILE)?;
        let connection = Connection::open_with_flags(
            &file,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(during("open its file"))?;
        Self::over(connection, settings, entropy, now)
    }

    /// A store that is gone with the value: for tests and demonstrations.
    ///
    /// # Errors
    /// [`StoreError::HashCost`] if the settings' cost cannot be used.
    pub fn in_memory(
        settings: Settings,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory().map_err(during("open in memory"))?;
        Self::over(connection, settings, entropy, now)
    }

    fn over(
        mut connection: Connection,
        settings: Settings,
        mut entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let hasher = Hasher::new(settings.hash_cost, &mut entropy)?;
        connection
            .busy_timeout(BUSY_TIMEOUT)
            .and_then(|()| connection.pragma_update(None, "secure_delete", true))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            // Scratch files would hold copies of what is later erased.
            .and_then(|()| connection.pragma_update(None, "temp_store", "MEMORY"))
            .and_then(|()| connection.pragma_update(None, "journal_mode", "WAL"))
            .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
            .map_err(during("set itself up"))?;
        let health: String = connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(during("check its health"))?;
        if health != "ok" {
            return Err(StoreError::Damaged { detail: health });
        }
        schema::migrate(&mut connection)?;

        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(during("make its first secrets"))?;
        signing_key::ensure_one(&tx, &mut entropy, now)?;
        let attempt_key = secret(&tx, "attempt-key", &mut entropy)?;
        tx.commit().map_err(during("keep its first secrets"))?;

        let store = Self {
            connection: Mutex::new(connection),
            entropy: Mutex::new(entropy),
            hasher,
            lifetimes: settings.lifetimes,
            attempt_key,
        };
        // What an erasure before a crash left in the write-ahead log goes now; a reader in
        // another process only delays that.
        store.scrub()?;
        Ok(store)
    }

    /// Removes what has run out: sessions, refresh families, failed attempts. Nothing is
    /// accepted for being unpruned; this bounds the file's size. Call it every hour or so.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        let limits = self.lifetimes;
        self.write(|tx| {
            Ok(Pruned {
                sessions: tx
                    .execute(
                        "DELETE FROM page_session WHERE last_seen_at <= ?1 OR started_at <= ?2",
                        (
                            before(now, limits.session_idle),
                            before(now, limits.session_absolute),
                        ),
                    )
                    .map_err(during("prune sessions"))?,
                refresh_families: tx
                    .execute(
                        "DELETE FROM refresh_family WHERE last_used_at <= ?1 OR started_at <= ?2",
                        (
                            before(now, limits.refresh_idle),
                            before(now, limits.refresh_absolute),
                        ),
                    )
                    .map_err(during("prune refresh families"))?,
                failed_attempts: attempt::prune(tx, now)?,
            })
        })
    }

    /// Runs `work` in one transaction: all of it is durable when this returns `Ok`, none of
    /// it happened when it returns `Err`.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(during("begin a change"))?;
        let done = work(&tx)?;
        tx.commit().map_err(during("make a change durable"))?;
        Ok(done)
    }

    /// Runs `work` on the connection without a transaction of its own.
    pub(crate) fn read<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        work(&self.connection())
    }

    /// Moves everything out of the write-ahead log and empties it, so that deleted rows are
    /// in neither file. `Ok(false)`: another process holds the file.
    pub(crate) fn scrub(&self) -> Result<bool, StoreError> {
        self.connection()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(|busy| busy == 0)
            .map_err(during("empty its write-ahead log"))
    }

    /// Draws random bytes.
    pub(crate) fn random<T>(&self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        draw(&mut self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A panic while the lock was held has rolled its transaction back, so the connection
    /// behind a poisoned lock is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for IdentityStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityStore")
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

/// Reads a 32-byte secret of the store's own, making it the first time.
fn secret(
    tx: &Transaction<'_>,
    name: &str,
    entropy: &mut Entropy,
) -> Result<[u8; 32], StoreError> {
    let known = tx
        .query_row(
            "SELECT value FROM store_secret WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()
        .map_err(during("read a secret of its own"))?;
    if let Some(value) = known {
        return Ok(value);
    }
    let value: [u8; 32] = entropy.bytes();
    tx.execute(
        "INSERT INTO store_secret (name, value) VALUES (?1, ?2)",
        (name, value),
    )
    .map_err(during("keep a secret of its own"))?;
    Ok(value)
}

/// A moment as a column: microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At(pub(crate) Timestamp);

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let microseconds = value.as_i64()?;
        Timestamp::from_microsecond(microseconds)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(microseconds))
    }
}

/// The moment `duration` before `now`, or the earliest that there is.
pub(crate) fn before(now: Timestamp, duration: jiff::SignedDuration) -> At {
    At(now.checked_sub(duration).unwrap_or(Timestamp::MIN))
}

/// Reads an account id from a column.
pub(crate) fn account(row: &Row<'_>, column: &str) -> rusqlite::Result<AccountId> {
    row.get(column)
        .map(|bytes: [u8; 16]| AccountId(Uuid::from_bytes(bytes)))
}
