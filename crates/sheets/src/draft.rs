//! From a sheet and a plan file to the plan that is adopted.

use std::collections::BTreeMap;

use daicho_domain::indicator::{Aggregation, Basis, Definition, TargetSet};
use daicho_domain::plan::{
    AdoptedReport, Document, FieldRef, GoalDraft, IndicatorDraft, IndicatorKind, LayoutCell,
    LayoutLine, MeasureDraft, PlacementDraft, PlanDraft, PolicyDraft, PrintedSubtotal,
    ProjectDraft, Statement, SubtotalScope,
};
use daicho_domain::report::Commentary;
use daicho_domain::{
    CellStatus, DepartmentId, DocumentId, FiscalYear, GoalId, IndicatorId, MeasureId,
    MunicipalityId, PlacementId, PlanId, PolicyId, ProjectId,
};
use uuid::Uuid;

use crate::direction::{RowDirection, directions};
use crate::document::{ParsedField, ParsedRow, ParsedSheet};
use crate::finding::findings;
use crate::plan_file::PlanFile;

/// What a draft needs beside the sheet and the plan file.
#[derive(Clone, Copy, Debug)]
pub struct DraftOptions<'a> {
    /// Name of the file as it was given.
    pub file_name: &'a str,
    /// Whose plan.
    pub municipality: MunicipalityId,
    /// The departments that the plan file names, by name.
    pub departments: &'a BTreeMap<String, DepartmentId>,
    /// Whether the results that the sheet holds are adopted; without them it is the plan alone.
    pub with_results: bool,
}

/// Why no draft is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Something in the sheet or the plan file has to be mended first.
    #[error(
        "{count} finding(s) must be mended before anything is taken over; the first, at line {}: {message}",
        line.map_or_else(|| "-".to_owned(), |line| line.to_string())
    )]
    Blocked {
        /// How many findings block.
        count: usize,
        /// Line of the first one.
        line: Option<u32>,
        /// The first one, in Japanese.
        message: String,
    },
    /// A department of the plan file that the municipality does not have.
    #[error("there is no department '{0}'; open it first, or mend its name in the plan file")]
    UnknownDepartment(String),
}

/// Makes the plan to adopt. Ids are taken from `ids` in a fixed order, so the same ids give the
/// same draft.
///
/// # Errors
/// Where a finding blocks, or the plan file names a department that is not in
/// [`DraftOptions::departments`].
pub fn draft(
    sheet: &ParsedSheet,
    file: &PlanFile,
    options: DraftOptions<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Result<PlanDraft, DraftError> {
    let found = findings(sheet, Some(file));
    let mut blocking = found.iter().filter(|finding| finding.blocks());
    if let Some(first) = blocking.next() {
        return Err(DraftError::Blocked {
            count: 1 + blocking.count(),
            line: first.line,
            message: first.message.clone(),
        });
    }
    let merged = sheet.merged_into(&file.separate);
    let drafter = Drafter {
        sheet,
        file,
        options,
        parts: Parts::of(sheet, &merged),
        merged,
        directions: directions(sheet, Some(file)),
        placements: sheet.rows.iter().map(|_| PlacementId(ids())).collect(),
        indicators: sheet.rows.iter().map(|_| IndicatorId(ids())).collect(),
        goals: sheet.goals.iter().map(|_| GoalId(ids())).collect(),
    };
    let indicators = (0..sheet.rows.len())
        .filter(|index| drafter.merged[*index].is_none())
        .map(|index| drafter.indicator(index))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PlanDraft {
        id: PlanId(ids()),
        municipality: options.municipality,
        title: file.title.clone(),
        term_from: file.term_from,
        term_to: file.term_to,
        decision: file.decision.clone(),
        goals: drafter.goals(ids),
        indicators,
        document: Some(drafter.document(DocumentId(ids()))),
    })
}

struct Drafter<'a> {
    sheet: &'a ParsedSheet,
    file: &'a PlanFile,
    options: DraftOptions<'a>,
    merged: Vec<Option<usize>>,
    parts: Parts,
    directions: Vec<RowDirection>,
    placements: Vec<PlacementId>,
    indicators: Vec<IndicatorId>,
    goals: Vec<GoalId>,
}

