//! Failed sign-ins: counted to slow guessing down, never to lock anybody out.
//!
//! Failures count for a name *and* a source together: whoever guesses at a name from
//! elsewhere cannot keep its holder from signing in. Names and sources are stored as keyed
//! hashes, because people type passwords into the name's field, and because a failed
//! attempt is no reason to keep a network address.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction};
use sha2::{Digest, Sha256};

use crate::naming::as_typed;
use crate::store::{At, IdentityStore, before};
use crate::store_error::{StoreError, during};

/// Failed attempts at one name from one source within [`FAILURE_WINDOW`] before the next
/// has to wait.
pub const FAILURES_MAX: u32 = 10;

/// How long a failed attempt counts.
pub const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Who tries to sign in, from where.
#[derive(Clone, Copy)]
pub(crate) struct AttemptKey {
    name_hash: [u8; 32],
    source_hash: [u8; 32],
}

impl IdentityStore {
    pub(crate) fn attempt_name_hash(&self, sign_in_name: &str) -> [u8; 32] {
        self.keyed_hash(b"name", &as_typed(sign_in_name))
    }

    pub(crate) fn attempt_key(&self, sign_in_name: &str, source: &str) -> AttemptKey {
        AttemptKey {
            name_hash: self.attempt_name_hash(sign_in_name),
            source_hash: self.keyed_hash(b"from", source),
        }
    }

    fn keyed_hash(&self, purpose: &[u8; 4], text: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.attempt_key)
            .chain_update(purpose)
            .chain_update(text)
            .finalize()
            .into()
    }
}

/// Seconds until the next attempt is allowed; `None` if it is allowed now.
pub(crate) fn wait_seconds(
    tx: &Transaction<'_>,
    key: AttemptKey,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let blocking: Option<At> = tx
        .query_row(
            "SELECT at FROM failed_attempt
             WHERE name_hash = ?1 AND source_hash = ?2 AND at > ?3
             ORDER BY at DESC LIMIT 1 OFFSET ?4",
            (
                key.name_hash,
                key.source_hash,
                before(now, FAILURE_WINDOW),
                FAILURES_MAX - 1,
            ),
            |row| row.get(0),
        )
        .optional()
        .map_err(during("count failed attempts"))?;
    Ok(blocking.map(|At(blocking)| {
        // A clock that was set back must not stretch the wait beyond the window.
        let left = (FAILURE_WINDOW - now.duration_since(blocking)).min(FAILURE_WINDOW);
        let whole = u64::try_from(left.as_secs()).unwrap_or(0);
        (whole + u64::from(left.subsec_nanos() > 0)).max(1)
    }))
}

/// Counts an attempt as failed, before it is known: attempts that run at the same time must
/// see each other. Returns its row, for [`take_back`].
pub(crate) fn count(
    tx: &Transaction<'_>,
    key: AttemptKey,
    now: Timestamp,
) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO failed_attempt (name_hash, source_hash, at) VALUES (?1, ?2, ?3)",
        (key.name_hash, key.source_hash, At(now)),
    )
    .map_err(during("count a failed attempt"))?;
    Ok(tx.last_insert_rowid())
}

/// Takes back an attempt that was never judged.
pub(crate) fn take_back(tx: &Transaction<'_>, row: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM failed_attempt WHERE id = ?1", [row])
        .map_err(during("take an attempt back"))?;
    Ok(())
}

/// Forgets the failures of a name from a source: the right person was there.
pub(crate) fn forget(tx: &Transaction<'_>, key: AttemptKey) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM failed_attempt WHERE name_hash = ?1 AND source_hash = ?2",
        (key.name_hash, key.source_hash),
    )
    .map_err(during("forget failed attempts"))?;
    Ok(())
}

/// Forgets the failures of a name from everywhere.
pub(crate) fn forget_name(tx: &Transaction<'_>, name_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM failed_attempt WHERE name_hash = ?1",
        [name_hash],
    )
    .map_err(during("forget failed attempts"))?;
    Ok(())
}

/// Removes what no longer counts.
pub(crate) fn prune(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    tx.execute(
        "DELETE FROM failed_attempt WHERE at <= ?1",
        [before(now, FAILURE_WINDOW)],
    )
    .map_err(during("prune failed attempts"))
}
