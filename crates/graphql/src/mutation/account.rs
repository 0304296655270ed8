//! Accounts, their people, and grants.

use async_graphql::{Context, InputObject, Object};
use daicho_app::{CommandId, Done};
use daicho_domain::account::Grant;
use daicho_domain::command::{DisableAccount, GiveGrant, OpenAccount, WithdrawGrant};
use daicho_domain::{AccountId, DepartmentId, GrantId, MunicipalityId};
use daicho_identity::{IdentityStore, NewPerson, PersonError, SetPasswordError};
use uuid::Uuid;

use super::outcome::{CommandResult, carry_out};
use crate::failure::Failure;
use crate::refusal::{CommandRefusal, Invalid};
use crate::request::{Asked, with_identity};
use crate::scalar::{Date, Id};
use crate::words;

/// Commands about accounts and grants.
#[derive(Default)]
pub(crate) struct AccountMutation;

/// Opens an account for a person.
#[derive(InputObject)]
struct OpenAccountInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Its new identity; the command id where it is left out.
    id: Option<Id<AccountId>>,
    /// Where.
    municipality: Id<MunicipalityId>,
    /// The person's name, kept outside the records so that it can be erased.
    name: String,
    /// What the person types to sign in: ASCII letters, digits, dots, hyphens, underscores.
    sign_in_name: String,
    /// Where mail reaches the person.
    mail: Option<String>,
    /// The first password.
    #[graphql(secret)]
    password: String,
}

/// Disables an account for good and ends its sessions; what it did stays its own.
#[derive(InputObject)]
struct DisableAccountInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which one.
    account: Id<AccountId>,
    /// Why.
    reason: String,
}

/// Gives a role to an account.
#[derive(InputObject)]
struct GiveGrantInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Its new identity; the command id where it is left out.
    id: Option<Id<GrantId>>,
    /// To whom.
    account: Id<AccountId>,
    /// The role.
    role: words::Role,
    /// Where it holds.
    municipality: Id<MunicipalityId>,
    /// The department; staff and approvers have one, the others none.
    department: Option<Id<DepartmentId>>,
    /// First day on which it holds.
    from: Date,
    /// Last day on which it holds; open-ended without.
    until: Option<Date>,
    /// For whom the holder acts, for a delegation (代理).
    on_behalf_of: Option<Id<AccountId>>,
}

/// Withdraws a grant.
#[derive(InputObject)]
struct WithdrawGrantInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Whose.
    account: Id<AccountId>,
    /// Which one.
    grant: Id<GrantId>,
    /// Why.
    reason: String,
}

#[Object]
impl AccountMutation {
    /// Opens an account for a person. Where the person's data are refused, correct them and
    /// send it again with the same command id: the account is opened once.
    #[graphql(complexity = "200 + child_complexity")]
    async fn open_account(&self, ctx: &Context<'_>, input: OpenAccountInput) -> CommandResult {
        let account = input.id.map_or(AccountId(input.command_id), |id| id.0);
        let command = OpenAccount {
            account,
            municipality: input.municipality.0,
        };
        let done = match ctx
            .app()
            .handle(&ctx.caller(), command, CommandId(input.command_id))
            .await
        {
            Ok(done) => done,
            Err(error) => return CommandResult::refused(ctx, error).await,
        };
        register(ctx, account, input, done).await
    }

    /// Disables an account for good and ends its sessions; what it did stays its own.
    async fn disable_account(
        &self,
        ctx: &Context<'_>,
        input: DisableAccountInput,
    ) -> CommandResult {
        let account = input.account.0;
        let command = DisableAccount {
            account,
            reason: input.reason,
        };
        let result = carry_out(ctx, input.command_id, command).await;
        if let CommandResult::Refused(_) = result {
            return result;
        }
        let now = ctx.app().now();
        match with_identity(ctx.backing(), move |identity| {
            identity.disable(account, now)
        })
        .await
        {
            // An account without a person has no sessions either.
            Ok(Ok(_) | Err(PersonError::NotRegistered)) => result,
            Ok(Err(error)) => CommandRefusal::from(Failure::internal(error)).into(),
            Err(failure) => CommandRefusal::from(failure).into(),
        }
    }

