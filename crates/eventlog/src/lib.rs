//! The event log's contract: streams, positions, expected versions, typed
//! metadata, and what an append promises. It stores bytes and metadata and knows
//! nothing of what the events mean.
//!
//! # The contract
//!
//! - Events have a [`GlobalPosition`] in the whole log and a [`StreamPosition`] in
//!   their [`StreamName`]; both count from 0 without gaps.
//! - An [`Append`] names the [`ExpectedVersion`] of every stream that it writes and of
//!   every stream that it only relied on. All are checked at one moment, and all its
//!   events are recorded or none, across a crash too.
//! - The command id of an append is its idempotency key, without a time window: sent
//!   again, it gives the first outcome and records nothing.
//! - Nothing is acknowledged before it is durable, and nothing is visible before that.
//!
//! # Evidence
//!
//! The stored bytes of an event ([`RecordedEvent::to_stored_bytes`]) are one
//! self-contained JSON document with a fixed field order. They are the unit of proof:
//! the Merkle tree over the log (RFC 6962) takes exactly these bytes as its leaves, in
//! global order. So they must never be re-encoded differently, and a field can only be
//! added in a way that leaves old documents as they are. [`evidence`] has the tree, its
//! signed heads and the proofs.
//!
//! # Backends
//!
//! [`MemoryLog`] is for tests and demonstrations. A backend proves itself with the
//! suite in `conformance` (feature `conformance`). [`Admission`] states the rules of an append
//! for all of them; what it judges by is [`Recorded`]: the [`LogIndex`] of a backend that keeps
//! its index in memory, or what a database was asked.

mod admission;
mod append;
mod command_index;
#[cfg(feature = "conformance")]
#[expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "the suite is test code; panicking is how a case fails"
)]
pub mod conformance;
mod encoded_append;
mod event;
mod event_log;
pub mod evidence;
mod expected_version;
mod index_segment;
mod log_error;
mod log_index;
mod memory_log;
mod metadata;
mod position;
mod stored_event;
mod stream_name;

pub use admission::{Admission, AdmittedEvent, Ahead, Recorded};
pub use append::{Append, AppendOutcome, InvalidAppend, MAX_APPEND_BYTES};
pub use encoded_append::EncodedAppend;
pub use event::{NewEvent, RecordedEvent};
pub use event_log::{EventLog, RestoreLog};
pub use expected_version::{ExpectedVersion, WrongExpectedVersion};
pub use index_segment::IndexSegment;
pub use log_error::LogError;
pub use log_index::{LogIndex, OutOfOrder};
pub use memory_log::MemoryLog;
pub use metadata::{EventActor, Metadata};
pub use position::{GlobalPosition, StreamPosition};
pub use stored_event::{MAX_EVENT_BYTES, StoredEventHead, UnreadableEvent};
pub use stream_name::{InvalidStreamName, StreamName};
