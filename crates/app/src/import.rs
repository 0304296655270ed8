//! Reading a sheet into the records.

use daicho_access::Caller;
use daicho_domain::{MunicipalityId, PlanId};

use crate::position::Position;

/// A sheet to be read.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// Name of the file as given.
    pub file_name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// The plan file (TOML); needed for anything but a dry run.
    pub plan_file: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Whether results that the sheet holds are adopted; without them only the plan is.
    pub with_results: bool,
}

/// What was read, and what came of it.
#[derive(Clone, Debug)]
pub struct ImportOutcome {
    /// The report for people and scripts (`import --json`).
    pub report: serde_json::Value,
    /// The report as lines for a terminal.
    pub lines: Vec<String>,
    /// Whether errors keep the sheet from being imported.
    pub is_blocked: bool,
    /// Events that were, or in a dry run would be, appended, by name.
    pub events: std::collections::BTreeMap<&'static str, usize>,
    /// The plan that was adopted.
    pub plan: Option<PlanId>,
    /// Everything up to here contains it.
    pub position: Option<Position>,
}
