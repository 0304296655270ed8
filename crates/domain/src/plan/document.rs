//! An imported document, recorded so that it can be written back as it came.

use serde::{Deserialize, Serialize};

use crate::fiscal_year::FiscalYear;
use crate::id::{DocumentId, GoalId, PlacementId};

/// What a cell of the document shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "field")]
pub enum FieldRef {
    /// The target of a year.
    Target {
        /// Where.
        placement: PlacementId,
        /// Which year.
        fiscal_year: FiscalYear,
    },
    /// The actual of a year.
    Actual {
        /// Where.
        placement: PlacementId,
        /// Which year.
        fiscal_year: FiscalYear,
    },
    /// The commentary on the evaluated year.
    Commentary {
        /// Where.
        placement: PlacementId,
    },
}

/// A cell of the document: what was written, and which field of the records it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutCell {
    /// What was written.
    #[serde(rename = "t")]
    pub text: String,
    /// Which field it shows; headings, headers and printed totals show none.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldRef>,
}

/// A line of the document; a blank line has no cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutLine(pub Vec<LayoutCell>);

/// What a printed subtotal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubtotalScope {
    /// 小計 of a goal.
    Goal(GoalId),
    /// 合計 of the plan.
    Plan,
}

/// A line such as `小計(事業数:9、KPI数:8)`: kept as an assertion to verify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedSubtotal {
    /// Line of the document, counted from 1.
    pub line: u32,
    /// What it counts.
    pub scope: SubtotalScope,
    /// 事業数 as printed.
    pub projects: u32,
    /// KPI数 as printed.
    pub kpis: u32,
}

/// A document that was read into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its identity.
    pub id: DocumentId,
    /// Name of the file as given.
    pub file_name: String,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub sha256: String,
    /// Encoding that was detected (`UTF-8`, `Shift_JIS`…).
    pub encoding: String,
    /// Whether the file began with a byte order mark.
    pub byte_order_mark: bool,
    /// Line ending, `\n` or `\r\n`.
    pub line_ending: String,
    /// Whether the last line ended with a line ending.
    pub ends_with_line_ending: bool,
    /// The fiscal year that the document evaluates.
    pub evaluated_year: FiscalYear,
    /// Printed subtotals.
    pub subtotals: Vec<PrintedSubtotal>,
    /// The document's lines; recorded in parts, because an event is bounded.
    pub lines: Vec<LayoutLine>,
}
