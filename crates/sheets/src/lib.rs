//! Reading and writing evaluation sheets.
//!
//! A sheet comes in as bytes: [`encoding`] makes text of them, [`table`] lines and cells,
//! [`document`] goals, projects and indicators, [`finding`] everything that somebody should look
//! at. [`plan_file`] adds what no sheet says (municipality, term, departments, directions),
//! [`draft`](mod@draft) makes the plan to adopt, [`report`] the document that a dry run prints.
//! [`write`](mod@write) goes the other way: from the derived sheet to the bytes of a file, byte
//! for byte the imported one where nothing has changed; [`open_data`] writes the long table.
//!
//! Everything here is pure: no I/O, no clock; ids come from an id source that is passed in.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

pub mod cell;
pub mod direction;
pub mod document;
pub mod draft;
pub mod encoding;
pub mod expression;
pub mod finding;
pub mod open_data;
pub mod period;
pub mod plan_file;
pub mod report;
pub mod table;
pub mod write;

pub use cell::{CellContext, CellReading, CellRole, EntryError, read_cell, read_entry};
pub use document::{ParseHints, ParsedSheet, parse};
pub use draft::{DraftOptions, draft};
pub use finding::{Code, Finding, Severity};
pub use plan_file::PlanFile;
pub use report::{SheetReport, of_parsed, of_sheet};
pub use table::Delimiter;
pub use write::write;
