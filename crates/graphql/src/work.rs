//! What waits for whom, and how far each department is.

use std::collections::BTreeMap;

use async_graphql::{Context, SimpleObject};
use daicho_domain::command::local_date;
use daicho_domain::{FiscalYear as DomainYear, IndicatorId, MunicipalityId, PlanId, sheet};

use crate::cell::Year;
use crate::failure::Failure;
use crate::people::{Department, Departments};
use crate::request::Asked;
use crate::scalar::{Date, FiscalYear, Id};
use crate::words;

/// What waits for the caller, and how much of theirs there is.
#[derive(SimpleObject)]
pub(crate) struct Inbox {
    /// What waits, most urgent kind first, in the sheet's order within a kind.
    pub items: Vec<InboxItem>,
    /// All reports of the open years that are the caller's to enter, approve or accept.
    pub reports: usize,
}

/// One thing that waits.
#[derive(SimpleObject)]
pub(crate) struct InboxItem {
    /// What is to be done.
    pub task: words::Task,
    /// What is to be done, in Japanese.
    pub task_label: &'static str,
    /// The plan.
    pub plan: Id<PlanId>,
    /// 計画名.
    pub plan_title: String,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// The fiscal year, as people write it.
    pub year: Year,
    /// The indicator.
    pub indicator: Id<IndicatorId>,
    /// 指標名, or the project's title where it has none.
    pub indicator_name: String,
    /// 基本目標, with its number.
    pub goal: String,
    /// 事業名; none for a numeric goal.
    pub project: Option<String>,
    /// The department that reports it.
    pub department: Option<Department>,
    /// Where the report stands.
    pub stage: words::ReportStage,
    /// Where it stands, in Japanese.
    pub stage_label: &'static str,
    /// Day by which departments are to submit.
    pub due: Date,
    /// Whether that day has passed.
    pub is_overdue: bool,
    /// Whether an approval has become stale and is asked for again.
    pub is_stale: bool,
}

/// How people call an indicator, and where they find it in the sheet.
struct Found {
    name: String,
    goal: String,
    project: Option<String>,
}

/// Every indicator of a sheet at its first place.
fn found_in(sheet: &sheet::Sheet) -> BTreeMap<IndicatorId, Found> {
    let mut found = BTreeMap::new();
    for place in sheet.rows() {
        let project = place.project.map(|project| project.title.clone());
        let name = &place.row.definition.name;
        found.entry(place.row.indicator).or_insert_with(|| Found {
            name: if name.is_empty() {
                project.clone().unwrap_or_default()
            } else {
                name.clone()
            },
            goal: place.goal.heading(),
            project,
        });
    }
    found
}

/// What an inbox says of one plan and year.
struct PlanYear {
    title: String,
    departments: Departments,
    indicators: BTreeMap<IndicatorId, Found>,
}

impl Inbox {
    /// `inbox`, with the names of what waits.
    pub(crate) fn of(ctx: &Context<'_>, inbox: &daicho_app::Inbox) -> Result<Self, Failure> {
        let today = local_date(ctx.app().now());
        let mut sheets: BTreeMap<(PlanId, DomainYear), PlanYear> = BTreeMap::new();
        let mut items = Vec::with_capacity(inbox.items.len());
        for item in &inbox.items {
            let sheet = match sheets.entry((item.plan, item.fiscal_year)) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let sheet = ctx
                        .app()
                        .sheet(&ctx.caller(), item.plan, item.fiscal_year)?;
                    entry.insert(PlanYear {
                        departments: Departments::of(ctx, sheet.municipality),
                        indicators: found_in(&sheet),
                        title: sheet.title,
                    })
                }
            };
            let found = sheet.indicators.get(&item.indicator);
            items.push(InboxItem {
                task: item.task.into(),
                task_label: item.task.ja(),
                plan: item.plan.into(),
                plan_title: sheet.title.clone(),
                fiscal_year: item.fiscal_year.into(),
                year: item.fiscal_year.into(),
                indicator: item.indicator.into(),
                indicator_name: found.map(|found| found.name.clone()).unwrap_or_default(),
                goal: found.map(|found| found.goal.clone()).unwrap_or_default(),
                project: found.and_then(|found| found.project.clone()),
                department: sheet.departments.get(item.department),
                stage: item.stage.into(),
                stage_label: item.stage.ja(),
                due: item.due.into(),
                is_overdue: item.due < today,
                is_stale: item.is_stale,
            });
        }
        Ok(Self {
            items,
            reports: inbox.reports,
        })
    }
}

/// How far a plan's fiscal year is, as far as the caller may know.
#[derive(SimpleObject)]
pub(crate) struct Progress {
    /// The plan.
    pub plan: Id<PlanId>,
    /// 計画名.
    pub plan_title: String,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// The fiscal year, as people write it.
    pub year: Year,
    /// Day by which departments are to submit; none where the year was never opened.
    pub due: Option<Date>,
    /// Every department that reports something.
    pub departments: Vec<DepartmentProgress>,
    /// All reports of these departments.
    pub reports: usize,
    /// Reports that wait for nothing any more.
    pub done: usize,
    /// Reports submitted after the due date or not submitted although it has passed.
    pub late: usize,
    /// Reports with an approval that has become stale.
    pub stale: usize,
}

/// How far one department is.
#[derive(SimpleObject)]
pub(crate) struct DepartmentProgress {
    /// The department; none for indicators that nobody is assigned to.
    pub department: Option<Department>,
    /// Reports by stage, in the order of the way that a report takes.
    pub stages: Vec<StageCount>,
    /// All reports of the department.
    pub reports: usize,
    /// Reports that wait for nothing any more.
    pub done: usize,
    /// Reports submitted after the due date or not submitted although it has passed.
    pub late: usize,
    /// Reports with an approval that has become stale.
    pub stale: usize,
}

/// Number of reports at one stage.
#[derive(SimpleObject)]
pub(crate) struct StageCount {
    /// The stage.
    pub stage: words::ReportStage,
    /// The stage in Japanese.
    pub label: &'static str,
    /// Number of reports.
    pub count: usize,
}

impl Progress {
    /// `progress` of a plan called `title`, with the names of the departments.
    pub(crate) fn of(
        ctx: &Context<'_>,
        progress: &daicho_app::Progress,
        title: String,
        municipality: MunicipalityId,
    ) -> Self {
        let departments = Departments::of(ctx, municipality);
        let sum = |count: fn(&daicho_app::DepartmentProgress) -> usize| {
            progress.departments.iter().map(count).sum()
        };
        Self {
            plan: progress.plan.into(),
            plan_title: title,
            fiscal_year: progress.fiscal_year.into(),
            year: progress.fiscal_year.into(),
            due: progress.due.map(Date),
            reports: sum(daicho_app::DepartmentProgress::reports),
            done: sum(daicho_app::DepartmentProgress::done),
            late: sum(|department| department.late),
            stale: sum(|department| department.stale),
            departments: progress
                .departments
                .iter()
                .map(|department| DepartmentProgress {
                    department: departments.get(department.department),
                    stages: department
                        .stages
                        .iter()
                        .map(|(stage, count)| StageCount {
                            stage: (*stage).into(),
                            label: stage.ja(),
                            count: *count,
                        })
                        .collect(),
                    reports: department.reports(),
                    done: department.done(),
                    late: department.late,
                    stale: department.stale,
                })
                .collect(),
        }
    }
}
