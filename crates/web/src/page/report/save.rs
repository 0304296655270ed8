//! Saving what was typed, and submitting it.

use super::entry::{Entry, FIGURE_FIELDS, cause_field, next_field};
use super::report_page::ReportPageReport as Report;
use crate::command::{
    self, Done, EnterActual, Refused, SubmitReport, WriteCommentary, enter_actual, submit_report,
    write_commentary,
};
use crate::form::Fields;
use crate::page::problem::Problem;
use crate::scalar::Date;
use crate::visitor::Visitor;
use crate::web::Web;

/// What saving came to.
pub(super) enum Saved {
    /// Everything is on record.
    AsDraft,
    /// And submitted.
    Submitted,
    /// Something was refused.
    Refused {
        /// What the service says.
        refused: Refused,
        /// Whether the content is on record all the same.
        is_content_saved: bool,
    },
}

/// The day in a date field.
pub(super) fn day(text: &str, field: &str) -> Result<Option<Date>, Refused> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(|day| Some(Date(day)))
            .map_err(|_| Refused::of_field(field, "日付を「2022-05-20」の形で入力してください。")),
    }
}

/// Saves the parts that were changed on this page, one command each, then submits if asked.
///
/// A part that was left alone is not sent: a page that lay open for an hour must not write an
/// old text over a colleague's new one.
pub(super) async fn save(
    web: &Web,
    visitor: &Visitor,
    report: &Report,
    fields: &Fields,
) -> Result<Saved, Problem> {
    let recorded = Entry::recorded(report);
    let (typed, before) = (
        Entry::typed(fields, &recorded),
        Entry::before(fields, &recorded),
    );
    let mut seen: i64 = fields.get("revision").parse().unwrap_or(-1);
    let mut are_any_saved = false;
    let refused = |refused, is_content_saved| {
        Ok(Saved::Refused {
            refused,
            is_content_saved,
        })
    };

    if report.has_figure && typed.differs_in(&before, &FIGURE_FIELDS) {
        let variables = match figure(report, fields, &typed, seen) {
            Ok(variables) => variables,
            Err(wrong) => return refused(wrong, false),
        };
        match command::send::<EnterActual>(web, visitor, variables).await? {
            Ok(Done { events }) => seen += events,
            Err(wrong) => return refused(wrong, false),
        }
        are_any_saved = true;
    }
    for place in &report.places {
        let (cause, next) = (cause_field(&place.placement), next_field(&place.placement));
        if !typed.differs_in(&before, &[&cause, &next]) {
            continue;
        }
        let input = write_commentary::WriteCommentaryInput {
            command_id: fields
                .get(&format!("command-{}", place.placement))
                .to_owned(),
            plan: report.plan.clone(),
            indicator: report.indicator.id.clone(),
            fiscal_year: report.fiscal_year.clone(),
            placement: place.placement.clone(),
            cause: typed.get(&cause).to_owned(),
            next_action: typed.get(&next).to_owned(),
            seen_revision: seen,
            reason: fields
                .given("reason-code")
                .map(|code| write_commentary::ChangeReasonInput {
                    code: write_commentary::ReasonCode::Other(code),
                    text: fields.get("reason-text").to_owned(),
                }),
        };
        match command::send::<WriteCommentary>(web, visitor, write_commentary::Variables { input })
            .await?
        {
            Ok(Done { events }) => seen += events,
            Err(wrong) => return refused(wrong, are_any_saved),
        }
        are_any_saved = true;
    }
    if fields.get("action") != "submit" {
        return Ok(Saved::AsDraft);
    }
    let input = submit_report::SubmitReportInput {
        command_id: fields.get("command-submit").to_owned(),
        plan: report.plan.clone(),
        indicator: report.indicator.id.clone(),
        fiscal_year: report.fiscal_year.clone(),
        seen_revision: seen,
    };
    match command::send::<SubmitReport>(web, visitor, submit_report::Variables { input }).await? {
        Ok(_) => Ok(Saved::Submitted),
        Err(wrong) => refused(wrong, are_any_saved),
    }
}

fn figure(
    report: &Report,
    fields: &Fields,
    typed: &Entry,
    seen: i64,
) -> Result<enter_actual::Variables, Refused> {
    let text = Some(typed.get("figure")).filter(|text| !text.is_empty());
    let status = Some(typed.get("status")).filter(|status| !status.is_empty());
    if text.is_some() && status.is_some() {
        return Err(Refused::of_field(
            "value",
            "数値と「数値がない理由」の両方が入力されています。数値がある場合は理由を「数値を入力する」に戻してください。",
        ));
    }
    let evidence = typed.get("evidence");
    Ok(enter_actual::Variables {
        input: enter_actual::EnterActualInput {
            command_id: fields.get("command-figure").to_owned(),
            plan: report.plan.clone(),
            indicator: report.indicator.id.clone(),
            fiscal_year: report.fiscal_year.clone(),
            text: text.map(str::to_owned),
            status: status.map(|code| enter_actual::CellStatus::Other(code.to_owned())),
            provisional: !typed.get("provisional").is_empty(),
            expected_final_on: day(typed.get("expected"), "expected_final_on")?,
            evidence: (!evidence.is_empty()).then(|| evidence.to_owned()),
            seen_revision: seen,
            reason: fields
                .given("reason-code")
                .map(|code| enter_actual::ChangeReasonInput {
                    code: enter_actual::ReasonCode::Other(code),
                    text: fields.get("reason-text").to_owned(),
                }),
        },
    })
}
