//! How far each department is.

use std::collections::BTreeMap;

use daicho_domain::report::{ReportStage, Standing};
use daicho_domain::{DepartmentId, FiscalYear, PlanId, World};
use jiff::civil::Date;

/// How far one department is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepartmentProgress {
    /// The department; none for indicators that nobody is assigned to.
    pub department: Option<DepartmentId>,
    /// Reports by stage.
    pub stages: BTreeMap<ReportStage, usize>,
    /// Reports submitted after the due date or not submitted although it has passed.
    pub late: usize,
    /// Reports with an approval that has become stale.
    pub stale: usize,
}

impl DepartmentProgress {
    /// All reports of the department.
    pub fn reports(&self) -> usize {
        self.stages.values().sum()
    }

    /// Reports that wait for nothing any more.
    pub fn done(&self) -> usize {
        [
            ReportStage::Accepted,
            ReportStage::Adopted,
            ReportStage::Published,
        ]
        .iter()
        .filter_map(|stage| self.stages.get(stage))
        .sum()
    }
}

/// How far a plan's fiscal year is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The plan.
    pub plan: PlanId,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// Day by which departments are to submit; none where the year was never opened.
    pub due: Option<Date>,
    /// Every department that reports something, in the order of ids.
    pub departments: Vec<DepartmentProgress>,
}

impl Progress {
    /// How far `plan` is with `fiscal_year` on the day `today`.
    pub fn of(world: &World, plan: PlanId, fiscal_year: FiscalYear, today: Date) -> Option<Self> {
        let state = world.plan(plan)?;
        let period = world.period(plan, fiscal_year);
        let mut departments: BTreeMap<Option<DepartmentId>, DepartmentProgress> = BTreeMap::new();
        for indicator in state
            .indicators()
            .into_iter()
            .filter_map(|id| world.indicator(id))
        {
            let standing = Standing::of(indicator, fiscal_year, period);
            let department =
                departments
                    .entry(indicator.department)
                    .or_insert_with(|| DepartmentProgress {
                        department: indicator.department,
                        ..DepartmentProgress::default()
                    });
            *department.stages.entry(standing.stage).or_default() += 1;
            department.stale += usize::from(standing.is_stale());
            let is_late = period.is_some_and(|period| match standing.report.submitted_at {
                Some(at) => daicho_domain::command::local_date(at) > period.due,
                None => today > period.due && standing.stage.is_editable(),
            });
            department.late += usize::from(is_late);
        }
        Some(Self {
            plan,
            fiscal_year,
            due: period.map(|period| period.due),
            departments: departments.into_values().collect(),
        })
    }
}
