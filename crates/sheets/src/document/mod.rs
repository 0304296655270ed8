//! A whole sheet: goals, policies, measures, projects and indicators with their source lines.

mod bounds;
mod header;
mod parser;
mod rows;
mod sections;

pub use bounds::{MAX_CELLS, MAX_FINDINGS, MAX_INDICATORS, MAX_LINES};
pub(crate) use header::Header;
pub use header::fiscal_years_of;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use daicho_domain::indicator::{Baseline, Basis, FinalTarget};
use daicho_domain::plan::IndicatorKind;
use daicho_domain::{Cell, FiscalYear};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::encoding::{EncodingError, SheetEncoding, decode};
use crate::finding::Finding;
use crate::table::{Delimiter, Table};

/// What is known of a sheet before it is read; a plan file gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParseHints {
    /// First and last fiscal year of the plan.
    pub term: Option<(FiscalYear, FiscalYear)>,
    /// The fiscal year that the sheet evaluates.
    pub evaluated_year: Option<FiscalYear>,
}

/// How the file was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Encoding.
    pub encoding: SheetEncoding,
    /// Whether the file began with a byte order mark.
    pub byte_order_mark: bool,
    /// What stands between cells.
    pub delimiter: Delimiter,
    /// What ends a line.
    pub line_ending: &'static str,
    /// Whether the last line ended with a line ending.
    pub ends_with_line_ending: bool,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
}

/// 基本目標.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedGoal {
    /// Line of its heading.
    pub line: u32,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
}

/// A large 施策, «(1)».
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedPolicy {
    /// Line of its heading.
    pub line: u32,
    /// The goal, as index into [`ParsedSheet::goals`].
    pub goal: usize,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
}

/// A 施策, «①».
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedMeasure {
    /// Line of its heading.
    pub line: u32,
    /// The policy, as index into [`ParsedSheet::policies`].
    pub policy: usize,
    /// Number as printed.
    pub number: String,
    /// Title without the number.
    pub title: String,
}

/// A 事業.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedProject {
    /// Line of its first indicator.
    pub line: u32,
    /// The measure, as index into [`ParsedSheet::measures`].
    pub measure: usize,
    /// 事業名.
    pub title: String,
}

/// One indicator at one place: the lines 目標値 and 実績値.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedRow {
    /// Line of 目標値.
    pub line: u32,
    /// Line of 実績値.
    pub actual_line: u32,
    /// The goal, as index into [`ParsedSheet::goals`].
    pub goal: usize,
    /// The project, as index into [`ParsedSheet::projects`]; a numeric goal has none.
    pub project: Option<usize>,
    /// Its role here.
    pub kind: IndicatorKind,
    /// 指標名; blank for a project without KPI.
    pub name: String,
    /// 単位 as this row writes it: the target's, else the baseline's.
    pub unit: Option<String>,
    /// The packed cell as written; for a numeric goal its three cells in the same notation.
    pub expression: String,
    /// The baseline.
    pub baseline: Option<Baseline>,
    /// The final target.
    pub final_target: Option<FinalTarget>,
    /// Why there is no target or no KPI.
    pub no_kpi_reason: Option<String>,
    /// The cycle that the name tells of.
    pub cycle_years: Option<u8>,
    /// Target by fiscal year.
    pub targets: BTreeMap<FiscalYear, Cell>,
    /// Actual by fiscal year.
    pub actuals: BTreeMap<FiscalYear, Cell>,
    /// 5年間の合計 of targets.
    pub total_target: Cell,
    /// 5年間の合計 of actuals.
    pub total_actual: Cell,
    /// The commentary, as one text.
    pub commentary: String,
    /// Index of the column that says 目標値 or 実績値, from which the others are counted.
    pub anchor: usize,
}

impl ParsedRow {
    /// What the final target compares with.
    pub fn basis(&self) -> Option<Basis> {
        self.final_target.as_ref().and_then(|target| target.basis)
    }

    /// Whether the unit is a percentage.
    pub fn is_rate(&self) -> bool {
        self.unit
            .as_deref()
            .is_some_and(|unit| matches!(unit, "%" | "％" | "ポイント" | "‰"))
    }

    /// Index of the column of the `index`-th fiscal year.
    pub fn year_column(&self, index: usize) -> usize {
        self.anchor + 1 + index
    }
}

/// 小計 or 合計 as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedSubtotal {
    /// Line.
    pub line: u32,
    /// The goal it counts, as index into [`ParsedSheet::goals`]; none for the whole plan.
    pub goal: Option<usize>,
    /// 事業数.
    pub projects: u32,
    /// KPI数.
    pub kpis: u32,
}

