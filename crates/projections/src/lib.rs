//! Read models and the projector that folds the log into them.
//!
//! [`ReadModels`] is one value: the [`World`](daicho_domain::World), the history of every
//! figure, the refusals and the publications. It is persistent, so a reader keeps the one it
//! took and never waits for the writer; [`Projector`] makes the next one and swaps it in.
//! Inbox, progress and sheet are computed from it when they are asked for.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod decode;
mod history;
mod inbox;
mod progress;
mod projector;
mod publication;
mod read_models;
mod refusal;

pub use decode::{Decoded, Undecodable, decode};
pub use history::{HistoryEntry, HistoryKind};
pub use inbox::{Inbox, InboxItem, Task};
pub use progress::{DepartmentProgress, Progress};
pub use projector::{ProjectionError, Projector, fold};
pub use publication::PublishedSheet;
pub use read_models::ReadModels;
pub use refusal::Refusal;
