//! The way of a report: submission, withdrawal, return, approval, acceptance, unlocking.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::{report_scope, report_subject, standing};
use super::{
    Action, Command, Context, Fact, REASON_CHARACTERS_MAX, Scope, Subject, reason_is_complete,
    text_within,
};
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::{IndicatorId, PlanId};
use crate::plan::{PlanState, Route};
use crate::rejection::{DutyRule, Rejection};
use crate::report::{ChangeReason, ContentHash, ReportCell, ReportStage, Standing};
use crate::sheet::RULE_VERSION;
use crate::stream::StreamId;
use crate::world::View;

fn wrong_stage<T>(standing: &Standing, hint: &str, hint_ja: &str) -> Result<T, Rejection> {
    Err(Rejection::WrongStage {
        stage: standing.stage,
        hint: hint.into(),
        hint_ja: hint_ja.into(),
    })
}

/// Implements the parts that all commands about one report share.
macro_rules! about_a_report {
    ($action:ident) => {
        const ACTION: Action = Action::$action;

        fn subject(&self) -> Subject {
            report_subject(self.plan, self.indicator, self.fiscal_year)
        }

        fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
            report_scope(view, self.plan, self.indicator)
        }
    };
}

/// Submits a report to the route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmitReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The revision of the report that the submitter has seen.
    pub seen_revision: u32,
}

impl Command for SubmitReport {
    about_a_report!(SubmitReport);

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        let report = &standing.report;
        match standing.stage {
            ReportStage::Draft | ReportStage::Returned => {}
            ReportStage::NotEntered => {
                return wrong_stage(
                    &standing,
                    "enter the figure and the commentary first",
                    "先に実績値と記述を入力してください。",
                );
            }
            _ => {
                return wrong_stage(
                    &standing,
                    "it is already on its way",
                    "すでに提出されています。",
                );
            }
        }
        if !standing.period_is_open && !report.reopened {
            return Err(Rejection::PeriodNotOpen {
                fiscal_year: self.fiscal_year,
                hint: "ask the planning office to reopen it".into(),
                hint_ja: "企画課に期間の再開を依頼してください。".into(),
            });
        }
        if report.revision != self.seen_revision {
            return Err(Rejection::StaleContent {
                seen_as: "read".into(),
                current: standing.content,
            });
        }
        let has_figure = plan
            .placements_of(indicator.id)
            .any(|placement| placement.kind.has_figure());
        if has_figure && report.actual.is_none() {
            return Err(Rejection::invalid(
                "actual",
                "is missing; enter the number, or choose the reason why there is none",
                "実績値が未入力です。数値を入力するか、数値がない理由を選んでください。",
            ));
        }
        if let Some(placement) = plan
            .placements_of(indicator.id)
            .find(|placement| !report.commentary.contains_key(&placement.id))
        {
            return Err(Rejection::invalid(
                "commentary",
                format!(
                    "is missing at placement {}; write why the figure is what it is and what comes next",
                    placement.id
                ),
                "増減理由・今後の取組が未入力です。入力してから提出してください。",
            ));
        }
        // A correction has its own deadline, the unlock's; the year's due date is long past.
        let late = !report.reopened
            && view
                .period(self.plan, self.fiscal_year)
                .is_some_and(|period| context.today() > period.due);
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportSubmitted {
                fiscal_year: self.fiscal_year,
                content: standing.content,
                route_version: plan.route().version,
                late,
            },
        )])
    }
}

/// Takes a submission back before the next step acts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WithdrawReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
}

impl Command for WithdrawReport {
    about_a_report!(WithdrawReport);

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (_, indicator, standing) = standing(view, self.plan, self.indicator, self.fiscal_year)?;
        if standing.stage != ReportStage::Submitted {
            return wrong_stage(
                &standing,
                "only a submission that nobody has approved yet can be withdrawn; ask for a return",
                "取り下げできるのは、承認される前の提出だけです。差戻しを依頼してください。",
            );
        }
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportWithdrawn {
                fiscal_year: self.fiscal_year,
            },
        )])
    }
}

/// Returns a report to its department with a comment tied to a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReturnReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// What is asked for.
    pub comment: String,
    /// The part that it is about.
    pub cell: ReportCell,
}

impl Command for ReturnReport {
    about_a_report!(ReturnReport);

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        text_within("comment", &self.comment, REASON_CHARACTERS_MAX)?;
        let awaited = match context.actor.role {
            crate::actor::Role::Approver => {
                approval_awaited(&standing, route_of(plan, &standing)).is_some()
            }
            _ => matches!(
                standing.stage,
                ReportStage::Approved | ReportStage::Accepted
            ),
        };
        if !awaited {
            return wrong_stage(
                &standing,
                "it can be returned only by the one whose step is next",
                "差戻しできるのは、次の手続を担当する方だけです。",
            );
        }
        if let ReportCell::Commentary(placement) = self.cell
            && !plan.is_place_of(placement, indicator.id)
        {
            return Err(Rejection::not_found("place of this indicator in the sheet"));
        }
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportReturned {
                fiscal_year: self.fiscal_year,
                comment: self.comment.clone(),
                cell: self.cell,
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.comment.clone())
    }
}

/// Nobody takes two steps of one route or approves what they entered; delegations included.
fn duties_are_separate(standing: &Standing, step: u8, context: &Context) -> Result<(), Rejection> {
    let report = &standing.report;
    let me = &context.actor;
    if report
        .contributors()
        .any(|contributor| contributor.shares_a_person_with(me))
    {
        return Err(Rejection::SeparationOfDuties {
            rule: DutyRule::OwnContent,
        });
    }
    let other_steps = report
        .steps
        .iter()
        .filter(|taken| taken.step != step)
        .map(|taken| &taken.by);
    if report
        .submitted_by
        .iter()
        .chain(other_steps)
        .any(|other| other.shares_a_person_with(me))
    {
        return Err(Rejection::SeparationOfDuties {
            rule: DutyRule::TwoSteps,
        });
    }
    Ok(())
}

