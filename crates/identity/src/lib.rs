//! Who is at the door: the register of people, their passwords, sessions and tokens.
//!
//! The log keeps for ever that something happened; this crate keeps what must be possible
//! to change and to erase. Everything lives in one owner-only SQLite file, or in a schema of
//! its own in PostgreSQL, which several nodes share; see [`IdentityStore`]. Time and
//! randomness are passed in; calls block (a password takes tens of milliseconds, PostgreSQL
//! a network away some more), so asynchronous callers put them on a blocking thread.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod access_token;
mod attempt;
mod credential;
mod database;
mod entropy;
mod erasure;
mod hashing;
mod home;
mod key_cache;
mod lifetimes;
mod moving;
mod naming;
mod owner_only;
mod password;
mod person;
mod postgres;
mod refresh;
mod schema;
mod secret;
mod session;
mod sign_in;
mod signing_key;
mod sqlite_file;
mod store;
mod store_error;

#[cfg(test)]
mod fixture;

pub use access_token::{Access, AccessTokenError, IssuedAccess, JwtIssuer};
pub use attempt::{FAILURE_WINDOW, FAILURES_MAX};
pub use credential::Credential;
pub use entropy::Entropy;
pub use hashing::HashCost;
pub use lifetimes::Lifetimes;
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordRefused};
pub use person::{NewPerson, Person, PersonError, Standing};
pub use postgres::{PostgresSaid, PostgresSettings};
pub use refresh::{RefreshError, Refreshed};
pub use session::{NewSession, Session, SessionError, SessionId, SignedIn};
pub use sign_in::{SetPasswordError, SignInError};
pub use store::{IDENTITY_FILE, IdentityStore, Pruned, Settings};
pub use store_error::StoreError;

/// The public keys document of `/.well-known/jwks.json` (RFC 7517).
pub use jsonwebtoken::jwk::JwkSet;
