//! The store in one SQLite file, opened with care.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, TransactionBehavior, params_from_iter};

use crate::database::{Reading, Row, Value, Writing};
use crate::store_error::{StoreError, during};
use crate::{owner_only, schema};

/// How long to wait for another process (a backup, the command line) that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file, or as much memory.
pub(crate) struct SqliteFile {
    connection: Mutex<Connection>,
}

impl SqliteFile {
    /// Opens the file in its folder, making both where they are missing.
    pub(crate) fn open(folder: &Path, file_name: &str) -> Result<Self, StoreError> {
        let file = owner_only::prepare(folder, file_name)?;
        let connection = Connection::open_with_flags(
            &file,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(during("open its file"))?;
        Self::over(connection)
    }

    /// Without a file.
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        Self::over(Connection::open_in_memory().map_err(during("open in memory"))?)
    }

    fn over(mut connection: Connection) -> Result<Self, StoreError> {
        connection
            .busy_timeout(BUSY_TIMEOUT)
            .and_then(|()| connection.pragma_update(None, "secure_delete", true))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            // Scratch files would hold copies of what is later erased.
            .and_then(|()| connection.pragma_update(None, "temp_store", "MEMORY"))
            .and_then(|()| connection.pragma_update(None, "journal_mode", "WAL"))
            .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
            .map_err(during("set itself up"))?;
        let health: String = connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(during("check its health"))?;
        if health != "ok" {
            return Err(StoreError::Damaged { detail: health });
        }
        schema::migrate(&mut connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Runs `work` in one transaction, kept if it returns `Ok`.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&dyn Writing) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(during("begin a change"))?;
        let done = work(&OnSqlite(&tx))?;
        tx.commit().map_err(during("make a change durable"))?;
        Ok(done)
    }

    /// Runs `work` without a transaction of its own.
    pub(crate) fn read<T, E>(
        &self,
        work: impl FnOnce(&dyn Reading) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&OnSqlite(&self.connection()))
    }

    /// Moves everything out of the write-ahead log and empties it, so that deleted rows are
    /// in neither file. `Ok(false)`: another process holds the file.
    pub(crate) fn scrub(&self) -> Result<bool, StoreError> {
        self.connection()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(|busy| busy == 0)
            .map_err(during("empty its write-ahead log"))
    }

    /// A panic while the lock was held has rolled its transaction back, so the connection
    /// behind a poisoned lock is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct OnSqlite<'a>(&'a Connection);

impl OnSqlite<'_> {
    fn run<T>(
        &self,
        doing: &'static str,
        sql: &str,
        step: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.0
            .prepare_cached(sql)
            .and_then(|mut statement| step(&mut statement))
            .map_err(during(doing))
    }
}

impl Reading for OnSqlite<'_> {
    fn query(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        self.run(doing, sql, |statement| {
            let columns = statement.column_count();
            statement
                .query_map(params_from_iter(values), |row| {
                    (0..columns)
                        .map(|column| value(row.get_ref(column)?))
                        .collect::<rusqlite::Result<_>>()
                        .map(Row::new)
                })?
                .collect()
        })
    }
}

impl Writing for OnSqlite<'_> {
    fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, StoreError> {
        self.run(doing, sql, |statement| {
            statement.execute(params_from_iter(values))
        })
    }
}

fn value(column: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(_) => Value::Text(column.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // No column of the schema is one.
        ValueRef::Real(_) => Err(rusqlite::types::FromSqlError::InvalidType)?,
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
