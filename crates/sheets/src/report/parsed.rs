//! From a sheet that was read.

use daicho_domain::FiscalYear;
use daicho_domain::sheet::judge;

use super::{
    IndicatorReport, PlaceReport, PlanReport, SheetReport, SourceReport, SubtotalCounts,
    SubtotalReport,
};
use crate::direction::{RowDirection, directions};
use crate::document::{ParsedRow, ParsedSheet};
use crate::finding::findings;
use crate::plan_file::PlanFile;

/// What a dry run prints of a sheet that was read. Without a plan file, directions are
/// proposals, and the verdicts follow the proposals.
pub fn of_parsed(sheet: &ParsedSheet, file: Option<&PlanFile>) -> SheetReport {
    let merged = sheet.merged_into(file.map_or(&[], |file| &file.separate));
    let directions = directions(sheet, file);
    let indicators = sheet
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let first = merged[index].map(|first| &sheet.rows[first]);
            parsed_row(sheet, file, row, first, &directions[index])
        })
        .collect();
    let counted = sheet.computed_subtotals();
    let subtotals = sheet.subtotals.iter().map(|printed| {
        let (projects, kpis) = counted.of(printed.goal);
        let computed = SubtotalCounts { projects, kpis };
        let printed_counts = SubtotalCounts {
            projects: printed.projects,
            kpis: printed.kpis,
        };
        SubtotalReport {
            line: Some(printed.line),
            goal: printed.goal.map(|goal| goal_heading(sheet, goal)),
            printed: Some(printed_counts),
            computed,
            ok: printed_counts == computed,
        }
    });
    let term = match file {
        Some(file) => Some((file.term_from, file.term_to)),
        None => sheet
            .years
            .first()
            .copied()
            .zip(sheet.years.last().copied()),
    };
    SheetReport {
        plan: PlanReport {
            municipality_code: file.map(|file| file.municipality_code.clone()),
            municipality: file.map(|file| file.municipality.clone()),
            title: file.map(|file| file.title.clone()),
            term: term.map(|(from, to)| [from.short(), to.short()]),
            evaluated_year: sheet.evaluated_year.map(FiscalYear::short),
            fiscal_years: sheet.years.clone(),
            source: Some(SourceReport {
                encoding: sheet.source.encoding.name().to_owned(),
                byte_order_mark: sheet.source.byte_order_mark,
                line_ending: sheet.source.line_ending.to_owned(),
                lines: sheet.layout.len(),
                sha256: sheet.source.sha256.clone(),
            }),
        },
        counts: sheet.counts(),
        subtotals: subtotals.collect(),
        indicators,
        issues: findings(sheet, file).iter().map(Into::into).collect(),
    }
}

fn goal_heading(sheet: &ParsedSheet, goal: usize) -> String {
    let goal = &sheet.goals[goal];
    format!("基本目標{} {}", goal.number, goal.title)
}

fn parsed_row(
    sheet: &ParsedSheet,
    file: Option<&PlanFile>,
    row: &ParsedRow,
    first: Option<&ParsedRow>,
    direction: &RowDirection,
) -> IndicatorReport {
    let headings = sheet.headings(row);
    let judged = |year: &FiscalYear| {
        judge(
            row.kind,
            direction.direction,
            row.targets.get(year),
            row.actuals.get(year),
        )
    };
    let due = sheet
        .years
        .iter()
        .filter(|year| sheet.evaluated_year.is_some_and(|last| **year <= last));
    IndicatorReport {
        line: Some(row.line),
        goal: goal_heading(sheet, row.goal),
        policy: headings
            .policy
            .map(|policy| format!("{} {}", policy.number, policy.title)),
        measure: headings
            .measure
            .map(|measure| format!("{} {}", measure.number, measure.title)),
        project: headings.project.map(|project| project.title.clone()),
        name: (!row.name.is_empty()).then(|| row.name.clone()),
        kind: row.kind.code(),
        // One indicator has one unit, whatever its second place writes.
        unit: first.unwrap_or(row).unit.clone(),
        baseline: row.baseline.as_ref().map(Into::into),
        final_target: row.final_target.as_ref().map(Into::into),
        targets: row.targets.clone(),
        actuals: row.actuals.clone(),
        total_target: row.total_target.clone(),
        total_actual: row.total_actual.clone(),
        direction: direction.direction.code(),
        direction_confirmed: direction.is_confirmed,
        department: file
            .and_then(|file| file.department_of(sheet, first.unwrap_or(row)))
            .map(|department| department.name.clone()),
        no_kpi_reason: row.no_kpi_reason.clone(),
        placement_of: first.map(|first| PlaceReport::Line(first.line)),
        verdicts: due.map(|year| (*year, (&judged(year)).into())).collect(),
        commentary: sheet
            .evaluated_year
            .filter(|_| !row.commentary.is_empty())
            .map(|year| (year, row.commentary.clone()))
            .into_iter()
            .collect(),
    }
}
