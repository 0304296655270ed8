//! Line by line through the table.

use daicho_domain::FiscalYear;

use super::bounds::{too_long, too_many_cells};
use super::header::{Header, RowKind, YearLabel, resolve, year_named_in};
use super::sections::{Section, read_section};
use super::{
    ParseHints, ParsedCell, ParsedGoal, ParsedMeasure, ParsedPolicy, ParsedSheet, ParsedSubtotal,
    Source,
};
use crate::finding::{Code, Finding, sort};
use crate::table::{Record, Table};

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
        if let Some(finding) = too_long(&parser.sheet, index, record) {
            parser.find(finding);
            break;
        }
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
pub(super) struct Known {
    pub(super) evaluated: Option<FiscalYear>,
    /// A year whose era is certain.
    pub(super) reference: Option<FiscalYear>,
    pub(super) finding: Option<Finding>,
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
pub(super) struct Pending {
    pub(super) index: usize,
    pub(super) record: Record,
    pub(super) anchor: usize,
}

pub(super) struct Parser {
    pub(super) sheet: ParsedSheet,
    pub(super) known: Known,
    pub(super) hints: ParseHints,
    pub(super) header: Option<CurrentHeader>,
    pub(super) policy: Option<usize>,
    pub(super) measure: Option<usize>,
    pub(super) project: Option<usize>,
    pub(super) pending: Option<Pending>,
}

pub(super) struct CurrentHeader {
    pub(super) line: u32,
    pub(super) header: Header,
    pub(super) years: Vec<FiscalYear>,
    pub(super) is_shift_told: bool,
}

impl Parser {
    pub(super) fn find(&mut self, finding: Finding) {
        self.sheet.met.push(finding);
    }

    fn line(&mut self, index: usize, record: &Record) {
        if let Some(finding) = too_many_cells(record) {
            self.close_pending();
            self.find(finding);
            return;
        }
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
                    self.outside(
                        line,
                        text,
                        "基本目標の見出しより前に施策の見出しがあります。",
                    );
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
                    self.outside(
                        line,
                        text,
                        "「(1)」の見出しより前に「①」の見出しがあります。",
                    );
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

    pub(super) fn outside(&mut self, line: u32, text: &str, message: &str) {
        self.find(
            Finding::at(
                Code::OutsideStructure,
                line,
                format!("{message}見出しの順序(基本目標 → (1) → ① → 事業)を直してください。"),
            )
            .about(text),
        );
    }
}

/// A line for people: its cells with something between them, blank ones left out.
pub(super) fn shown(record: &Record) -> String {
    (0..record.cells.len())
        .map(|column| record.text(column))
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}
