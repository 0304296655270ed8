//! Publications, each with the world that it was made in.

use daicho_domain::{FiscalYear, PlanId, World};
use jiff::Timestamp;

/// A published sheet. Keeping the world costs little: it shares everything that did not
/// change with the worlds before and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSheet {
    /// The plan.
    pub plan: PlanId,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// 1 for the first publication.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Position of the publishing event.
    pub position: u64,
    /// Why, for a correction.
    pub reason: Option<String>,
    /// Everything as it stood at that position.
    pub world: World,
}
