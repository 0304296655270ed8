//! Refresh tokens: how a client that holds no cookie stays signed in.
//!
//! Each is good for one use and is answered with its successor. If one is used twice, then
//! two parties hold it, and nobody can tell which of them is the thief: the whole family
//! ends.

use daicho_domain::AccountId;
use jiff::Timestamp;
use thiserror::Error;

use crate::credential::{Credential, stored_hash};
use crate::database::{Reading, Writing, values};
use crate::person;
use crate::session::{SessionError, SessionId, SignedIn};
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// A refresh token and whom it keeps signed in.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// Who is signed in; the session is the family of tokens.
    pub signed_in: SignedIn,
    /// The token to use next time; the store keeps only its hash.
    pub token: Credential,
}

/// Why a refresh token was not taken.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// No such token: its sign-in was ended, or never was.
    #[error("this refresh token is not known; sign in again")]
    Unknown,
    /// It was not used for too long, or its family is too old.
    #[error("this refresh token has run out; sign in again")]
    Expired,
    /// It was used before; its family has been ended just now.
    #[error(
        "this refresh token was used before, so somebody else may hold it; \
         its sign-in has been ended, sign in again and tell the administrator"
    )]
    Reused {
        /// Whose sign-in was ended: worth recording.
        signed_in: SignedIn,
    },
    /// Its family was ended because an older token was used twice.
    #[error("the sign-in of this refresh token has been ended; sign in again")]
    Revoked,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityStore {
    /// Begins a family of refresh tokens for an account whose password was verified just now.
    ///
    /// # Errors
    /// [`SessionError::AccountClosed`] if the account is unknown, disabled or erased.
    pub fn start_refresh(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Refreshed, SessionError> {
        let (family, (token, hash)) =
            self.random(|entropy| (SessionId::new(entropy, now), Credential::opaque(entropy)));
        self.write(|tx| {
            if !person::is_active(tx, account)? {
                return Err(SessionError::AccountClosed);
            }
            tx.execute(
                "begin a refresh family",
                "INSERT INTO refresh_family (id, account, started_at, last_used_at)
                 VALUES (?1, ?2, ?3, ?3)",
                values![family, account, now],
            )?;
            insert(tx, hash, family)?;
            Ok(())
        })?;
        Ok(Refreshed {
            signed_in: SignedIn {
                account,
                session: family,
            },
            token,
        })
    }

    /// Takes a refresh token and returns its successor.
    ///
    /// # Errors
    /// [`RefreshError::Reused`] has ended the family; all others change nothing. Every one
    /// of them means that the person signs in again.
    pub fn refresh(&self, token: &str, now: Timestamp) -> Result<Refreshed, RefreshError> {
        let hash = stored_hash(token).ok_or(RefreshError::Unknown)?;
        let (next, next_hash) = self.random(Credential::opaque);
        let limits = self.lifetimes;
        // The outer result decides whether the transaction is kept: a reuse must be.
        self.write(|tx| {
            let Some(known) = find(tx, hash)? else {
                return Ok(Err(RefreshError::Unknown));
            };
            let signed_in = known.signed_in;
            if known.used {
                tx.execute(
                    "revoke a refresh family",
                    "UPDATE refresh_family SET revoked_at = ?2
                     WHERE id = ?1 AND revoked_at IS NULL",
                    values![signed_in.session, now],
                )?;
                return Ok(Err(RefreshError::Reused { signed_in }));
            }
            if known.revoked {
                return Ok(Err(RefreshError::Revoked));
            }
            if now.duration_since(known.last_used_at) >= limits.refresh_idle
                || now.duration_since(known.started_at) >= limits.refresh_absolute
            {
                return Ok(Err(RefreshError::Expired));
            }
            tx.execute(
                "use a refresh token",
                "UPDATE refresh_token SET used_at = ?2 WHERE token_hash = ?1",
                values![hash, now],
            )?;
            tx.execute(
                "note that a refresh family is used",
                "UPDATE refresh_family SET last_used_at = ?2 WHERE id = ?1",
                values![signed_in.session, now],
            )?;
            insert(tx, next_hash, signed_in.session)?;
            Ok::<_, RefreshError>(Ok(Refreshed {
                signed_in,
                token: next.clone(),
            }))
        })?
    }
}

struct Known {
    signed_in: SignedIn,
    used: bool,
    revoked: bool,
    started_at: Timestamp,
    last_used_at: Timestamp,
}

fn find(db: &dyn Reading, hash: [u8; 32]) -> Result<Option<Known>, StoreError> {
    db.first(
        "look a refresh token up",
        "SELECT family, account, used_at IS NOT NULL, revoked_at IS NOT NULL,
                started_at, last_used_at
         FROM refresh_token JOIN refresh_family ON refresh_family.id = family
         WHERE token_hash = ?1",
        values![hash],
    )?
    .map(|row| {
        Ok(Known {
            signed_in: SignedIn {
                session: row.get(0)?,
                account: row.get(1)?,
            },
            used: row.get(2)?,
            revoked: row.get(3)?,
            started_at: row.get(4)?,
            last_used_at: row.get(5)?,
        })
    })
    .transpose()
}

fn insert(tx: &dyn Writing, hash: [u8; 32], family: SessionId) -> Result<(), StoreError> {
    tx.execute(
        "keep a refresh token",
        "INSERT INTO refresh_token (token_hash, family) VALUES (?1, ?2)",
        values![hash, family],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Ground, at, on_both_databases, register};

    const DAY: i64 = 86_400;

    fn each_use_gives_a_new_token_of_the_same_sign_in(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let first = store.start_refresh(shoko, at(0)).unwrap();
        let second = store.refresh(first.token.expose(), at(1)).unwrap();
        let third = store.refresh(second.token.expose(), at(2)).unwrap();
        assert_ne!(first.token, second.token);
        assert_ne!(second.token, third.token);
        assert_eq!(first.signed_in, third.signed_in);
        assert_eq!(first.signed_in.account, shoko);
    }

    fn using_a_token_twice_ends_the_whole_family(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let stolen = store.start_refresh(shoko, at(0)).unwrap();
        let other_device = store.start_refresh(shoko, at(0)).unwrap();
        let newest = store.refresh(stolen.token.expose(), at(1)).unwrap();
        let reuse = store.refresh(stolen.token.expose(), at(2));
        assert!(
            matches!(reuse, Err(RefreshError::Reused { signed_in }) if signed_in == stolen.signed_in)
        );
        assert!(matches!(
            store.refresh(newest.token.expose(), at(3)),
            Err(RefreshError::Revoked)
        ));
        assert!(!store.still_signed_in(&stolen.signed_in, at(3)).unwrap());
        store
            .refresh(other_device.token.expose(), at(3))
            .expect("another sign-in of the same account goes on");
    }

    fn a_token_unused_for_thirty_days_has_run_out(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let first = store.start_refresh(shoko, at(0)).unwrap();
        let second = store
            .refresh(first.token.expose(), at(30 * DAY - 1))
            .unwrap();
        assert!(matches!(
            store.refresh(second.token.expose(), at(60 * DAY - 1)),
            Err(RefreshError::Expired)
        ));
    }

    fn a_family_ends_after_ninety_days_however_often_it_is_used(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let mut token = store.start_refresh(shoko, at(0)).unwrap().token;
        for day in 1..90 {
            token = store.refresh(token.expose(), at(day * DAY)).unwrap().token;
        }
        assert!(matches!(
            store.refresh(token.expose(), at(90 * DAY)),
            Err(RefreshError::Expired)
        ));
    }

    fn an_ended_sign_in_and_a_made_up_token_are_unknown(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let ended = store.start_refresh(shoko, at(0)).unwrap();
        store.end_session(ended.signed_in.session).unwrap();
        for token in [ended.token.expose(), &"A".repeat(43), "", "x"] {
            assert!(matches!(
                store.refresh(token, at(1)),
                Err(RefreshError::Unknown)
            ));
        }
    }

    fn a_page_cookie_is_no_refresh_token(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let page = store.create_session(shoko, at(0)).unwrap();
        assert!(matches!(
            store.refresh(page.token.expose(), at(1)),
            Err(RefreshError::Unknown)
        ));
    }

    on_both_databases! {
        each_use_gives_a_new_token_of_the_same_sign_in,
        using_a_token_twice_ends_the_whole_family,
        a_token_unused_for_thirty_days_has_run_out,
        a_family_ends_after_ninety_days_however_often_it_is_used,
        an_ended_sign_in_and_a_made_up_token_are_unknown,
        a_page_cookie_is_no_refresh_token,
    }
}
