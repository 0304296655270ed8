//! From the derived sheet.

use daicho_domain::PlacementId;
use daicho_domain::indicator::Direction;
use daicho_domain::plan::{Document, SubtotalScope};
use daicho_domain::sheet::{Row, RowInContext, Sheet};

use super::{
    IndicatorReport, PlaceReport, PlanReport, SheetReport, SourceReport, SubtotalCounts,
    SubtotalReport,
};
use crate::document::Counts;

/// What an export as JSON prints beside the sheet itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportFacts<'a> {
    /// 全国地方公共団体コード.
    pub municipality_code: Option<&'a str>,
    /// 団体名.
    pub municipality: Option<&'a str>,
    /// The document that the plan was read from.
    pub document: Option<&'a Document>,
}

/// The same document from the derived sheet. There are no issues in it: they were answered when
/// the sheet was taken over.
pub fn of_sheet(sheet: &Sheet, facts: ExportFacts<'_>) -> SheetReport {
    let mut counts = Counts {
        goals: length(sheet.goals.len()),
        ..Counts::default()
    };
    for policy in sheet.goals.iter().flat_map(|goal| &goal.policies) {
        counts.policies += 1;
        counts.measures += length(policy.measures.len());
        counts.projects += policy
            .measures
            .iter()
            .map(|measure| length(measure.projects.len()))
            .sum::<u32>();
    }
    for in_context in sheet.rows() {
        counts.count(in_context.row.kind);
    }
    SheetReport {
        plan: PlanReport {
            municipality_code: facts.municipality_code.map(str::to_owned),
            municipality: facts.municipality.map(str::to_owned),
            title: Some(sheet.title.clone()),
            term: Some([sheet.term_from.short(), sheet.term_to.short()]),
            evaluated_year: Some(sheet.fiscal_year.short()),
            fiscal_years: sheet.years().collect(),
            source: facts.document.map(|document| SourceReport {
                encoding: document.encoding.clone(),
                byte_order_mark: document.byte_order_mark,
                line_ending: document.line_ending.clone(),
                lines: document.lines.len(),
                sha256: document.sha256.clone(),
            }),
        },
        counts,
        subtotals: sheet_subtotals(sheet, facts.document),
        indicators: sheet.rows().map(|row| sheet_row(sheet, row)).collect(),
        issues: Vec::new(),
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn sheet_subtotals(sheet: &Sheet, document: Option<&Document>) -> Vec<SubtotalReport> {
    let computed = |scope: SubtotalScope| {
        let summary = match scope {
            SubtotalScope::Plan => Some((None, &sheet.summary)),
            SubtotalScope::Goal(id) => sheet
                .goals
                .iter()
                .find(|goal| goal.goal == id)
                .map(|goal| (Some(goal.heading()), &goal.summary)),
        };
        summary.map(|(goal, summary)| {
            let counts = SubtotalCounts {
                projects: summary.projects,
                kpis: summary.kpis,
            };
            (goal, counts)
        })
    };
    if let Some(document) = document {
        let printed = document.subtotals.iter().filter_map(|printed| {
            let (goal, computed) = computed(printed.scope)?;
            let counts = SubtotalCounts {
                projects: printed.projects,
                kpis: printed.kpis,
            };
            Some(SubtotalReport {
                line: Some(printed.line),
                goal,
                printed: Some(counts),
                computed,
                ok: counts == computed,
            })
        });
        return printed.collect();
    }
    let scopes = sheet
        .goals
        .iter()
        .map(|goal| SubtotalScope::Goal(goal.goal))
        .chain([SubtotalScope::Plan]);
    scopes
        .filter_map(computed)
        .map(|(goal, computed)| SubtotalReport {
            line: None,
            goal,
            printed: None,
            computed,
            ok: true,
        })
        .collect()
}

fn sheet_row(sheet: &Sheet, in_context: RowInContext<'_>) -> IndicatorReport {
    let row: &Row = in_context.row;
    let place = |id: PlacementId| {
        sheet
            .rows()
            .find(|other| other.row.placement == id)
            .and_then(|other| other.row.source_line)
            .map_or(PlaceReport::Placement(id), PlaceReport::Line)
    };
    IndicatorReport {
        line: row.source_line,
        goal: in_context.goal.heading(),
        policy: in_context.policy.map(|policy| policy.heading.clone()),
        measure: in_context.measure.map(|measure| measure.heading.clone()),
        project: in_context.project.map(|project| project.title.clone()),
        name: (!row.definition.name.is_empty()).then(|| row.definition.name.clone()),
        kind: row.kind.code(),
        unit: row.definition.unit.clone(),
        baseline: row.statement.baseline.as_ref().map(Into::into),
        final_target: row.statement.final_target.as_ref().map(Into::into),
        targets: row.targets.clone(),
        actuals: row.actuals.clone(),
        total_target: row.total_target.clone(),
        total_actual: row.total_actual.clone(),
        direction: row.direction.code(),
        direction_confirmed: row.direction_decision.is_some()
            || row.direction != Direction::Undefined,
        department: None,
        no_kpi_reason: row.statement.no_kpi_reason.clone(),
        placement_of: row.placement_of.map(place),
        verdicts: row
            .judgements
            .iter()
            .map(|(year, judgement)| (*year, judgement.into()))
            .collect(),
        commentary: row
            .commentary
            .as_ref()
            .filter(|commentary| !commentary.is_blank())
            .map(|commentary| (sheet.fiscal_year, commentary.as_one_text()))
            .into_iter()
            .collect(),
    }
}
