//! A plan that has one of everything.

use std::collections::BTreeMap;

use daicho_domain::cell::{Cell, CellStatus};
use daicho_domain::indicator::{
    Aggregation, Basis, Definition, Direction, DirectionDecision, FinalTarget, TargetSet,
};
use daicho_domain::plan::{
    AdoptedReport, Decision, GoalDraft, IndicatorDraft, IndicatorKind, MeasureDraft,
    PlacementDraft, PlanDraft, PolicyDraft, ProjectDraft, Statement,
};
use daicho_domain::report::Commentary;
use daicho_domain::{DepartmentId, FiscalYear, IndicatorId, PlacementId, ProjectId};
use jiff::civil::date;

use super::cast::*;

pub fn number(text: &str) -> Cell {
    Cell::number(text, text.replace(',', "").parse().unwrap())
}

pub fn decision(reason: &str) -> Decision {
    Decision {
        decided_by: "総合戦略推進委員会".into(),
        decided_on: Some(date(2020, 3, 27)),
        reason: reason.into(),
    }
}

fn place(id: PlacementId, indicator: IndicatorId, kind: IndicatorKind) -> PlacementDraft {
    PlacementDraft {
        id,
        indicator,
        kind,
        statement: Statement {
            expression: "観光入込客数".into(),
            baseline: None,
            final_target: None,
            no_kpi_reason: (kind == IndicatorKind::NoKpi).then(|| "KPI設定なし".into()),
        },
        source_line: None,
    }
}

fn project(id: ProjectId, title: &str, placements: Vec<PlacementDraft>) -> ProjectDraft {
    ProjectDraft {
        id,
        title: title.into(),
        placements,
    }
}

pub fn targets(years: &[(FiscalYear, &str)]) -> TargetSet {
    TargetSet {
        years: years
            .iter()
            .map(|(year, target)| (*year, number(target)))
            .collect(),
        final_target: years.last().map(|(_, target)| FinalTarget {
            cell: number(target),
            basis_label: "令和7年".into(),
            basis: Some(Basis::FinalYear),
        }),
        total: None,
        effective_from: R3,
        decision: decision("計画の策定"),
    }
}

fn indicator(id: IndicatorId, name: &str, unit: &str, department: DepartmentId) -> IndicatorDraft {
    IndicatorDraft {
        id,
        definition: Definition {
            name: name.into(),
            unit: (!unit.is_empty()).then(|| unit.into()),
            aggregation: Aggregation::EachYear,
            cycle_years: None,
        },
        department: Some(department),
        targets: None,
        direction: None,
        adopted: BTreeMap::new(),
    }
}

pub fn direction(direction: Direction) -> DirectionDecision {
    DirectionDecision {
        direction,
        decision: decision("指標の性質による"),
    }
}

/// The plan of the scenario; nothing is adopted with it.
pub fn small_plan() -> PlanDraft {
    PlanDraft {
        id: PLAN,
        municipality: CITY,
        title: "第2期総合戦略".into(),
        term_from: R3,
        term_to: R7,
        decision: decision("第2期の策定"),
        goals: vec![GoalDraft {
            id: GOAL,
            number: "1".into(),
            title: "安定した雇用を創出する".into(),
            numeric_goals: vec![place(
                TOURISTS_AT_GOAL,
                TOURISTS,
                IndicatorKind::NumericGoal,
            )],
            policies: vec![PolicyDraft {
                id: POLICY,
                number: "(1)".into(),
                title: "人材育成・雇用対策".into(),
                measures: vec![MeasureDraft {
                    id: MEASURE,
                    number: "①".into(),
                    title: "就労支援".into(),
                    projects: vec![
                        project(
                            TOURISM_PROJECT,
                            "観光振興事業",
                            vec![place(TOURISTS_AT_PROJECT, TOURISTS, IndicatorKind::Kpi)],
                        ),
                        project(
                            JOBS_PROJECT,
                            "就労支援事業",
                            vec![
                                place(JOBS_PLACE, JOBS, IndicatorKind::Kpi),
                                place(VISITS_PLACE, VISITS, IndicatorKind::MonitorOnly),
                            ],
                        ),
                        project(
                            CLUB_PROJECT,
                            "老人クラブ事業",
                            vec![place(CLUB_PLACE, CLUB, IndicatorKind::NoKpi)],
                        ),
                    ],
                }],
            }],
        }],
        indicators: vec![
            IndicatorDraft {
                targets: Some(targets(&[(R3, "1627"), (R4, "1660"), (R5, "1700")])),
                direction: Some(direction(Direction::Higher)),
                ..indicator(TOURISTS, "観光入込客数", "千人", COMMERCE)
            },
            IndicatorDraft {
                targets: Some(targets(&[(R3, "10"), (R4, "12"), (R5, "14")])),
                ..indicator(JOBS, "新規就業者数", "人", COMMERCE)
            },
            indicator(VISITS, "相談件数", "件", COMMERCE),
            indicator(CLUB, "", "", WELFARE),
        ],
        document: None,
    }
}

/// The same plan, with R3's results of every indicator but `entered` taken over from a sheet.
/// The monitored indicator's commentary is missing there, as it sometimes is.
pub fn plan_with_adopted_results(entered: &[IndicatorId]) -> PlanDraft {
    let mut plan = small_plan();
    for indicator in &mut plan.indicators {
        let places: &[PlacementId] = match indicator.id {
            _ if entered.contains(&indicator.id) => continue,
            TOURISTS => &[TOURISTS_AT_GOAL, TOURISTS_AT_PROJECT],
            JOBS => &[JOBS_PLACE],
            CLUB => &[CLUB_PLACE],
            _ => &[],
        };
        let actual = match indicator.id {
            CLUB => None,
            VISITS => Some(Cell::absent("—", CellStatus::DashUnclassified)),
            _ => Some(number("902.9")),
        };
        indicator.adopted.insert(
            R3,
            AdoptedReport {
                actual,
                commentary: places
                    .iter()
                    .map(|place| (*place, Commentary::from_original("原本のとおり")))
                    .collect(),
                printed_total: None,
            },
        );
    }
    plan
}
