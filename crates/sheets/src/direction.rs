//! Which way is good: what a plan file decides, or a proposal for a dry run.

use std::collections::BTreeMap;

use daicho_domain::indicator::{Direction, DirectionDecision};
use daicho_domain::plan::{Decision, IndicatorKind};

use crate::document::{ParsedRow, ParsedSheet};
use crate::plan_file::PlanFile;

/// Words in an indicator's name for which less is better. Kept short on purpose: a wrong
/// proposal costs more than a missing one.
pub const LESS_IS_BETTER: [&str; 5] = ["待機", "滞納", "自殺者", "犯罪認知", "交通事故"];

/// Words in a commentary by which its author doubts that more is better (DOMAIN Q40).
pub const DOUBTS: [&str; 2] = ["必ずしも良い", "必ずしもよい"];

/// The direction of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDirection {
    /// Which way is good.
    pub direction: Direction,
    /// Whether somebody has decided it; a proposal is not confirmed.
    pub is_confirmed: bool,
    /// The decision to record.
    pub decision: Option<DirectionDecision>,
}

/// A proposal from the row alone.
pub fn propose(row: &ParsedRow) -> Direction {
    let has_target = matches!(row.kind, IndicatorKind::Kpi | IndicatorKind::NumericGoal);
    let is_doubted = DOUBTS.iter().any(|words| row.commentary.contains(words));
    if !has_target || is_doubted {
        Direction::Undefined
    } else if LESS_IS_BETTER.iter().any(|word| row.name.contains(word)) {
        Direction::Lower
    } else {
        Direction::Higher
    }
}

/// The direction of every row. With a plan file it is what the file decides (nothing, where it
/// has no `[directions]`); without one it is a proposal. Rows of one indicator share it.
pub fn directions(sheet: &ParsedSheet, plan_file: Option<&PlanFile>) -> Vec<RowDirection> {
    let Some(file) = plan_file else {
        let proposals = sheet.merged_into(&[]).into_iter().enumerate();
        return proposals
            .map(|(index, first)| RowDirection {
                direction: propose(&sheet.rows[first.unwrap_or(index)]),
                is_confirmed: false,
                decision: None,
            })
            .collect();
    };
    let merged = sheet.merged_into(&file.separate);
    let mut places: BTreeMap<usize, Vec<&ParsedRow>> = BTreeMap::new();
    for (index, row) in sheet.rows.iter().enumerate() {
        let indicator = merged[index].unwrap_or(index);
        places.entry(indicator).or_default().push(row);
    }
    let directions: BTreeMap<usize, RowDirection> = places
        .into_iter()
        .map(|(indicator, rows)| (indicator, decided(file, &rows)))
        .collect();
    (0..sheet.rows.len())
        .map(|index| directions[&merged[index].unwrap_or(index)].clone())
        .collect()
}

fn decided(file: &PlanFile, rows: &[&ParsedRow]) -> RowDirection {
    let nothing = RowDirection {
        direction: Direction::Undefined,
        is_confirmed: false,
        decision: None,
    };
    let Some(directions) = &file.directions else {
        return nothing;
    };
    let exception = directions
        .exceptions
        .iter()
        .find(|exception| rows.iter().any(|row| exception.names(row)));
    let (direction, reason) = match exception {
        Some(exception) => (exception.direction, exception.reason.as_ref()),
        None => {
            let has_target = rows
                .iter()
                .any(|row| matches!(row.kind, IndicatorKind::Kpi | IndicatorKind::NumericGoal));
            if !has_target {
                return nothing;
            }
            (directions.default, None)
        }
    };
    RowDirection {
        direction,
        is_confirmed: true,
        decision: Some(DirectionDecision {
            direction,
            decision: Decision {
                decided_by: directions.decided_by.clone(),
                decided_on: directions.decided_on,
                reason: reason.unwrap_or(&directions.reason).clone(),
            },
        }),
    }
}
