//! Ed25519 keys: one signs, the retired ones only verify.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use sha2::{Digest, Sha256};

use crate::database::{Reading, Writing, values};
use crate::entropy::Entropy;
use crate::store_error::StoreError;

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
    tx: &dyn Writing,
    entropy: &mut Entropy,
    now: Timestamp,
) -> Result<(), StoreError> {
    let active = tx.is_true(
        "look for its signing key",
        "SELECT EXISTS (SELECT 1 FROM signing_key WHERE retired_at IS NULL)",
        values![],
    )?;
    if active {
        Ok(())
    } else {
        make(tx, entropy.bytes(), now)
    }
}

/// Retires the key that signs, forgetting its private half, and makes a new one.
pub(crate) fn rotate(tx: &dyn Writing, seed: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "retire a signing key",
        "UPDATE signing_key SET retired_at = ?1, private = NULL WHERE retired_at IS NULL",
        values![now],
    )?;
    make(tx, seed, now)
}

fn make(tx: &dyn Writing, seed: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    tx.execute(
        "make a signing key",
        "INSERT INTO signing_key (kid, public, private, made_at) VALUES (?1, ?2, ?3, ?4)",
        values![&kid(&public), public, seed, now],
    )?;
    Ok(())
}

/// Reads all keys.
pub(crate) fn load(db: &dyn Reading) -> Result<KeyRing, StoreError> {
    // One statement: between two, another node could rotate.
    let rows = db.query(
        "read its signing keys",
        "SELECT kid, public, retired_at, private FROM signing_key ORDER BY made_at DESC, kid",
        values![],
    )?;
    let mut public = Vec::with_capacity(rows.len());
    let mut active: Option<(String, [u8; 32])> = None;
    for row in rows {
        let key = PublicKey {
            kid: row.get(0)?,
            public: row.get(1)?,
            retired_at: row.get(2)?,
        };
        if key.retired_at.is_none() {
            active = Some((key.kid.clone(), row.get(3)?));
        }
        public.push(key);
    }
    let (active_kid, seed) = active.ok_or_else(|| damaged("it has no signing key"))?;
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
