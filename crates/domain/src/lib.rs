//! Daicho's domain: what a plan, an indicator, a report and a year are, which commands may
//! be given and which events follow from them, and how the sheet is derived.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. A command's
//! [`decide`](command::Command::decide) turns the current [`World`](world::World) into
//! events or a typed [`Rejection`](rejection::Rejection); [`World::apply`](world::World::apply)
//! folds events into state; [`sheet::Sheet::derive`] computes what people read.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

pub mod account;
pub mod actor;
pub mod calendar;
pub mod cell;
pub mod command;
pub mod department;
pub mod event;
pub mod fiscal_year;
pub mod id;
pub mod indicator;
pub mod municipality;
pub mod period;
pub mod plan;
pub mod rejection;
pub mod report;
pub mod sheet;
pub mod stream;
pub mod world;

pub use actor::{Actor, Role, Who};
pub use cell::{Cell, CellFlag, CellStatus};
pub use command::{Action, Command, Context, Fact, Scope};
pub use event::{Event, Provenance};
pub use fiscal_year::FiscalYear;
pub use id::{
    AccountId, DepartmentId, DocumentId, GoalId, GrantId, IndicatorId, MeasureId, MunicipalityId,
    PlacementId, PlanId, PolicyId, ProjectId,
};
pub use rejection::Rejection;
pub use stream::StreamId;
pub use world::{View, World};
