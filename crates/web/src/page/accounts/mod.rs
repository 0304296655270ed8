//! Accounts and what they hold.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::frame::Frame;
use super::problem::Problem;
use super::{Answer, page_after};
use crate::ask::ask;
use crate::command::{
    self, DisableAccount, Done, GiveGrant, OpenAccount, Refused, WithdrawGrant, disable_account,
    give_grant, open_account, withdraw_grant,
};
use crate::form::{Fields, OurForm};
use crate::scalar::Date;
use crate::visitor::Visitor;
use crate::web::{Shared, Web};

document!(AccountsPage, "src/page/accounts/page.graphql");

use accounts_page::{
    AccountsPageAccounts as Account, AccountsPageChoicesRoles as RoleChoice,
    AccountsPageDepartments as Department, Action,
};

/// What the visitor may do.
struct Can {
    open: bool,
    give: bool,
    withdraw: bool,
    disable: bool,
}

#[derive(Template)]
#[template(path = "accounts/page.html")]
struct Page {
    frame: Frame,
    accounts: Vec<Account>,
    departments: Vec<Department>,
    roles: Vec<RoleChoice>,
    can: Can,
    /// First day that the form for grants proposes.
    from: String,
    refused: Option<Refused>,
    done: Option<&'static str>,
    /// The form that was refused.
    act: String,
    typed: Fields,
    command: String,
    /// For the form that opens an account. A refused person may have left an account without
    /// one behind, which the corrected form completes under the same command id.
    command_open: String,
}

/// What was done on the page before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

fn done_in_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "open" => "アカウントを作成しました。続けて権限を付与してください。",
        "grant" => "権限を付与しました。",
        "withdraw" => "権限を取り消しました。",
        "disable" => "アカウントを停止しました。",
        _ => return None,
    })
}

/// Shows them.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Answer {
    let done = asked.done.as_deref().and_then(done_in_words);
    show_with(&web, &visitor, "", Fields::default(), None, done).await
}

/// Opens or disables an account, gives or withdraws a grant.
pub(crate) async fn act(
    State(web): State<Shared>,
    Path(act): Path<String>,
    OurForm { visitor, fields }: OurForm,
) -> Answer {
    match carry_out(&web, &visitor, &act, &fields).await? {
        Ok(_) => Ok(Redirect::to(&format!("/accounts?done={act}")).into_response()),
        Err(refused) => show_with(&web, &visitor, &act, fields, Some(refused), None).await,
    }
}

fn day(fields: &Fields, name: &str) -> Result<Option<Date>, Refused> {
    let wrong = |_| Refused::of_field(name, "日付を「2022-05-20」の形で入力してください。");
    fields
        .given(name)
        .map(|text| text.parse().map(Date))
        .transpose()
        .map_err(wrong)
}

async fn carry_out(
    web: &Web,
    visitor: &Visitor,
    act: &str,
    fields: &Fields,
) -> Result<Result<Done, Refused>, Problem> {
    let (_, viewer) = Frame::inside(web, visitor, "").await?;
    let municipality = viewer.municipality_id;
    let command_id = fields.get("command").to_owned();
    let id = |name: &str| fields.get(name).to_owned();
    match act {
        "open" => {
            let input = open_account::OpenAccountInput {
                command_id,
                id: None,
                municipality,
                name: fields.get("name").trim().to_owned(),
                sign_in_name: fields.get("sign-in-name").trim().to_owned(),
                mail: fields.given("mail"),
                password: fields.get("password").to_owned(),
            };
            command::send::<OpenAccount>(web, visitor, open_account::Variables { input }).await
        }
        "grant" => {
            let (Some(_), Some(role)) = (fields.given("account"), fields.given("role")) else {
                return Ok(Err(Refused::of_field(
                    "role",
                    "アカウントと権限を選んでください。",
                )));
            };
            let (from, until) = match (day(fields, "from"), day(fields, "until")) {
                (Ok(Some(from)), Ok(until)) => (from, until),
                (Ok(None), _) => {
                    return Ok(Err(Refused::of_field("from", "開始日を入力してください。")));
                }
                (Err(wrong), _) | (_, Err(wrong)) => return Ok(Err(wrong)),
            };
            let input = give_grant::GiveGrantInput {
                command_id,
                id: None,
                account: id("account"),
                role: give_grant::Role::Other(role),
                municipality,
                department: fields.given("department"),
                from,
                until,
                on_behalf_of: fields.given("on-behalf-of"),
            };
            command::send::<GiveGrant>(web, visitor, give_grant::Variables { input }).await
        }
        "withdraw" => {
            let input = withdraw_grant::WithdrawGrantInput {
                command_id,
                account: id("account"),
                grant: id("grant"),
                reason: id("reason"),
            };
            command::send::<WithdrawGrant>(web, visitor, withdraw_grant::Variables { input }).await
        }
        "disable" => {
            let input = disable_account::DisableAccountInput {
                command_id,
                account: id("account"),
                reason: id("reason"),
            };
            command::send::<DisableAccount>(web, visitor, disable_account::Variables { input })
                .await
        }
        _ => Err(Problem::NotFound(None)),
    }
}

async fn show_with(
    web: &Web,
    visitor: &Visitor,
    act: &str,
    typed: Fields,
    refused: Option<Refused>,
    done: Option<&'static str>,
) -> Answer {
    let (frame, viewer) = Frame::inside(web, visitor, "アカウントと権限").await?;
    let variables = accounts_page::Variables {
        municipality: viewer.municipality_id.clone(),
    };
    let answer = ask::<AccountsPage>(web, visitor, variables).await?;
    let allowed = answer
        .municipalities
        .into_iter()
        .find(|municipality| municipality.id == viewer.municipality_id)
        .map(|municipality| municipality.allowed)
        .unwrap_or_default();
    let may = |action: &Action| allowed.contains(action);
    let is_half_open = act == "open"
        && refused
            .as_ref()
            .is_some_and(|refused| refused.code == "invalid");
    let command = web.app.new_id().to_string();
    let page = Page {
        frame,
        command_open: if is_half_open {
            typed.get("command").to_owned()
        } else {
            command.clone()
        },
        accounts: answer.accounts.unwrap_or_default(),
        departments: answer
            .departments
            .into_iter()
            .filter(|department| department.valid_to.is_none())
            .collect(),
        roles: answer.choices.roles,
        can: Can {
            open: may(&Action::open_account),
            give: may(&Action::give_grant),
            withdraw: may(&Action::withdraw_grant),
            disable: may(&Action::disable_account),
        },
        from: typed
            .given("from")
            .unwrap_or_else(|| answer.service.today.iso()),
        act: act.to_owned(),
        done,
        typed,
        command,
        refused,
    };
    page_after(page.refused.as_ref(), &page)
}
