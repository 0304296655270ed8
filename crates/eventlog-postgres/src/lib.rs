//! The shared log: several nodes of the service append to one PostgreSQL (15 or later).
//!
//! # The way of an append
//!
//! 1. [`PostgresLog`] puts it into a bounded queue; one task per node takes what waits there
//!    as a group (`writer`).
//! 2. While the head is where this node left it, the group is judged by what the node knows
//!    (`known`). One statement, a transaction by itself, moves the head if it is still there, and
//!    adds the events and full tiles (`transaction`).
//! 3. If another node has moved the head, if a stream is not known here, or if a command turns
//!    out to be recorded already, that statement does nothing, and the group goes the careful
//!    way: one round trip locks the head and reads what the group is judged by, a second one
//!    records and commits.
//! 4. Only then the callers are answered. The other nodes are told soon after (`watcher`).
//!
//! The head row's lock is held until the commit, so positions have no gaps and readers never
//! see one event before an earlier one, however many nodes there are. The rules of an append are
//! [`daicho_eventlog::Admission`]'s.
//!
//! # What is known after a failure
//!
//! With synchronous replication a commit is answered when a standby has it too. Four things
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
//! - A statement can be under way on a connection that was given up. Each connection for
//!   appending begins a new term of the head, in which statements of earlier ones do nothing.
//!
//! After an unknown outcome the connection is dropped and the group gets
//! [`LogError::Io`](daicho_eventlog::LogError::Io), which is retriable: sent again with its
//! command id, an append gets its first outcome or is recorded now.

mod connector;
mod flight;
mod group;
mod known;
mod migration;
mod options;
mod pace;
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
