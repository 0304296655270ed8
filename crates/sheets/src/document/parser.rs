//! Line by line through the table.

use std::collections::BTreeMap;

use daicho_domain::plan::IndicatorKind;
use daicho_domain::{Cell, CellStatus, FiscalYear};

use super::header::{Header, RowKind, TableKind, YearLabel, resolve, year_named_in};
use super::sections::{Section, read_section};
use super::{
    ParseHints, ParsedCell, ParsedField, ParsedGoal, ParsedMeasure, ParsedPolicy, ParsedProject,
    ParsedRow, ParsedSheet, ParsedSubtotal, Source,
};
use crate::cell::{CellRole, is_dash, read_cell};
use crate::expression::{Expression, read_baseline, read_expression, read_final_target};
use crate::finding::{Code, Finding, sort};
use crate::table::{Record, Table, plain};

/// Reads a table. Never fails: what does not fit becomes a finding.
pub fn parse(table: Table, source: Source, is_exact: bool, hints: ParseHints) -> ParsedSheet {
    let known = Known::gather(&table, hints);
    let mut parser = Parser {
        sheet: ParsedSheet {
            source,
            years: Vec::new(),
            evaluated_year: known.evaluated,
            goals: Vec::new(),
            policies: Vec::new(),
            measures: Vec::new(),
            projects: Vec::new(),
            rows: Vec::new(),
            subtotals: Vec::new(),
            layout: table
                .records
                .iter()
                .map(|record| {
                    record
                        .cells
                        .iter()
                        .map(|text| ParsedCell {
                            text: text.clone(),
                            field: None,
                        })
                        .collect()
                })
                .collect(),
            met: Vec::new(),
        },
        known,
        hints,
        header: None,
        policy: None,
        measure: None,
        project: None,
        pending: None,
    };
    parser.sheet.met.extend(parser.known.finding.clone());
    if !is_exact {
        parser.sheet.met.push(Finding::of_document(
            Code::EncodingNotExact,
            "同じ文字を別のバイトで書いている箇所があります。書き戻しは文字としては同じですが、バイト単位では一致しません。",
        ));
    }
    for (index, record) in table.records.iter().enumerate() {
        parser.line(index, record);
    }
    parser.close_pending();
    let mut sheet = parser.sheet;
    if sheet.rows.is_empty() {
        sheet.met.push(Finding::of_document(
            Code::NoRows,
            "目標値・実績値の行が見つかりません。評価シートのファイルか、列の区切り(タブ・カンマ)を確認してください。",
        ));
    }
    sort(&mut sheet.met);
    sheet
}

/// What is certain about the years before the first line is read.
struct Known {
    evaluated: Option<FiscalYear>,
    /// A year whose era is certain.
    reference: Option<FiscalYear>,
    finding: Option<Finding>,
}

impl Known {
    fn gather(table: &Table, hints: ParseHints) -> Self {
        let headers: Vec<(u32, Header)> = table
            .records
            .iter()
            .filter_map(|record| Some((record.line, Header::read(record)?)))
            .collect();
        let named = headers
            .iter()
            .find_map(|(line, header)| Some((*line, header.evaluated?)));
        // A title above the tables is the next best place.
        let titled = || {
            table
                .records
                .iter()
                .take_while(|record| Header::read(record).is_none())
                .flat_map(|record| &record.cells)
                .find_map(|cell| year_named_in(cell))
        };
        let in_sheet = named.map(|(_, year)| year).or_else(titled);
        let finding = match (hints.evaluated_year, named) {
            (Some(given), Some((line, year))) if given != year => Some(Finding::at(
                Code::EvaluatedYearDiffers,
                line,
                format!(
                    "計画ファイルの評価年度は{}ですが、見出しには{}とあります。どちらが正しいか確認してください(計画ファイルに従って読みました)。",
                    given.ja(),
                    year.ja()
                ),
            )),
            _ => None,
        };
        Self {
            evaluated: hints.evaluated_year.or(in_sheet),
            reference: in_sheet.or(hints.evaluated_year),
            finding,
        }
    }
}

