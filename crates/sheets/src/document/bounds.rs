//! How much of a file is read: a file that is no sheet, or a broken one, is answered in bounded
//! time and with a bounded number of findings.

use super::ParsedSheet;
use crate::finding::{Code, Finding};
use crate::table::Record;

/// Cells of one line.
pub const MAX_CELLS: usize = 500;
/// Lines of one file.
pub const MAX_LINES: usize = 100_000;
/// Indicators of one sheet, each counted at every place.
pub const MAX_INDICATORS: usize = 20_000;
/// Findings that the reader gathers.
pub const MAX_FINDINGS: usize = 50_000;

/// The finding of a line with too many cells, of which nothing else is read.
pub(super) fn too_many_cells(record: &Record) -> Option<Finding> {
    let count = record.cells.len();
    (count > MAX_CELLS).then(|| {
        Finding::at(
            Code::TooManyCells,
            record.line,
            format!(
                "この行には{count}個の欄があります(上限は{MAX_CELLS}個)。評価シートのファイルか、列の区切り(タブ・カンマ)を確認してください。"
            ),
        )
        .in_column(MAX_CELLS)
    })
}

/// The finding with which reading ends before `record`, the line with `index` from 0.
pub(super) fn too_long(sheet: &ParsedSheet, index: usize, record: &Record) -> Option<Finding> {
    let what = if index >= MAX_LINES {
        format!("行数が上限({MAX_LINES}行)を超えています")
    } else if sheet.rows.len() >= MAX_INDICATORS && !record.is_blank() {
        format!("指標が上限({MAX_INDICATORS}件)に達しています")
    } else if sheet.met.len() >= MAX_FINDINGS {
        format!("指摘が上限({MAX_FINDINGS}件)に達しました")
    } else {
        return None;
    };
    Some(Finding::at(
        Code::TooLong,
        record.line,
        format!("{what}。この行から後は読みませんでした。評価シートのファイルか確認してください。"),
    ))
}
