//! The rules over a whole sheet (DOMAIN 1.7).

use std::collections::{BTreeMap, BTreeSet};

use daicho_domain::indicator::{Basis, Direction, PeriodKind};
use daicho_domain::plan::IndicatorKind;
use daicho_domain::sheet::sum_of;
use daicho_domain::{Cell, CellStatus, FiscalYear};
use rust_decimal::Decimal;

use super::text_figures::contradiction;
use super::{Code, Finding, sort};
use crate::cell::is_dash;
use crate::direction::directions;
use crate::document::{ParsedRow, ParsedSheet};
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
    for printed in &sheet.subtotals {
        let (projects, kpis) = sheet.computed_subtotal(printed.goal);
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
    for (index, policy) in sheet.policies.iter().enumerate() {
        let has_projects = sheet
            .measures
            .iter()
            .enumerate()
            .any(|(measure, of)| of.policy == index && used.contains(&measure));
        if !has_projects {
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
            .map(|index| sheet.rows[*index].line.to_string())
            .collect();
        for index in &rows {
            let row = &sheet.rows[*index];
            found.push(
                Finding::at(
                    Code::SameName,
                    row.line,
                    format!(
                        "「{name}」という名前の指標が複数あります({}行目)。別々の指標として扱います。",
                        lines.join("・")
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

struct RowRules<'s> {
    sheet: &'s ParsedSheet,
    row: &'s ParsedRow,
    direction: Direction,
    is_direction_decided: bool,
}

impl RowRules<'_> {
    fn examine(&self, found: &mut Vec<Finding>) {
        if !self.row.kind.has_figure() {
            return;
        }
        self.totals(found);
        self.final_target(found);
        self.course(found);
        self.evaluated_actual(found);
        self.ratio(found);
        if self.row.unit.is_none() {
            found.push(self.at_name(
                Code::NoUnit,
                "単位がどこにも書かれていません。計画を採用した後に単位を登録してください。",
            ));
        }
    }

    fn at_name(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::at(code, self.row.line, message)
            .in_column(self.row.anchor.saturating_sub(1))
            .about(self.row.expression.clone())
    }

    fn final_value(&self) -> Option<Decimal> {
        self.row
            .final_target
            .as_ref()
            .and_then(|target| target.cell.value())
    }

    fn baseline_value(&self) -> Option<Decimal> {
        self.row
            .baseline
            .as_ref()
            .and_then(|baseline| baseline.cell.value())
    }

    /// Targets in numbers, in the order of years.
    fn target_values(&self) -> Vec<(usize, Decimal)> {
        self.row
            .targets
            .values()
            .enumerate()
            .filter_map(|(index, cell)| Some((index, cell.value()?)))
            .collect()
    }

    /// Whether baseline and yearly targets measure the same length of time: a count over the
    /// term does not compare with one year's.
    fn is_comparable(&self) -> bool {
        let counts_over_term =
            self.row.basis() == Some(Basis::CumulativePlan) && !self.row.is_rate();
        let baseline_is_term = self
            .row
            .baseline
            .as_ref()
            .is_some_and(|baseline| baseline.period_kind == Some(PeriodKind::PlanTerm));
        !counts_over_term && !baseline_is_term
    }

    fn totals(&self, found: &mut Vec<Finding>) {
        let row = self.row;
        if row.basis() != Some(Basis::CumulativePlan) {
            return;
        }
        if row.is_rate() {
            found.push(self.at_name(
                Code::RateOverTerm,
                "率の指標なのに基礎が「5年間」です。合計せず、最終年度の値で評価する扱いにしました。",
            ));
            return;
        }
        if self.final_value().is_some() && row.total_target.value().is_none() {
            found.push(self.at_name(
                Code::CountWithoutTotal,
                "5年間の件数の指標ですが、合計欄に数値がありません。",
            ));
        }
        let column = row.year_column(self.sheet.years.len());
        for (line, cells, printed) in [
            (row.line, &row.targets, &row.total_target),
            (row.actual_line, &row.actuals, &row.total_actual),
        ] {
            let sum = sum_of(cells.values());
            if let (Some(sum), Some(printed_value)) = (sum.value(), printed.value())
                && sum != printed_value
            {
                found.push(
                    Finding::at(
                        Code::TotalDiffers,
                        line,
                        format!(
                            "合計欄の{}が、各年度の合計{sum}と違います。どちらが正しいか確認してください。",
                            printed.raw()
                        ),
                    )
                    .in_column(column)
                    .about(printed.raw()),
                );
            }
        }
    }

    fn final_target(&self, found: &mut Vec<Finding>) {
        let row = self.row;
        let (Some(value), Some(basis)) = (self.final_value(), row.basis()) else {
            return;
        };
        let Some((last, cell)) = row.targets.iter().next_back() else {
            return;
        };
        let column = row.year_column(row.targets.len() - 1);
        match (basis, cell.value()) {
            (Basis::CumulativePlan, _) => {}
            (_, None) => found.push(
                Finding::at(
                    Code::FinalNotInLastYear,
                    row.line,
                    format!(
                        "最終目標{value}が{}の列にありません。合計欄など別の列に書かれていないか確認してください。",
                        last.ja()
                    ),
                )
                .in_column(column)
                .about(cell.raw()),
            ),
            (Basis::FinalYear | Basis::EachFiscalYear, Some(last_target))
                if last_target != value =>
            {
                found.push(
                    Finding::at(
                        Code::FinalDiffersFromLastYear,
                        row.line,
                        format!(
                            "最終目標{value}と{}の目標値{last_target}が違います。どちらが正しいか確認してください。",
                            last.ja()
                        ),
                    )
                    .in_column(column)
                    .about(cell.raw()),
                );
            }
            _ => {}
        }
    }

    /// The course from the baseline over the yearly targets to the final one.
    fn course(&self, found: &mut Vec<Finding>) {
        let row = self.row;
        let targets = self.target_values();
        let (baseline, end) = (self.baseline_value(), self.final_value());
        let rises = baseline.zip(end).map(|(baseline, end)| end.cmp(&baseline));
        let step_goes = |wanted: std::cmp::Ordering| {
            targets
                .windows(2)
                .find(|pair| pair[1].1.cmp(&pair[0].1) == wanted)
                .map(|pair| pair[1].0)
        };
        use std::cmp::Ordering::{Greater, Less};
        let against = match rises {
            Some(Greater) => step_goes(Less),
            Some(Less) => step_goes(Greater),
            _ => step_goes(Less).filter(|_| step_goes(Greater).is_some()),
        };
        if let Some(index) = against {
            let raw: Vec<&str> = row.targets.values().map(Cell::raw).collect();
            found.push(
                Finding::at(
                    Code::NotMonotone,
                    row.line,
                    "目標値が途中で逆方向に動いています。意図したものか確認してください(値は変えません)。",
                )
                .in_column(row.year_column(index))
                .about(raw.join(", ")),
            );
        }
        if !self.is_comparable() {
            return;
        }
        if let (Some(Greater), Some(baseline), Some((index, first))) =
            (rises, baseline, targets.first())
            && *first < baseline
        {
            found.push(
                Finding::at(
                    Code::FirstTargetWorse,
                    row.line,
                    format!("最初の目標値{first}が基準値{baseline}を下回っています。"),
                )
                .in_column(row.year_column(*index))
                .about(row.expression.clone()),
            );
        }
        if rises == Some(Less) && !self.is_direction_decided {
            found.push(self.at_name(
                Code::TargetBelowBaseline,
                "最終目標が基準値より小さくなっています。高いほど良い指標か、低いほど良い指標か、望ましい方向を確認してください。",
            ));
        }
    }

    fn evaluated_actual(&self, found: &mut Vec<Finding>) {
        let row = self.row;
        let Some(year) = self.sheet.evaluated_year else {
            return;
        };
        let column = self
            .sheet
            .years
            .iter()
            .position(|of| *of == year)
            .map_or(row.anchor, |index| row.year_column(index));
        let Some(actual) = row.actuals.get(&year) else {
            return;
        };
        let at = |code, message: String| {
            Finding::at(code, row.actual_line, message)
                .in_column(column)
                .about(actual.raw())
        };
        let has_commentary = !row.commentary.trim().is_empty();
        match actual.status() {
            CellStatus::Missing | CellStatus::DashUnclassified if !has_commentary => {
                found.push(at(
                    Code::ActualWithoutReason,
                    format!(
                        "{}の実績値がなく、理由も書かれていません。数値か、数値がない理由を確認してください。",
                        year.ja()
                    ),
                ));
            }
            CellStatus::Missing => found.push(at(
                Code::ActualMissing,
                format!("{}の実績値が空欄です。数値か、数値がない理由を確認してください。", year.ja()),
            )),
            _ => {}
        }
        if actual.is_provisional() {
            found.push(at(
                Code::Provisional,
                "暫定値です。確定したら置き換えてください。".into(),
            ));
        }
        if row.is_rate()
            && let Some(value) = actual.value()
            && let Some(written) = contradiction(&row.commentary, value)
        {
            found.push(
                Finding::at(
                    Code::TextContradictsFigure,
                    row.line,
                    format!(
                        "文章中の{written}%と{}の実績値{value}が合いません。どちらが正しいか確認してください。",
                        year.ja()
                    ),
                )
                .in_column(column)
                .about(row.commentary.clone()),
            );
        }
        self.met_already(year, actual, found);
    }

    /// The final target is met in a year before the last one: what a committee will ask to raise.
    fn met_already(&self, year: FiscalYear, actual: &Cell, found: &mut Vec<Finding>) {
        let row = self.row;
        let is_last = row.targets.keys().next_back() == Some(&year);
        let (Some(Basis::FinalYear), Some(actual), Some(end), false) =
            (row.basis(), actual.value(), self.final_value(), is_last)
        else {
            return;
        };
        let is_met = match self.direction {
            Direction::Higher | Direction::Maintain => actual >= end,
            Direction::Lower => actual <= end,
            Direction::Undefined => false,
        };
        if is_met {
            found.push(self.at_name(
                Code::FinalAlreadyMet,
                format!(
                    "{}の実績値{actual}が、すでに最終目標{end}に達しています。目標の見直しを検討してください。",
                    year.ja()
                ),
            ));
        }
    }

    fn ratio(&self, found: &mut Vec<Finding>) {
        let row = self.row;
        let Some(year) = self.sheet.evaluated_year else {
            return;
        };
        let target = row.targets.get(&year).and_then(Cell::value);
        let actual = row.actuals.get(&year).and_then(Cell::value);
        if target.is_some_and(|target| target.is_zero()) {
            found.push(self.at_name(
                Code::ZeroTarget,
                "目標値が0のため、達成率は計算できません(達成・未達成だけを判定します)。",
            ));
        }
        let is_negative = [target, actual, self.baseline_value(), self.final_value()]
            .into_iter()
            .flatten()
            .any(|value| value < Decimal::ZERO);
        if is_negative {
            found.push(self.at_name(
                Code::NegativeValues,
                "負の値の指標です。達成率は意味を持たないため、差で示します。",
            ));
        }
    }
}
