//! The packed cell: `name ／baseline(period)→target(basis)`, or the words for having none.

use daicho_domain::indicator::{Baseline, FinalTarget};
use daicho_domain::plan::IndicatorKind;

use crate::cell::{CellReading, CellRole, half_width, read_cell, split_label};
use crate::finding::Code;
use crate::period::{Period, cycle_years};

/// What a KPI cell says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// KPI, monitor-only or none.
    pub kind: IndicatorKind,
    /// The name; none for a project without KPI.
    pub name: Option<String>,
    /// The baseline.
    pub baseline: Option<Baseline>,
    /// The final target.
    pub final_target: Option<FinalTarget>,
    /// Why there is no target or no KPI.
    pub no_kpi_reason: Option<String>,
    /// The cycle that the name tells of.
    pub cycle_years: Option<u8>,
    /// What somebody should look at.
    pub warnings: Vec<Code>,
}

/// Reads a KPI cell. Never fails: a text that follows no known form is taken as a name, with
/// [`Code::ExpressionUnread`].
pub fn read_expression(text: &str) -> Expression {
    let text = text.trim();
    if let Some((name, rest)) = split_name(text) {
        if let Some((before, after)) = split_arrow(rest) {
            return with_target(name, before, after);
        }
        return Expression {
            warnings: vec![Code::ExpressionUnread],
            ..named(name)
        };
    }
    if is_monitor_only(text) {
        let (name, reason) = split_reason(text);
        return Expression {
            kind: IndicatorKind::MonitorOnly,
            no_kpi_reason: Some(reason.to_owned()),
            ..named(name)
        };
    }
    if is_no_kpi(text) {
        return Expression {
            kind: IndicatorKind::NoKpi,
            name: None,
            no_kpi_reason: Some(text.to_owned()),
            cycle_years: None,
            ..named("")
        };
    }
    Expression {
        warnings: vec![Code::ExpressionUnread],
        ..named(text)
    }
}

fn named(name: &str) -> Expression {
    Expression {
        kind: IndicatorKind::Kpi,
        name: Some(name.to_owned()),
        baseline: None,
        final_target: None,
        no_kpi_reason: None,
        cycle_years: cycle_years(name),
        warnings: Vec::new(),
    }
}

fn with_target(name: &str, before: &str, after: &str) -> Expression {
    let (baseline, mut warnings) = read_baseline(before);
    let (final_target, more) = read_final_target(after);
    warnings.extend(more);
    let units = (
        baseline.as_ref().and_then(|baseline| baseline.cell.unit()),
        final_target.as_ref().and_then(|target| target.cell.unit()),
    );
    if let (Some(baseline), Some(target)) = units
        && baseline != target
    {
        warnings.push(Code::UnitMismatch);
    }
    warnings.dedup();
    Expression {
        baseline,
        final_target,
        warnings,
        ..named(name)
    }
}

/// Reads `36.7%(令和元年)`; nothing where the text is blank.
pub fn read_baseline(text: &str) -> (Option<Baseline>, Vec<Code>) {
    if text.trim().is_empty() {
        return (None, Vec::new());
    }
    let (body, period, warnings) = read_with_label(text, CellRole::Baseline);
    let baseline = Baseline {
        cell: body.cell,
        period_label: period.label,
        period_kind: period.kind,
        from: period.from,
        to: period.to,
        years: period.years,
    };
    (Some(baseline), warnings)
}

/// Reads `40.0%(5年間)`; nothing where the text is blank.
pub fn read_final_target(text: &str) -> (Option<FinalTarget>, Vec<Code>) {
    if text.trim().is_empty() {
        return (None, Vec::new());
    }
    let (body, period, warnings) = read_with_label(text, CellRole::FinalTarget);
    let target = FinalTarget {
        cell: body.cell,
        basis: period.basis(),
        basis_label: period.label,
    };
    (Some(target), warnings)
}

/// The value and its label apart: `raw` of the cell is the value's text alone.
fn read_with_label(text: &str, role: CellRole) -> (CellReading, Period, Vec<Code>) {
    let text = text.trim();
    let (body, label) = split_label(text).unwrap_or((text, ""));
    let reading = read_cell(body, role);
    let warnings = reading.warnings.clone();
    (reading, Period::read(label), warnings)
}

/// Name and values apart. A half-width slash belongs to units («人/日»), a full-width one may
/// stand in a name, so the one behind a space decides (DOMAIN Q6).
pub fn split_name(text: &str) -> Option<(&str, &str)> {
    for separator in [" ／", "\u{3000}／"] {
        if let Some((name, rest)) = text.split_once(separator) {
            return Some((name.trim(), rest.trim()));
        }
    }
    let at = text[..text.find(ARROWS)?].rfind('／')?;
    Some((text[..at].trim(), text[at + '／'.len_utf8()..].trim()))
}

const ARROWS: [char; 3] = ['→', '⇒', '➡'];

/// Baseline and final target apart.
pub fn split_arrow(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(ARROWS)?;
    Some((before.trim(), after.trim()))
}

fn is_monitor_only(text: &str) -> bool {
    ["実績値の管理", "実績値管理", "実績管理", "実績値のみ管理"]
        .iter()
        .any(|words| text.contains(words))
}