fn must_be_what_was_read(standing: &Standing, seen: ContentHash) -> Result<(), Rejection> {
    if seen == standing.content {
        Ok(())
    } else {
        Err(Rejection::StaleContent {
            seen_as: "read".into(),
            current: standing.content,
        })
    }
}

/// Number of approvals of the route that were given to the content as it is now.
fn approvals_that_hold(standing: &Standing, route: &Route) -> usize {
    (0..route.approvals.len())
        .take_while(|step| {
            standing
                .report
                .steps
                .iter()
                .any(|taken| usize::from(taken.step) == *step && taken.content == standing.content)
        })
        .count()
}

/// The approval that is due next, with its name: also where more than one is asked for, or one
/// has become stale because targets were revised.
fn approval_awaited<'r>(standing: &Standing, route: &'r Route) -> Option<(usize, &'r str)> {
    if !matches!(
        standing.stage,
        ReportStage::Submitted | ReportStage::Approved | ReportStage::Accepted
    ) {
        return None;
    }
    let step = approvals_that_hold(standing, route);
    route.approvals.get(step).map(|name| (step, name.as_str()))
}

fn route_of<'p>(plan: &'p PlanState, standing: &Standing) -> &'p Route {
    plan.route_version(standing.report.route_version)
}

fn step_number(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// Approves a report for its department: exactly the content that was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApproveReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The hash of the content that the approver has read.
    pub content: ContentHash,
}

impl Command for ApproveReport {
    about_a_report!(ApproveReport);

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        let Some((step, step_name)) = approval_awaited(&standing, route_of(plan, &standing)) else {
            return wrong_stage(
                &standing,
                "it does not wait for an approval of the department",
                "課の承認を待っている報告ではありません。",
            );
        };
        must_be_what_was_read(&standing, self.content)?;
        duties_are_separate(&standing, step_number(step), context)?;
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportApproved {
                fiscal_year: self.fiscal_year,
                step: step_number(step),
                step_name: step_name.to_owned(),
                content: standing.content,
                target_version: standing.target_version,
                rule_version: RULE_VERSION,
            },
        )])
    }
}

/// Accepts a report for the planning office: the last step of the route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The hash of the content that was read.
    pub content: ContentHash,
}

impl Command for AcceptReport {
    about_a_report!(AcceptReport);

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        let route = route_of(plan, &standing);
        if standing.stage != ReportStage::Approved {
            return wrong_stage(
                &standing,
                "it waits for another step first",
                "先に課長の承認が必要です。",
            );
        }
        must_be_what_was_read(&standing, self.content)?;
        let step = step_number(route.approvals.len());
        if approvals_that_hold(&standing, route) < route.approvals.len() {
            return Err(Rejection::StaleContent {
                seen_as: "approved".into(),
                current: standing.content,
            });
        }
        duties_are_separate(&standing, step, context)?;
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportAccepted {
                fiscal_year: self.fiscal_year,
                step,
                step_name: route.acceptance.clone(),
                content: standing.content,
                target_version: standing.target_version,
                rule_version: RULE_VERSION,
            },
        )])
    }
}

/// Opens one cell of an accepted or published report for change, for a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnlockReport {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The one part that may be changed.
    pub cell: ReportCell,
    /// Why.
    pub reason: ChangeReason,
    /// From this moment on it is locked again; at most 90 days ahead.
    pub expires_at: Timestamp,
}

/// The longest time for which a cell may be unlocked, in days.
pub const UNLOCK_DAYS_MAX: i64 = 90;

impl Command for UnlockReport {
    about_a_report!(UnlockReport);

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        reason_is_complete(&self.reason)?;
        let is_locked = match standing.stage {
            ReportStage::Accepted | ReportStage::Adopted | ReportStage::Published => true,
            // Every cell but the one that reopened it is locked: another one can turn out to
            // need a change as well, or the unlock has expired half-way.
            ReportStage::Draft | ReportStage::Returned => standing.report.reopened,
            ReportStage::NotEntered | ReportStage::Submitted | ReportStage::Approved => false,
        };
        if !is_locked {
            return wrong_stage(
                &standing,
                "only an accepted or published report is locked; return it instead",
                "解除が必要なのは確認済・公表済の報告だけです。差戻しを使ってください。",
            );
        }
        let ahead = self.expires_at.duration_since(context.now);
        if ahead <= SignedDuration::ZERO || ahead > SignedDuration::from_hours(24 * UNLOCK_DAYS_MAX)
        {
            return Err(Rejection::invalid(
                "expires_at",
                format!("must be in the future and at most {UNLOCK_DAYS_MAX} days ahead"),
                format!("解除の期限は、今から{UNLOCK_DAYS_MAX}日以内の日時を指定してください。"),
            ));
        }
        if let ReportCell::Commentary(placement) = self.cell
            && !plan.is_place_of(placement, indicator.id)
        {
            return Err(Rejection::not_found("place of this indicator in the sheet"));
        }
        Ok(vec![Fact::new(
            StreamId::Indicator(indicator.id),
            Event::ReportUnlocked {
                fiscal_year: self.fiscal_year,
                cell: self.cell,
                reason: self.reason.clone(),
                expires_at: self.expires_at,
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.ja())
    }
}
