//! The year: opened, due, closed, published, corrected.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Action, Command, Context, Fact, REASON_CHARACTERS_MAX, Scope, Subject, text_within};
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::PlanId;
use crate::period::{PeriodStage, PeriodState, PublishedReport};
use crate::rejection::{MissingReport, Rejection};
use crate::report::{ReportStage, Standing};
use crate::stream::StreamId;
use crate::world::View;

macro_rules! about_a_period {
    ($action:ident) => {
        const ACTION: Action = Action::$action;

        fn subject(&self) -> Subject {
            Subject {
                plan: Some(self.plan),
                fiscal_year: Some(self.fiscal_year),
                ..Subject::default()
            }
        }

        fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
            view.plan(self.plan)
                .map(|plan| Scope::whole(plan.municipality))
        }
    };
}

fn opened<'w>(
    view: &View<'w>,
    plan: PlanId,
    year: FiscalYear,
) -> Result<&'w PeriodState, Rejection> {
    view.period(plan, year)
        .ok_or_else(|| Rejection::PeriodNotOpen {
            fiscal_year: year,
            hint: "open it first".into(),
            hint_ja: "先に期間を開始してください。".into(),
        })
}

/// Opens a plan's fiscal year for entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenPeriod {
    /// Which plan.
    pub plan: PlanId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// Day by which departments are to submit.
    pub due: Date,
}

impl Command for OpenPeriod {
    about_a_period!(OpenPeriod);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let plan = view.plan(self.plan)?;
        if !(plan.term_from..=plan.term_to).contains(&self.fiscal_year) {
            return Err(Rejection::invalid(
                "fiscal_year",
                format!(
                    "{} is outside the plan's term {} to {}",
                    self.fiscal_year, plan.term_from, plan.term_to
                ),
                format!(
                    "{}は計画期間({}〜{})の外です。",
                    self.fiscal_year.ja(),
                    plan.term_from.ja(),
                    plan.term_to.ja()
                ),
            ));
        }
        let stream = StreamId::Period(self.plan, self.fiscal_year);
        view.must_be_new(stream, "period")?;
        Ok(vec![Fact::new(
            stream,
            Event::PeriodOpened {
                plan: self.plan,
                fiscal_year: self.fiscal_year,
                due: self.due,
            },
        )])
    }
}

/// Changes the day by which departments are to submit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeDueDate {
    /// Which plan.
    pub plan: PlanId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The new day.
    pub due: Date,
    /// Why.
    pub reason: String,
}

impl Command for ChangeDueDate {
    about_a_period!(ChangeDueDate);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let period = opened(view, self.plan, self.fiscal_year)?;
        text_within("reason", &self.reason, REASON_CHARACTERS_MAX)?;
        if period.due == self.due {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Period(self.plan, self.fiscal_year),
            Event::PeriodDueChanged {
                previous: period.due,
                due: self.due,
                reason: self.reason.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.clone())
    }
}

/// Ends entry; what was submitted can still be approved and accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClosePeriod {
    /// Which plan.
    pub plan: PlanId,
    /// Which year.
    pub fiscal_year: FiscalYear,
}

impl Command for ClosePeriod {
    about_a_period!(ClosePeriod);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        if opened(view, self.plan, self.fiscal_year)?.stage == PeriodStage::Closed {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Period(self.plan, self.fiscal_year),
            Event::PeriodClosed {},
        )])
    }
}

/// Opens entry again before publication. After it, single cells are unlocked instead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReopenPeriod {
    /// Which plan.
    pub plan: PlanId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// Why.
    pub reason: String,
}

impl Command for ReopenPeriod {
    about_a_period!(ReopenPeriod);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let period = opened(view, self.plan, self.fiscal_year)?;
        text_within("reason", &self.reason, REASON_CHARACTERS_MAX)?;
        if !period.publications.is_empty() {
            return Err(Rejection::PeriodNotOpen {
                fiscal_year: self.fiscal_year,
                hint: "its sheet is published; unlock single cells to correct them".into(),
                hint_ja: "公表済みです。訂正する項目だけを解除してください。".into(),
            });
        }
        if period.stage == PeriodStage::Open {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Period(self.plan, self.fiscal_year),
            Event::PeriodReopened {
                reason: self.reason.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.clone())
    }
}

/// Publishes a year's sheet; a second publication is a correction and needs a reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishSheet {
    /// Which plan.
    pub plan: PlanId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// Why, for a correction.
    pub reason: Option<String>,
}

impl PublishSheet {
    /// Every report as it would be published, or what keeps the sheet from it.
    fn reports(
        &self,
        view: &View<'_>,
        period: &PeriodState,
    ) -> Result<Vec<PublishedReport>, Rejection> {
        let mut reports = Vec::new();
        let mut missing = Vec::new();
        for id in view.plan(self.plan)?.indicators() {
            let standing = Standing::of(
                view.indicator(self.plan, id)?,
                self.fiscal_year,
                Some(period),
            );
            let is_ready = matches!(
                standing.stage,
                ReportStage::Accepted | ReportStage::Adopted | ReportStage::Published
            );
            if is_ready && !standing.is_stale() {
                reports.push(PublishedReport {
                    indicator: id,
                    content: standing.content,
                });
            } else {
                missing.push(MissingReport {
                    indicator: id,
                    stage: standing.stage,
                });
            }
        }
        if missing.is_empty() {
            Ok(reports)
        } else {
            Err(Rejection::NotComplete { missing })
        }
    }
}

impl Command for PublishSheet {
    about_a_period!(PublishSheet);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let period = opened(view, self.plan, self.fiscal_year)?;
        let reports = self.reports(view, period)?;
        let event = match period.latest_publication() {
            None => Event::SheetPublished { number: 1, reports },
            Some(latest) => {
                let corrected: Vec<_> = reports
                    .iter()
                    .filter(|report| !latest.reports.contains(report))
                    .map(|report| report.indicator)
                    .collect();
                if corrected.is_empty() {
                    return Err(Rejection::invalid(
                        "fiscal_year",
                        format!(
                            "publication {} is still what stands; there is nothing to correct",
                            latest.number
                        ),
                        "公表済みの内容から変わっていません。訂正する項目がありません。",
                    ));
                }
                let reason = self.reason.as_deref().unwrap_or_default();
                text_within("reason", reason, REASON_CHARACTERS_MAX)?;
                Event::CorrectionPublished {
                    number: latest.number + 1,
                    reason: reason.to_owned(),
                    reports,
                    corrected,
                }
            }
        };
        Ok(vec![Fact::new(
            StreamId::Period(self.plan, self.fiscal_year),
            event,
        )])
    }

    fn reason(&self) -> Option<String> {
        self.reason.clone()
    }
}
