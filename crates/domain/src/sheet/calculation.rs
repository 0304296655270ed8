//! Verdicts, rates and totals (DOMAIN 3a, calculation rules).

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, CellStatus};
use crate::indicator::Direction;
use crate::plan::IndicatorKind;

/// Whether a year's target was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 達成.
    Achieved,
    /// 未達成.
    NotAchieved,
    /// 評価対象外: there is no target or no figure for the year.
    NotEvaluable,
    /// 方向性 未定: nobody has decided which way is good.
    Undecided,
    /// 実績管理: there are no targets on purpose.
    MonitorOnly,
    /// KPI設定なし.
    NoKpi,
}

impl Verdict {
    /// The code used in files and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Achieved => "achieved",
            Self::NotAchieved => "not_achieved",
            Self::NotEvaluable => "not_evaluable",
            Self::Undecided => "undecided",
            Self::MonitorOnly => "monitor_only",
            Self::NoKpi => "no_kpi",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Achieved => "達成",
            Self::NotAchieved => "未達成",
            Self::NotEvaluable => "評価対象外",
            Self::Undecided => "方向性 未定",
            Self::MonitorOnly => "実績管理",
            Self::NoKpi => "KPI設定なし",
        }
    }
}

/// Why there is no achievement rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateReason {
    /// The target is 0 (DOMAIN Q32).
    ZeroTarget,
    /// Target or actual is negative; a ratio would mislead (DOMAIN 1.5).
    NegativeValue,
    /// Less is better or the level is to be kept; the difference is shown instead.
    NotHigherIsBetter,
    /// Nobody has decided which way is good.
    DirectionUndefined,
    /// There is no target for the year.
    NoTarget,
    /// There is no figure for the year.
    NoActual,
    /// The indicator has no targets on purpose, or is none.
    NotAKpi,
}

impl RateReason {
    /// The code used in files and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ZeroTarget => "zero_target",
            Self::NegativeValue => "negative_value",
            Self::NotHigherIsBetter => "not_higher_is_better",
            Self::DirectionUndefined => "direction_undefined",
            Self::NoTarget => "no_target",
            Self::NoActual => "no_actual",
            Self::NotAKpi => "not_a_kpi",
        }
    }

    /// The Japanese words shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::ZeroTarget => "目標が0のため達成率は算出不可",
            Self::NegativeValue => "負の値のため達成率は算出不可(差を表示)",
            Self::NotHigherIsBetter => "低いほど良い・維持の指標のため差を表示",
            Self::DirectionUndefined => "望ましい方向が未定",
            Self::NoTarget => "この年度の目標値なし",
            Self::NoActual => "この年度の実績値なし",
            Self::NotAKpi => "目標を設定しない指標",
        }
    }
}

/// The judgement of one figure against one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether the target was reached; from unrounded values.
    pub verdict: Verdict,
    /// Achievement rate in percent, one decimal, rounded half up.
    pub rate: Option<Decimal>,
    /// Why there is no rate.
    pub rate_reason: Option<RateReason>,
    /// Actual minus target, in the indicator's unit.
    pub difference: Option<Decimal>,
}

impl Judgement {
    const fn without_rate(verdict: Verdict, reason: RateReason) -> Self {
        Self {
            verdict,
            rate: None,
            rate_reason: Some(reason),
            difference: None,
        }
    }
}

/// Judges `actual` against `target`. Nothing is inferred: without a decided direction there is
/// no verdict, without a number on both sides there is nothing to evaluate.
pub fn judge(
    kind: IndicatorKind,
    direction: Direction,
    target: Option<&Cell>,
    actual: Option<&Cell>,
) -> Judgement {
    match kind {
        IndicatorKind::NoKpi => {
            return Judgement::without_rate(Verdict::NoKpi, RateReason::NotAKpi);
        }
        IndicatorKind::MonitorOnly => {
            return Judgement::without_rate(Verdict::MonitorOnly, RateReason::NotAKpi);
        }
        IndicatorKind::Kpi | IndicatorKind::NumericGoal => {}
    }
    let Some(target) = target.and_then(Cell::value) else {
        return Judgement::without_rate(Verdict::NotEvaluable, RateReason::NoTarget);
    };
    let Some(actual) = actual.and_then(Cell::value) else {
        return Judgement::without_rate(Verdict::NotEvaluable, RateReason::NoActual);
    };
    let achieved = match direction {
        Direction::Higher | Direction::Maintain => actual >= target,
        Direction::Lower => actual <= target,
        Direction::Undefined => {
            return Judgement {
                difference: actual.checked_sub(target),
                ..Judgement::without_rate(Verdict::Undecided, RateReason::DirectionUndefined)
            };
        }
    };
    let (rate, rate_reason) = match rate_of(direction, target, actual) {
        Ok(rate) => (Some(rate), None),
        Err(reason) => (None, Some(reason)),
    };
    Judgement {
        verdict: if achieved {
            Verdict::Achieved
        } else {
            Verdict::NotAchieved
        },
        rate,
        rate_reason,
        difference: actual.checked_sub(target),
    }
}

