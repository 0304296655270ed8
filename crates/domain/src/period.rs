//! A plan's fiscal year: when it may be filled in, and what was published of it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::fiscal_year::FiscalYear;
use crate::id::{IndicatorId, PlanId};
use crate::report::ContentHash;

/// Whether reports may be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodStage {
    /// Departments may enter and submit.
    Open,
    /// Entering is over; what was submitted can still be approved and accepted.
    Closed,
}

/// The version of one report that a publication contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedReport {
    /// Whose report.
    pub indicator: IndicatorId,
    /// The exact content published.
    pub content: ContentHash,
}

/// One publication of a fiscal year's sheet; number 1 is the first, higher ones are corrections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// 1 for the first publication of the year.
    pub number: u32,
    /// When it was published.
    pub at: Timestamp,
    /// Position of the publishing event in the log.
    pub position: u64,
    /// Why, for a correction (正誤).
    pub reason: Option<String>,
    /// What it contains.
    pub reports: Vec<PublishedReport>,
}

/// What is known of a plan's fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodState {
    /// The plan.
    pub plan: PlanId,
    /// The fiscal year that is evaluated.
    pub fiscal_year: FiscalYear,
    /// Whether reports may be entered.
    pub stage: PeriodStage,
    /// Day by which departments are to submit.
    pub due: Date,
    /// All publications, the first one first.
    pub publications: Vec<Publication>,
}

impl PeriodState {
    /// The publication that the public reads now.
    pub fn latest_publication(&self) -> Option<&Publication> {
        self.publications.last()
    }

    /// The content of `indicator`'s report that is published now.
    pub fn published_content(&self, indicator: IndicatorId) -> Option<ContentHash> {
        self.latest_publication()?
            .reports
            .iter()
            .find(|report| report.indicator == indicator)
            .map(|report| report.content)
    }
}
