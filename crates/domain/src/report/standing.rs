//! Where a report stands, seen together with its period and targets.

use jiff::Timestamp;

use super::{ContentHash, Report, ReportCell, ReportStage, content_hash};
use crate::fiscal_year::FiscalYear;
use crate::indicator::IndicatorState;
use crate::period::{PeriodStage, PeriodState};
use crate::sheet::RULE_VERSION;

/// A report with everything that decides what may be done with it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The report itself, with [`Report::reopened`] and [`Report::corrected`] as the period's
    /// publications make them.
    pub report: Report,
    /// The stage, publication taken into account.
    pub stage: ReportStage,
    /// The hash of the content as it is now.
    pub content: ContentHash,
    /// The target version that the figure is judged against.
    pub target_version: Option<u32>,
    /// Whether the year was opened and entry is not closed.
    pub period_is_open: bool,
    /// Whether any publication contains the report.
    pub was_published: bool,
}

impl Standing {
    /// Where `indicator`'s report for `year` stands.
    pub fn of(indicator: &IndicatorState, year: FiscalYear, period: Option<&PeriodState>) -> Self {
        let mut report = indicator.report(year);
        let target_version = indicator
            .targets_in_force(year)
            .map(|version| version.number);
        let content = content_hash(indicator.id, year, &report, target_version, RULE_VERSION);
        let published = period.and_then(|period| period.published_content(indicator.id));
        let stage = match report.stage {
            ReportStage::Accepted | ReportStage::Adopted if published == Some(content) => {
                ReportStage::Published
            }
            stage => stage,
        };
        if published.is_some() {
            // Publication closes entry for good. A report that left its accepted state after it
            // is therefore changed cell by cell, even where a return and no unlock caused that.
            report.reopened |= !matches!(
                stage,
                ReportStage::Accepted | ReportStage::Adopted | ReportStage::Published
            );
            let first_published_at = period
                .and_then(|period| period.publications.first())
                .map(|publication| publication.at);
            report.corrected |=
                report.last_change.as_ref().map(|change| change.at) > first_published_at;
        }
        Self {
            stage,
            content,
            target_version,
            period_is_open: period.is_some_and(|period| period.stage == PeriodStage::Open),
            was_published: published.is_some(),
            report,
        }
    }

    /// Whether staff may change `cell` at `now`: in an open period before submission or after a
    /// return, or where the cell is unlocked. A reopened report opens only the cell that was
    /// unlocked or that a return names.
    pub fn is_editable(&self, cell: ReportCell, now: Timestamp) -> bool {
        if self
            .report
            .unlock_in_force(now)
            .is_some_and(|unlock| unlock.cell == cell)
        {
            return true;
        }
        if self.report.reopened {
            return self
                .report
                .returned
                .as_ref()
                .is_some_and(|returned| returned.cell == cell)
                && self.stage == ReportStage::Returned;
        }
        self.period_is_open && self.stage.is_editable()
    }

    /// Whether somebody has approved what no longer stands.
    pub fn is_stale(&self) -> bool {
        self.report.has_stale_approval(self.content)
    }
}
