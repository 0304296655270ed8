//! R4: open in April 2023, some of it done.

use std::collections::BTreeMap;

use daicho_domain::command::{OpenPeriod, ReturnReport, ReviseTargets};
use daicho_domain::plan::Decision;
use daicho_domain::report::{Commentary, ReportCell};
use daicho_domain::{Cell, CellStatus, FiscalYear, Role};
use jiff::civil::date;
use rust_decimal::Decimal;

use super::cast::ReportData;
use super::{Cast, StoryError};

/// 令和4年度.
pub(crate) const YEAR: FiscalYear = FiscalYear(2022);

/// ふるさと応援寄附者の情報メール新規登録件数: far above its target in the first year.
const RAISED_LINE: u64 = 63;

pub(super) async fn play(cast: &mut Cast<'_>, step: &mut dyn FnMut()) -> Result<(), StoryError> {
    raise_a_target(cast).await?;
    let planning = cast.account("planning")?;
    cast.go_to(date(2023, 4, 3), 9, 15);
    cast.does(
        planning,
        OpenPeriod {
            plan: cast.plan,
            fiscal_year: YEAR,
            due: date(2023, 5, 19),
        },
    )
    .await?;
    let reports = cast.reports.clone();
    for (index, report) in reports.iter().enumerate() {
        step();
        // Every fifth report has not been touched, every fifth is a draft.
        if index % 5 == 4 {
            continue;
        }
        cast.go_to(
            date(2023, 4, i8::try_from(10 + index % 18).unwrap_or(10)),
            10,
            0,
        );
        enter(cast, report).await?;
        if index % 5 == 3 {
            continue;
        }
        cast.submits(report, YEAR).await?;
        if index % 5 == 2 {
            continue;
        }
        if index == 1 {
            return_one(cast, report).await?;
            continue;
        }
        cast.approves(report, YEAR).await?;
        if index % 5 == 0 {
            cast.accepts(report, YEAR).await?;
        }
    }
    Ok(())
}

/// The committee raises a target that the first year has far surpassed; the first year's
/// verdict stays as it was.
async fn raise_a_target(cast: &mut Cast<'_>) -> Result<(), StoryError> {
    let report = cast.at_line(RAISED_LINE)?;
    let planning = cast.account("planning")?;
    cast.go_to(date(2023, 2, 17), 14, 0);
    let raised = Cell::number("240", Decimal::new(240, 0));
    let years: BTreeMap<FiscalYear, Cell> = YEAR
        .through(FiscalYear(2025))
        .map(|year| (year, raised.clone()))
        .collect();
    let revision = ReviseTargets {
        plan: cast.plan,
        indicator: report.indicator,
        years,
        final_target: None,
        effective_from: YEAR,
        decision: Decision {
            decided_by: "総合戦略推進委員会".into(),
            decided_on: Some(date(2023, 2, 17)),
            reason: "令和3年度の実績231件が目標120件を大きく上回ったため、目標を引き上げる。"
                .into(),
        },
    };
    cast.does(planning, revision).await
}

async fn enter(cast: &mut Cast<'_>, report: &ReportData) -> Result<(), StoryError> {
    if report.actual.is_some() {
        let cell = figure(cast, report);
        cast.enters(
            report,
            YEAR,
            cell,
            Some("所管課 業務統計(令和4年度)"),
            None,
            None,
        )
        .await?;
    }
    cast.writes(report, YEAR, |_| Commentary {
        reason: "令和4年度は行事や窓口がほぼ通常に戻り、前年度からの動きが数値に表れた。".into(),
        next_action: "周知の方法を見直しながら、取組を続ける。".into(),
        original: None,
    })
    .await
}

/// A figure near the year's target, with as many decimals as the target has.
fn figure(cast: &mut Cast<'_>, report: &ReportData) -> Cell {
    let base = report
        .next_target
        .as_ref()
        .and_then(Cell::value)
        .or_else(|| report.actual.as_ref().and_then(Cell::value));
    let Some(base) = base else {
        return Cell::absent("", CellStatus::NotAvailable);
    };
    let percent = Decimal::from(cast.numbers.between(82, 112));
    let mut value = (base * percent / Decimal::ONE_HUNDRED).round_dp(base.scale());
    if report.unit.as_deref() == Some("%") {
        value = value.min(Decimal::ONE_HUNDRED);
    }
    value.rescale(base.scale());
    Cell::number(value.to_string(), value)
}

async fn return_one(cast: &mut Cast<'_>, report: &ReportData) -> Result<(), StoryError> {
    let approver = cast.of(report, Role::Approver)?;
    let returned = ReturnReport {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        comment: "前年度との差の理由を、件数を挙げて具体的に書いてください。".into(),
        cell: report
            .texts
            .first()
            .map_or(ReportCell::Actual, |(placement, _)| {
                ReportCell::Commentary(*placement)
            }),
    };
    cast.does(approver, returned).await
}
