//! Failed sign-ins: counted to slow guessing down, never to lock anybody out.
//!
//! Failures count for a name *and* a source together: whoever guesses at a name from
//! elsewhere cannot keep its holder from signing in. Names and sources are stored as keyed
//! hashes, because people type passwords into the name's field, and because a failed
//! attempt is no reason to keep a network address.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::database::{Reading, Writing, before, values};
use crate::naming::as_typed;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

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
            .chain_update(
                *self
                    .attempt_key
                    .read()
                    .unwrap_or_else(PoisonError::into_inner),
            )
            .chain_update(purpose)
            .chain_update(text)
            .finalize()
            .into()
    }
}

/// Seconds until the next attempt is allowed; `None` if it is allowed now.
pub(crate) fn wait_seconds(
    db: &dyn Reading,
    key: AttemptKey,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let blocking: Option<Timestamp> = db
        .first(
            "count failed attempts",
            "SELECT at FROM failed_attempt
             WHERE name_hash = ?1 AND source_hash = ?2 AND at > ?3
             ORDER BY at DESC LIMIT 1 OFFSET ?4",
            values![
                key.name_hash,
                key.source_hash,
                before(now, FAILURE_WINDOW),
                i64::from(FAILURES_MAX - 1),
            ],
        )?
        .map(|row| row.get(0))
        .transpose()?;
    Ok(blocking.map(|blocking| {
        // A clock that was set back must not stretch the wait beyond the window.
        let left = (FAILURE_WINDOW - now.duration_since(blocking)).min(FAILURE_WINDOW);
        let whole = u64::try_from(left.as_secs()).unwrap_or(0);
        (whole + u64::from(left.subsec_nanos() > 0)).max(1)
    }))
}

/// Counts an attempt as failed, before it is known: attempts that run at the same time must
/// see each other. Returns its row, for [`take_back`].
pub(crate) fn count(tx: &dyn Writing, key: AttemptKey, now: Timestamp) -> Result<i64, StoreError> {
    tx.first(
        "count a failed attempt",
        "INSERT INTO failed_attempt (name_hash, source_hash, at) VALUES (?1, ?2, ?3) RETURNING id",
        values![key.name_hash, key.source_hash, now],
    )?
    .ok_or_else(|| StoreError::Damaged {
        detail: "a failed attempt that was counted is not there".to_owned(),
    })?
    .get(0)
}

/// Takes back an attempt that was never judged.
pub(crate) fn take_back(tx: &dyn Writing, row: i64) -> Result<(), StoreError> {
    tx.execute(
        "take an attempt back",
        "DELETE FROM failed_attempt WHERE id = ?1",
        values![row],
    )?;
    Ok(())
}

/// Forgets the failures of a name from a source: the right person was there.
pub(crate) fn forget(tx: &dyn Writing, key: AttemptKey) -> Result<(), StoreError> {
    tx.execute(
        "forget failed attempts",
        "DELETE FROM failed_attempt WHERE name_hash = ?1 AND source_hash = ?2",
        values![key.name_hash, key.source_hash],
    )?;
    Ok(())
}

/// Forgets the failures of a name from everywhere.
pub(crate) fn forget_name(tx: &dyn Writing, name_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(
        "forget failed attempts",
        "DELETE FROM failed_attempt WHERE name_hash = ?1",
        values![name_hash],
    )?;
    Ok(())
}

/// Removes what no longer counts.
pub(crate) fn prune(tx: &dyn Writing, now: Timestamp) -> Result<usize, StoreError> {
    tx.execute(
        "prune failed attempts",
        "DELETE FROM failed_attempt WHERE at <= ?1",
        values![before(now, FAILURE_WINDOW)],
    )
}