/// A 目標値 line that waits for its 実績値 line.
struct Pending {
    index: usize,
    record: Record,
    anchor: usize,
}

struct Parser {
    sheet: ParsedSheet,
    known: Known,
    hints: ParseHints,
    header: Option<CurrentHeader>,
    policy: Option<usize>,
    measure: Option<usize>,
    project: Option<usize>,
    pending: Option<Pending>,
}

struct CurrentHeader {
    line: u32,
    header: Header,
    years: Vec<FiscalYear>,
    is_shift_told: bool,
}

impl Parser {
    fn find(&mut self, finding: Finding) {
        self.sheet.met.push(finding);
    }

    fn line(&mut self, index: usize, record: &Record) {
        if record.has_open_quote {
            self.find(
                Finding::at(
                    Code::OpenQuote,
                    record.line,
                    "引用符(\")が閉じられていません。この行以降の列がずれるため、引用符を直してください。",
                )
                .about(record.cells.join(" ")),
            );
        }
        if record.is_blank() {
            return;
        }
        if let Some(header) = Header::read(record) {
            self.close_pending();
            self.begin_table(record, header);
            return;
        }
        let anchor = (0..record.cells.len())
            .find_map(|column| RowKind::of(&record.text(column)).map(|kind| (column, kind)));
        match anchor {
            Some((anchor, RowKind::Target)) => {
                self.close_pending();
                self.pending = Some(Pending {
                    index,
                    record: record.clone(),
                    anchor,
                });
            }
            Some((anchor, RowKind::Actual)) => match self.pending.take() {
                Some(target) => self.row(target, index, record, anchor),
                None => self.find(
                    Finding::at(
                        Code::PairMissing,
                        record.line,
                        "「実績値」の行の前に「目標値」の行がありません。目標値の行を補ってください。",
                    )
                    .in_column(anchor)
                    .about(shown(record)),
                ),
            },
            None => {
                self.close_pending();
                self.other(record);
            }
        }
    }

    fn close_pending(&mut self) {
        if let Some(Pending { record, anchor, .. }) = self.pending.take() {
            self.find(
                Finding::at(
                    Code::PairMissing,
                    record.line,
                    "「目標値」の行に続く「実績値」の行がありません。実績値の行を補ってください。",
                )
                .in_column(anchor)
                .about(shown(&record)),
            );
        }
    }

    fn begin_table(&mut self, record: &Record, header: Header) {
        // A page break repeats the header inside a goal: goal, policy and measure go on, a
        // project does not (DOMAIN M39).
        self.project = None;
        let years = self.years_of(record, &header.labels);
        if !header.extra.is_empty() {
            for (offset, name) in &header.extra {
                self.find(
                    Finding::at(
                        Code::ExtraCell,
                        record.line,
                        format!("列「{name}」は読み込みません(書き戻しのために原文は保存します)。"),
                    )
                    .in_column(header.kubun + offset)
                    .about(name.clone()),
                );
            }
        }
        self.header = Some(CurrentHeader {
            line: record.line,
            header,
            years,
            is_shift_told: false,
        });
    }

    fn years_of(&mut self, record: &Record, labels: &[YearLabel]) -> Vec<FiscalYear> {
        let Some(years) = resolve(labels, self.known.reference, self.hints.term) else {
            self.find(
                Finding::at(
                    Code::YearsUnknown,
                    record.line,
                    "列の年度を確定できません。見出しに元号(例: 令和3年度)を書くか、計画ファイルで計画期間と評価年度を指定してください。",
                )
                .about(shown(record)),
            );
            return Vec::new();
        };
        if self.sheet.years.is_empty() {
            self.sheet.years.clone_from(&years);
            if self.known.evaluated.is_none() {
                self.find(
                    Finding::at(
                        Code::YearsUnknown,
                        record.line,
                        "評価する年度が分かりません。計画ファイルの evaluated_year で指定してください。",
                    )
                    .about(shown(record)),
                );
            }
        } else if self.sheet.years != years {
            self.find(
                Finding::at(
                    Code::YearsUnknown,
                    record.line,
                    "この表の年度の列が、前の表と違います。年度の見出しをそろえてください。",
                )
                .about(shown(record)),
            );
        }
        years
    }

