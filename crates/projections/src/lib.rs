//! Read models and the projector that folds the log into them.
//!
//! [`ReadModels`] is one value: the [`World`](daicho_domain::World), the history of every
//! figure, the refusals and the publications. It is persistent, so a reader keeps the one it
//! took and never waits for the writer; [`Projector`] makes the next one and swaps it in.
//! Inbox, progress and sheet are computed from it when they are asked for.
//!
//! [`Snapshot`] keeps read models in a file, so that a start does not have to fold the whole log.
//! It is a cache and never a source: what the log says is found out by [`fold`] and
//! [`Projector::rebuild`], which know nothing of snapshots.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod canonical;
mod decode;
mod digest;
mod fold;
mod history;
mod inbox;
mod progress;
mod projector;
mod publication;
mod read_models;
mod refusal;
mod snapshot;

pub use decode::{Decoded, Undecodable, decode};
pub use digest::{Difference, ReadModelsDigest};
pub use fold::fold;
pub use history::{HistoryEntry, HistoryKind};
pub use inbox::{Inbox, InboxItem, Task};
pub use progress::{DepartmentProgress, Progress};
pub use projector::{ProjectionError, Projector, Rebuilt, Stuck};
pub use publication::PublishedSheet;
pub use read_models::ReadModels;
pub use refusal::Refusal;
pub use snapshot::{
    Distrust, Distrusted, LoadedSnapshot, READ_MODELS_FORMAT, Snapshot, SnapshotError,
};
