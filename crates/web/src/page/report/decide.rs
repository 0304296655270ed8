//! What approvers and the planning office do with a report: approve, accept, return, unlock;
//! and what its department does: withdraw.

use super::save::day;
use crate::command::{
    self, AcceptReport, ApproveReport, Done, Refused, ReturnReport, UnlockReport, WithdrawReport,
    accept_report, approve_report, return_report, unlock_report, withdraw_report,
};
use crate::form::Fields;
use crate::page::problem::Problem;
use crate::scalar::ContentHash;
use crate::visitor::Visitor;
use crate::web::Web;

/// Which report.
pub(super) struct Which {
    pub(super) plan: String,
    pub(super) indicator: String,
    pub(super) year: String,
}

/// A part of the report as a form names it: `actual`, or the place of a commentary.
macro_rules! cell {
    ($module:ident, $text:expr) => {{
        let text: &str = $text;
        if text == "actual" {
            $module::ReportCellInput {
                kind: $module::ReportCellKind::actual,
                placement: None,
            }
        } else {
            $module::ReportCellInput {
                kind: $module::ReportCellKind::commentary,
                placement: Some(text.to_owned()),
            }
        }
    }};
}

/// Does what the form at `act` asks for.
pub(super) async fn decide(
    web: &Web,
    visitor: &Visitor,
    which: Which,
    act: &str,
    fields: &Fields,
) -> Result<Result<Done, Refused>, Problem> {
    let Which {
        plan,
        indicator,
        year: fiscal_year,
    } = which;
    let command_id = fields.get("command").to_owned();
    let content = ContentHash(fields.get("content").to_owned());
    match act {
        "withdraw" => {
            let input = withdraw_report::WithdrawReportInput {
                command_id,
                plan,
                indicator,
                fiscal_year,
            };
            command::send::<WithdrawReport>(web, visitor, withdraw_report::Variables { input })
                .await
        }
        "approve" => {
            let input = approve_report::ApproveReportInput {
                command_id,
                plan,
                indicator,
                fiscal_year,
                content,
            };
            command::send::<ApproveReport>(web, visitor, approve_report::Variables { input }).await
        }
        "accept" => {
            let input = accept_report::AcceptReportInput {
                command_id,
                plan,
                indicator,
                fiscal_year,
                content,
            };
            command::send::<AcceptReport>(web, visitor, accept_report::Variables { input }).await
        }
        "return" => {
            if fields.given("cell").is_none() {
                return Ok(Err(Refused::of_field(
                    "cell",
                    "差し戻す項目を選んでください。",
                )));
            }
            let cell = cell!(return_report, fields.get("cell"));
            let comment = fields.get("comment").to_owned();
            let input = return_report::ReturnReportInput {
                command_id,
                plan,
                indicator,
                fiscal_year,
                comment,
                cell,
            };
            command::send::<ReturnReport>(web, visitor, return_report::Variables { input }).await
        }
        "unlock" => {
            let (Some(_), Some(code)) = (fields.given("cell"), fields.given("reason-code")) else {
                return Ok(Err(Refused::of_field(
                    "reason",
                    "解除する項目と変更理由の種別を選んでください。",
                )));
            };
            let until = match day(fields.get("expires"), "expires_at") {
                Ok(until) => until.and_then(|day| day.last_second()),
                Err(wrong) => return Ok(Err(wrong)),
            };
            let Some(expires_at) = until else {
                return Ok(Err(Refused::of_field(
                    "expires_at",
                    "いつまで変更できるようにするかを入力してください。",
                )));
            };
            let reason = unlock_report::ChangeReasonInput {
                code: unlock_report::ReasonCode::Other(code),
                text: fields.get("reason-text").to_owned(),
            };
            let cell = cell!(unlock_report, fields.get("cell"));
            let input = unlock_report::UnlockReportInput {
                command_id,
                plan,
                indicator,
                fiscal_year,
                cell,
                reason,
                expires_at,
            };
            command::send::<UnlockReport>(web, visitor, unlock_report::Variables { input }).await
        }
        _ => Err(Problem::NotFound(None)),
    }
}