/// What belongs to what, by index, in the sheet's order.
struct Parts {
    /// Rows that show the indicator of a row.
    places: Vec<Vec<usize>>,
    /// Rows of a goal outside its projects.
    numeric_goals: Vec<Vec<usize>>,
    policies: Vec<Vec<usize>>,
    measures: Vec<Vec<usize>>,
    projects: Vec<Vec<usize>>,
    /// Rows of a project.
    placements: Vec<Vec<usize>>,
}

impl Parts {
    fn of(sheet: &ParsedSheet, merged: &[Option<usize>]) -> Self {
        let rows = &sheet.rows;
        Self {
            places: gathered(rows.len(), merged, |index, first| {
                Some(first.unwrap_or(index))
            }),
            numeric_goals: gathered(sheet.goals.len(), rows, |_, row| {
                row.project.is_none().then_some(row.goal)
            }),
            policies: gathered(sheet.goals.len(), &sheet.policies, |_, policy| {
                Some(policy.goal)
            }),
            measures: gathered(sheet.policies.len(), &sheet.measures, |_, measure| {
                Some(measure.policy)
            }),
            projects: gathered(sheet.measures.len(), &sheet.projects, |_, project| {
                Some(project.measure)
            }),
            placements: gathered(sheet.projects.len(), rows, |_, row| row.project),
        }
    }
}

/// Indexes of `all`, gathered under the index that each belongs to.
fn gathered<T>(
    wholes: usize,
    all: &[T],
    whole_of: impl Fn(usize, &T) -> Option<usize>,
) -> Vec<Vec<usize>> {
    let mut gathered = vec![Vec::new(); wholes];
    for (index, part) in all.iter().enumerate() {
        if let Some(whole) = whole_of(index, part) {
            gathered[whole].push(index);
        }
    }
    gathered
}

