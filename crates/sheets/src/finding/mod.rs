//! What somebody should look at before a sheet is taken over: one finding, one code.

mod row_rules;
mod rules;
mod text_figures;

pub use rules::findings;

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is taken over before it is mended.
    Error,
    /// Somebody has to decide.
    Question,
    /// Probably a slip in the sheet; it is kept as it is.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// The code used in files (`warning`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Question => "question",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $severity:ident;)*) => {
        /// The rule that a finding comes from: `V…` are the rules over a sheet (DOMAIN 1.7),
        /// `W_…` what the reader of cells and lines meets (DOMAIN 3b). Where both fit, it is `V…`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as files carry it (`V07`).
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How much a finding with this code matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// A printed subtotal differs from the count.
    SubtotalDiffers = "V01", Warning;
    /// The printed total of targets or actuals differs from their sum.
    TotalDiffers = "V02", Warning;
    /// A count over the term without a total.
    CountWithoutTotal = "V03", Info;
    /// A rate on the basis 5年間.
    RateOverTerm = "V04", Info;
    /// The final target differs from the last year's target.
    FinalDiffersFromLastYear = "V05", Warning;
    /// The final target does not stand in the last year's column.
    FinalNotInLastYear = "V06", Warning;
    /// Baseline and target have different units.
    UnitsDiffer = "V07", Warning;
    /// Kanji 一 where a number or a dash is meant.
    KanjiOne = "V08", Warning;
    /// Targets that go against their own course.
    NotMonotone = "V09", Warning;
    /// The first target is worse than the baseline.
    FirstTargetWorse = "V10", Warning;
    /// The final target is below the baseline: which way is good has to be confirmed.
    TargetBelowBaseline = "V11", Question;
    /// A provisional actual.
    Provisional = "V12", Info;
    /// A unit inside a value cell.
    UnitInCell = "V13", Info;
    /// A header whose columns are shifted against its rows.
    HeaderShifted = "V14", Warning;
    /// A policy or measure without projects.
    EmptySection = "V15", Warning;
    /// The same series at two places.
    SameSeries = "V16", Question;
    /// The same name for different indicators.
    SameName = "V17", Info;
    /// A percentage in the commentary contradicts the actual.
    TextContradictsFigure = "V18", Warning;
    /// A target of 0: there is no rate.
    ZeroTarget = "V19", Info;
    /// Negative values: a ratio has no meaning.
    NegativeValues = "V20", Info;
    /// The final target is already met.
    FinalAlreadyMet = "V21", Info;
    /// The evaluated year's actual is missing without a reason.
    ActualWithoutReason = "V22", Warning;
    /// Totals of actuals are blank here and dashes there.
    TotalsInconsistent = "V23", Info;
    /// 年 beside 年度 in one column.
    PeriodWordsDiffer = "V24", Info;
    /// An indicator without unit.
    NoUnit = "V25", Info;
    /// The evaluated year's actual is blank.
    ActualMissing = "W_ACTUAL_MISSING", Warning;
    /// A target cell is blank.
    TargetMissing = "W_TARGET_MISSING", Warning;
    /// Kanji 一 in one cell read alone; [`Code::KanjiOne`] in a sheet.
    KanjiOneOrDash = "W_KANJI_ONE_OR_DASH", Warning;
    /// Units differ in one packed cell read alone; [`Code::UnitsDiffer`] in a sheet.
    UnitMismatch = "W_UNIT_MISMATCH", Warning;
    /// A text that is neither a number nor a reason for having none.
    Unreadable = "W_UNREADABLE", Warning;
    /// A KPI cell that follows no known form.
    ExpressionUnread = "W_EXPRESSION_UNREAD", Warning;
    /// A 目標値 line without its 実績値 line, or the other way round.
    PairMissing = "W_PAIR_MISSING", Error;
    /// A line of several cells that is none of the known ones.
    UnknownRow = "W_UNKNOWN_ROW", Error;
    /// A line of text that is no heading.
    UnknownLine = "W_UNKNOWN_LINE", Info;
    /// A line outside goals, policies, measures and projects.
    OutsideStructure = "W_OUTSIDE_STRUCTURE", Error;
    /// Values without a header line above them.
    HeaderMissing = "W_HEADER_MISSING", Error;
    /// Columns whose fiscal years cannot be told.
    YearsUnknown = "W_YEARS_UNKNOWN", Error;
    /// Text where the 実績値 line has no room for it.
    TextInActualRow = "W_TEXT_IN_ACTUAL_ROW", Error;
    /// A cell in a column that is not read.
    ExtraCell = "W_EXTRA_CELL", Info;
    /// A quotation mark that is never closed.
    OpenQuote = "W_OPEN_QUOTE", Error;
    /// A line of more cells than are read.
    TooManyCells = "W_TOO_MANY_CELLS", Error;
    /// A sheet of more lines, indicators or findings than are read.
    TooLong = "W_TOO_LONG", Error;
    /// No indicator at all.
    NoRows = "W_NO_ROWS", Error;
    /// Characters that another encoding of the same text would write differently.
    EncodingNotExact = "W_ENCODING_NOT_EXACT", Info;
    /// The plan file names another evaluated year than the header.
    EvaluatedYearDiffers = "W_EVALUATED_YEAR", Question;
    /// The plan file names something that the sheet lacks.
    PlanFileMismatch = "W_PLAN_FILE", Error;
    /// An indicator that the plan file gives to no department.
    NoDepartment = "W_NO_DEPARTMENT", Warning;
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// Line of the file, counted from 1; none for the whole document.
    pub line: Option<u32>,
    /// Column, counted from 1.
    pub column: Option<u32>,
    /// What was found and what to do, in Japanese.
    pub message: String,
    /// The text it is about.
    pub raw: String,
}

impl Finding {
    /// A finding about the whole document.
    pub fn of_document(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            line: None,
            column: None,
            message: message.into(),
            raw: String::new(),
        }
    }

    /// A finding at a line.
    pub fn at(code: Code, line: u32, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::of_document(code, message)
        }
    }

    /// With its column, given as an index from 0.
    #[must_use]
    pub fn in_column(mut self, index: usize) -> Self {
        self.column = u32::try_from(index + 1).ok();
        self
    }

    /// With the text it is about.
    #[must_use]
    pub fn about(mut self, raw: impl Into<String>) -> Self {
        self.raw = raw.into();
        self
    }

    /// Whether nothing may be taken over before it is mended.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// In the order of lines; what concerns the whole document comes last.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        (
            finding.line.is_none(),
            finding.line,
            finding.code,
            finding.column,
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once() {
        let codes: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for number in 1..=25 {
            assert!(codes.contains(format!("V{number:02}").as_str()));
        }
    }
}
