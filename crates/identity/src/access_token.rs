//! Access tokens: JWTs that say for ten minutes who is signed in.

use std::sync::Arc;

use daicho_domain::AccountId;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::{Builder, Uuid};

use crate::credential::Credential;
use crate::key_cache::KeyCache;
use crate::session::{SessionId, SignedIn};
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// Longest token that is looked at, in bytes; ours have about 500.
const TOKEN_BYTES_MAX: usize = 4_096;

/// How far two readings of the clock by this service may disagree. A node may also sign with
/// a key that another has retired for as long as it keeps keys without looking
/// ([`KEYS_FRESH`](crate::key_cache::KEYS_FRESH)); the rest is for the clocks.
const CLOCK_LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// What a token says (RFC 7519). The times are seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    iat: i64,
    exp: i64,
    jti: Uuid,
    sid: SessionId,
}

/// An access token that has just been made.
#[derive(Clone, Debug)]
pub struct IssuedAccess {
    /// The token, for an `Authorization: Bearer` header.
    pub token: Credential,
    /// From when it is refused.
    pub expires_at: Timestamp,
}

/// What a valid access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who is signed in.
    pub signed_in: SignedIn,
    /// From when the token is refused: a connection that rests on it ends then.
    pub expires_at: Timestamp,
    /// The token's own id (`jti`), for tracing.
    pub token_id: Uuid,
}

