//! Ed25519 keys: one signs, the retired ones only verify.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use sha2::{Digest, Sha256};

use crate::entropy::Entropy;
use crate::store::At;
use crate::store_error::{StoreError, during};

/// What verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// The first 96 bits of the SHA-256 of the public key, base64url.
    pub(crate) kid: String,
    pub(crate) public: [u8; 32],
    /// Since when it no longer signs.
    pub(crate) retired_at: Option<Timestamp>,
}

/// All keys of the store.
pub(crate) struct KeyRing {
    pub(crate) active_kid: String,
    pub(crate) signing: EncodingKey,
    /// Newest first.
    pub(crate) public: Vec<PublicKey>,
}

/// Makes the first key of a new store.
pub(crate) fn ensure_one(
    tx: &Transaction<'_>,
    entropy: &mut Entropy,
    now: Timestamp,
) -> Result<(), StoreError> {
    let active: bool = tx
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM signing_key WHERE retired_at IS NULL)",
            [],
            |row| row.get(0),
        )
        .map_err(during("look for its signing key"))?;
    if active {
        Ok(())
    } else {
        make(tx, entropy.bytes(), now)
    }
}

/// Retires the key that signs, forgetting its private half, and makes a new one.
pub(crate) fn rotate(
    tx: &Transaction<'_>,
    seed: [u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE signing_key SET retired_at = ?1, private = NULL WHERE retired_at IS NULL",
        [At(now)],
    )
    .map_err(during("retire a signing key"))?;
    make(tx, seed, now)
}

fn make(tx: &Transaction<'_>, seed: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    tx.execute(
        "INSERT INTO signing_key (kid, public, private, made_at) VALUES (?1, ?2, ?3, ?4)",
        (kid(&public), public, seed, At(now)),
    )
    .map_err(during("make a signing key"))?;
    Ok(())
}

/// Reads all keys.
pub(crate) fn load(connection: &Connection) -> Result<KeyRing, StoreError> {
    let (active_kid, seed): (String, [u8; 32]) = connection
        .query_row(
            "SELECT kid, private FROM signing_key WHERE retired_at IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(during("read its signing key"))?
        .ok_or_else(|| damaged("it has no signing key"))?;
    let derived = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    if kid(&derived) != active_kid {
        return Err(damaged("its signing key does not fit its public key"));
    }
    let document = KeypairBytes {
        secret_key: seed,
        public_key: None,
    }
    .to_pkcs8_der()
    .map_err(|_| damaged("its signing key cannot be encoded"))?;

    let mut statement = connection
        .prepare("SELECT kid, public, retired_at FROM signing_key ORDER BY made_at DESC, kid")
        .map_err(during("read its public keys"))?;
    let public = statement
        .query_map([], |row| {
            Ok(PublicKey {
                kid: row.get(0)?,
                public: row.get(1)?,
                retired_at: row.get::<_, Option<At>>(2)?.map(|At(at)| at),
            })
        })
        .and_then(Iterator::collect)
        .map_err(during("read its public keys"))?;
    Ok(KeyRing {
        active_kid,
        signing: EncodingKey::from_ed_der(document.as_bytes()),
        public,
    })
}

fn kid(public: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..12])
}

fn damaged(detail: &str) -> StoreError {
    StoreError::Damaged {
        detail: detail.to_owned(),
    }
}
