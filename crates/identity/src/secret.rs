//! Small secrets: the store's own, and those that the service keeps here.

use std::collections::BTreeMap;

use crate::database::{Writing, values};
use crate::entropy::Entropy;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// With what names and sources of failed attempts are hashed.
pub(crate) const ATTEMPT_KEY: &str = "attempt-key";

/// Begins the stored names of the service's secrets, so that none of them is one of ours.
const OF_THE_SERVICE: &str = "service/";

impl IdentityStore {
    /// A secret of the service by its name (any text without NUL), such as a key that signs
    /// the log; `None` if none was kept.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| {
            db.first(
                "read a secret of the service",
                "SELECT value FROM store_secret WHERE name = ?1",
                values![&stored_name(name)],
            )?
            .map(|row| row.get(0))
            .transpose()
        })
    }

    /// Keeps a secret under a name that has none, and returns what is kept: `secret`, or what
    /// was kept there before, on another node a moment ago perhaps. Go on with what is
    /// returned. A secret is never replaced. Names are any text without NUL.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn keep_secret(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        const DOING: &str = "keep a secret of the service";
        self.write(|tx| {
            // What was kept before is written again, so that the commit waits until it is
            // as durable as if it had been kept now: the other node may be waiting still.
            tx.first(
                DOING,
                "INSERT INTO store_secret (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = store_secret.value
                 RETURNING value",
                values![&stored_name(name), secret],
            )?
            .ok_or_else(|| StoreError::Damaged {
                detail: "a secret that was kept is not there".to_owned(),
            })?
            .get(0)
        })
    }

    /// Forgets a secret of the service, such as a key that signs nothing any more. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn forget_secret(&self, name: &str) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "forget a secret of the service",
                "DELETE FROM store_secret WHERE name = ?1",
                values![&stored_name(name)],
            )
        })?;
        // What another process keeps from being cleared now is cleared at the next start.
        self.home.scrub().map(drop)
    }

    /// The service's secrets whose names begin with `prefix`, by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn secrets_beginning_with(
        &self,
        prefix: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        self.read(|db| {
            db.query(
                "read the service's secrets",
                "SELECT name, value FROM store_secret WHERE substr(name, 1, length(?1)) = ?1",
                values![&stored_name(prefix)],
            )?
            .iter()
            .map(|row| {
                let name: String = row.get(0)?;
                let name = name.strip_prefix(OF_THE_SERVICE).unwrap_or(&name);
                Ok((name.to_owned(), row.get(1)?))
            })
            .collect()
        })
    }
}

fn stored_name(name: &str) -> String {
    format!("{OF_THE_SERVICE}{name}")
}

/// Reads a 32-byte secret of the store's own, making it the first time.
pub(crate) fn own(
    tx: &dyn Writing,
    name: &str,
    entropy: &mut Entropy,
) -> Result<[u8; 32], StoreError> {
    let known = tx.first(
        "read a secret of its own",
        "SELECT value FROM store_secret WHERE name = ?1",
        values![name],
    )?;
    if let Some(row) = known {
        return row.get(0);
    }
    let value: [u8; 32] = entropy.bytes();
    tx.execute(
        "keep a secret of its own",
        "INSERT INTO store_secret (name, value) VALUES (?1, ?2)",
        values![name, value],
    )?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Ground, on_both_databases};

    fn a_secret_is_kept_once_and_read_by_its_name(ground: &Ground) {
        let store = ground.store();
        assert_eq!(store.secret("log-key/1").unwrap(), None);
        assert_eq!(store.keep_secret("log-key/1", b"first").unwrap(), b"first");
        assert_eq!(store.keep_secret("log-key/1", b"first").unwrap(), b"first");
        assert_eq!(
            store.keep_secret("log-key/1", b"second").unwrap(),
            b"first",
            "what was kept before stays"
        );
        assert_eq!(
            store.secret("log-key/1").unwrap().as_deref(),
            Some(b"first".as_slice())
        );
        assert_eq!(store.secret("log-key").unwrap(), None);
    }

    fn a_forgotten_secret_is_gone_and_its_name_is_free(ground: &Ground) {
        let store = ground.store();
        store.keep_secret("log-key/1", b"first").unwrap();
        for _ in 0..2 {
            store.forget_secret("log-key/1").unwrap();
            assert_eq!(store.secret("log-key/1").unwrap(), None);
        }
        assert_eq!(store.keep_secret("log-key/1", b"other").unwrap(), b"other");
    }

    fn secrets_are_listed_by_the_beginning_of_their_names(ground: &Ground) {
        let store = ground.store();
        for name in ["log-key/2", "log-key/1", "log_key/3", "鍵/一", "other"] {
            store.keep_secret(name, name.as_bytes()).unwrap();
        }
        let names = |prefix: &str| -> Vec<String> {
            let found = store.secrets_beginning_with(prefix).unwrap();
            assert!(found.iter().all(|(name, value)| name.as_bytes() == value));
            found.into_keys().collect()
        };
        assert_eq!(names("log-key/"), ["log-key/1", "log-key/2"]);
        assert_eq!(names("鍵"), ["鍵/一"]);
        assert_eq!(names("none"), [""; 0]);
        assert_eq!(names("").len(), 5);
    }

    fn the_stores_own_secrets_are_not_the_services(ground: &Ground) {
        let store = ground.store();
        assert_eq!(store.secret(super::ATTEMPT_KEY).unwrap(), None);
        assert!(store.secrets_beginning_with("").unwrap().is_empty());
        store.keep_secret(super::ATTEMPT_KEY, b"x").unwrap();
        drop(store);
        ground.store();
    }

    on_both_databases! {
        a_secret_is_kept_once_and_read_by_its_name,
        a_forgotten_secret_is_gone_and_its_name_is_free,
        secrets_are_listed_by_the_beginning_of_their_names,
        the_stores_own_secrets_are_not_the_services,
    }
}