/// Why an access token was not made or not taken.
#[derive(Debug, Error)]
pub enum AccessTokenError {
    /// It was valid once.
    #[error("this access token ran out at {at}; get a new one with the refresh token")]
    Expired {
        /// From when it was refused.
        at: Timestamp,
    },
    /// It is none of ours, or not for this service.
    #[error("this access token is not valid here; sign in again")]
    Invalid,
    /// Signing failed.
    #[error("the access token could not be signed; try again")]
    Signing {
        /// What the signer said.
        source: jsonwebtoken::errors::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes and verifies access tokens with the store's keys.
///
/// Make one for each store and share it: it keeps the keys in memory. What another issuer on
/// the same store (another node, say) has rotated it sees within 30 seconds, and at once when
/// a token names a key that it does not know. So any call may now and then read the store.
pub struct JwtIssuer {
    store: Arc<IdentityStore>,
    issuer: String,
    audience: String,
    validation: Validation,
    keys: KeyCache,
}

impl JwtIssuer {
    /// An issuer of tokens whose `iss` is `issuer` (the service's own URL) and whose `aud`
    /// is `audience`; others are refused.
    ///
    /// # Errors
    /// If the store's keys cannot be read.
    pub fn new(
        store: Arc<IdentityStore>,
        issuer: &str,
        audience: &str,
    ) -> Result<Self, StoreError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // The library would ask the system's clock; `verify` judges by the time passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let keys = KeyCache::new(&store)?;
        Ok(Self {
            store,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            validation,
            keys,
        })
    }

    /// Makes a token for a sign-in.
    ///
    /// # Errors
    /// [`AccessTokenError::Signing`]; [`AccessTokenError::Store`] if the keys have to be read
    /// again and cannot: the old one may have been retired.
    pub fn issue(
        &self,
        signed_in: &SignedIn,
        now: Timestamp,
    ) -> Result<IssuedAccess, AccessTokenError> {
        let issued = now.as_second();
        let expires = issued.saturating_add(self.lifetime().as_secs());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: signed_in.account,
            iat: issued,
            exp: expires,
            jti: self.store.random(|entropy| {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid()
            }),
            sid: signed_in.session,
        };
        let keys = self.keys.fresh(&self.store, now)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.active_kid.clone());
        let token = encode(&header, &claims, &keys.signing)
            .map_err(|source| AccessTokenError::Signing { source })?;
        Ok(IssuedAccess {
            token: Credential::from_text(token),
            expires_at: moment(expires)?,
        })
    }

    /// Checks a token: signed by one of the store's keys (EdDSA and nothing else), for this
    /// issuer and audience, and not run out at `now`. Whether its sign-in was ended
    /// meanwhile is [`IdentityStore::still_signed_in`]'s question.
    ///
    /// # Errors
    /// [`AccessTokenError::Expired`] if that is all that is wrong with it, else
    /// [`AccessTokenError::Invalid`]; [`AccessTokenError::Store`] if its key is not known and
    /// the store cannot be asked.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Access, AccessTokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AccessTokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| AccessTokenError::Invalid)?;
        // Extensions that the token calls critical are ones that we do not know.
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(AccessTokenError::Invalid);
        }
        let kid = header.kid.as_deref().ok_or(AccessTokenError::Invalid)?;
        let key = self
            .keys
            .public(&self.store, kid, now)?
            .ok_or(AccessTokenError::Invalid)?;
        let claims: Claims = decode(
            token,
            &DecodingKey::from_ed_der(&key.public),
            &self.validation,
        )
        .map_err(|_| AccessTokenError::Invalid)?
        .claims;

        let issued_at = moment(claims.iat)?;
        let expires_at = moment(claims.exp)?;
        let soon = now.saturating_add(CLOCK_LEEWAY).unwrap_or(Timestamp::MAX);
        let too_long = expires_at.duration_since(issued_at) > self.lifetime();
        // A retired key signs nothing: a later date on it is somebody else's doing.
        let after_retirement = key
            .retired_at
            .is_some_and(|retired| issued_at.duration_since(retired) > CLOCK_LEEWAY);
        if issued_at > soon || too_long || after_retirement {
            return Err(AccessTokenError::Invalid);
        }
        if now >= expires_at {
            return Err(AccessTokenError::Expired { at: expires_at });
        }
        Ok(Access {
            signed_in: SignedIn {
                account: claims.sub,
                session: claims.sid,
            },
            expires_at,
            token_id: claims.jti,
        })
    }

    /// The document for `/.well-known/jwks.json`: the key that signs, and the retired ones
    /// whose tokens may still be valid at `now`.
    ///
    /// # Errors
    /// If a stored key is damaged.
    pub fn jwks(&self, now: Timestamp) -> Result<JwkSet, StoreError> {
        let lifetime = self.lifetime() + CLOCK_LEEWAY;
        let keys = self.keys.at_hand(&self.store, now);
        let keys = keys
            .public
            .iter()
            .filter(|key| {
                key.retired_at
                    .is_none_or(|retired| now.duration_since(retired) <= lifetime)
            })
            .map(|key| {
                let mut jwk = Jwk::from_decoding_key(
                    &DecodingKey::from_ed_der(&key.public),
                    Some(Algorithm::EdDSA),
                )
                .map_err(|error| StoreError::Damaged {
                    detail: error.to_string(),
                })?;
                jwk.common.key_id = Some(key.kid.clone());
                jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
                jwk.common.public_key_use = Some(PublicKeyUse::Signature);
                Ok(jwk)
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(JwkSet { keys })
    }

    /// Makes a new signing key and forgets the private half of the old one; tokens that the
    /// old one signed stay valid until they run out. Returns the new key's `kid`.
    ///
    /// # Errors
    /// If the store cannot be written; the old key then goes on.
    pub fn rotate_key(&self, now: Timestamp) -> Result<String, StoreError> {
        let kid = self.keys.rotate(&self.store, now)?;
        // The rotation stands either way; where another process hinders this, the old
        // private half leaves the write-ahead log later, at the latest at the next start.
        let _ = self.store.home.scrub();
        Ok(kid)
    }

    fn lifetime(&self) -> SignedDuration {
        self.store.lifetimes.access_token
    }
}

fn moment(seconds: i64) -> Result<Timestamp, AccessTokenError> {
    Timestamp::from_second(seconds).map_err(|_| AccessTokenError::Invalid)
}

#[cfg(test)]
mod tests;
