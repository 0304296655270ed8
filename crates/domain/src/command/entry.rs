//! What staff enter: the figure and the commentary.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    Action, Command, Context, Fact, NAME_CHARACTERS_MAX, Scope, Subject, not_longer,
    reason_is_complete,
};
use crate::cell::{Cell, CellStatus};
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::{IndicatorId, PlacementId, PlanId};
use crate::indicator::IndicatorState;
use crate::plan::PlanState;
use crate::rejection::Rejection;
use crate::report::{
    Actual, COMMENTARY_CHARACTERS_MAX, ChangeReason, Commentary, ReportCell, ReportStage, Standing,
};
use crate::stream::StreamId;
use crate::world::View;

pub(super) fn report_subject(
    plan: PlanId,
    indicator: IndicatorId,
    fiscal_year: FiscalYear,
) -> Subject {
    Subject {
        plan: Some(plan),
        indicator: Some(indicator),
        fiscal_year: Some(fiscal_year),
        ..Subject::default()
    }
}

pub(super) fn report_scope(
    view: &View<'_>,
    plan: PlanId,
    indicator: IndicatorId,
) -> Result<Scope, Rejection> {
    let municipality = view.plan(plan)?.municipality;
    let department = view.indicator(plan, indicator)?.department;
    Ok(Scope {
        municipality: Some(municipality),
        department,
    })
}

/// The report's plan, indicator and standing.
pub(super) fn standing<'w>(
    view: &View<'w>,
    plan: PlanId,
    indicator: IndicatorId,
    year: FiscalYear,
) -> Result<(&'w PlanState, &'w IndicatorState, Standing), Rejection> {
    let plan = view.plan(plan)?;
    let indicator = view.indicator(plan.id, indicator)?;
    let period = view.period(plan.id, year);
    Ok((plan, indicator, Standing::of(indicator, year, period)))
}

fn must_be_editable(
    standing: &Standing,
    cell: ReportCell,
    year: FiscalYear,
    context: &Context,
) -> Result<(), Rejection> {
    if standing.is_editable(cell, context.now) {
        return Ok(());
    }
    let (hint, hint_ja) = match standing.stage {
        ReportStage::NotEntered | ReportStage::Draft | ReportStage::Returned
            if standing.report.reopened =>
        {
            (
                "only the unlocked cell may be changed; ask the planning office to unlock this one",
                "変更できるのは企画課が解除した項目だけです。この項目の解除を企画課に依頼してください。",
            )
        }
        ReportStage::NotEntered | ReportStage::Draft | ReportStage::Returned => {
            return Err(Rejection::PeriodNotOpen {
                fiscal_year: year,
                hint: "ask the planning office to open or reopen it".into(),
                hint_ja: "企画課に期間の開始または再開を依頼してください。".into(),
            });
        }
        ReportStage::Submitted => (
            "withdraw the submission first, or ask the approver to return it",
            "提出を取り下げるか、課長に差戻しを依頼してから変更してください。",
        ),
        ReportStage::Approved => (
            "ask the planning office to return it",
            "変更が必要な場合は、企画課に差戻しを依頼してください。",
        ),
        ReportStage::Accepted | ReportStage::Adopted | ReportStage::Published => (
            "ask the planning office to unlock this cell, with a reason",
            "変更が必要な場合は、理由を添えて企画課に項目の解除を依頼してください。",
        ),
    };
    Err(Rejection::WrongStage {
        stage: standing.stage,
        hint: hint.into(),
        hint_ja: hint_ja.into(),
    })
}

fn must_be_seen(standing: &Standing, seen_revision: u32) -> Result<(), Rejection> {
    let report = &standing.report;
    if report.revision == seen_revision {
        return Ok(());
    }
    match &report.last_change {
        Some(last) => Err(Rejection::StaleVersion {
            seen: seen_revision,
            current: report.revision,
            changed_by: last.by.who.clone(),
            changed_at: last.at,
            now: last.now.chars().take(200).collect(),
        }),
        None => Err(Rejection::invalid(
            "seen_revision",
            format!(
                "is {seen_revision}, but the report has revision {}; read it again",
                report.revision
            ),
            "読み込んだ後に内容が変わっています。開き直してください。",
        )),
    }
}

/// A reason is asked for once somebody has approved the report or the change is a correction.
fn reason_if_needed(
    standing: &Standing,
    reason: Option<&ChangeReason>,
) -> Result<Option<ChangeReason>, Rejection> {
    match reason {
        Some(reason) => {
            reason_is_complete(reason)?;
            Ok(Some(reason.clone()))
        }
        None if standing.report.was_approved || standing.report.adoption.is_some() => {
            Err(Rejection::invalid(
                "reason",
                "the report was approved before; say why it changes (a kind of reason and a text)",
                "一度承認された報告を変更するには、変更理由(種別と説明)が必要です。",
            ))
        }
        None => Ok(None),
    }
}

/// Enters or changes the figure of a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnterActual {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// The number, or a reason why there is none.
    pub cell: Cell,
    /// 根拠資料.
    pub evidence: Option<String>,
    /// When a provisional or pending figure is expected to be final.
    pub expected_final_on: Option<Date>,
    /// The revision of the report that the writer has seen; 0 for one that nobody has entered.
    pub seen_revision: u32,
    /// Why, where the report had been approved before.
    pub reason: Option<ChangeReason>,
}

