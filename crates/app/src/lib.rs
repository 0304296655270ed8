//! The use cases: commands are handled, questions are answered, and every one of them is
//! authorised here. This is the only crate that appends to the log, and what appends takes
//! nothing but an [`Authorized`](daicho_access::Authorized) command.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod activity;
mod app;
mod clock;
mod error;
mod export;
mod handle;
mod import;
mod position;
mod query;
mod verify;

pub use activity::Through;
pub use app::App;
pub use clock::{Clock, IdSource, Surroundings};
pub use daicho_access::Caller;
pub use daicho_projections::{
    DepartmentProgress, HistoryEntry, HistoryKind, Inbox, InboxItem, Progress, Refusal, Task,
};
pub use error::AppError;
pub use export::{Export, ExportFormat, ExportRequest};
pub use handle::{CommandId, Done};
pub use import::{ImportOutcome, ImportRequest, read_entry, read_sheet};
pub use position::Position;
pub use query::{
    AccountInfo, PlanInfo, PublicationInfo, Published, ReportPlace, ReportView, Viewer,
};
pub use verify::{Discrepancy, Verification};