    /// Gives a role to an account.
    async fn give_grant(&self, ctx: &Context<'_>, input: GiveGrantInput) -> CommandResult {
        let id = input.id.map_or(GrantId(input.command_id), |id| id.0);
        let grant = Grant {
            id,
            role: input.role.into(),
            municipality: input.municipality.0,
            department: input.department.map(|department| department.0),
            from: input.from.0,
            until: input.until.map(|until| until.0),
            on_behalf_of: input.on_behalf_of.map(|account| account.0),
        };
        let command = GiveGrant {
            account: input.account.0,
            grant,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .created(id.0)
    }

    /// Withdraws a grant.
    async fn withdraw_grant(&self, ctx: &Context<'_>, input: WithdrawGrantInput) -> CommandResult {
        let command = WithdrawGrant {
            account: input.account.0,
            grant: input.grant.0,
            reason: input.reason,
        };
        carry_out(ctx, input.command_id, command).await
    }
}

/// Why a person was not registered with a password.
enum Unregistered {
    Person(PersonError),
    Password(SetPasswordError),
}

impl From<PersonError> for Unregistered {
    fn from(error: PersonError) -> Self {
        Self::Person(error)
    }
}

impl From<SetPasswordError> for Unregistered {
    fn from(error: SetPasswordError) -> Self {
        Self::Password(error)
    }
}

/// Registers the person of an account that the log has accepted.
async fn register(
    ctx: &Context<'_>,
    account: AccountId,
    input: OpenAccountInput,
    done: Done,
) -> CommandResult {
    let now = ctx.app().now();
    let town = ctx
        .app()
        .municipality(input.municipality.0)
        .map(|municipality| municipality.name);
    let outcome = with_identity(ctx.backing(), move |identity| -> Result<(), Unregistered> {
        let person = NewPerson {
            account,
            sign_in_name: &input.sign_in_name,
            display_name: &input.name,
            mail: input.mail.as_deref().filter(|mail| !mail.trim().is_empty()),
        };
        register_person(identity, &person, now)?;
        if done.replayed && identity.has_password(account).map_err(PersonError::from)? {
            // The first answer got lost; setting it again would end the person's sessions.
            return Ok(());
        }
        let local_words: Vec<&str> = town.iter().map(String::as_str).collect();
        Ok(identity.set_password(account, &input.password, &local_words, now)?)
    });
    match outcome.await {
        Ok(Ok(())) => CommandResult::done(done).created(account.0),
        Ok(Err(Unregistered::Person(error))) => refused_person(error).into(),
        Ok(Err(Unregistered::Password(error))) => refused_password(error).into(),
        Err(failure) => CommandRefusal::from(failure).into(),
    }
}

/// Registers the person, or corrects what a first attempt has registered.
fn register_person(
    identity: &IdentityStore,
    person: &NewPerson<'_>,
    now: jiff::Timestamp,
) -> Result<(), PersonError> {
    match identity.register(person, now) {
        Err(PersonError::AlreadyRegistered) if !identity.has_password(person.account)? => {
            identity.change_sign_in_name(person.account, person.sign_in_name, now)?;
            identity.rename(person.account, person.display_name, now)?;
            identity
                .change_mail(person.account, person.mail, now)
                .map(|_| ())
        }
        Err(PersonError::AlreadyRegistered) => Ok(()),
        registered => registered.map(|_| ()),
    }
}

fn refused_person(error: PersonError) -> CommandRefusal {
    let invalid =
        |field: &str, problem_ja: &str| Invalid::new(field, &error.to_string(), problem_ja).into();
    match error {
        PersonError::SignInNameTaken => invalid(
            "sign_in_name",
            "このログイン名はすでに使われています。別の名前にしてください。",
        ),
        PersonError::SignInNameForm => invalid(
            "sign_in_name",
            "ログイン名は64文字以内の半角英数字と . - _ で、英数字で始まり英数字で終わるようにしてください。",
        ),
        PersonError::DisplayNameForm => {
            invalid("name", "氏名は1行、100文字以内で入力してください。")
        }
        PersonError::MailForm => invalid(
            "mail",
            "メールアドレスの形式が正しくありません。直すか、空欄にしてください。",
        ),
        PersonError::Erased => invalid(
            "id",
            "このアカウントの利用者は削除されています。新しいアカウントを登録してください。",
        ),
        PersonError::AlreadyRegistered | PersonError::NotRegistered => {
            Failure::internal(error).into()
        }
        PersonError::Store(error) => Failure::from(error).into(),
    }
}

fn refused_password(error: SetPasswordError) -> CommandRefusal {
    match error {
        SetPasswordError::Refused(problem) => Invalid::new(
            "password",
            &problem.to_string(),
            &match problem {
                daicho_identity::PasswordRefused::TooShort { chars } => format!(
                    "パスワードが{chars}文字しかありません。{}文字以上にしてください(関連のない単語を4、5個つなげると覚えやすくなります)。",
                    daicho_identity::PASSWORD_CHARS_MIN
                ),
                daicho_identity::PasswordRefused::TooLong => {
                    format!("パスワードは{}文字以内にしてください。", daicho_identity::PASSWORD_CHARS_MAX)
                }
                daicho_identity::PasswordRefused::TooGuessable => {
                    "名前・よくある単語・連続した文字が多く、推測されやすいパスワードです。本人や市町村と関係のない言葉にしてください。"
                        .to_owned()
                }
            },
        )
        .into(),
        SetPasswordError::Store(error) => Failure::from(error).into(),
        other => Failure::internal(other).into(),
    }
}
