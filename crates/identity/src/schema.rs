//! The tables, and the steps that lead from one version of them to the next.
//!
//! The steps are written for SQLite; [`in_postgres`] says them in PostgreSQL's words.

use rusqlite::{Connection, TransactionBehavior};

use crate::store_error::{StoreError, during};

/// Marks the file as this store's ("DAIC"), so that no other database is taken for it.
const APPLICATION_ID: i32 = 0x4441_4943;

/// Step `n` (from 0) turns version `n` into version `n + 1`. A released step never changes.
///
/// Times are microseconds since 1970 (UTC), ids 16 bytes, hashes 32.
pub(crate) const STEPS: &[&str] = &["
    CREATE TABLE account (
        id            BLOB PRIMARY KEY CHECK (length(id) = 16),
        standing      TEXT NOT NULL CHECK (standing IN ('active', 'disabled', 'erased')),
        registered_at INTEGER NOT NULL,
        changed_at    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE person (
        account      BLOB PRIMARY KEY REFERENCES account (id),
        sign_in_name TEXT NOT NULL UNIQUE,
        display_name TEXT NOT NULL,
        mail         TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE password (
        account BLOB PRIMARY KEY REFERENCES account (id),
        phc     TEXT NOT NULL,
        set_at  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE failed_attempt (
        id          INTEGER PRIMARY KEY,
        name_hash   BLOB NOT NULL CHECK (length(name_hash) = 32),
        source_hash BLOB NOT NULL CHECK (length(source_hash) = 32),
        at          INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX failed_attempt_by_name ON failed_attempt (name_hash, source_hash, at);
    CREATE INDEX failed_attempt_by_time ON failed_attempt (at);

    CREATE TABLE page_session (
        id           BLOB PRIMARY KEY CHECK (length(id) = 16),
        token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        account      BLOB NOT NULL REFERENCES account (id),
        csrf         TEXT NOT NULL,
        started_at   INTEGER NOT NULL,
        last_seen_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX page_session_by_account ON page_session (account);

    CREATE TABLE refresh_family (
        id           BLOB PRIMARY KEY CHECK (length(id) = 16),
        account      BLOB NOT NULL REFERENCES account (id),
        started_at   INTEGER NOT NULL,
        last_used_at INTEGER NOT NULL,
        revoked_at   INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX refresh_family_by_account ON refresh_family (account);

    CREATE TABLE refresh_token (
        token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
        family     BLOB NOT NULL REFERENCES refresh_family (id) ON DELETE CASCADE,
        used_at    INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX refresh_token_by_family ON refresh_token (family);

    CREATE TABLE signing_key (
        kid        TEXT PRIMARY KEY,
        public     BLOB NOT NULL CHECK (length(public) = 32),
        private    BLOB,
        made_at    INTEGER NOT NULL,
        retired_at INTEGER,
        CHECK ((private IS NULL) = (retired_at IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX one_signing_key_is_active
        ON signing_key ((1)) WHERE retired_at IS NULL;

    CREATE TABLE store_secret (
        name  TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// Each table with the columns that a move from one store to another copies, in an order
/// that suits references. The numbers of failed attempts are each database's own.
pub(crate) const TABLES: &[(&str, &[&str])] = &[
    (
        "account",
        &["id", "standing", "registered_at", "changed_at"],
    ),
    (
        "person",
        &["account", "sign_in_name", "display_name", "mail"],
    ),
    ("password", &["account", "phc", "set_at"]),
    ("failed_attempt", &["name_hash", "source_hash", "at"]),
    (
        "page_session",
        &[
            "id",
            "token_hash",
            "account",
            "csrf",
            "started_at",
            "last_seen_at",
        ],
    ),
    (
        "refresh_family",
        &["id", "account", "started_at", "last_used_at", "revoked_at"],
    ),
    ("refresh_token", &["token_hash", "family", "used_at"]),
    (
        "signing_key",
        &["kid", "public", "private", "made_at", "retired_at"],
    ),
    ("store_secret", &["name", "value"]),
];

/// A step as PostgreSQL takes it. Texts are compared by their bytes, as in SQLite.
pub(crate) fn in_postgres(step: &str) -> String {
    step.replace(
        "INTEGER PRIMARY KEY",
        "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    )
    .replace("INTEGER", "BIGINT")
    .replace("BLOB", "BYTEA")
    .replace("TEXT", "TEXT COLLATE \"C\"")
    .replace(") STRICT, WITHOUT ROWID;", ");")
    .replace(") STRICT;", ");")
}

/// Brings the file to the newest version, each step wholly or not at all.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(during("look at its version"))?;
    let version: usize = tx
        .pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))
        .map_err(during("read its version"))? as usize;
    let application: i32 = tx
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(during("read whose file it is"))?;
    let tables: u32 = tx
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(during("look for tables"))?;
    let untouched = version == 0 && tables == 0;
    if !untouched && application != APPLICATION_ID {
        return Err(StoreError::NotAnIdentityStore);
    }
    if version > STEPS.len() {
        return Err(StoreError::NewerVersion {
            found: version,
            known: STEPS.len(),
        });
    }
    for step in &STEPS[version..] {
        tx.execute_batch(step)
            .map_err(during("bring its tables up to date"))?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)
        .and_then(|()| tx.pragma_update(None, "user_version", STEPS.len() as i64))
        .and_then(|()| tx.commit())
        .map_err(during("record its version"))
}
