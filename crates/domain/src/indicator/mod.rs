//! An indicator: what it measures, which way is good, its targets in versions and the report
//! of every fiscal year.

mod definition;
mod direction;
mod target;

pub use definition::{Aggregation, Baseline, Basis, Definition, FinalTarget, PeriodKind};
pub use direction::{Direction, DirectionDecision};
pub use target::{TargetChange, TargetSet, TargetVersion};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fiscal_year::FiscalYear;
use crate::id::{DepartmentId, IndicatorId, PlanId};
use crate::report::Report;

/// What is known of an indicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorState {
    /// Its identity.
    pub id: IndicatorId,
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// What it measures.
    pub definition: Definition,
    /// The department that reports it now.
    pub department: Option<DepartmentId>,
    /// Which way is good, as decided last.
    pub direction: Direction,
    /// The decision behind [`Self::direction`]; without one the direction is undefined.
    pub direction_decision: Option<DirectionDecision>,
    /// Targets, oldest version first.
    pub targets: Vec<TargetVersion>,
    /// Reports by fiscal year.
    pub reports: BTreeMap<FiscalYear, Report>,
}

impl IndicatorState {
    /// The target version in force at the end of `year`: the newest one that takes effect in
    /// `year` or before (DOMAIN 2.4: a year is judged against this one).
    pub fn targets_in_force(&self, year: FiscalYear) -> Option<&TargetVersion> {
        self.targets
            .iter()
            .rev()
            .find(|version| version.effective_from <= year)
    }

    /// The report of `year`, an empty one if nothing was entered.
    pub fn report(&self, year: FiscalYear) -> Report {
        self.reports.get(&year).cloned().unwrap_or_default()
    }
}
