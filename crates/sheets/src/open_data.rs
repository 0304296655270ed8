//! The long table for open data: one row per indicator, fiscal year and role (DOMAIN 2.5, 3a).

use daicho_domain::indicator::Basis;
use daicho_domain::sheet::{RowInContext, Sheet};
use daicho_domain::{Cell, FiscalYear};

/// What the table says beside the sheet itself.
#[derive(Clone, Copy, Debug)]
pub struct OpenDataFacts<'a> {
    /// 全国地方公共団体コード.
    pub local_gov_code: &'a str,
    /// 団体名.
    pub municipality: &'a str,
    /// The day that the figures stand at (`2022-10-01`).
    pub updated_on: &'a str,
}

/// The columns, in order.
pub const COLUMNS: [&str; 29] = [
    "local_gov_code",
    "municipality",
    "plan_title",
    "plan_version",
    "fiscal_year",
    "fiscal_year_ja",
    "goal_no",
    "goal",
    "policy_no",
    "policy",
    "measure_no",
    "measure",
    "project_id",
    "project",
    "indicator_id",
    "indicator",
    "kind",
    "unit",
    "direction",
    "basis",
    "role",
    "value",
    "value_status",
    "is_provisional",
    "as_of",
    "raw",
    "note",
    "updated_on",
    "placement_id",
];

/// Why the table is not written.
#[derive(Debug, thiserror::Error)]
#[error("the open-data table cannot be written; this is a defect of the program")]
pub struct OpenDataError(#[source] csv::Error);

/// The table as CSV in UTF-8 with a byte order mark, which spreadsheets on Windows need, and
/// with CRLF. Texts that a spreadsheet would run as a formula get an apostrophe in front;
/// numbers stay numbers.
///
/// # Errors
/// Never in practice: it is written to memory.
pub fn open_data(sheet: &Sheet, facts: OpenDataFacts<'_>) -> Result<Vec<u8>, OpenDataError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(vec![0xEF, 0xBB, 0xBF]);
    writer.write_record(COLUMNS).map_err(OpenDataError)?;
    for in_context in sheet.rows() {
        for entry in entries(sheet, in_context) {
            writer
                .write_record(record(sheet, facts, in_context, &entry))
                .map_err(OpenDataError)?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| OpenDataError(csv::Error::from(error.into_error())))
}

/// One datum of a row.
struct Entry<'s> {
    role: &'static str,
    year: Option<FiscalYear>,
    cell: &'s Cell,
    note: String,
}

fn entries<'s>(sheet: &Sheet, in_context: RowInContext<'s>) -> Vec<Entry<'s>> {
    let row = in_context.row;
    let mut entries = Vec::new();
    if let Some(baseline) = &row.statement.baseline {
        entries.push(Entry {
            role: "baseline",
            year: None,
            cell: &baseline.cell,
            note: baseline.period_label.clone(),
        });
    }
    for (role, cells) in [("target", &row.targets), ("actual", &row.actuals)] {
        for (year, cell) in cells {
            let is_evaluated = *year == sheet.fiscal_year && role == "actual";
            let note = row
                .commentary
                .as_ref()
                .filter(|_| is_evaluated)
                .map(|commentary| commentary.as_one_text())
                .unwrap_or_default();
            entries.push(Entry {
                role,
                year: Some(*year),
                cell,
                note,
            });
        }
    }
    if let Some(target) = &row.statement.final_target {
        entries.push(Entry {
            role: "final",
            year: (target.basis == Some(Basis::FinalYear)).then_some(sheet.term_to),
            cell: &target.cell,
            note: target.basis_label.clone(),
        });
    }
    entries
}

fn record(
    sheet: &Sheet,
    facts: OpenDataFacts<'_>,
    in_context: RowInContext<'_>,
    entry: &Entry<'_>,
) -> Vec<String> {
    let RowInContext {
        goal,
        policy,
        measure,
        project,
        row,
    } = in_context;
    let split = |heading: Option<&String>| {
        let heading = heading.map_or("", String::as_str);
        let (number, title) = heading.split_once(' ').unwrap_or((heading, ""));
        [text(number), text(title)]
    };
    let [policy_no, policy] = split(policy.map(|policy| &policy.heading));
    let [measure_no, measure] = split(measure.map(|measure| &measure.heading));
    let or_blank = |id: Option<String>| id.unwrap_or_default();
    vec![
        facts.local_gov_code.to_owned(),
        text(facts.municipality),
        text(&sheet.title),
        or_blank(row.target_version.map(|version| version.to_string())),
        or_blank(entry.year.map(|year| year.0.to_string())),
        or_blank(entry.year.map(FiscalYear::ja)),
        text(&goal.number),
        text(&goal.title),
        policy_no,
        policy,
        measure_no,
        measure,
        or_blank(project.map(|project| project.project.to_string())),
        text(project.map_or("", |project| &project.title)),
        row.indicator.to_string(),
        text(&row.definition.name),
        row.kind.code().to_owned(),
        text(row.definition.unit.as_deref().unwrap_or("")),
        row.direction.code().to_owned(),
        row.statement
            .final_target
            .as_ref()
            .and_then(|target| target.basis)
            .map_or("", |basis| basis.code())
            .to_owned(),
        entry.role.to_owned(),
        or_blank(entry.cell.value().map(|value| value.to_string())),
        entry.cell.status().code().to_owned(),
        entry.cell.is_provisional().to_string(),
        String::new(),
        text(entry.cell.raw()),
        text(&entry.note),
        facts.updated_on.to_owned(),
        row.placement.to_string(),
    ]
}

/// A text that no spreadsheet runs as a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
