//! Moving a store from one database to the other.

use std::sync::PoisonError;

use crate::database::{Reading, Row, Value, Writing, values};
use crate::schema::TABLES;
use crate::secret::{self, ATTEMPT_KEY};
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// Rows in one statement.
const ROWS_AT_ONCE: usize = 500;

impl IdentityStore {
    /// Copies everything to `other`, which may be kept in the other database and has to be
    /// empty: people, passwords, sessions, refresh families, failed attempts, keys and
    /// secrets, so that nobody is signed out by the move. It happens wholly or not at all.
    ///
    /// Nothing may use either store meanwhile: what changes here after the copy began is not
    /// copied, and another node that has `other` open goes on with keys that are replaced.
    /// What this store holds stays in it; destroy it once the move is done.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], or what either database said.
    pub fn copy_all_to(&self, other: &Self) -> Result<(), StoreError> {
        // In a transaction, so that all tables are read as they were at one moment.
        let content: Vec<Vec<Row>> = self.write(|tx| {
            TABLES
                .iter()
                .map(|(table, columns)| read_all(tx, table, columns))
                .collect::<Result<_, StoreError>>()
        })?;
        let content: Vec<Vec<Value>> = content
            .into_iter()
            .map(|rows| rows.into_iter().flat_map(Row::into_values).collect())
            .collect();
        let attempt_key = other.write(|tx| {
            refuse_unless_empty(tx)?;
            // What it made for itself when it was opened.
            for statement in ["DELETE FROM signing_key", "DELETE FROM store_secret"] {
                tx.execute("make room for a move", statement, values![])?;
            }
            for ((table, columns), cells) in TABLES.iter().zip(&content) {
                insert_all(tx, table, columns, cells)?;
            }
            other.random(|entropy| secret::own(tx, ATTEMPT_KEY, entropy))
        })?;
        *other
            .attempt_key
            .write()
            .unwrap_or_else(PoisonError::into_inner) = attempt_key;
        Ok(())
    }
}

fn read_all(db: &dyn Reading, table: &str, columns: &[&str]) -> Result<Vec<Row>, StoreError> {
    db.query(
        "read a table to move it",
        &format!("SELECT {} FROM {table}", columns.join(", ")),
        values![],
    )
}

fn insert_all(
    tx: &dyn Writing,
    table: &str,
    columns: &[&str],
    cells: &[Value],
) -> Result<(), StoreError> {
    for cells in cells.chunks(ROWS_AT_ONCE * columns.len()) {
        let parameters: Vec<String> = (1..=cells.len()).map(|n| format!("?{n}")).collect();
        let rows: Vec<String> = parameters
            .chunks(columns.len())
            .map(|row| format!("({})", row.join(", ")))
            .collect();
        tx.execute(
            "write a table that moves in",
            &format!(
                "INSERT INTO {table} ({}) VALUES {}",
                columns.join(", "),
                rows.join(", ")
            ),
            cells,
        )?;
    }
    Ok(())
}

/// A store that was only opened has one signing key and one secret of its own.
fn refuse_unless_empty(db: &dyn Reading) -> Result<(), StoreError> {
    for (table, _) in TABLES {
        let rows = match *table {
            "signing_key" => "signing_key WHERE retired_at IS NOT NULL",
            "store_secret" => "store_secret WHERE name <> 'attempt-key'",
            table => table,
        };
        let found = db.is_true(
            "look whether it is empty",
            &format!("SELECT EXISTS (SELECT 1 FROM {rows})"),
            values![],
        )?;
        if found {
            return Err(StoreError::NotEmpty { table });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
