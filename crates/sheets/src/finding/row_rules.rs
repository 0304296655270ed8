//! The rules over one row (DOMAIN 1.7).

use std::cmp::Ordering::{self, Greater, Less};

use daicho_domain::cell::format_number;
use daicho_domain::indicator::{Basis, Direction, PeriodKind};
use daicho_domain::sheet::sum_of;
use daicho_domain::{Cell, CellStatus, FiscalYear};
use rust_decimal::Decimal;

use super::text_figures::contradiction;
use super::{Code, Finding};
use crate::document::{ParsedRow, ParsedSheet};

/// A row under judgement.
pub(super) struct RowRules<'s> {
    pub sheet: &'s ParsedSheet,
    pub row: &'s ParsedRow,
    pub direction: Direction,
    pub is_direction_decided: bool,
}

impl RowRules<'_> {
    /// Adds what the rules find.
    pub fn examine(&self, found: &mut Vec<Finding>) {
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
                "単位がどこにも書かれていません。原本で単位を確認してください(単位なしのまま読みました)。",
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
                "5年間の件数の指標ですが、合計欄に数値がありません。各年度の目標値の合計でよいか確認してください。",
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
                            "合計欄の{}が、各年度の合計{}と違います。どちらが正しいか確認してください。",
                            printed.raw(),
                            format_number(sum)
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
                        "最終目標{}が{}の列にありません。合計欄など別の列に書かれていないか確認してください。",
                        format_number(value),
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
                            "最終目標{}と{}の目標値{}が違います。どちらが正しいか確認してください。",
                            format_number(value),
                            last.ja(),
                            format_number(last_target)
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
        let step_goes = |wanted: Ordering| {
            targets
                .windows(2)
                .find(|pair| pair[1].1.cmp(&pair[0].1) == wanted)
                .map(|pair| pair[1].0)
        };
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
                    format!("最初の目標値{}が基準値{}を下回っています。意図したものか確認してください。",
                        format_number(*first),
                        format_number(baseline)),
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
                format!(
                    "{}の実績値が空欄です。数値か、数値がない理由を確認してください。",
                    year.ja()
                ),
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
                        "文章中の{written}%と{}の実績値{}が合いません。どちらが正しいか確認してください。",
                        year.ja(),
                        format_number(value)
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
                    "{}の実績値{}が、すでに最終目標{}に達しています。目標の見直しを検討してください。",
                    year.ja(),
                    format_number(actual),
                    format_number(end)
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
