//! The store itself: one SQLite file, opened with care.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daicho_domain::AccountId;
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior,
};
use uuid::Uuid;

use crate::entropy::Entropy;
use crate::hashing::{HashCost, Hasher};
use crate::lifetimes::Lifetimes;
use crate::store_error::{StoreError, during};
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
    pub(crate) fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&self.connection())
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
fn secret(tx: &Transaction<'_>, name: &str, entropy: &mut Entropy) -> Result<[u8; 32], StoreError> {
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::JwtIssuer;
    use crate::fixture::{
        PASSWORD, account, at, folder, holds, open, quick, register, store, with_password,
    };

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folder_and_files_are_the_owners_alone() {
        let outer = folder();
        let folder = outer.path().join("data").join("identity");
        let store = open(&folder, quick()).unwrap();
        register(&store, 1, "staff.shoko");
        assert_eq!(mode(&folder), 0o700);
        let files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(files.contains(&folder.join(IDENTITY_FILE)));
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn a_file_or_folder_that_others_may_read_is_refused_with_the_remedy() {
        let folder = folder();
        let file = folder.path().join(IDENTITY_FILE);
        drop(open(folder.path(), quick()).unwrap());
        for (path, bad, good, remedy) in [
            (file.as_path(), 0o644, 0o600, "chmod 600"),
            (file.as_path(), 0o620, 0o600, "chmod 600"),
            (folder.path(), 0o750, 0o700, "chmod 700"),
        ] {
            set_mode(path, bad);
            let error = open(folder.path(), quick()).unwrap_err();
            assert!(matches!(error, StoreError::OpenToOthers { .. }));
            let text = error.to_string();
            assert!(text.contains(remedy), "{text}");
            assert!(text.contains(&path.display().to_string()), "{text}");
            set_mode(path, good);
        }
        open(folder.path(), quick()).unwrap();
    }

    #[test]
    fn everything_is_there_again_after_a_restart() {
        let folder = folder();
        let token = {
            let store = open(folder.path(), quick()).unwrap();
            let shoko = with_password(&store, 1, "staff.shoko");
            store.create_session(shoko, at(1)).unwrap().token
        };
        let store = open(folder.path(), quick()).unwrap();
        assert_eq!(
            store.session(token.expose(), at(2)).unwrap().account,
            account(1)
        );
        store
            .verify_password("staff.shoko", PASSWORD, "here", at(2))
            .unwrap();
    }

    #[test]
    fn the_file_is_durable_checked_and_zeroes_what_is_deleted() {
        let folder = folder();
        let store = open(folder.path(), quick()).unwrap();
        let number = |pragma: &str| -> i64 {
            store
                .read(|connection| connection.pragma_query_value(None, pragma, |row| row.get(0)))
                .unwrap()
        };
        assert_eq!(number("secure_delete"), 1);
        assert_eq!(number("foreign_keys"), 1);
        assert_eq!(number("synchronous"), 2, "FULL");
        assert_eq!(number("temp_store"), 2, "MEMORY");
        let journal: String = store
            .read(|connection| {
                connection.pragma_query_value(None, "journal_mode", |row| row.get(0))
            })
            .unwrap();
        assert_eq!(journal, "wal");
    }

    #[test]
    fn tokens_and_typed_names_are_not_in_the_files() {
        let folder = folder();
        let store = open(folder.path(), quick()).unwrap();
        let shoko = register(&store, 1, "staff.shoko");
        let page = store.create_session(shoko, at(0)).unwrap();
        let api = store.start_refresh(shoko, at(0)).unwrap();
        let typed = "my-password-typed-as-a-name";
        assert!(
            store
                .verify_password(typed, "x", "192.0.2.99", at(0))
                .is_err()
        );
        for secret in [page.token.expose(), api.token.expose(), typed, "192.0.2.99"] {
            assert!(!holds(folder.path(), secret.as_bytes()), "{secret}");
        }
        assert!(holds(folder.path(), b"staff.shoko"));
    }

    #[test]
    fn a_file_of_a_newer_program_is_refused() {
        let folder = folder();
        drop(open(folder.path(), quick()).unwrap());
        Connection::open(folder.path().join(IDENTITY_FILE))
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        assert!(matches!(
            open(folder.path(), quick()),
            Err(StoreError::NewerVersion {
                found: 99,
                known: 1
            })
        ));
    }

    #[test]
    fn another_database_or_another_file_is_not_taken_for_the_store() {
        let folder = folder();
        let file = folder.path().join(IDENTITY_FILE);
        Connection::open(&file)
            .unwrap()
            .execute_batch("CREATE TABLE cake (slice TEXT)")
            .unwrap();
        set_mode(&file, 0o600);
        assert!(matches!(
            open(folder.path(), quick()),
            Err(StoreError::NotAnIdentityStore)
        ));
        fs::write(&file, "an essay, quite long ".repeat(100)).unwrap();
        assert!(matches!(
            open(folder.path(), quick()),
            Err(StoreError::NotAnIdentityStore)
        ));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = folder();
        drop(open(folder.path(), quick()).unwrap());
        let file = folder.path().join(IDENTITY_FILE);
        let mut bytes = fs::read(&file).unwrap();
        for byte in &mut bytes[4_096..8_192] {
            *byte = 0xAA;
        }
        fs::write(&file, bytes).unwrap();
        let error = open(folder.path(), quick()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    }

    #[test]
    fn a_store_in_a_file_does_not_take_predictable_bytes() {
        let folder = folder();
        assert!(matches!(
            IdentityStore::open(folder.path(), quick(), Entropy::predictable(1), at(0)),
            Err(StoreError::PredictableEntropy)
        ));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let token = || {
            let store = store();
            let shoko = register(&store, 1, "staff.shoko");
            store.create_session(shoko, at(1)).unwrap().token
        };
        assert_eq!(token(), token());
    }

    #[test]
    fn threads_share_the_store() {
        let store = Arc::new(store());
        let issuer = JwtIssuer::new(Arc::clone(&store), "i", "a").unwrap();
        for number in 1..=8 {
            with_password(&store, number, &format!("person.{number}"));
        }
        thread::scope(|scope| {
            for number in 1..=8_u128 {
                let (store, issuer) = (&store, &issuer);
                scope.spawn(move || {
                    let name = format!("person.{number}");
                    let signed_in = store
                        .verify_password(&name, PASSWORD, "here", at(1))
                        .unwrap();
                    assert_eq!(signed_in, account(number));
                    let page = store.create_session(signed_in, at(1)).unwrap();
                    let token = issuer.issue(&page.session.signed_in(), at(1)).unwrap();
                    issuer.verify(token.token.expose(), at(2)).unwrap();
                });
            }
        });
    }
}
