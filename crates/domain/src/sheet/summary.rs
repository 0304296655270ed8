//! Counts with their denominators: a headline number never stands without them.

use serde::{Deserialize, Serialize};

use super::{Row, Verdict};
use crate::fiscal_year::FiscalYear;
use crate::plan::IndicatorKind;

/// Counts of a sheet or of one goal for the evaluated year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// 事業数: named projects, ended ones and those without KPI included.
    pub projects: u32,
    /// KPI数: indicators with targets; monitor-only ones and numeric goals are outside.
    pub kpis: u32,
    /// KPIs with a verdict of achieved.
    pub achieved: u32,
    /// KPIs with a verdict of not achieved.
    pub not_achieved: u32,
    /// KPIs without target or figure for the year.
    pub not_evaluable: u32,
    /// KPIs whose direction nobody has decided.
    pub undecided: u32,
    /// 実績値の管理.
    pub monitor_only: u32,
    /// Projects without KPI.
    pub projects_without_kpi: u32,
    /// 数値目標.
    pub numeric_goals: u32,
    /// KPIs judged on a provisional figure.
    pub provisional: u32,
}

impl Summary {
    /// KPIs that could be evaluated: the denominator of what was achieved.
    pub const fn evaluable(&self) -> u32 {
        self.achieved + self.not_achieved
    }

    /// Counts one row.
    pub(super) fn count(&mut self, row: &Row, year: FiscalYear) {
        match row.kind {
            IndicatorKind::NumericGoal => self.numeric_goals += 1,
            IndicatorKind::MonitorOnly => self.monitor_only += 1,
            IndicatorKind::NoKpi => self.projects_without_kpi += 1,
            IndicatorKind::Kpi => {
                self.kpis += 1;
                let verdict = row
                    .judgement(year)
                    .map_or(Verdict::NotEvaluable, |judgement| judgement.verdict);
                match verdict {
                    Verdict::Achieved => self.achieved += 1,
                    Verdict::NotAchieved => self.not_achieved += 1,
                    Verdict::Undecided => self.undecided += 1,
                    Verdict::NotEvaluable | Verdict::MonitorOnly | Verdict::NoKpi => {
                        self.not_evaluable += 1
                    }
                }
                if matches!(verdict, Verdict::Achieved | Verdict::NotAchieved)
                    && row.is_provisional(year)
                {
                    self.provisional += 1;
                }
            }
        }
    }

    /// Adds the counts of a part.
    pub(super) fn add(&mut self, part: &Self) {
        self.projects += part.projects;
        self.kpis += part.kpis;
        self.achieved += part.achieved;
        self.not_achieved += part.not_achieved;
        self.not_evaluable += part.not_evaluable;
        self.undecided += part.undecided;
        self.monitor_only += part.monitor_only;
        self.projects_without_kpi += part.projects_without_kpi;
        self.numeric_goals += part.numeric_goals;
        self.provisional += part.provisional;
    }

    /// The sentence that sheets and pages print:
    /// «46指標中 評価対象41、達成21、未達成20、対象外5、ほか実績管理2、KPI設定なし4事業».
    pub fn ja(&self) -> String {
        let undecided = if self.undecided > 0 {
            format!("、方向性未定{}", self.undecided)
        } else {
            String::new()
        };
        format!(
            "{}指標中 評価対象{}、達成{}、未達成{}、対象外{}{undecided}、ほか実績管理{}、KPI設定なし{}事業",
            self.kpis,
            self.evaluable(),
            self.achieved,
            self.not_achieved,
            self.not_evaluable,
            self.monitor_only,
            self.projects_without_kpi,
        )
    }
}
