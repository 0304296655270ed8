//! The usual layout: the same structure as sheets that municipalities publish.

use daicho_domain::plan::IndicatorKind;
use daicho_domain::report::Commentary;
use daicho_domain::sheet::{GoalSection, Row, Sheet};
use daicho_domain::{Cell, FiscalYear};

use crate::expression::{split_arrow, split_name};
use crate::table::{Delimiter, quoted};

/// The text of the file; it ends with a line ending.
pub fn text(sheet: &Sheet, delimiter: Delimiter) -> String {
    let mut lines = Lines {
        sheet,
        years: sheet.years().collect(),
        lines: vec![Vec::new(), Vec::new()],
    };
    for goal in &sheet.goals {
        lines.goal(goal);
    }
    lines.lines.push(vec![subtotal(
        "合計",
        sheet.summary.projects,
        sheet.summary.kpis,
    )]);
    let mut text = String::new();
    for line in lines.lines {
        let cells: Vec<String> = line.iter().map(|cell| quoted(cell, delimiter)).collect();
        text.push_str(&cells.join(&delimiter.character().to_string()));
        text.push('\n');
    }
    text
}

fn subtotal(word: &str, projects: u32, kpis: u32) -> String {
    format!("{word}(事業数:{projects}、KPI数:{kpis})")
}

struct Lines<'s> {
    sheet: &'s Sheet,
    years: Vec<FiscalYear>,
    lines: Vec<Vec<String>>,
}

impl Lines<'_> {
    fn push<const N: usize>(&mut self, cells: [&str; N]) {
        self.lines.push(cells.map(str::to_owned).to_vec());
    }

    fn blank(&mut self) {
        self.lines.push(Vec::new());
    }

    fn goal(&mut self, goal: &GoalSection) {
        self.push([&goal.heading()]);
        self.blank();
        if !goal.numeric_goals.is_empty() {
            self.header(&["数値目標", "基準値", "目標値"], "実績値に対する所見");
            for row in &goal.numeric_goals {
                let [name, baseline, target] = numeric_goal(row);
                self.row(row, &[&name, &baseline, &target]);
            }
            self.blank();
        }
        if !goal.policies.is_empty() {
            self.header(
                &["施策名・事業名", "重要業績評価指標(KPI)"],
                "実績値の増減理由及び今後の取り組み",
            );
        }
        for policy in &goal.policies {
            self.section(&policy.heading);
            for measure in &policy.measures {
                self.section(&measure.heading);
                for project in &measure.projects {
                    for (index, row) in project.rows.iter().enumerate() {
                        let title = if index == 0 {
                            project.title.as_str()
                        } else {
                            ""
                        };
                        self.row(row, &[title, &expression(row)]);
                    }
                }
            }
        }
        self.blank();
        self.push([&subtotal("小計", goal.summary.projects, goal.summary.kpis)]);
        self.blank();
    }

    fn header(&mut self, first: &[&str], commentary: &str) {
        let mut cells: Vec<String> = first.iter().map(|&cell| cell.to_owned()).collect();
        cells.push("区分".into());
        cells.extend(self.years.iter().map(|year| year.column()));
        cells.push(format!("{}年間の合計", self.years.len()));
        cells.push(format!("{}{commentary}", self.sheet.fiscal_year.ja()));
        self.lines.push(cells);
    }

    fn section(&mut self, heading: &str) {
        let mut cells = vec![heading.to_owned()];
        cells.resize(5 + self.years.len(), String::new());
        self.lines.push(cells);
    }

    fn row(&mut self, row: &Row, first: &[&str]) {
        let dash = |cell: Option<&Cell>| match cell {
            Some(cell) if row.kind != IndicatorKind::NoKpi => cell.display(),
            None if row.kind == IndicatorKind::Kpi || row.kind == IndicatorKind::NumericGoal => {
                String::new()
            }
            _ => "—".to_owned(),
        };
        let values = |kind: &str, years: Vec<String>, total: String| {
            let mut cells = vec![kind.to_owned()];
            cells.extend(years);
            cells.push(total);
            cells
        };
        let mut target: Vec<String> = first.iter().map(|&cell| cell.to_owned()).collect();
        target.extend(values(
            "目標値",
            self.years
                .iter()
                .map(|year| dash(row.targets.get(year)))
                .collect(),
            dash(Some(&row.total_target)),
        ));
        target.push(
            row.commentary
                .as_ref()
                .map(Commentary::as_one_text)
                .unwrap_or_default(),
        );
        let mut actual = vec![String::new(); first.len()];
        actual.extend(values(
            "実績値",
            self.years
                .iter()
                .map(|year| dash(row.actuals.get(year)))
                .collect(),
            dash(Some(&row.total_actual)),
        ));
        actual.push(String::new());
        self.lines.push(target);
        self.lines.push(actual);
    }
}

/// The packed cell as the statement writes it, or packed anew for a plan that was not read from
/// a sheet.
fn expression(row: &Row) -> String {
    let statement = &row.statement;
    if !statement.expression.trim().is_empty() {
        return statement.expression.clone();
    }
    let reason = statement.no_kpi_reason.as_deref();
    match row.kind {
        IndicatorKind::NoKpi => reason
            .unwrap_or("KPIの設定が困難なため設定しない")
            .to_owned(),
        IndicatorKind::MonitorOnly => format!(
            "{} {}",
            row.definition.name,
            reason.unwrap_or("目標値の設定が困難なため、実績値の管理とする")
        ),
        IndicatorKind::Kpi | IndicatorKind::NumericGoal => {
            let [name, baseline, target] = stated(row);
            format!("{name} ／{baseline}→{target}")
        }
    }
}

/// Name, baseline and target of a numeric goal, each for its own column.
fn numeric_goal(row: &Row) -> [String; 3] {
    let packed = split_name(&row.statement.expression)
        .and_then(|(name, rest)| split_arrow(rest).map(|(before, after)| [name, before, after]));
    match packed {
        Some(cells) => cells.map(str::to_owned),
        None => stated(row),
    }
}

fn stated(row: &Row) -> [String; 3] {
    let unit = row.definition.unit.as_deref().unwrap_or("");
    let labelled = |cell: Option<&Cell>, label: &str| {
        let value = match cell {
            Some(cell) if cell.value().is_some() && cell.unit().is_none() => {
                format!("{}{unit}", cell.display())
            }
            Some(cell) => cell.display(),
            None => "—".to_owned(),
        };
        if label.is_empty() {
            value
        } else {
            format!("{value}({label})")
        }
    };
    let baseline = row.statement.baseline.as_ref();
    let target = row.statement.final_target.as_ref();
    [
        row.definition.name.clone(),
        labelled(
            baseline.map(|baseline| &baseline.cell),
            baseline.map_or("", |baseline| &baseline.period_label),
        ),
        labelled(
            target.map(|target| &target.cell),
            target.map_or("", |target| &target.basis_label),
        ),
    ]
}
