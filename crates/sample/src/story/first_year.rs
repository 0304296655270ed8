//! R3: entered in April and May 2022, published in September, corrected in November.

use daicho_domain::command::{
    ApproveReport, EnterActual, OpenPeriod, PublishSheet, ReturnReport, UnlockReport,
    WriteCommentary,
};
use daicho_domain::report::{ChangeReason, Commentary, ReasonCode, ReportCell};
use daicho_domain::{Cell, CellStatus, FiscalYear, IndicatorId, Role};
use jiff::SignedDuration;
use jiff::civil::date;
use rust_decimal::Decimal;

use super::cast::{ReportData, commentary};
use super::{Cast, StoryError};

/// 令和3年度.
pub(crate) const YEAR: FiscalYear = FiscalYear(2021);

/// 英語検定合格率: 86 of 114 are 75.4 %, the sheet printed 75.0.
const CORRECTED_LINE: u64 = 119;
/// 自主防災組織数: returned once by the approver.
const RETURNED_LINE: u64 = 159;
/// 国保特定健診受診率: provisional until the statutory report in autumn.
const PROVISIONAL_LINE: u64 = 138;

/// Why the sheet has a dash where a figure should be; the sheet itself does not say it in the cell.
fn reason_for_dash(line: u64) -> CellStatus {
    match line {
        54 | 56 | 162 | 164 => CellStatus::NotStarted,
        66 => CellStatus::NotMeasurableYet,
        _ => CellStatus::NotAvailable,
    }
}

pub(super) async fn play(
    cast: &mut Cast<'_>,
    step: &mut dyn FnMut(),
) -> Result<(IndicatorId, IndicatorId), StoryError> {
    let planning = cast.account("planning")?;
    cast.go_to(date(2022, 4, 4), 9, 30);
    cast.does(
        planning,
        OpenPeriod {
            plan: cast.plan,
            fiscal_year: YEAR,
            due: date(2022, 5, 20),
        },
    )
    .await?;
    let reports = cast.reports.clone();
    for (index, report) in reports.iter().enumerate() {
        let day = date(2022, 4, 11).checked_add(SignedDuration::from_hours(
            24 * (i64::try_from(index).unwrap_or(0) * 2 / 3),
        ));
        cast.go_to(day.unwrap_or(date(2022, 5, 16)), 10, 5);
        enter(cast, report).await?;
        if report.line == RETURNED_LINE {
            return_and_revise(cast, report).await?;
        }
        cast.approves(report, YEAR).await?;
        step();
    }
    cast.go_to(date(2022, 6, 6), 9, 0);
    for report in &reports {
        cast.accepts(report, YEAR).await?;
    }
    cast.go_to(date(2022, 9, 26), 10, 0);
    let second = cast.account("planning.2")?;
    cast.does(
        second,
        PublishSheet {
            plan: cast.plan,
            fiscal_year: YEAR,
            reason: None,
        },
    )
    .await?;
    let corrected = correct(cast).await?;
    Ok((corrected, cast.at_line(RETURNED_LINE)?.indicator))
}

async fn enter(cast: &mut Cast<'_>, report: &ReportData) -> Result<(), StoryError> {
    if let Some(actual) = &report.actual {
        let cell = match actual.value() {
            Some(_) => actual.clone(),
            None => Cell::absent("", reason_for_dash(report.line)),
        };
        let expected_final_on = (report.line == PROVISIONAL_LINE).then(|| date(2022, 11, 30));
        cast.enters(
            report,
            YEAR,
            cell,
            Some("所管課 業務統計(令和3年度)"),
            expected_final_on,
            None,
        )
        .await?;
    }
    cast.writes(report, YEAR, commentary).await?;
    cast.submits(report, YEAR).await
}

/// The approver asks for more; a colleague's approval from another department is refused.
async fn return_and_revise(cast: &mut Cast<'_>, report: &ReportData) -> Result<(), StoryError> {
    let approver = cast.of(report, Role::Approver)?;
    let staff = cast.of(report, Role::Staff)?;
    let other = cast
        .people
        .iter()
        .find(|person| person.duty.role == Role::Approver && person.account != approver)
        .map(|person| person.account)
        .ok_or_else(|| StoryError::Documents("there is only one approver".into()))?;
    let content = cast.content(report, YEAR, approver)?;
    let approval = ApproveReport {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        content,
    };
    cast.is_refused(staff, approval.clone()).await?;
    cast.is_refused(other, approval).await?;
    let (placement, text) = report
        .texts
        .first()
        .cloned()
        .ok_or_else(|| StoryError::Documents("the returned report has no text".into()))?;
    let returned = ReturnReport {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        comment: "前年度と同数なのに「減」と読めます。目標との差であることがわかるように書き直してください。".into(),
        cell: ReportCell::Commentary(placement),
    };
    cast.does(approver, returned).await?;
    let before = commentary(&text);
    let revised = WriteCommentary {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        placement,
        commentary: Commentary {
            reason: format!(
                "{}団体数は前年度と同じ13団体で、目標の14団体に1団体届かなかった。",
                before.reason
            ),
            ..before
        },
        seen_revision: cast.revision(report, YEAR, staff)?,
        reason: None,
    };
    cast.does(staff, revised).await?;
    cast.submits(report, YEAR).await
}

/// After publication: staff cannot change anything until the planning office unlocks the cell.
async fn correct(cast: &mut Cast<'_>) -> Result<IndicatorId, StoryError> {
    let report = cast.at_line(CORRECTED_LINE)?;
    let staff = cast.of(&report, Role::Staff)?;
    let planning = cast.account("planning")?;
    let cell = Cell::number("75.4", Decimal::new(754, 1));
    let reason = ChangeReason {
        code: ReasonCode::CalculationError,
        text: "合格者86名÷受検者114名=75.4%。公表値75.0%は端数処理の誤り。".into(),
    };
    cast.go_to(date(2022, 11, 7), 11, 20);
    let correction = EnterActual {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        cell: cell.clone(),
        evidence: None,
        expected_final_on: None,
        seen_revision: cast.revision(&report, YEAR, staff)?,
        reason: Some(reason.clone()),
    };
    cast.is_refused(staff, correction).await?;
    let unlock = UnlockReport {
        plan: cast.plan,
        indicator: report.indicator,
        fiscal_year: YEAR,
        cell: ReportCell::Actual,
        reason: reason.clone(),
        expires_at: cast.now() + SignedDuration::from_hours(24 * 14),
    };
    cast.does(planning, unlock).await?;
    cast.enters(
        &report,
        YEAR,
        cell,
        Some("英語検定 受検・合格者名簿(令和3年度)"),
        None,
        Some(reason),
    )
    .await?;
    cast.submits(&report, YEAR).await?;
    cast.approves(&report, YEAR).await?;
    cast.accepts(&report, YEAR).await?;
    cast.go_to(date(2022, 11, 14), 9, 0);
    let second = cast.account("planning.2")?;
    let publication = PublishSheet {
        plan: cast.plan,
        fiscal_year: YEAR,
        reason: Some("中学校英語教育推進事業の合格率を75.0%から75.4%に訂正(算定誤り)".into()),
    };
    cast.does(second, publication).await?;
    Ok(report.indicator)
}
