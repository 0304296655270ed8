//! What the tests of this crate share: stores in both databases, people, and a clock that is
//! a number.

mod ground;
mod postgres_server;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use daicho_domain::AccountId;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Entropy, HashCost, IdentityStore, NewPerson, Settings, StoreError};

pub(crate) use daicho_postgres::throwaway_server::available as server_available;
pub(crate) use ground::{Case, Ground, hold_in_postgres, on_both_databases};
pub(crate) use postgres_server::{Admin, Server};

pub(crate) const PASSWORD: &str = "kestrel ox vine umbrella";

pub(crate) fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

/// `seconds` after some morning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-04-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn quick() -> Settings {
    Settings {
        hash_cost: HashCost::QUICK_FOR_TESTS,
        ..Settings::default()
    }
}

/// An empty folder of the owner's alone, gone with the value.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
}

/// As predictable as [`Entropy::predictable`], without saying so: only a test may.
pub(crate) fn seeded(seed: u64) -> Entropy {
    let mut seeded = Entropy::predictable(seed);
    Entropy::from_fn(move |buffer| {
        for byte in buffer {
            [*byte] = seeded.bytes();
        }
    })
}

/// Opens a store in a file.
pub(crate) fn open(folder: &Path, settings: Settings) -> Result<IdentityStore, StoreError> {
    IdentityStore::open(folder, settings, seeded(2), at(0))
}

pub(crate) fn register(store: &IdentityStore, number: u128, sign_in_name: &str) -> AccountId {
    store
        .register(
            &NewPerson {
                account: account(number),
                sign_in_name,
                display_name: &format!("{sign_in_name} さん"),
                mail: None,
            },
            at(0),
        )
        .unwrap()
        .account
}

/// A person who can sign in with [`PASSWORD`].
pub(crate) fn with_password(store: &IdentityStore, number: u128, sign_in_name: &str) -> AccountId {
    let account = register(store, number, sign_in_name);
    store.set_password(account, PASSWORD, &[], at(0)).unwrap();
    account
}

/// Whether any file of the store holds these bytes.
pub(crate) fn holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        std::fs::read(entry.unwrap().path())
            .unwrap()
            .windows(needle.len())
            .any(|window| window == needle)
    })
}
