//! The embedded event log: a journal that is the truth, sled behind it.
//!
//! # The way of an append
//!
//! 1. [`SledLog`] encodes its events and puts it into a bounded queue; one writer thread takes
//!    what waits there as a group (`writer`).
//! 2. The group is judged against the index, and against groups that are not durable yet, and
//!    packed into blocks (`group`, `block`).
//! 3. One journal record holds the group; it is written and fdatasynced (`journal`), while the
//!    writer is at the next group.
//! 4. Only then readers see the events and the callers get their answers (`visible`).
//! 5. The same blocks go into sled (`feeder`). A second thread flushes *and fdatasyncs* sled; at
//!    most 1 MiB waits for that, or reordered writes after a power cut could destroy
//!    what sled held before (`sled_store`).
//!
//! sled can so be rebuilt from the journal at any time, and a sled that silently lost
//! its end is noticed. What happens at the start is in `open`.
//!
//! # The folder
//!
//! | | |
//! |---|---|
//! | `lock` | held while in use; the process id, or empty after a clean shutdown |
//! | `journal/N.journal` | records from position N on |
//! | `journal/spare` | the next file, being prepared |
//! | `journal/N.torn-at-B` | remains of an interrupted write, kept as evidence |
//! | `sled/` | sled's own files: blocks, full tiles of the tree, signed heads |
//! | `checkpoints` | the signed heads once more, a line each |
//! | `index/FROM-UNTIL.segment` | the index over these events: a cache |
//! | `ballast` | zeros, given up when the disk is too full to open the log |
//! | `sled.damaged-N/` | a sled that did not open, kept as evidence |
//!
//! The stored bytes of each event are the leaves of the log's Merkle tree, in global
//! order. Each journal record says the tree's root before and after it; full tiles are in sled,
//! and the right edge is in memory.

mod block;
mod checkpoint_file;
mod disk;
mod feeder;
mod folder_lock;
mod group;
mod index_file;
mod index_sealer;
mod journal;
mod named_thread;
mod open;
mod options;
mod request;
mod sled_log;
mod sled_store;
mod storage;
mod verification;
mod visible;
mod writer;

pub use journal::{Trimmed, scan::TornTail};
pub use open::{OpenError, OpenReport, OpenStage, SetAside};
pub use options::Options;
pub use sled_log::SledLog;
pub use verification::{Difference, Verification};