impl EnterActual {
    fn check_cell(&self, indicator: &IndicatorState) -> Result<(), Rejection> {
        let cell = &self.cell;
        if let (Some(written), Some(unit)) = (cell.unit(), indicator.definition.unit.as_deref())
            && written != unit
        {
            return Err(Rejection::invalid(
                "value",
                format!(
                    "is written in '{written}', but the indicator is measured in '{unit}'; convert it or leave the unit out"
                ),
                format!(
                    "単位が「{written}」になっていますが、この指標の単位は「{unit}」です。単位を直すか、数字だけを入力してください。"
                ),
            ));
        }
        if cell.value().is_none() && !CellStatus::REASONS_FOR_NO_ACTUAL.contains(&cell.status()) {
            return Err(Rejection::invalid(
                "value",
                format!(
                    "has neither a number nor one of the reasons for having none ({}); choose one",
                    CellStatus::REASONS_FOR_NO_ACTUAL
                        .map(CellStatus::code)
                        .join(", ")
                ),
                "数値を入力するか、数値がない理由(集計中・開始前・計測前・終了後・算出不可・秘匿)を選んでください。",
            ));
        }
        if cell.status() == CellStatus::Pending && self.expected_final_on.is_none() {
            return Err(Rejection::invalid(
                "expected_final_on",
                "a pending figure needs the day on which it is expected",
                "「集計中」の場合は、判明する予定日を入力してください。",
            ));
        }
        if let Some(unit) = cell.unit() {
            not_longer("unit", unit, NAME_CHARACTERS_MAX)?;
        }
        if let Some(evidence) = &self.evidence {
            not_longer("evidence", evidence, NAME_CHARACTERS_MAX)?;
        }
        not_longer("value", cell.raw(), 100)
    }
}

impl Command for EnterActual {
    const ACTION: Action = Action::EnterActual;

    fn subject(&self) -> Subject {
        report_subject(self.plan, self.indicator, self.fiscal_year)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        report_scope(view, self.plan, self.indicator)
    }

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        must_be_editable(&standing, ReportCell::Actual, self.fiscal_year, context)?;
        must_be_seen(&standing, self.seen_revision)?;
        if !plan
            .placements_of(indicator.id)
            .any(|placement| placement.kind.has_figure())
        {
            return Err(Rejection::invalid(
                "indicator",
                "is a project without KPI; it has commentary but no figure",
                "KPIを設定していない事業には数値がありません。記述だけを入力してください。",
            ));
        }
        self.check_cell(indicator)?;
        let reason = reason_if_needed(&standing, self.reason.as_ref())?;
        let actual = Actual {
            cell: self.cell.clone(),
            evidence: self
                .evidence
                .clone()
                .filter(|evidence| !evidence.trim().is_empty()),
            expected_final_on: self.expected_final_on,
        };
        let fiscal_year = self.fiscal_year;
        let event = match (&standing.report.actual, reason) {
            (None, _) => Event::ActualEntered {
                fiscal_year,
                actual,
            },
            (Some(previous), _) if previous.content == actual => return Ok(Vec::new()),
            (Some(previous), Some(reason)) if standing.was_published => Event::ActualCorrected {
                fiscal_year,
                previous: previous.content.clone(),
                corrected: actual,
                reason,
            },
            (Some(previous), reason) => Event::ActualRevised {
                fiscal_year,
                previous: previous.content.clone(),
                revised: actual,
                reason,
            },
        };
        Ok(vec![Fact::new(StreamId::Indicator(indicator.id), event)])
    }

    fn reason(&self) -> Option<String> {
        self.reason.as_ref().map(ChangeReason::ja)
    }
}

/// Writes or changes the commentary at one place of the sheet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriteCommentary {
    /// Whose plan.
    pub plan: PlanId,
    /// Which indicator.
    pub indicator: IndicatorId,
    /// Which year.
    pub fiscal_year: FiscalYear,
    /// Where it stands.
    pub placement: PlacementId,
    /// The text.
    pub commentary: Commentary,
    /// The revision of the report that the writer has seen.
    pub seen_revision: u32,
    /// Why, where the report had been approved before.
    pub reason: Option<ChangeReason>,
}

impl Command for WriteCommentary {
    const ACTION: Action = Action::WriteCommentary;

    fn subject(&self) -> Subject {
        report_subject(self.plan, self.indicator, self.fiscal_year)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        report_scope(view, self.plan, self.indicator)
    }

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let (plan, indicator, standing) =
            standing(view, self.plan, self.indicator, self.fiscal_year)?;
        must_be_editable(
            &standing,
            ReportCell::Commentary(self.placement),
            self.fiscal_year,
            context,
        )?;
        must_be_seen(&standing, self.seen_revision)?;
        if !plan.is_place_of(self.placement, indicator.id) {
            return Err(Rejection::not_found("place of this indicator in the sheet"));
        }
        if self.commentary.is_blank() {
            return Err(Rejection::invalid(
                "commentary",
                "must not be blank",
                "増減理由または今後の取組を入力してください。",
            ));
        }
        for text in [&self.commentary.reason, &self.commentary.next_action]
            .into_iter()
            .chain(&self.commentary.original)
        {
            not_longer("commentary", text, COMMENTARY_CHARACTERS_MAX)?;
        }
        let reason = reason_if_needed(&standing, self.reason.as_ref())?;
        let (fiscal_year, placement) = (self.fiscal_year, self.placement);
        let event = match standing.report.commentary.get(&placement) {
            None => Event::CommentaryWritten {
                fiscal_year,
                placement,
                commentary: self.commentary.clone(),
            },
            Some(previous) if previous.content == self.commentary => return Ok(Vec::new()),
            Some(previous) => Event::CommentaryRevised {
                fiscal_year,
                placement,
                previous: previous.content.clone(),
                revised: self.commentary.clone(),
                reason,
            },
        };
        Ok(vec![Fact::new(StreamId::Indicator(indicator.id), event)])
    }

    fn reason(&self) -> Option<String> {
        self.reason.as_ref().map(ChangeReason::ja)
    }
}
