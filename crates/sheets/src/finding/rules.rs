//! The rules over a whole sheet (DOMAIN 1.7).

use std::collections::{BTreeMap, BTreeSet};

use daicho_domain::indicator::PeriodKind;
use daicho_domain::plan::IndicatorKind;

use super::row_rules::RowRules;
use super::{Code, Finding, sort};
use crate::cell::is_dash;
use crate::direction::directions;
use crate::document::ParsedSheet;
use crate::plan_file::PlanFile;

/// Everything that was found in a sheet: what the reader met, what the rules say, and, with a
/// plan file, what of it does not fit the sheet.
pub fn findings(sheet: &ParsedSheet, plan_file: Option<&PlanFile>) -> Vec<Finding> {
    let separate = plan_file.map_or(&[][..], |file| &file.separate);
    let mut found = sheet.met.clone();
    subtotals(sheet, &mut found);
    empty_sections(sheet, &mut found);
    same_names(sheet, separate, &mut found);
    totals_by_habit(sheet, &mut found);
    period_words(sheet, &mut found);
    let decided = plan_file.is_some_and(|file| file.directions.is_some());
    for (row, direction) in sheet.rows.iter().zip(directions(sheet, plan_file)) {
        let rules = RowRules {
            sheet,
            row,
            direction: direction.direction,
            is_direction_decided: decided,
        };
        rules.examine(&mut found);
    }
    if let Some(file) = plan_file {
        found.extend(file.mismatches(sheet));
    }
    sort(&mut found);
    found
}

fn subtotals(sheet: &ParsedSheet, found: &mut Vec<Finding>) {
    let counted = sheet.computed_subtotals();
    for printed in &sheet.subtotals {
        let (projects, kpis) = counted.of(printed.goal);
        if (projects, kpis) != (printed.projects, printed.kpis) {
            found.push(Finding::at(
                Code::SubtotalDiffers,
                printed.line,
                format!(
                    "印刷された事業数{}・KPI数{}が、数えた結果(事業数{projects}・KPI数{kpis})と違います。行の漏れか集計の誤りを確認してください。",
                    printed.projects, printed.kpis
                ),
            ).about(format!("事業数:{}、KPI数:{}", printed.projects, printed.kpis)));
        }
    }
}

fn empty_sections(sheet: &ParsedSheet, found: &mut Vec<Finding>) {
    let used: BTreeSet<usize> = sheet
        .projects
        .iter()
        .map(|project| project.measure)
        .collect();
    for (index, measure) in sheet.measures.iter().enumerate() {
        if !used.contains(&index) {
            found.push(
                Finding::at(
                    Code::EmptySection,
                    measure.line,
                    "この施策には事業がありません。該当事業がないのか、行が欠けているのか確認してください。",
                )
                .about(format!("{} {}", measure.number, measure.title)),
            );
        }
    }
    let used_policies: BTreeSet<usize> = used
        .iter()
        .map(|measure| sheet.measures[*measure].policy)
        .collect();
    for (index, policy) in sheet.policies.iter().enumerate() {
        if !used_policies.contains(&index) {
            found.push(
                Finding::at(
                    Code::EmptySection,
                    policy.line,
                    "この施策の下に事業が一つもありません。該当事業がないのか、行が欠けているのか確認してください。",
                )
                .about(format!("{} {}", policy.number, policy.title)),
            );
        }
    }
}

/// How many lines a message lists: every row of a name repeats the list.
const LISTED: usize = 20;

/// The same series twice (one indicator or two?), and the same name for different series.
fn same_names(sheet: &ParsedSheet, separate: &[u32], found: &mut Vec<Finding>) {
    let merged = sheet.merged_into(separate);
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, row) in sheet.rows.iter().enumerate() {
        if let Some(first) = merged[index] {
            found.push(
                Finding::at(
                    Code::SameSeries,
                    row.line,
                    format!(
                        "{}行目の「{}」と同じ数値です。一つの指標を2か所に載せたものとして扱います。別の指標なら計画ファイルの separate に{}を書いてください。",
                        sheet.rows[first].line, row.name, row.line
                    ),
                )
                .in_column(row.anchor.saturating_sub(1))
                .about(row.name.clone()),
            );
        } else if row.kind == IndicatorKind::Kpi {
            by_name.entry(&row.name).or_default().push(index);
        }
    }
    for (name, rows) in by_name {
        if rows.len() < 2 || name.is_empty() {
            continue;
        }
        let lines: Vec<String> = rows
            .iter()
            .take(LISTED)
            .map(|index| sheet.rows[*index].line.to_string())
            .collect();
        let more = match rows.len().saturating_sub(LISTED) {
            0 => String::new(),
            left_out => format!("ほか{left_out}件"),
        };
        let lines = format!("{}行目{more}", lines.join("・"));
        for index in &rows {
            let row = &sheet.rows[*index];
            found.push(
                Finding::at(
                    Code::SameName,
                    row.line,
                    format!(
                        "「{name}」という名前の指標が複数あります({lines})。別々の指標として扱います。"
                    ),
                )
                .in_column(row.anchor.saturating_sub(1))
                .about(name),
            );
        }
    }
}

/// Totals of actuals without a number: blank on one page, a dash on the next.
fn totals_by_habit(sheet: &ParsedSheet, found: &mut Vec<Finding>) {
    let count = |is: fn(&str) -> bool| {
        sheet
            .rows
            .iter()
            .filter(|row| is(row.total_actual.raw()))
            .count()
    };
    let blanks = count(|raw| raw.trim().is_empty());
    let dashes = count(is_dash);
    if blanks > 0 && dashes > 0 {
        found.push(Finding::of_document(
            Code::TotalsInconsistent,
            format!(
                "実績値の行の合計欄が、空欄{blanks}か所・「—」{dashes}か所と不統一です。意味の違いがないか確認してください(原文のまま保存します)。"
            ),
        ));
    }
}

/// 年 beside 年度 among the baselines' or the targets' labels: the rarer word is told.
fn period_words(sheet: &ParsedSheet, found: &mut Vec<Finding>) {
    let mut baselines = Vec::new();
    let mut targets = Vec::new();
    for row in &sheet.rows {
        if let Some(baseline) = &row.baseline
            && let Some(kind) = baseline.period_kind
        {
            baselines.push((row, kind, baseline.period_label.as_str()));
        }
        if let Some(target) = &row.final_target
            && let Some(kind) = crate::period::Period::read(&target.basis_label).kind
        {
            targets.push((row, kind, target.basis_label.as_str()));
        }
    }
    for labels in [baselines, targets] {
        let of = |wanted: PeriodKind| labels.iter().filter(move |(_, kind, _)| *kind == wanted);
        let (calendar, fiscal) = (
            of(PeriodKind::CalendarYear).count(),
            of(PeriodKind::FiscalYear).count(),
        );
        if calendar == 0 || fiscal == 0 {
            continue;
        }
        let (rarer, usual) = if fiscal <= calendar {
            (PeriodKind::FiscalYear, "年")
        } else {
            (PeriodKind::CalendarYear, "年度")
        };
        for (row, _, label) in of(rarer) {
            found.push(
                Finding::at(
                    Code::PeriodWordsDiffer,
                    row.line,
                    format!(
                        "時点が「{label}」と書かれていますが、ほかの行は「{usual}」です。暦年か年度か確認してください。"
                    ),
                )
                .in_column(row.anchor.saturating_sub(1))
                .about(*label),
            );
        }
    }
}
