//! Page sessions: an opaque cookie for a browser.

use std::fmt;
use std::str::FromStr;

use daicho_domain::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::{Builder, Uuid};

use crate::credential::{Credential, same_secret, stored_hash};
use crate::database::{Row, Writing, before, values};
use crate::entropy::Entropy;
use crate::lifetimes::Lifetimes;
use crate::person;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// One sign-in: a page session, or a family of refresh tokens. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl SessionId {
    pub(crate) fn new(entropy: &mut Entropy, now: Timestamp) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Who is signed in, and by which sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignedIn {
    /// The account.
    pub account: AccountId,
    /// The sign-in.
    pub session: SessionId,
}

/// A page session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// What every form of this session carries, to show that it came from our page.
    pub csrf: Credential,
    /// When the person signed in.
    pub started_at: Timestamp,
    /// When the last request was recorded, at most [`Lifetimes::session_touch`] before the
    /// last request.
    pub last_seen_at: Timestamp,
}

impl Session {
    /// Who is signed in.
    pub fn signed_in(&self) -> SignedIn {
        SignedIn {
            account: self.account,
            session: self.id,
        }
    }

    /// Whether a form carried this session's CSRF token.
    pub fn csrf_matches(&self, token: &str) -> bool {
        same_secret(self.csrf.expose(), token)
    }
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// For the cookie; the store keeps only its hash.
    pub token: Credential,
    /// The session.
    pub session: Session,
}

/// Why there is no session.
#[derive(Debug, Error)]
pub enum SessionError {
    /// No session has this token: it was ended, or never was.
    #[error("this session has ended; sign in again")]
    Unknown,
    /// Nothing was asked of it for [`Lifetimes::session_idle`].
    #[error("this session ended because it was not used for a while; sign in again")]
    Idle,
    /// It is older than [`Lifetimes::session_absolute`].
    #[error("this session has reached its longest duration; sign in again")]
    TooOld,
    /// The account may not sign in.
    #[error("this account is not open; ask the administrator to open it")]
    AccountClosed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityStore {
    /// Begins a page session for an account whose password was verified just now.
    ///
    /// # Errors
    /// [`SessionError::AccountClosed`] if the account is unknown, disabled or erased.
    pub fn create_session(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<NewSession, SessionError> {
        let (id, (token, token_hash), (csrf, _)) = self.random(|entropy| {
            (
                SessionId::new(entropy, now),
                Credential::opaque(entropy),
                Credential::opaque(entropy),
            )
        });
        let session = Session {
            id,
            account,
            csrf,
            started_at: now,
            last_seen_at: now,
        };
        self.write(|tx| {
            if !person::is_active(tx, account)? {
                return Err(SessionError::AccountClosed);
            }
            tx.execute(
                "begin a session",
                "INSERT INTO page_session
                     (id, token_hash, account, csrf, started_at, last_seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                values![id, token_hash, account, session.csrf.expose(), now],
            )?;
            Ok(())
        })?;
        Ok(NewSession { token, session })
    }

    /// The session of a cookie; counts as use of it.
    ///
    /// # Errors
    /// [`SessionError::Unknown`], [`SessionError::Idle`] or [`SessionError::TooOld`]; all
    /// mean that the person signs in again.
    pub fn session(&self, token: &str, now: Timestamp) -> Result<Session, SessionError> {
        let hash = stored_hash(token).ok_or(SessionError::Unknown)?;
        let session = self
            .read(|db| {
                db.first(
                    "read a session",
                    "SELECT id, account, csrf, started_at, last_seen_at
                     FROM page_session WHERE token_hash = ?1",
                    values![hash],
                )?
                .map(|row| read_session(&row))
                .transpose()
            })?
            .ok_or(SessionError::Unknown)?;

        if let Some(over) = over(&session, &self.lifetimes, now) {
            self.end_session(session.id)?;
            return Err(over);
        }
        if now.duration_since(session.last_seen_at) < self.lifetimes.session_touch {
            return Ok(session);
        }
        let touched = self.write(|tx| {
            tx.execute(
                "note that a session is used",
                "UPDATE page_session SET last_seen_at = ?2 WHERE id = ?1",
                values![session.id, now],
            )
        })?;
        // It may have been ended since it was read.
        if touched == 0 {
            return Err(SessionError::Unknown);
        }
        Ok(Session {
            last_seen_at: now,
            ..session
        })
    }

    /// Whether a sign-in still stands. An access token does not know that its sign-in was
    /// ended; ask this before anything that matters. A page session that is only asked
    /// about is not used by that.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn still_signed_in(
        &self,
        signed_in: &SignedIn,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let limits = self.lifetimes;
        self.read(|db| {
            db.is_true(
                "look for a sign-in",
                "SELECT EXISTS (
                     SELECT 1 FROM page_session
                     WHERE id = ?1 AND account = ?2
                       AND last_seen_at > ?3 AND started_at > ?4
                 ) OR EXISTS (
                     SELECT 1 FROM refresh_family
                     WHERE id = ?1 AND account = ?2 AND revoked_at IS NULL
                       AND last_used_at > ?5 AND started_at > ?6
                 )",
                values![
                    signed_in.session,
                    signed_in.account,
                    before(now, limits.session_idle),
                    before(now, limits.session_absolute),
                    before(now, limits.refresh_idle),
                    before(now, limits.refresh_absolute),
                ],
            )
        })
    }

    /// Ends one sign-in, page session or refresh family. Ending what has ended changes
    /// nothing.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.write(|tx| {
            for statement in [
                "DELETE FROM page_session WHERE id = ?1",
                "DELETE FROM refresh_family WHERE id = ?1",
            ] {
                tx.execute("end a session", statement, values![session])?;
            }
            Ok(())
        })
    }

    /// Ends every sign-in of the account; returns how many there were.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn end_all(&self, account: AccountId) -> Result<usize, StoreError> {
        self.write(|tx| end_all(tx, account))
    }
}

