//! The store itself, wherever it is kept.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use jiff::Timestamp;

use crate::database::{Reading, Writing, before, values};
use crate::entropy::Entropy;
use crate::hashing::{HashCost, Hasher};
use crate::home::Home;
use crate::lifetimes::Lifetimes;
use crate::postgres::{PostgresServer, PostgresSettings};
use crate::sqlite_file::SqliteFile;
use crate::store_error::StoreError;
use crate::{attempt, secret, signing_key};

/// The file's name inside the store's folder.
pub const IDENTITY_FILE: &str = "identity.sqlite3";

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
/// It may be shared between threads, those of an asynchronous runtime too. Every call blocks;
/// those that check or set a password take as long as the hash cost says, and with the store
/// in PostgreSQL every call waits for the network.
pub struct IdentityStore {
    pub(crate) home: Home,
    entropy: Mutex<Entropy>,
    pub(crate) hasher: Hasher,
    pub(crate) lifetimes: Lifetimes,
    /// With what names and sources of failed attempts are hashed.
    pub(crate) attempt_key: RwLock<[u8; 32]>,
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
        let file = SqliteFile::open(folder, IDENTITY_FILE)?;
        Self::over(Home::File(file), settings, entropy, now)
    }

    /// Opens the store in PostgreSQL (15 or later), which several nodes may do at once. Its
    /// schema is `daicho_identity`; tables and the first signing key are made where they are
    /// missing and the role may.
    ///
    /// # Errors
    /// [`StoreError::ConnectionString`], [`StoreError::Certificates`],
    /// [`StoreError::Unreachable`]; [`StoreError::RightsMissing`] with what the owner has to
    /// run first; [`StoreError::NewerVersion`], [`StoreError::NotAnIdentityStore`],
    /// [`StoreError::NotDurable`], [`StoreError::PredictableEntropy`],
    /// [`StoreError::HashCost`].
    pub fn open_postgres(
        postgres: &PostgresSettings,
        settings: Settings,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        if entropy.is_predictable() {
            return Err(StoreError::PredictableEntropy);
        }
        let server = PostgresServer::new(postgres)?;
        server.migrate(None)?;
        Self::over(Home::Server(server), settings, entropy, now)
    }

    /// Makes the schema and its tables in PostgreSQL, or brings them up to date, in the role
    /// of `postgres.url`, and lets the role `service_role` read and change their rows: for
    /// services whose own role may not make tables. Doing it again changes nothing.
    ///
    /// # Errors
    /// As [`IdentityStore::open_postgres`].
    pub fn migrate_postgres(
        postgres: &PostgresSettings,
        service_role: &str,
    ) -> Result<(), StoreError> {
        PostgresServer::new(postgres)?.migrate(Some(service_role))
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
        Self::over(Home::File(SqliteFile::in_memory()?), settings, entropy, now)
    }

    fn over(
        home: Home,
        settings: Settings,
        mut entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let hasher = Hasher::new(settings.hash_cost, &mut entropy)?;
        let attempt_key = home.write(|tx| {
            signing_key::ensure_one(tx, &mut entropy, now)?;
            secret::own(tx, secret::ATTEMPT_KEY, &mut entropy)
        })?;
        // What an erasure before a crash left in the write-ahead log goes now; a reader in
        // another process only delays that.
        home.scrub_at_start()?;
        Ok(Self {
            home,
            entropy: Mutex::new(entropy),
            hasher,
            lifetimes: settings.lifetimes,
            attempt_key: RwLock::new(attempt_key),
        })
    }

    /// Removes what has run out: sessions, refresh families, failed attempts. Nothing is
    /// accepted for being unpruned; this bounds the store's size. Call it every hour or so,
    /// on each node if that is simplest.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        let limits = self.lifetimes;
        self.write(|tx| {
            Ok(Pruned {
                sessions: tx.execute(
                    "prune sessions",
                    "DELETE FROM page_session WHERE last_seen_at <= ?1 OR started_at <= ?2",
                    values![
                        before(now, limits.session_idle),
                        before(now, limits.session_absolute),
                    ],
                )?,
                refresh_families: tx.execute(
                    "prune refresh families",
                    "DELETE FROM refresh_family WHERE last_used_at <= ?1 OR started_at <= ?2",
                    values![
                        before(now, limits.refresh_idle),
                        before(now, limits.refresh_absolute),
                    ],
                )?,
                failed_attempts: attempt::prune(tx, now)?,
            })
        })
    }

    /// Runs `work` in one transaction, one at a time among all nodes: all of it is durable
    /// when this returns `Ok`, none of it happened when it returns `Err` (other than
    /// [`StoreError::OutcomeUnknown`]). `work` may run again if the first try came to nothing.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&dyn Writing) -> Result<T, E>,
    ) -> Result<T, E> {
        self.home.write(work)
    }

    /// Runs `work` without a transaction: each of its statements sees what is there then.
    pub(crate) fn read<T, E>(
        &self,
        work: impl FnOnce(&dyn Reading) -> Result<T, E>,
    ) -> Result<T, E> {
        self.home.read(work)
    }

    /// Draws random bytes.
    pub(crate) fn random<T>(&self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        draw(&mut self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for IdentityStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityStore")
            .field("home", &self.home)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::thread;

    use rusqlite::Connection;

    use super::*;
    use crate::JwtIssuer;
    use crate::fixture::{
        Ground, PASSWORD, account, at, folder, holds, on_both_databases, open, quick, register,
        with_password,
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

    fn everything_is_there_again_after_a_restart(ground: &Ground) {
        let token = {
            let store = ground.open(quick()).unwrap();
            let shoko = with_password(&store, 1, "staff.shoko");
            store.create_session(shoko, at(1)).unwrap().token
        };
        let store = ground.open(quick()).unwrap();
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
        let row = |pragma: &str| {
            let asked = format!("PRAGMA {pragma}");
            store
                .read(|db| db.first("", &asked, values![]))
                .unwrap()
                .unwrap()
        };
        let number = |pragma: &str| -> i64 { row(pragma).get(0).unwrap() };
        assert_eq!(number("secure_delete"), 1);
        assert_eq!(number("foreign_keys"), 1);
        assert_eq!(number("synchronous"), 2, "FULL");
        assert_eq!(number("temp_store"), 2, "MEMORY");
        let journal: String = row("journal_mode").get(0).unwrap();
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
            let store = IdentityStore::in_memory(quick(), Entropy::predictable(1), at(0)).unwrap();
            let shoko = register(&store, 1, "staff.shoko");
            store.create_session(shoko, at(1)).unwrap().token
        };
        assert_eq!(token(), token());
    }

    fn threads_share_the_store(ground: &Ground) {
        let store = Arc::new(ground.store());
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

    fn a_store_can_be_used_on_the_threads_of_an_asynchronous_runtime(ground: &Ground) {
        let multi = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let single = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for (runtime, number) in [(&multi, 1), (&single, 2)] {
            runtime.block_on(async {
                let store = ground.open(quick()).unwrap();
                let known = with_password(&store, number, &format!("person.{number}"));
                let new = store.create_session(known, at(1)).unwrap();
                store.session(new.token.expose(), at(2)).unwrap();
                store.erase(known, at(3)).unwrap();
            });
        }
        multi.block_on(async {
            let store = ground.open(quick()).unwrap();
            let named = tokio::spawn(async move { store.names(&[account(1)]) });
            assert!(named.await.unwrap().unwrap().is_empty());
        });
    }

    fn nothing_of_a_change_that_was_given_up_is_kept(ground: &Ground) {
        let store = ground.store();
        register(&store, 1, "staff.shoko");
        let erase_first = |tx: &dyn Writing| {
            tx.execute("", "DELETE FROM person", values![])?;
            assert_eq!(tx.query("", "SELECT * FROM person", values![])?.len(), 0);
            Err::<(), _>(StoreError::PredictableEntropy)
        };
        assert!(store.write(erase_first).is_err());
        assert!(store.person(account(1)).unwrap().is_some());
        let panicking = std::panic::AssertUnwindSafe(|| {
            store.write(|tx| {
                tx.execute("", "DELETE FROM person", values![])?;
                if tx.query("", "SELECT * FROM person", values![])?.is_empty() {
                    panic!("in the middle of a change");
                }
                Ok::<_, StoreError>(())
            })
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert!(store.person(account(1)).unwrap().is_some());
        register(&store, 2, "staff.nourin");
    }

    on_both_databases! {
        everything_is_there_again_after_a_restart,
        threads_share_the_store,
        a_store_can_be_used_on_the_threads_of_an_asynchronous_runtime,
        nothing_of_a_change_that_was_given_up_is_kept,
    }
}
