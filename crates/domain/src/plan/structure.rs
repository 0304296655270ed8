//! The tree of a plan and the places of indicators in it.

use serde::{Deserialize, Serialize};

use crate::id::{GoalId, IndicatorId, MeasureId, PlacementId, PolicyId, ProjectId};
use crate::indicator::{Baseline, FinalTarget};

/// 基本目標.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Its identity.
    pub id: GoalId,
    /// Number as printed after 基本目標 (`1`).
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 施策 (1), (2)… in the sheet's order; may be empty.
    pub policies: Vec<Policy>,
}

impl Goal {
    /// The heading as sheets print it: `基本目標1 安定した雇用を…`.
    pub fn heading(&self) -> String {
        format!("基本目標{} {}", self.number, self.title)
    }
}

/// A large 施策, printed as «(1)».
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its identity.
    pub id: PolicyId,
    /// Number as printed (`(1)`).
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 施策 ①, ②… in the sheet's order; may be empty.
    pub measures: Vec<Measure>,
}

impl Policy {
    /// The heading as sheets print it: `(1) 人材育成・雇用対策`.
    pub fn heading(&self) -> String {
        format!("{} {}", self.number, self.title)
    }
}

/// A 施策, printed as «①».
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Its identity.
    pub id: MeasureId,
    /// Number as printed (`①`); the glyph is kept.
    pub number: String,
    /// Title without the number.
    pub title: String,
    /// 事業 in the sheet's order; may be empty.
    pub projects: Vec<Project>,
}

impl Measure {
    /// The heading as sheets print it: `① 地域人材の就労支援`.
    pub fn heading(&self) -> String {
        format!("{} {}", self.number, self.title)
    }
}

/// 事業.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its identity.
    pub id: ProjectId,
    /// 事業名 as printed.
    pub title: String,
}

/// What role an indicator plays at a place of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndicatorKind {
    /// 数値目標 of a goal.
    NumericGoal,
    /// 重要業績評価指標 with targets; the only kind that KPI数 counts.
    Kpi,
    /// 実績値の管理: actuals without targets.
    MonitorOnly,
    /// A project for which no KPI is set; only commentary is written.
    NoKpi,
}

impl IndicatorKind {
    /// The code used in files and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NumericGoal => "numeric_goal",
            Self::Kpi => "kpi",
            Self::MonitorOnly => "monitor_only",
            Self::NoKpi => "no_kpi",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::NumericGoal => "数値目標",
            Self::Kpi => "KPI",
            Self::MonitorOnly => "実績値の管理",
            Self::NoKpi => "KPI設定なし",
        }
    }

    /// Whether KPI数 counts it (rule found in DOMAIN 1.2).
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Kpi)
    }

    /// Whether a figure is reported, or commentary alone.
    pub const fn has_figure(self) -> bool {
        !matches!(self, Self::NoKpi)
    }
}

/// What the sheet says of an indicator at one place; two places of one indicator may say it
/// differently (観光入込客数: 千人 at one, 件 at the other, DOMAIN Q1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// 原文: the cell that packs name, baseline and target, as written.
    pub expression: String,
    /// The baseline as stated here.
    pub baseline: Option<Baseline>,
    /// The final target as stated here.
    pub final_target: Option<FinalTarget>,
    /// Why there is no target or no KPI, as stated here.
    pub no_kpi_reason: Option<String>,
}

/// One place of an indicator in the sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Its identity.
    pub id: PlacementId,
    /// The indicator that stands here.
    pub indicator: IndicatorId,
    /// The goal that it stands under.
    pub goal: GoalId,
    /// The project that it stands under; a numeric goal has none.
    pub project: Option<ProjectId>,
    /// Its role here.
    pub kind: IndicatorKind,
    /// What the sheet says here.
    pub statement: Statement,
    /// Line of the imported document, counted from 1.
    pub source_line: Option<u32>,
}
