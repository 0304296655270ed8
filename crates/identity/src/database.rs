//! Statements in words that both databases understand.
//!
//! Each statement is written once, for SQLite and PostgreSQL alike: parameters as `?1`,
//! times as microseconds in a 64-bit integer, ids and hashes as bytes, yes and no as they
//! come. Nothing here can be printed: values are names, hashes and keys.

use daicho_domain::AccountId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::session::SessionId;
use crate::store_error::StoreError;

/// What a statement is given, and what a row holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// A whole number, a time, or 0 and 1 for no and yes.
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Reads.
pub(crate) trait Reading {
    /// All rows of the answer. `doing` completes "the identity store could not …".
    fn query(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError>;

    /// The first row of the answer, if there is one.
    fn first(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(doing, sql, values)?.into_iter().next())
    }

    /// Whether the one value of the answer is true.
    fn is_true(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<bool, StoreError> {
        self.first(doing, sql, values)?
            .map_or(Ok(false), |row| row.get(0))
    }
}

/// Reads and changes, within one transaction.
pub(crate) trait Writing: Reading {
    /// Changes rows; returns how many.
    fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, StoreError>;
}

/// One row of an answer.
pub(crate) struct Row(Vec<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The value of a column, counted from 0.
    pub(crate) fn get<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        self.0
            .get(column)
            .and_then(T::from_value)
            .ok_or_else(|| StoreError::Damaged {
                detail: format!("column {column} of an answer holds what does not belong there"),
            })
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.0
    }
}

/// What can be read from a column.
pub(crate) trait FromValue: Sized {
    /// `None` if the value is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }
}

impl FromValue for AccountId {
    fn from_value(value: &Value) -> Option<Self> {
        FromValue::from_value(value).map(|bytes| Self(Uuid::from_bytes(bytes)))
    }
}

impl FromValue for SessionId {
    fn from_value(value: &Value) -> Option<Self> {
        FromValue::from_value(value).map(|bytes| Self(Uuid::from_bytes(bytes)))
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        Self::from_microsecond(i64::from_value(value)?).ok()
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<AccountId> for Value {
    fn from(account: AccountId) -> Self {
        account.0.into_bytes().into()
    }
}

impl From<SessionId> for Value {
    fn from(session: SessionId) -> Self {
        session.0.into_bytes().into()
    }
}

/// Microseconds since 1970.
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Integer(at.as_microsecond())
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.as_ref().map_or(Self::Null, Self::from)
    }
}

/// The values of a statement, in the order of its parameters.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::database::Value::from($value)),*]
    };
}
pub(crate) use values;

/// The moment `duration` before `now`, or the earliest that there is.
pub(crate) fn before(now: Timestamp, duration: jiff::SignedDuration) -> Timestamp {
    now.checked_sub(duration).unwrap_or(Timestamp::MIN)
}