    /// A line that is neither header nor value line.
    fn other(&mut self, record: &Record) {
        let filled: Vec<usize> = (0..record.cells.len())
            .filter(|column| !record.text(*column).is_empty())
            .collect();
        let [only] = filled[..] else {
            self.find(
                Finding::at(
                    Code::UnknownRow,
                    record.line,
                    "見出しでも目標値・実績値の行でもない行です。区分の列に「目標値」「実績値」があるか確認してください。",
                )
                .about(shown(record)),
            );
            return;
        };
        let text = record.text(only);
        match read_section(&text) {
            Some(section) => self.section(record.line, &text, section),
            None => self.find(
                Finding::at(
                    Code::UnknownLine,
                    record.line,
                    "見出しとして読めない行です。書き戻しのために原文だけ保存します。",
                )
                .in_column(only)
                .about(text),
            ),
        }
    }

    fn section(&mut self, line: u32, text: &str, section: Section) {
        match section {
            Section::Goal { number, title } => {
                self.sheet.goals.push(ParsedGoal {
                    line,
                    number,
                    title,
                });
                self.policy = None;
                self.measure = None;
                self.project = None;
            }
            Section::Policy { number, title } => {
                self.measure = None;
                self.project = None;
                let Some(goal) = self.sheet.goals.len().checked_sub(1) else {
                    self.outside(line, text, "基本目標の見出しより前に施策の見出しがあります。");
                    return;
                };
                self.sheet.policies.push(ParsedPolicy {
                    line,
                    goal,
                    number,
                    title,
                });
                self.policy = Some(self.sheet.policies.len() - 1);
            }
            Section::Measure { number, title } => {
                self.project = None;
                let Some(policy) = self.policy else {
                    self.measure = None;
                    self.outside(line, text, "「(1)」の見出しより前に「①」の見出しがあります。");
                    return;
                };
                self.sheet.measures.push(ParsedMeasure {
                    line,
                    policy,
                    number,
                    title,
                });
                self.measure = Some(self.sheet.measures.len() - 1);
            }
            Section::Subtotal {
                is_grand_total,
                projects,
                kpis,
            } => {
                let goal = if is_grand_total {
                    None
                } else {
                    match self.sheet.goals.len().checked_sub(1) {
                        Some(goal) => Some(goal),
                        None => {
                            self.outside(line, text, "基本目標の見出しより前に小計があります。");
                            return;
                        }
                    }
                };
                self.sheet.subtotals.push(ParsedSubtotal {
                    line,
                    goal,
                    projects,
                    kpis,
                });
            }
        }
    }

    fn outside(&mut self, line: u32, text: &str, message: &str) {
        self.find(
            Finding::at(
                Code::OutsideStructure,
                line,
                format!("{message}見出しの順序(基本目標 → (1) → ① → 事業)を直してください。"),
            )
            .about(text),
        );
    }

    /// The lines 目標値 and 実績値 of one indicator.
    fn row(&mut self, target: Pending, actual_index: usize, actual: &Record, actual_anchor: usize) {
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
            .then(|| (header.line, header.header.kubun));
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
                .in_column(kubun),
            );
        }
        let Some(goal) = self.sheet.goals.len().checked_sub(1) else {
            self.outside(line, &shown(&target.record), "基本目標の見出しより前に指標の行があります。");
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
        let targets = self.values(&target.record, target.index, target.anchor, &columns, row, true);
        let actuals = self.values(actual, actual_index, actual_anchor, &columns, row, false);
        let commentary = self.commentary(&target, actual, actual_index, actual_anchor, &columns, row);
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
            self.find(Finding::at(code, line, message).in_column(column).about(text));
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
                        format!("{}の目標値が空欄です。値または「—」を確認してください。", year.ja()),
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
        if reading
            .cell
            .flags()
            .contains(&daicho_domain::CellFlag::UnitInCell)
        {
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

/// A line for people: its cells with something between them, blank ones left out.
fn shown(record: &Record) -> String {
    (0..record.cells.len())
        .map(|column| record.text(column))
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}
