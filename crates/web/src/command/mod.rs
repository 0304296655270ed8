//! What people send: each mutation in a document of its own, and what comes of it.

use graphql_client::GraphQLQuery;
use serde::Deserialize;

use crate::ask;
use crate::page::problem::Problem;
use crate::scalar::DateTime;
use crate::visitor::Visitor;
use crate::web::Web;

document!(EnterActual, "src/command/enter_actual.graphql");
document!(WriteCommentary, "src/command/write_commentary.graphql");
document!(SubmitReport, "src/command/submit_report.graphql");
document!(WithdrawReport, "src/command/withdraw_report.graphql");
document!(ReturnReport, "src/command/return_report.graphql");
document!(ApproveReport, "src/command/approve_report.graphql");
document!(AcceptReport, "src/command/accept_report.graphql");
document!(UnlockReport, "src/command/unlock_report.graphql");
document!(OpenPeriod, "src/command/open_period.graphql");
document!(ChangeDueDate, "src/command/change_due_date.graphql");
document!(ClosePeriod, "src/command/close_period.graphql");
document!(ReopenPeriod, "src/command/reopen_period.graphql");
document!(PublishSheet, "src/command/publish_sheet.graphql");
document!(OpenAccount, "src/command/open_account.graphql");
document!(DisableAccount, "src/command/disable_account.graphql");
document!(GiveGrant, "src/command/give_grant.graphql");
document!(WithdrawGrant, "src/command/withdraw_grant.graphql");

/// A command was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// Number of events that it led to; 0 where everything was already as asked.
    pub(crate) events: i64,
}

/// A command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Stable name of the reason.
    pub(crate) code: String,
    /// The reason in Japanese, with what to do.
    pub(crate) message: String,
    /// The input that it is about, where it is about one.
    pub(crate) field: Option<String>,
    /// What somebody else has written meanwhile.
    pub(crate) meanwhile: Option<Box<Meanwhile>>,
    /// Reports that keep a sheet from being published.
    pub(crate) missing: Vec<Missing>,
}

/// What somebody else has written meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meanwhile {
    /// What stands now.
    pub(crate) now: String,
    /// Who wrote it.
    pub(crate) by: String,
    /// When.
    pub(crate) at: DateTime,
}

/// A report that keeps a sheet from being published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Missing {
    /// Whose.
    pub(crate) indicator: String,
    /// Where it stands.
    pub(crate) stage_label: String,
}

/// The answer to any mutation, as the fragment `Outcome` of every document asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(rename = "__typename")]
    type_name: String,
    #[serde(default)]
    events: i64,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message_ja: String,
    field: Option<String>,
    now: Option<String>,
    changed_by_name: Option<String>,
    changed_at: Option<DateTime>,
    #[serde(default)]
    missing: Vec<Missing>,
}

impl Outcome {
    fn into_result(self) -> Result<Done, Refused> {
        if self.type_name == "CommandDone" {
            return Ok(Done {
                events: self.events,
            });
        }
        let meanwhile = match (self.now, self.changed_by_name, self.changed_at) {
            (Some(now), Some(by), Some(at)) => Some(Box::new(Meanwhile { now, by, at })),
            _ => None,
        };
        Err(Refused {
            code: self.code,
            message: self.message_ja,
            field: self.field,
            meanwhile,
            missing: self.missing,
        })
    }
}

/// Sends the mutation `C`. The outer error is a page of its own; a refusal is for the page
/// that the form stands on.
pub(crate) async fn send<C: GraphQLQuery>(
    web: &Web,
    visitor: &Visitor,
    variables: C::Variables,
) -> Result<Result<Done, Refused>, Problem> {
    let data = ask::execute::<C>(web, visitor, variables).await?;
    let answer = match data {
        serde_json::Value::Object(fields) => fields.into_iter().next().map(|(_, answer)| answer),
        _ => None,
    };
    let answer =
        answer.ok_or_else(|| Problem::internal(&"a mutation was answered with nothing"))?;
    let outcome: Outcome =
        serde_json::from_value(answer).map_err(|error| Problem::internal(&error))?;
    Ok(outcome.into_result())
}

impl Refused {
    /// An input that cannot even be sent.
    pub(crate) fn of_field(field: &str, message: &str) -> Self {
        Self {
            code: "invalid".to_owned(),
            message: message.to_owned(),
            field: Some(field.to_owned()),
            meanwhile: None,
            missing: Vec::new(),
        }
    }

    /// Whether it is about this input.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        self.field.as_deref() == Some(field)
    }
}
