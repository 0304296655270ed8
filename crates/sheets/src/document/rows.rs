//! The two lines of an indicator.

use std::collections::BTreeMap;

use daicho_domain::plan::IndicatorKind;
use daicho_domain::{Cell, CellFlag, CellStatus, FiscalYear};

use super::header::TableKind;
use super::parser::{Parser, Pending, shown};
use super::{ParsedField, ParsedProject, ParsedRow};
use crate::cell::{CellRole, is_dash, read_cell};
use crate::expression::{Expression, read_baseline, read_expression, read_final_target};
use crate::finding::{Code, Finding};
use crate::table::{Record, plain};

impl Parser {
    /// The lines 目標値 and 実績値 of one indicator.
    pub(super) fn row(
        &mut self,
        target: Pending,
        actual_index: usize,
        actual: &Record,
        actual_anchor: usize,
    ) {
        let line = target.record.line;
        let Some(header) = &mut self.header else {
            self.find(
                Finding::at(
                    Code::HeaderMissing,
                    line,
                    "この行の上に年度の見出し行がありません。見出し行を補ってください。",
                )
                .about(shown(&target.record)),
            );
            return;
        };
        let shift = (header.header.kubun != target.anchor && !header.is_shift_told)
            .then_some((header.line, header.header.kubun));
        header.is_shift_told |= shift.is_some();
        let (kind, years) = (header.header.kind, header.years.clone());
        let (total, commentary) = (header.header.total, header.header.commentary);
        if let Some((header_line, kubun)) = shift {
            self.find(
                Finding::at(
                    Code::HeaderShifted,
                    header_line,
                    format!(
                        "見出しの「区分」は{}列目ですが、値の行では{}列目です。値の行に合わせて読みました。",
                        kubun + 1,
                        target.anchor + 1
                    ),
                )
                .in_column(kubun)
                .about("区分"),
            );
        }
        let Some(goal) = self.sheet.goals.len().checked_sub(1) else {
            self.outside(
                line,
                &shown(&target.record),
                "基本目標の見出しより前に指標の行があります。",
            );
            return;
        };
        let place = match kind {
            TableKind::NumericGoals => self.numeric_goal(&target),
            TableKind::Kpis => self.kpi(&target),
        };
        let Some(place) = place else {
            return;
        };
        let row = self.sheet.rows.len();
        let columns = Columns {
            years,
            total,
            commentary,
        };
        let targets = self.values(
            &target.record,
            target.index,
            target.anchor,
            &columns,
            row,
            true,
        );
        let actuals = self.values(actual, actual_index, actual_anchor, &columns, row, false);
        let commentary =
            self.commentary(&target, actual, actual_index, actual_anchor, &columns, row);
        self.extra_cells(&target.record, target.anchor, kind, &columns);
        self.extra_cells(actual, actual_anchor, kind, &columns);
        let Expression {
            kind,
            name,
            baseline,
            final_target,
            no_kpi_reason,
            cycle_years,
            warnings: _,
        } = place.expression;
        let unit = final_target
            .as_ref()
            .and_then(|target| target.cell.unit())
            .or_else(|| baseline.as_ref().and_then(|baseline| baseline.cell.unit()))
            .map(str::to_owned);
        self.sheet.rows.push(ParsedRow {
            line,
            actual_line: actual.line,
            goal,
            project: place.project,
            kind,
            name: name.unwrap_or_default(),
            unit,
            expression: place.text,
            baseline,
            final_target,
            no_kpi_reason,
            cycle_years,
            targets: targets.years,
            actuals: actuals.years,
            total_target: targets.total,
            total_actual: actuals.total,
            commentary,
            anchor: target.anchor,
        });
    }