fn is_no_kpi(text: &str) -> bool {
    let text = half_width(text);
    let names_kpi = ["KPI", "指標", "目標値"]
        .iter()
        .any(|word| text.contains(word));
    names_kpi
        && [
            "設定しない",
            "設定していない",
            "設定なし",
            "設定無し",
            "設けない",
        ]
        .iter()
        .any(|words| text.contains(words))
}

/// Name and reason of a monitor-only indicator: the name ends at the first space, or where the
/// reason begins.
fn split_reason(text: &str) -> (&str, &str) {
    if let Some((name, reason)) = text.split_once([' ', '\u{3000}']) {
        return (name.trim(), reason.trim());
    }
    let at = ["目標値の設定", "KPIの設定", "ＫＰＩの設定", "実績"]
        .into_iter()
        .filter_map(|words| text.find(words))
        .min()
        .unwrap_or(text.len());
    (text[..at].trim_end_matches(['(', '（']), &text[at..])
}

#[cfg(test)]
mod tests {
    use daicho_domain::CellStatus;
    use daicho_domain::indicator::{Basis, PeriodKind};

    use super::*;

    #[test]
    fn the_normal_form_is_taken_apart() {
        let read = read_expression("砂川高校からの市内企業就職率 ／36.7%(令和元年)→40.0%(5年間)");
        assert_eq!(read.name.as_deref(), Some("砂川高校からの市内企業就職率"));
        let baseline = read.baseline.unwrap();
        assert_eq!(baseline.cell.raw(), "36.7%");
        assert_eq!(baseline.period_label, "令和元年");
        let target = read.final_target.unwrap();
        assert_eq!(target.cell.value().unwrap().to_string(), "40.0");
        assert_eq!(target.basis, Some(Basis::CumulativePlan));
        assert!(read.warnings.is_empty());
    }

    #[test]
    fn a_half_width_slash_belongs_to_the_unit() {
        let read = read_expression("施設前の歩行者通行数 ／273人/日(令和元年)→327人/日(令和7年)");
        assert_eq!(read.final_target.unwrap().cell.unit(), Some("人/日"));
    }

    #[test]
    fn parentheses_in_names_and_cycles_are_kept() {
        let read = read_expression(
            "情報交換を実施した団体数(3年で一巡) ／30団体(令和元年)→30団体(各年度)",
        );
        assert_eq!(
            read.name.as_deref(),
            Some("情報交換を実施した団体数(3年で一巡)")
        );
        assert_eq!(read.cycle_years, Some(3));
    }

    #[test]
    fn baselines_without_numbers_keep_what_is_written() {
        let dash = read_expression("訪問指導実施率 ／—(令和元年)→100%(各年度)");
        assert_eq!(
            dash.baseline.unwrap().cell.status(),
            CellStatus::DashUnclassified
        );
        let kanji = read_expression("補助金交付件数 ／一件(令和元年)→10件(各年度)");
        assert_eq!(kanji.warnings, [Code::KanjiOneOrDash]);
        let term = read_expression("新規就農者数 ／3人(第1期6年間)→4人(5年間)");
        let baseline = term.baseline.unwrap();
        assert_eq!(
            (baseline.period_kind, baseline.years),
            (Some(PeriodKind::PlanTerm), Some(6))
        );
    }

    #[test]
    fn units_that_differ_are_told_and_kept() {
        let read = read_expression("観光入込客数 ／1,625千人(令和元年)→1,638件(令和7年)");
        assert_eq!(read.warnings, [Code::UnitMismatch]);
        assert_eq!(read.baseline.unwrap().cell.unit(), Some("千人"));
        assert_eq!(read.final_target.unwrap().cell.unit(), Some("件"));
    }

    #[test]
    fn the_wordings_for_having_no_target_or_no_kpi_are_known() {
        for (text, name, reason) in [
            (
                "農作業受託面積 目標値の設定が困難なため、実績値の管理とする",
                "農作業受託面積",
                "目標値の設定が困難なため、実績値の管理とする",
            ),
            (
                "連携取組数 KPIの設定が困難なため実績値の管理とする",
                "連携取組数",
                "KPIの設定が困難なため実績値の管理とする",
            ),
            ("相談件数(実績値の管理)", "相談件数", "実績値の管理)"),
        ] {
            let read = read_expression(text);
            assert_eq!(read.kind, IndicatorKind::MonitorOnly);
            assert_eq!(read.name.as_deref(), Some(name));
            assert_eq!(read.no_kpi_reason.as_deref(), Some(reason));
        }
        for text in [
            "KPIの設定が困難なため設定しない",
            "ＫＰＩ設定なし",
            "指標を設定していない",
        ] {
            let read = read_expression(text);
            assert_eq!((read.kind, read.name), (IndicatorKind::NoKpi, None));
            assert_eq!(read.no_kpi_reason.as_deref(), Some(text));
        }
    }

    #[test]
    fn other_texts_are_names_and_are_told() {
        for text in ["参加者数", "参加者数 ／10人から20人へ", ""] {
            let read = read_expression(text);
            assert_eq!(read.kind, IndicatorKind::Kpi);
            assert_eq!(read.warnings, [Code::ExpressionUnread], "{text}");
        }
    }
}