impl Drafter<'_> {
    fn indicator_of(&self, row: usize) -> IndicatorId {
        self.indicators[self.merged[row].unwrap_or(row)]
    }

    fn indicator(&self, index: usize) -> Result<IndicatorDraft, DraftError> {
        let row = &self.sheet.rows[index];
        let department = self.parts.places[index]
            .iter()
            .find_map(|place| {
                self.file
                    .department_of(self.sheet, &self.sheet.rows[*place])
            })
            .map(|entry| {
                self.options
                    .departments
                    .get(&entry.name)
                    .copied()
                    .ok_or_else(|| DraftError::UnknownDepartment(entry.name.clone()))
            })
            .transpose()?;
        let has_targets = matches!(row.kind, IndicatorKind::Kpi | IndicatorKind::NumericGoal);
        Ok(IndicatorDraft {
            id: self.indicators[index],
            definition: Definition {
                name: row.name.clone(),
                unit: row.unit.clone(),
                aggregation: aggregation(row),
                cycle_years: row.cycle_years,
            },
            department,
            targets: has_targets.then(|| TargetSet {
                years: row.targets.clone(),
                final_target: row.final_target.clone(),
                total: Some(row.total_target.clone()),
                effective_from: self.file.term_from,
                decision: self.file.decision.clone(),
            }),
            direction: self.directions[index].decision.clone(),
            adopted: if self.options.with_results {
                self.adopted(index)
            } else {
                BTreeMap::new()
            },
        })
    }

    /// The results that the sheet holds: the evaluated year's, and figures or dashes that other
    /// years' columns already have (an ended project's, DOMAIN 1.3).
    fn adopted(&self, index: usize) -> BTreeMap<FiscalYear, AdoptedReport> {
        let row = &self.sheet.rows[index];
        let evaluated = self.file.evaluated_year;
        let mut adopted = BTreeMap::new();
        for (year, cell) in &row.actuals {
            let is_evaluated = *year == evaluated;
            let actual = (row.kind.has_figure()
                && !matches!(cell.status(), CellStatus::Missing | CellStatus::NotDue))
            .then(|| cell.clone());
            let commentary: BTreeMap<PlacementId, Commentary> = if is_evaluated {
                self.parts.places[index]
                    .iter()
                    .map(|&place| (self.placements[place], &self.sheet.rows[place].commentary))
                    .filter(|(_, text)| !text.is_empty())
                    .map(|(placement, text)| (placement, Commentary::from_original(text)))
                    .collect()
            } else {
                BTreeMap::new()
            };
            if actual.is_none() && commentary.is_empty() {
                continue;
            }
            adopted.insert(
                *year,
                AdoptedReport {
                    actual,
                    commentary,
                    printed_total: (is_evaluated && row.kind.has_figure())
                        .then(|| row.total_actual.clone()),
                },
            );
        }
        adopted
    }

    fn goals(&self, ids: &mut dyn FnMut() -> Uuid) -> Vec<GoalDraft> {
        let sheet = self.sheet;
        let goals = sheet.goals.iter().enumerate().map(|(goal, parsed)| {
            let policies = self.parts.policies[goal].iter();
            GoalDraft {
                id: self.goals[goal],
                number: parsed.number.clone(),
                title: parsed.title.clone(),
                numeric_goals: self.placed(&self.parts.numeric_goals[goal]),
                policies: policies.map(|policy| self.policy(*policy, ids)).collect(),
            }
        });
        goals.collect()
    }

    fn policy(&self, policy: usize, ids: &mut dyn FnMut() -> Uuid) -> PolicyDraft {
        let parsed = &self.sheet.policies[policy];
        PolicyDraft {
            id: PolicyId(ids()),
            number: parsed.number.clone(),
            title: parsed.title.clone(),
            measures: self.parts.measures[policy]
                .iter()
                .map(|&measure| {
                    let parsed = &self.sheet.measures[measure];
                    MeasureDraft {
                        id: MeasureId(ids()),
                        number: parsed.number.clone(),
                        title: parsed.title.clone(),
                        projects: self.parts.projects[measure]
                            .iter()
                            .map(|&project| ProjectDraft {
                                id: ProjectId(ids()),
                                title: self.sheet.projects[project].title.clone(),
                                placements: self.placed(&self.parts.placements[project]),
                            })
                            .collect(),
                    }
                })
                .collect(),
        }
    }

    fn placed(&self, rows: &[usize]) -> Vec<PlacementDraft> {
        rows.iter()
            .map(|&index| {
                let row = &self.sheet.rows[index];
                PlacementDraft {
                    id: self.placements[index],
                    indicator: self.indicator_of(index),
                    kind: row.kind,
                    statement: Statement {
                        expression: row.expression.clone(),
                        baseline: row.baseline.clone(),
                        final_target: row.final_target.clone(),
                        no_kpi_reason: row.no_kpi_reason.clone(),
                    },
                    source_line: Some(row.line),
                }
            })
            .collect()
    }

    fn document(&self, id: DocumentId) -> Document {
        let source = &self.sheet.source;
        let field = |field: ParsedField| match field {
            ParsedField::Target(row, fiscal_year) => FieldRef::Target {
                placement: self.placements[row],
                fiscal_year,
            },
            ParsedField::Actual(row, fiscal_year) => FieldRef::Actual {
                placement: self.placements[row],
                fiscal_year,
            },
            ParsedField::Commentary(row) => FieldRef::Commentary {
                placement: self.placements[row],
            },
        };
        Document {
            id,
            file_name: self.options.file_name.to_owned(),
            sha256: source.sha256.clone(),
            encoding: source.encoding.name().to_owned(),
            byte_order_mark: source.byte_order_mark,
            line_ending: source.line_ending.to_owned(),
            ends_with_line_ending: source.ends_with_line_ending,
            evaluated_year: self.file.evaluated_year,
            subtotals: self
                .sheet
                .subtotals
                .iter()
                .map(|printed| PrintedSubtotal {
                    line: printed.line,
                    scope: printed.goal.map_or(SubtotalScope::Plan, |goal| {
                        SubtotalScope::Goal(self.goals[goal])
                    }),
                    projects: printed.projects,
                    kpis: printed.kpis,
                })
                .collect(),
            lines: self
                .sheet
                .layout
                .iter()
                .map(|line| {
                    let cells = line.iter().map(|cell| LayoutCell {
                        text: cell.text.clone(),
                        field: cell.field.map(field),
                    });
                    LayoutLine(cells.collect())
                })
                .collect(),
        }
    }
}

/// How the years' figures make one for the term (DOMAIN Q10, Q11).
pub fn aggregation(row: &ParsedRow) -> Aggregation {
    match row.basis() {
        Some(Basis::CumulativePlan) if row.is_rate() => Aggregation::Last,
        Some(Basis::CumulativePlan) => Aggregation::Sum,
        Some(Basis::EachFiscalYear) => Aggregation::EachYear,
        Some(Basis::FinalYear) => Aggregation::Last,
        Some(Basis::PeriodRange) | None => Aggregation::None,
    }
}