    fn numeric_goal(&mut self, target: &Pending) -> Option<Place> {
        let record = &target.record;
        let Some(first) = target.anchor.checked_sub(3) else {
            self.too_few_columns(target, "数値目標・基準値・目標値");
            return None;
        };
        let (name, before, after) = (
            record.text(first),
            record.text(first + 1),
            record.text(first + 2),
        );
        let (baseline, mut warnings) = read_baseline(&before);
        let (final_target, more) = read_final_target(&after);
        warnings.extend(more);
        let units = (
            baseline.as_ref().and_then(|baseline| baseline.cell.unit()),
            final_target.as_ref().and_then(|target| target.cell.unit()),
        );
        if matches!(units, (Some(one), Some(other)) if one != other) {
            warnings.push(Code::UnitMismatch);
        }
        let text = format!("{name} ／{before}→{after}");
        self.expression_findings(record.line, first, &text, &warnings);
        Some(Place {
            expression: Expression {
                kind: IndicatorKind::NumericGoal,
                cycle_years: crate::period::cycle_years(&name),
                name: Some(name),
                baseline,
                final_target,
                no_kpi_reason: None,
                warnings,
            },
            project: None,
            text,
        })
    }

    fn kpi(&mut self, target: &Pending) -> Option<Place> {
        let record = &target.record;
        let Some(first) = target.anchor.checked_sub(2) else {
            self.too_few_columns(target, "施策名・事業名と重要業績評価指標");
            return None;
        };
        let title = record.text(first);
        if !title.is_empty() {
            let Some(measure) = self.measure else {
                self.outside(
                    record.line,
                    &shown(record),
                    "「①」の見出しより前に事業の行があります。",
                );
                return None;
            };
            self.sheet.projects.push(ParsedProject {
                line: record.line,
                measure,
                title,
            });
            self.project = Some(self.sheet.projects.len() - 1);
        }
        if self.project.is_none() {
            self.outside(
                record.line,
                &shown(record),
                "事業名のない指標の行です(前の事業はページ区切りで終わっています)。",
            );
            return None;
        }
        let text = plain(&record.cells[first + 1]).trim().to_owned();
        let expression = read_expression(&text);
        self.expression_findings(record.line, first + 1, &text, &expression.warnings);
        Some(Place {
            expression,
            project: self.project,
            text,
        })
    }

    fn too_few_columns(&mut self, target: &Pending, names: &str) {
        self.find(
            Finding::at(
                Code::UnknownRow,
                target.record.line,
                format!("「目標値」の左に列が足りません({names}の列が必要です)。"),
            )
            .in_column(target.anchor)
            .about(shown(&target.record)),
        );
    }

    fn expression_findings(&mut self, line: u32, column: usize, text: &str, warnings: &[Code]) {
        for warning in warnings {
            let (code, message) = match warning {
                Code::KanjiOneOrDash => (
                    Code::KanjiOne,
                    "漢数字の「一」は「—」の誤りと思われます。値なし(判読不能)として読みました。原本を確認してください。",
                ),
                Code::UnitMismatch => (
                    Code::UnitsDiffer,
                    "基準値と目標値の単位が違います。どちらが正しいか確認してください(原文のまま保存します)。",
                ),
                Code::Unreadable => (
                    Code::Unreadable,
                    "基準値または目標値を数値として読めません。原文のまま保存します。",
                ),
                code => (
                    *code,
                    "KPIの欄を「名称 ／基準値(時点)→目標値(基礎)」の形で読めません。全体を指標名として読みました。",
                ),
            };
            self.find(
                Finding::at(code, line, message)
                    .in_column(column)
                    .about(text),
            );
        }
    }

    fn values(
        &mut self,
        record: &Record,
        index: usize,
        anchor: usize,
        columns: &Columns,
        row: usize,
        is_target: bool,
    ) -> Values {
        let mut years = BTreeMap::new();
        for (offset, year) in columns.years.iter().enumerate() {
            let column = anchor + 1 + offset;
            let role = if is_target {
                CellRole::Target
            } else if self
                .known
                .evaluated
                .is_some_and(|evaluated| *year <= evaluated)
            {
                CellRole::DueActual
            } else {
                CellRole::FutureActual
            };
            let cell = self.value(record, column, role);
            if role == CellRole::Target && cell.status() == CellStatus::Missing {
                self.find(
                    Finding::at(
                        Code::TargetMissing,
                        record.line,
                        format!(
                            "{}の目標値が空欄です。値または「—」を確認してください。",
                            year.ja()
                        ),
                    )
                    .in_column(column),
                );
            }
            years.insert(*year, cell);
            let field = if is_target {
                ParsedField::Target(row, *year)
            } else {
                ParsedField::Actual(row, *year)
            };
            if let Some(cell) = self.sheet.layout[index].get_mut(column) {
                cell.field = Some(field);
            }
        }
        let total = match columns.total {
            Some(offset) => self.value(record, anchor + offset, CellRole::Total),
            None => Cell::absent("", CellStatus::NotDue),
        };
        Values { years, total }
    }

