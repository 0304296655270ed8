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
mod evidence;
mod export;
mod handle;
mod health;
mod import;
mod position;
mod query;
mod rebuild;
mod snapshots;
mod verify;

pub use activity::Through;
pub use app::App;
pub use clock::{Clock, IdSource, Surroundings};
pub use daicho_access::Caller;
pub use daicho_projections::{
    DepartmentProgress, HistoryEntry, HistoryKind, Inbox, InboxItem, Progress, Refusal, Stuck, Task,
};
pub use error::{AppError, StuckReason};
pub use evidence::{
    ActOnFigure, AddCheckpoint, Against, CheckedFigure, Claims, Countersignature, Countersigned,
    EventRole, EvidenceFindings, FIGURE_PROOF_FORMAT, FigureProof, LogKeys, LogProof, NotARequest,
    NotATile, ProofFault, ProvenEvent, PublicationClaim, StepClaim, TileAddress, WitnessRefusal,
    Witnesses, countersign,
};
pub use export::{Export, ExportFormat, ExportRequest};
pub use handle::{CommandId, Done};
pub use health::ProjectionHealth;
pub use import::{ImportOutcome, ImportRequest, read_entry, read_sheet};
pub use position::Position;
pub use query::{
    AccountInfo, PlanInfo, PublicationInfo, Published, ReportPlace, ReportView, Viewer,
};
pub use rebuild::Rebuild;
pub use snapshots::Snapshots;
pub use verify::{Discrepancy, Verification};
