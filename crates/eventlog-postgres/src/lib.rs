//! The shared log: several nodes of the service append to one PostgreSQL (15 or later).
//!
//! # The way of an append
//!
//! 1. [`PostgresLog`] puts it into a bounded queue; one task per node takes what waits there
//!    as a group (`writer`).
//! 2. One round trip begins a transaction, locks the head row, and reads what the group is
//!    judged by: the versions of its streams, its command ids, and the events that other
//!    nodes added (`transaction`).
//! 3. The group is judged in order, each append on top of those before it (`judging`), and
//!    the node's copy of the Merkle tree grows (`tree`).
//! 4. A second round trip inserts events and full tiles, moves the head, notifies the other
//!    nodes and commits. Only then the callers are answered.
//!
//! The head row's lock is held until the commit, so positions have no gaps and readers never
//! see one event before an earlier one, however many nodes there are.
//!
//! # What is known after a failure
//!
//! With synchronous replication a commit is answered when a standby has it too. Three things
//! would undo that promise, and are kept from doing so:
//!
//! - PostgreSQL waits only for transactions that wrote something. A command that is found
//!   to be recorded already was perhaps never replicated, so that answer writes a WAL record
//!   and waits as well.
//! - A server that has crashed and recovered shows rows that no standby has. So every new
//!   connection first writes a WAL record and waits for it: what is read behind that is
//!   replicated (`connector`).
//! - A cancelled wait ends in success with a warning. Nothing here ever cancels; a warning
//!   counts as an unknown outcome.
//!
//! After an unknown outcome the connection is dropped and the group gets
//! [`LogError::Io`](daicho_eventlog::LogError::Io), which is retriable: sent again with its
//! command id, an append gets its first outcome or is recorded now.

mod connector;
mod judging;
mod migration;
mod options;
mod postgres_log;
mod reading;
mod session;
mod state;
mod transaction;
mod tree;
mod watcher;
mod writer;

pub use migration::migrate;
pub use options::Options;
pub use postgres_log::PostgresLog;