    fn value(&mut self, record: &Record, column: usize, role: CellRole) -> Cell {
        let raw = record
            .cells
            .get(column)
            .map(|raw| plain(raw))
            .unwrap_or_default();
        let reading = read_cell(&raw, role);
        for warning in reading.warnings {
            let (code, message) = match warning {
                Code::KanjiOneOrDash => (
                    Code::KanjiOne,
                    "漢数字の「一」は「—」の誤りと思われます。値なし(判読不能)として読みました。原本を確認してください。",
                ),
                Code::Unreadable => (
                    Code::Unreadable,
                    "数値として読めません。値なし(判読不能)として原文を保存します。数値の書き方を確認してください。",
                ),
                // The rules over the sheet tell blanks, because they see the commentary.
                _ => continue,
            };
            self.find(
                Finding::at(code, record.line, message)
                    .in_column(column)
                    .about(raw.clone()),
            );
        }
        if reading.cell.flags().contains(&CellFlag::UnitInCell) {
            self.find(
                Finding::at(
                    Code::UnitInCell,
                    record.line,
                    "値の欄に単位が書かれています。値と単位に分けて読みました。",
                )
                .in_column(column)
                .about(raw),
            );
        }
        reading.cell
    }

    fn commentary(
        &mut self,
        target: &Pending,
        actual: &Record,
        actual_index: usize,
        actual_anchor: usize,
        columns: &Columns,
        row: usize,
    ) -> String {
        let Some(offset) = columns.commentary else {
            return String::new();
        };
        let below = actual.text(actual_anchor + offset);
        if !below.is_empty() {
            self.find(
                Finding::at(
                    Code::TextInActualRow,
                    actual.line,
                    "実績値の行に文章があります。1段上の目標値の行の同じ列へまとめてください。",
                )
                .in_column(actual_anchor + offset)
                .about(below),
            );
        }
        let column = target.anchor + offset;
        if let Some(cell) = self.sheet.layout[target.index].get_mut(column) {
            cell.field = Some(ParsedField::Commentary(row));
        }
        debug_assert!(actual_index > target.index);
        target.record.text(column)
    }

    /// Cells with text that no column accounts for.
    fn extra_cells(&mut self, record: &Record, anchor: usize, kind: TableKind, columns: &Columns) {
        let first = anchor.saturating_sub(match kind {
            TableKind::NumericGoals => 3,
            TableKind::Kpis => 2,
        });
        let last = anchor
            + columns
                .commentary
                .or(columns.total)
                .unwrap_or(columns.years.len());
        let is_target = record.text(anchor).starts_with("目標");
        for column in 0..record.cells.len() {
            let text = record.text(column);
            let is_read = (first..=last).contains(&column) && (is_target || column >= anchor);
            if is_read || text.is_empty() || is_dash(&text) {
                continue;
            }
            let (code, message) = if column < anchor && !is_target {
                (
                    Code::TextInActualRow,
                    "実績値の行の左側に文章があります。事業名・KPIは目標値の行に書いてください。",
                )
            } else {
                (
                    Code::ExtraCell,
                    "読み込む列の外に文字があります。書き戻しのために原文だけ保存します。",
                )
            };
            self.find(
                Finding::at(code, record.line, message)
                    .in_column(column)
                    .about(text),
            );
        }
    }
}

struct Columns {
    years: Vec<FiscalYear>,
    total: Option<usize>,
    commentary: Option<usize>,
}

struct Values {
    years: BTreeMap<FiscalYear, Cell>,
    total: Cell,
}

struct Place {
    expression: Expression,
    project: Option<usize>,
    text: String,
}
