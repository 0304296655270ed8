//! What waits for somebody.

use daicho_domain::account::Grant;
use daicho_domain::report::{ReportStage, Standing};
use daicho_domain::{DepartmentId, FiscalYear, IndicatorId, PlanId, Role, World};
use jiff::Timestamp;
use jiff::civil::Date;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// It came back with a comment: revise and submit.
    Revise,
    /// A cell was unlocked for correction.
    Correct,
    /// Enter and submit.
    Enter,
    /// Approve or return.
    Approve,
    /// Accept or return.
    Accept,
}

impl Task {
    /// The Japanese words shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Revise => "差戻しへの対応",
            Self::Correct => "訂正",
            Self::Enter => "入力・提出",
            Self::Approve => "承認",
            Self::Accept => "確認",
        }
    }
}

/// One thing that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxItem {
    /// What is to be done.
    pub task: Task,
    /// The plan.
    pub plan: PlanId,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// The indicator.
    pub indicator: IndicatorId,
    /// The department that reports it.
    pub department: Option<DepartmentId>,
    /// Where the report stands.
    pub stage: ReportStage,
    /// Day by which departments are to submit.
    pub due: Date,
    /// Whether an approval has become stale and is asked for again.
    pub is_stale: bool,
}

/// What waits for the holder of some grants, and how much of theirs is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// What waits, most urgent kind first, in the sheet's order within a kind.
    pub items: Vec<InboxItem>,
    /// All reports of the open years that are these people's to enter, approve or accept.
    pub reports: usize,
}

impl Inbox {
    /// What waits at `now` for somebody who holds `grants`.
    pub fn of(world: &World, grants: &[Grant], now: Timestamp) -> Self {
        let mut inbox = Self::default();
        for plan in world.plans() {
            for period in world.periods(plan.id) {
                for indicator in plan
                    .indicators()
                    .into_iter()
                    .filter_map(|id| world.indicator(id))
                {
                    let standing = Standing::of(indicator, period.fiscal_year, Some(period));
                    let mut is_mine = false;
                    for grant in grants
                        .iter()
                        .filter(|grant| grant.municipality == plan.municipality)
                    {
                        if grant.role.is_of_a_department()
                            && grant.department != indicator.department
                        {
                            continue;
                        }
                        is_mine |= period.publications.is_empty()
                            && matches!(grant.role, Role::Staff | Role::Approver | Role::Planning);
                        if let Some(task) = task(grant.role, &standing, now) {
                            inbox.items.push(InboxItem {
                                task,
                                plan: plan.id,
                                fiscal_year: period.fiscal_year,
                                indicator: indicator.id,
                                department: indicator.department,
                                stage: standing.stage,
                                due: period.due,
                                is_stale: standing.is_stale(),
                            });
                        }
                    }
                    inbox.reports += usize::from(is_mine);
                }
            }
        }
        inbox.items.sort_by_key(|item| item.task);
        inbox.items.dedup();
        inbox
    }
}

fn task(role: Role, standing: &Standing, now: Timestamp) -> Option<Task> {
    let stage = standing.stage;
    match role {
        Role::Staff if standing.report.unlock_in_force(now).is_some() => Some(Task::Correct),
        Role::Staff if stage == ReportStage::Returned => Some(Task::Revise),
        Role::Staff if standing.report.reopened && stage == ReportStage::Draft => {
            Some(Task::Correct)
        }
        Role::Staff if standing.period_is_open && stage.is_editable() => Some(Task::Enter),
        Role::Approver if stage == ReportStage::Submitted => Some(Task::Approve),
        Role::Approver
            if standing.is_stale()
                && matches!(stage, ReportStage::Approved | ReportStage::Accepted) =>
        {
            Some(Task::Approve)
        }
        Role::Planning if stage == ReportStage::Approved && !standing.is_stale() => {
            Some(Task::Accept)
        }
        _ => None,
    }
}
