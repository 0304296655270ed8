//! Statements on a connection, as the rest of the crate says them.

use std::cell::RefCell;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use super::PostgresServer;
use super::lane::Lease;
use super::said::Trouble;
use super::{PostgresSaid, TRIES_MAX};
use crate::database::{Reading, Row, Value, Writing};
use crate::store_error::StoreError;

/// A transaction that has begun.
pub(crate) struct PostgresTransaction<'a> {
    server: &'a PostgresServer,
    lease: &'a Lease<'a>,
    /// What its first failed statement met; none works after that.
    trouble: RefCell<Option<Trouble>>,
}

impl<'a> PostgresTransaction<'a> {
    pub(crate) fn new(server: &'a PostgresServer, lease: &'a Lease<'a>) -> Self {
        Self {
            server,
            lease,
            trouble: RefCell::default(),
        }
    }

    pub(crate) fn into_trouble(self) -> Option<Trouble> {
        self.trouble.into_inner()
    }

    /// The hosts, for messages.
    pub(crate) fn hosts(&self) -> &str {
        self.server.hosts()
    }

    /// Runs statements without parameters.
    pub(crate) fn batch(&self, doing: &'static str, statements: &str) -> Result<(), StoreError> {
        self.noting_trouble(doing, self.server.batch(self.lease, statements))
    }

    fn noting_trouble<T>(
        &self,
        doing: &'static str,
        answer: Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        answer.map_err(|trouble| {
            let error = StoreError::Postgres {
                doing,
                server: self.server.hosts().to_owned(),
                source: trouble.said().clone(),
            };
            self.trouble.borrow_mut().get_or_insert(trouble);
            error
        })
    }
}

impl Reading for PostgresTransaction<'_> {
    fn query(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let within = self.server.answer_timeout;
        let answer = query(self.server, self.lease, within, sql, values);
        rows(self.noting_trouble(doing, answer)?)
    }
}

impl Writing for PostgresTransaction<'_> {
    fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, StoreError> {
        let client = self.lease.client();
        let (sql, values) = (in_postgres(sql), values.to_vec());
        let answer = self.server.ask(self.server.answer_timeout, async move {
            client.execute_typed(&sql, &parameters(&values)).await
        });
        let changed = self.noting_trouble(doing, answer)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }
}

/// Asks each question on a connection that is free, and again if that was lost: a question
/// changes nothing.
pub(crate) struct Reader<'a> {
    server: &'a PostgresServer,
    patience: Duration,
    within: Duration,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(server: &'a PostgresServer, patience: Duration, within: Duration) -> Self {
        Self {
            server,
            patience,
            within,
        }
    }
}

impl Reading for Reader<'_> {
    fn query(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let mut tried = 1;
        loop {
            let lease = self.server.lease(&self.server.reading, self.patience)?;
            match query(self.server, &lease, self.within, sql, values) {
                Ok(answer) => {
                    lease.keep();
                    return rows(answer);
                }
                Err(trouble) if trouble.may_pass() && tried < TRIES_MAX => {
                    self.server.reading.forget_idle();
                    tried += 1;
                }
                Err(trouble) => return Err(self.server.failure(doing, trouble)),
            }
        }
    }
}

fn query(
    server: &PostgresServer,
    lease: &Lease<'_>,
    within: Duration,
    sql: &str,
    values: &[Value],
) -> Result<Vec<tokio_postgres::Row>, Trouble> {
    let client = lease.client();
    let (sql, values) = (in_postgres(sql), values.to_vec());
    server.ask(within, async move {
        client.query_typed(&sql, &parameters(&values)).await
    })
}

/// SQLite's `?1` is PostgreSQL's `$1`; no statement has a question mark for anything else.
fn in_postgres(sql: &str) -> String {
    sql.replace('?', "$")
}

/// With their types, so that the server needs not be asked for them first.
fn parameters(values: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    values
        .iter()
        .map(|value| -> (&(dyn ToSql + Sync), Type) {
            match value {
                // Whatever the place needs.
                Value::Null => (&None::<&str>, Type::UNKNOWN),
                Value::Integer(number) => (number, Type::INT8),
                Value::Text(text) => (text, Type::TEXT),
                Value::Bytes(bytes) => (bytes, Type::BYTEA),
            }
        })
        .collect()
}

fn rows(answer: Vec<tokio_postgres::Row>) -> Result<Vec<Row>, StoreError> {
    answer
        .iter()
        .map(|row| {
            (0..row.len())
                .map(|column| value(row, column))
                .collect::<Result<_, _>>()
                .map(Row::new)
                .map_err(|error| StoreError::Damaged {
                    detail: PostgresSaid::of(&error).to_string(),
                })
        })
        .collect()
}

fn value(row: &tokio_postgres::Row, column: usize) -> Result<Value, tokio_postgres::Error> {
    let kind = row.columns()[column].type_();
    let value = if *kind == Type::BOOL {
        row.try_get::<_, Option<bool>>(column)?
            .map(|truth| Value::Integer(truth.into()))
    } else if *kind == Type::BYTEA {
        row.try_get::<_, Option<Vec<u8>>>(column)?.map(Value::Bytes)
    } else if *kind == Type::INT8 {
        row.try_get::<_, Option<i64>>(column)?.map(Value::Integer)
    } else {
        row.try_get::<_, Option<String>>(column)?.map(Value::Text)
    };
    Ok(value.unwrap_or(Value::Null))
}