/// Which field of the records a cell of the file shows; rows are indexes into
/// [`ParsedSheet::rows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParsedField {
    /// The target of a year.
    Target(usize, FiscalYear),
    /// The actual of a year.
    Actual(usize, FiscalYear),
    /// The commentary.
    Commentary(usize),
}

/// A cell of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCell {
    /// The cell as it stands in the file, quotes included.
    pub text: String,
    /// Which field it shows.
    pub field: Option<ParsedField>,
}

/// Counts of what a sheet holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// 基本目標.
    pub goals: u32,
    /// Large 施策.
    pub policies: u32,
    /// 施策.
    pub measures: u32,
    /// 事業.
    pub projects: u32,
    /// Rows: every indicator at every place, and every project without KPI.
    pub indicators: u32,
    /// KPI数: indicators with targets.
    pub kpis: u32,
    /// 数値目標.
    pub numeric_goals: u32,
    /// 実績値の管理.
    pub monitor_only: u32,
    /// Projects without KPI.
    pub projects_without_kpi: u32,
}

impl Counts {
    /// Counts one row.
    pub(crate) fn count(&mut self, kind: IndicatorKind) {
        self.indicators += 1;
        match kind {
            IndicatorKind::NumericGoal => self.numeric_goals += 1,
            IndicatorKind::Kpi => self.kpis += 1,
            IndicatorKind::MonitorOnly => self.monitor_only += 1,
            IndicatorKind::NoKpi => self.projects_without_kpi += 1,
        }
    }
}

/// A sheet as it was read. Findings of the rules over it are [`findings`](crate::finding::findings).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedSheet {
    /// How the file was written.
    pub source: Source,
    /// The fiscal years of the columns.
    pub years: Vec<FiscalYear>,
    /// The fiscal year that the sheet evaluates.
    pub evaluated_year: Option<FiscalYear>,
    /// 基本目標.
    pub goals: Vec<ParsedGoal>,
    /// Large 施策.
    pub policies: Vec<ParsedPolicy>,
    /// 施策.
    pub measures: Vec<ParsedMeasure>,
    /// 事業.
    pub projects: Vec<ParsedProject>,
    /// Indicators in the sheet's order.
    pub rows: Vec<ParsedRow>,
    /// Printed subtotals.
    pub subtotals: Vec<ParsedSubtotal>,
    /// Every line of the file.
    pub layout: Vec<Vec<ParsedCell>>,
    /// What the reader met; [`findings`](crate::finding::findings) adds the rules' findings.
    pub met: Vec<Finding>,
}

/// Reads a sheet. Everything that is wrong with it is collected as findings; only a file that
/// is no text at all, or larger than any sheet, is refused.
///
/// # Errors
/// Where the bytes are no text or more than [`MAX_FILE_BYTES`](crate::encoding::MAX_FILE_BYTES).
pub fn parse(bytes: &[u8], hints: ParseHints) -> Result<ParsedSheet, EncodingError> {
    let decoded = decode(bytes)?;
    let table = Table::read(&decoded.text);
    let source = Source {
        encoding: decoded.encoding,
        byte_order_mark: decoded.byte_order_mark,
        delimiter: table.delimiter,
        line_ending: table.line_ending,
        ends_with_line_ending: table.ends_with_line_ending,
        sha256: hex::encode(Sha256::digest(bytes)),
    };
    Ok(parser::parse(table, source, decoded.is_exact, hints))
}

