//! The document that a dry run prints, and that an export as JSON has the same shape of.

use std::collections::BTreeMap;

use daicho_domain::indicator::{Baseline, Direction, FinalTarget};
use daicho_domain::plan::{Document, SubtotalScope};
use daicho_domain::sheet::{Judgement, Row, RowInContext, Sheet, judge};
use daicho_domain::{Cell, FiscalYear, PlacementId};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::direction::{RowDirection, directions};
use crate::document::{Counts, ParsedRow, ParsedSheet};
use crate::finding::{Finding, findings};
use crate::plan_file::PlanFile;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SheetReport {
    /// The plan, as far as it is known.
    pub plan: PlanReport,
    /// What there is.
    pub counts: Counts,
    /// Printed subtotals beside the counts.
    pub subtotals: Vec<SubtotalReport>,
    /// Every row in the sheet's order.
    pub indicators: Vec<IndicatorReport>,
    /// Everything that somebody should look at.
    pub issues: Vec<IssueReport>,
}

impl SheetReport {
    /// Whether something has to be mended before the sheet can be taken over.
    pub fn is_blocked(&self) -> bool {
        self.issues.iter().any(|issue| issue.severity == "error")
    }
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// 全国地方公共団体コード.
    pub municipality_code: Option<String>,
    /// 団体名.
    pub municipality: Option<String>,
    /// 計画名.
    pub title: Option<String>,
    /// First and last fiscal year of the term (`["R3", "R7"]`).
    pub term: Option<[String; 2]>,
    /// The fiscal year that is evaluated (`R3`).
    pub evaluated_year: Option<String>,
    /// Western names of the columns' fiscal years.
    pub fiscal_years: Vec<FiscalYear>,
    /// The file it was read from.
    pub source: Option<SourceReport>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Encoding.
    pub encoding: String,
    /// Whether it began with a byte order mark.
    pub byte_order_mark: bool,
    /// What ends a line.
    pub line_ending: String,
    /// Number of lines.
    pub lines: usize,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A subtotal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubtotalReport {
    /// Line of the file; none where nothing is printed.
    pub line: Option<u32>,
    /// The goal it counts; none for the whole plan.
    pub goal: Option<String>,
    /// As printed.
    pub printed: Option<SubtotalCounts>,
    /// As counted.
    pub computed: SubtotalCounts,
    /// Whether both agree.
    pub ok: bool,
}

/// The two numbers of a subtotal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SubtotalCounts {
    /// 事業数.
    pub projects: u32,
    /// KPI数.
    pub kpis: u32,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndicatorReport {
    /// Line of 目標値.
    pub line: Option<u32>,
    /// 基本目標 as printed.
    pub goal: String,
    /// Large 施策 as printed.
    pub policy: Option<String>,
    /// 施策 as printed.
    pub measure: Option<String>,
    /// 事業.
    pub project: Option<String>,
    /// 指標名; none for a project without KPI.
    pub name: Option<String>,
    /// `numeric_goal`, `kpi`, `monitor_only` or `no_kpi`.
    pub kind: &'static str,
    /// 単位.
    pub unit: Option<String>,
    /// The baseline with its period.
    pub baseline: Option<BaselineReport>,
    /// The final target with its basis.
    pub final_target: Option<FinalTargetReport>,
    /// Target by fiscal year.
    pub targets: BTreeMap<FiscalYear, Cell>,
    /// Actual by fiscal year.
    pub actuals: BTreeMap<FiscalYear, Cell>,
    /// 5年間の合計 of targets.
    pub total_target: Cell,
    /// 5年間の合計 of actuals.
    pub total_actual: Cell,
    /// Which way is good.
    pub direction: &'static str,
    /// Whether somebody has decided it.
    pub direction_confirmed: bool,
    /// 担当課, where the plan file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Why there is no target or no KPI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_kpi_reason: Option<String>,
    /// The earlier place of the same indicator: its line, or its id where there are no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_of: Option<PlaceReport>,
    /// Judgement by fiscal year, up to the evaluated one.
    pub verdicts: BTreeMap<FiscalYear, VerdictReport>,
    /// Commentary by fiscal year.
    pub commentary: BTreeMap<FiscalYear, String>,
}

/// Another place of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PlaceReport {
    /// By line of the file.
    Line(u32),
    /// By its identity.
    Placement(PlacementId),
}

/// A baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineReport {
    /// The value.
    #[serde(flatten)]
    pub cell: Cell,
    /// The period as written.
    pub period: String,
    /// What kind of period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_kind: Option<daicho_domain::indicator::PeriodKind>,
    /// First year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i16>,
    /// Last year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<i16>,
    /// Length in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<u8>,
}

impl From<&Baseline> for BaselineReport {
    fn from(baseline: &Baseline) -> Self {
        Self {
            cell: baseline.cell.clone(),
            period: baseline.period_label.clone(),
            period_kind: baseline.period_kind,
            from: baseline.from,
            to: baseline.to,
            years: baseline.years,
        }
    }
}

/// A final target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinalTargetReport {
    /// The value.
    #[serde(flatten)]
    pub cell: Cell,
    /// The basis as written.
    pub basis: String,
    /// What it compares with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_kind: Option<&'static str>,
}

impl From<&FinalTarget> for FinalTargetReport {
    fn from(target: &FinalTarget) -> Self {
        Self {
            cell: target.cell.clone(),
            basis: target.basis_label.clone(),
            basis_kind: target.basis.map(|basis| basis.code()),
        }
    }
}

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictReport {
    /// Whether the target was reached.
    pub verdict: &'static str,
    /// Achievement rate in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
    /// Why there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_reason: Option<&'static str>,
}

impl From<&Judgement> for VerdictReport {
    fn from(judgement: &Judgement) -> Self {
        Self {
            verdict: judgement.verdict.code(),
            rate: judgement.rate,
            rate_reason: judgement.rate_reason.map(|reason| reason.code()),
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssueReport {
    /// The rule.
    pub code: &'static str,
    /// How much it matters.
    pub severity: &'static str,
    /// Line of the file.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
    /// What was found and what to do.
    pub message: String,
    /// The text it is about.
    pub raw: String,
}

impl From<&Finding> for IssueReport {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.code(),
            severity: finding.severity.code(),
            line: finding.line,
            column: finding.column,
            message: finding.message.clone(),
            raw: finding.raw.clone(),
        }
    }
}

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
    let subtotals = sheet.subtotals.iter().map(|printed| {
        let (projects, kpis) = sheet.computed_subtotal(printed.goal);
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