/// The achievement rate in percent, one decimal, rounded half up.
///
/// # Errors
/// The reason why a rate has no meaning.
pub fn rate_of(
    direction: Direction,
    target: Decimal,
    actual: Decimal,
) -> Result<Decimal, RateReason> {
    if direction != Direction::Higher {
        return Err(RateReason::NotHigherIsBetter);
    }
    if target.is_zero() {
        return Err(RateReason::ZeroTarget);
    }
    if target.is_sign_negative() || (actual.is_sign_negative() && !actual.is_zero()) {
        return Err(RateReason::NegativeValue);
    }
    let percent = actual
        .checked_div(target)
        .and_then(|ratio| ratio.checked_mul(Decimal::ONE_HUNDRED))
        .ok_or(RateReason::ZeroTarget)?;
    let mut rounded = percent.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(1);
    Ok(rounded)
}

/// The sum of the numbers among `cells`, or why there is none: a total of no numbers at all is
/// [`CellStatus::NotDue`].
pub fn sum_of<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> Cell {
    let mut total: Option<Decimal> = None;
    for value in cells.into_iter().filter_map(Cell::value) {
        match total.unwrap_or_default().checked_add(value) {
            Some(sum) => total = Some(sum),
            None => return Cell::absent("", CellStatus::NotSummable),
        }
    }
    match total {
        Some(total) => Cell::number(crate::cell::format_number(total), total),
        None => Cell::absent("", CellStatus::NotDue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Cell {
        Cell::number(text, text.parse().unwrap())
    }

    fn judged(direction: Direction, target: &str, actual: &str) -> Judgement {
        judge(
            IndicatorKind::Kpi,
            direction,
            Some(&number(target)),
            Some(&number(actual)),
        )
    }

    fn rate(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn higher_is_better_is_achieved_at_the_target() {
        assert_eq!(
            judged(Direction::Higher, "10", "10").verdict,
            Verdict::Achieved
        );
        assert_eq!(
            judged(Direction::Higher, "10", "9").verdict,
            Verdict::NotAchieved
        );
        assert_eq!(judged(Direction::Higher, "10", "9").rate, rate("90.0"));
    }

    #[test]
    fn rates_round_half_up_and_verdicts_do_not_round() {
        let judgement = judged(Direction::Higher, "1627", "902.9");
        assert_eq!(judgement.rate, rate("55.5"));
        let nearly = judged(Direction::Higher, "100.00", "99.96");
        assert_eq!(
            (nearly.verdict, nearly.rate),
            (Verdict::NotAchieved, rate("100.0"))
        );
        assert_eq!(judged(Direction::Higher, "8", "1.002").rate, rate("12.5"));
        assert_eq!(judged(Direction::Higher, "1000", "0.5").rate, rate("0.1"));
    }

    #[test]
    fn a_zero_target_has_a_verdict_but_no_rate() {
        for (direction, actual, verdict) in [
            (Direction::Higher, "2", Verdict::Achieved),
            (Direction::Lower, "0", Verdict::Achieved),
            (Direction::Lower, "1", Verdict::NotAchieved),
        ] {
            let judgement = judged(direction, "0", actual);
            assert_eq!((judgement.verdict, judgement.rate), (verdict, None));
        }
        assert_eq!(
            judged(Direction::Higher, "0", "2").rate_reason,
            Some(RateReason::ZeroTarget)
        );
    }

    #[test]
    fn negative_numbers_have_a_difference_instead_of_a_rate() {
        let judgement = judged(Direction::Higher, "-5.13", "-7.77");
        assert_eq!(judgement.verdict, Verdict::NotAchieved);
        assert_eq!(judgement.rate_reason, Some(RateReason::NegativeValue));
        assert_eq!(judgement.difference, Some("-2.64".parse().unwrap()));
    }

    #[test]
    fn without_a_direction_nothing_is_decided() {
        let judgement = judged(Direction::Undefined, "8400", "7493");
        assert_eq!(
            (judgement.verdict, judgement.rate),
            (Verdict::Undecided, None)
        );
    }

    #[test]
    fn without_target_or_figure_nothing_is_evaluable() {
        let dash = Cell::absent("—", CellStatus::NotStarted);
        let one = number("1");
        let verdict = |target, actual| judge(IndicatorKind::Kpi, Direction::Higher, target, actual);
        assert_eq!(
            verdict(Some(&dash), Some(&one)).rate_reason,
            Some(RateReason::NoTarget)
        );
        assert_eq!(
            verdict(Some(&one), Some(&dash)).rate_reason,
            Some(RateReason::NoActual)
        );
        assert_eq!(verdict(None, None).verdict, Verdict::NotEvaluable);
    }

    #[test]
    fn sums_keep_their_decimals() {
        assert_eq!(
            sum_of([&number("1.5"), &number("2.50")])
                .value()
                .unwrap()
                .to_string(),
            "4.00"
        );
        assert_eq!(sum_of([]).status(), CellStatus::NotDue);
    }
}