impl ParsedSheet {
    /// The goal, policy, measure and project above a row, as they are printed.
    pub fn headings(&self, row: &ParsedRow) -> Headings<'_> {
        let project = row.project.map(|index| &self.projects[index]);
        let measure = project.map(|project| &self.measures[project.measure]);
        let policy = measure.map(|measure| &self.policies[measure.policy]);
        Headings {
            goal: &self.goals[row.goal],
            policy,
            measure,
            project,
        }
    }

    /// For every row the earlier row that shows the same indicator: same name, same baseline
    /// number and the same series all through (DOMAIN V16). Rows whose line is in `separate`
    /// are kept apart.
    pub fn merged_into(&self, separate: &[u32]) -> Vec<Option<usize>> {
        let separate: BTreeSet<u32> = separate.iter().copied().collect();
        let mut firsts: HashMap<SeriesNumbers<'_>, Vec<usize>> = HashMap::new();
        self.rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                if separate.contains(&row.line) {
                    return None;
                }
                let alike = firsts.entry(numbers_of_series(row)?).or_default();
                let same = alike
                    .iter()
                    .copied()
                    .find(|earlier| is_same_series(&self.rows[*earlier], row));
                if same.is_none() {
                    alike.push(index);
                }
                same
            })
            .collect()
    }

    /// Counts of what the sheet holds.
    pub fn counts(&self) -> Counts {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut counts = Counts {
            goals: length(self.goals.len()),
            policies: length(self.policies.len()),
            measures: length(self.measures.len()),
            projects: length(self.projects.len()),
            ..Counts::default()
        };
        for row in &self.rows {
            counts.count(row.kind);
        }
        counts
    }

    /// 事業数 and KPI数 as counted, for one goal or for the whole plan.
    pub fn computed_subtotal(&self, goal: Option<usize>) -> (u32, u32) {
        self.computed_subtotals().of(goal)
    }

    /// 事業数 and KPI数 as counted, for every goal and for the whole plan.
    pub(crate) fn computed_subtotals(&self) -> ComputedSubtotals {
        let mut subtotals = ComputedSubtotals {
            by_goal: vec![(0, 0); self.goals.len()],
            whole_plan: (0, 0),
        };
        for project in &self.projects {
            let goal = self.policies[self.measures[project.measure].policy].goal;
            subtotals.by_goal[goal].0 += 1;
            subtotals.whole_plan.0 += 1;
        }
        for row in self.rows.iter().filter(|row| row.kind.is_counted()) {
            subtotals.by_goal[row.goal].1 += 1;
            subtotals.whole_plan.1 += 1;
        }
        subtotals
    }

    /// The row that begins at a line of the file.
    pub fn row_at(&self, line: u32) -> Option<usize> {
        self.rows
            .iter()
            .position(|row| row.line == line || row.actual_line == line)
    }
}

/// What stands above a row.
#[derive(Clone, Copy, Debug)]
pub struct Headings<'s> {
    /// 基本目標.
    pub goal: &'s ParsedGoal,
    /// Large 施策.
    pub policy: Option<&'s ParsedPolicy>,
    /// 施策.
    pub measure: Option<&'s ParsedMeasure>,
    /// 事業.
    pub project: Option<&'s ParsedProject>,
}

/// 事業数 and KPI数 as counted.
pub(crate) struct ComputedSubtotals {
    by_goal: Vec<(u32, u32)>,
    whole_plan: (u32, u32),
}

impl ComputedSubtotals {
    /// Of one goal, or of the whole plan.
    pub(crate) fn of(&self, goal: Option<usize>) -> (u32, u32) {
        match goal {
            Some(goal) => self.by_goal.get(goal).copied().unwrap_or_default(),
            None => self.whole_plan,
        }
    }
}

/// What rows of one series have in common: name, baseline, and the numbers of the years.
type SeriesNumbers<'s> = (&'s str, Option<Decimal>, Vec<Option<Decimal>>);

/// Nothing comes back for a row that cannot be the same series as any other.
fn numbers_of_series(row: &ParsedRow) -> Option<SeriesNumbers<'_>> {
    let has_targets = row.targets.values().any(|cell| cell.value().is_some());
    if row.name.is_empty() || !has_targets {
        return None;
    }
    let numbers = row.targets.values().chain(row.actuals.values());
    Some((
        &row.name,
        baseline_of(row),
        numbers.map(Cell::value).collect(),
    ))
}

fn baseline_of(row: &ParsedRow) -> Option<Decimal> {
    row.baseline
        .as_ref()
        .and_then(|baseline| baseline.cell.value())
}

fn is_same_series(one: &ParsedRow, other: &ParsedRow) -> bool {
    let has_numbers = |cells: &BTreeMap<FiscalYear, Cell>| {
        cells.values().filter(|cell| cell.value().is_some()).count()
    };
    let same = |one: &BTreeMap<FiscalYear, Cell>, other: &BTreeMap<FiscalYear, Cell>| {
        one.len() == other.len()
            && one.iter().all(|(year, cell)| {
                other
                    .get(year)
                    .is_some_and(|other| cell.says_the_same_as(other))
            })
    };
    !one.name.is_empty()
        && one.name == other.name
        && has_numbers(&one.targets) > 0
        && baseline_of(one) == baseline_of(other)
        && same(&one.targets, &other.targets)
        && same(&one.actuals, &other.actuals)
}