/// Ends every page session and refresh family of the account.
pub(crate) fn end_all(tx: &dyn Writing, account: AccountId) -> Result<usize, StoreError> {
    let mut ended = 0;
    for statement in [
        "DELETE FROM page_session WHERE account = ?1",
        "DELETE FROM refresh_family WHERE account = ?1",
    ] {
        ended += tx.execute("end an account's sessions", statement, values![account])?;
    }
    Ok(ended)
}

fn over(session: &Session, limits: &Lifetimes, now: Timestamp) -> Option<SessionError> {
    if now.duration_since(session.started_at) >= limits.session_absolute {
        Some(SessionError::TooOld)
    } else if now.duration_since(session.last_seen_at) >= limits.session_idle {
        Some(SessionError::Idle)
    } else {
        None
    }
}

fn read_session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.get(0)?,
        account: row.get(1)?,
        csrf: Credential::from_text(row.get(2)?),
        started_at: row.get(3)?,
        last_seen_at: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pruned;
    use crate::fixture::{Ground, account, at, on_both_databases, register};

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;

    fn a_session_is_found_by_its_token_and_by_nothing_else(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let new = store.create_session(shoko, at(0)).unwrap();
        let found = store.session(new.token.expose(), at(1)).unwrap();
        assert_eq!(found, new.session);
        assert_eq!(
            found.signed_in(),
            SignedIn {
                account: shoko,
                session: found.id
            }
        );
        for wrong in ["", "x", &"A".repeat(43), new.session.csrf.expose()] {
            assert!(matches!(
                store.session(wrong, at(1)),
                Err(SessionError::Unknown)
            ));
        }
    }

    fn each_session_has_its_own_csrf_token(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let one = store.create_session(shoko, at(0)).unwrap();
        let two = store.create_session(shoko, at(0)).unwrap();
        assert!(one.session.csrf_matches(one.session.csrf.expose()));
        assert!(!one.session.csrf_matches(two.session.csrf.expose()));
        assert!(!one.session.csrf_matches(""));
        assert_ne!(one.token, one.session.csrf);
    }

    fn a_session_in_use_outlives_the_idle_limit_but_not_the_absolute_one(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let new = store.create_session(shoko, at(0)).unwrap();
        for half_hour in 1..24 {
            store
                .session(new.token.expose(), at(half_hour * 30 * MINUTE))
                .unwrap();
        }
        assert!(matches!(
            store.session(new.token.expose(), at(12 * HOUR)),
            Err(SessionError::TooOld)
        ));
    }

    fn a_session_ends_after_an_hour_without_use(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let new = store.create_session(shoko, at(0)).unwrap();
        store.session(new.token.expose(), at(59 * MINUTE)).unwrap();
        assert!(matches!(
            store.session(new.token.expose(), at(119 * MINUTE)),
            Err(SessionError::Idle)
        ));
        assert!(matches!(
            store.session(new.token.expose(), at(119 * MINUTE)),
            Err(SessionError::Unknown)
        ));
    }

    fn use_within_a_minute_is_not_written_again(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let new = store.create_session(shoko, at(0)).unwrap();
        let soon = store.session(new.token.expose(), at(59)).unwrap();
        assert_eq!(soon.last_seen_at, at(0));
        let later = store.session(new.token.expose(), at(60)).unwrap();
        assert_eq!(later.last_seen_at, at(60));
    }

    fn an_ended_session_is_gone_and_the_others_stay(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let one = store.create_session(shoko, at(0)).unwrap();
        let two = store.create_session(shoko, at(0)).unwrap();
        store.end_session(one.session.id).unwrap();
        store.end_session(one.session.id).unwrap();
        assert!(matches!(
            store.session(one.token.expose(), at(1)),
            Err(SessionError::Unknown)
        ));
        store.session(two.token.expose(), at(1)).unwrap();
    }

    fn ending_all_ends_every_sign_in_of_one_account_only(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let nourin = register(&store, 2, "staff.nourin");
        let page = store.create_session(shoko, at(0)).unwrap();
        let api = store.start_refresh(shoko, at(0)).unwrap();
        let other = store.create_session(nourin, at(0)).unwrap();
        assert_eq!(store.end_all(shoko).unwrap(), 2);
        assert!(store.session(page.token.expose(), at(1)).is_err());
        assert!(store.refresh(api.token.expose(), at(1)).is_err());
        store.session(other.token.expose(), at(1)).unwrap();
    }

    fn a_disabled_account_loses_its_sign_ins_and_gets_no_new_ones(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let page = store.create_session(shoko, at(0)).unwrap();
        let api = store.start_refresh(shoko, at(0)).unwrap();
        store.disable(shoko, at(1)).unwrap();
        assert!(store.session(page.token.expose(), at(2)).is_err());
        assert!(store.refresh(api.token.expose(), at(2)).is_err());
        for signed_in in [page.session.signed_in(), api.signed_in] {
            assert!(!store.still_signed_in(&signed_in, at(2)).unwrap());
        }
        assert!(matches!(
            store.create_session(shoko, at(2)),
            Err(SessionError::AccountClosed)
        ));
        assert!(matches!(
            store.create_session(account(9), at(2)),
            Err(SessionError::AccountClosed)
        ));
    }

    fn a_sign_in_stands_until_its_own_limits(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        let page = store.create_session(shoko, at(0)).unwrap();
        let api = store.start_refresh(shoko, at(0)).unwrap();
        let stands = |signed_in, seconds| store.still_signed_in(&signed_in, at(seconds)).unwrap();
        assert!(stands(page.session.signed_in(), HOUR - 1));
        assert!(!stands(page.session.signed_in(), HOUR));
        assert!(stands(api.signed_in, 30 * 24 * HOUR - 1));
        assert!(!stands(api.signed_in, 30 * 24 * HOUR));
        let strangers = SignedIn {
            account: account(2),
            ..api.signed_in
        };
        assert!(!stands(strangers, 1));
    }

    fn pruning_removes_what_has_run_out_and_nothing_else(ground: &Ground) {
        let store = ground.store();
        let shoko = register(&store, 1, "staff.shoko");
        store.create_session(shoko, at(0)).unwrap();
        store.start_refresh(shoko, at(0)).unwrap();
        assert!(store.verify_password("x", "y", "z", at(0)).is_err());
        assert_eq!(store.prune(at(1)).unwrap(), Pruned::default());
        let fresh = store.create_session(shoko, at(90 * 24 * HOUR)).unwrap();
        assert_eq!(
            store.prune(at(90 * 24 * HOUR)).unwrap(),
            Pruned {
                sessions: 1,
                refresh_families: 1,
                failed_attempts: 1
            }
        );
        store
            .session(fresh.token.expose(), at(90 * 24 * HOUR + 1))
            .unwrap();
    }

    on_both_databases! {
        a_session_is_found_by_its_token_and_by_nothing_else,
        each_session_has_its_own_csrf_token,
        a_session_in_use_outlives_the_idle_limit_but_not_the_absolute_one,
        a_session_ends_after_an_hour_without_use,
        use_within_a_minute_is_not_written_again,
        an_ended_session_is_gone_and_the_others_stay,
        ending_all_ends_every_sign_in_of_one_account_only,
        a_disabled_account_loses_its_sign_ins_and_gets_no_new_ones,
        a_sign_in_stands_until_its_own_limits,
        pruning_removes_what_has_run_out_and_nothing_else,
    }
}
