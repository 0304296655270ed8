//! Targets in versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FinalTarget;
use crate::cell::Cell;
use crate::fiscal_year::FiscalYear;
use crate::plan::Decision;

/// A full set of targets, before it has a version number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSet {
    /// Target by fiscal year.
    pub years: BTreeMap<FiscalYear, Cell>,
    /// The final target with its basis.
    pub final_target: Option<FinalTarget>,
    /// The printed total of the term (5年間の合計), where a sheet has one.
    pub total: Option<Cell>,
    /// First fiscal year that is judged against this set.
    pub effective_from: FiscalYear,
    /// Who decided, when and why.
    pub decision: Decision,
}

/// A set of targets with its number; 1 is the one that the plan was adopted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetVersion {
    /// Counted from 1.
    pub number: u32,
    /// Target by fiscal year.
    pub years: BTreeMap<FiscalYear, Cell>,
    /// The final target with its basis.
    pub final_target: Option<FinalTarget>,
    /// The printed total of the term, where a sheet has one.
    pub total: Option<Cell>,
    /// First fiscal year that is judged against this version.
    pub effective_from: FiscalYear,
    /// Who decided, when and why.
    pub decision: Decision,
}

impl TargetVersion {
    /// `set` as version `number`.
    pub fn new(number: u32, set: TargetSet) -> Self {
        let TargetSet {
            years,
            final_target,
            total,
            effective_from,
            decision,
        } = set;
        Self {
            number,
            years,
            final_target,
            total,
            effective_from,
            decision,
        }
    }
}

/// One year's target before and after a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetChange {
    /// Which year; none for the final target.
    pub fiscal_year: Option<FiscalYear>,
    /// Before; none where there was no target.
    pub previous: Option<Cell>,
    /// After.
    pub revised: Option<Cell>,
}
