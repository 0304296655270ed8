//! `account …`.

use std::sync::Arc;

use daicho_app::Caller;
use daicho_domain::account::Grant;
use daicho_domain::command::{
    DisableAccount, GiveGrant, OpenAccount, RecordCredentialsChange, WithdrawGrant, local_date,
};
use daicho_domain::{AccountId, GrantId, Role};
use daicho_identity::NewPerson;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::department::department_called;
use super::{Outcome, account_called, acting_as, give, municipality_of};
use crate::failure::{Failure, with_causes};
use crate::service::Service;

/// What `account …` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountOperation {
    /// `account open`.
    Open {
        name: String,
        display_name: String,
        password: String,
        print_password: bool,
        acting: Option<String>,
    },
    /// `account grant`.
    Grant {
        name: String,
        role: String,
        department: Option<String>,
        from: Option<Date>,
        until: Option<Date>,
        on_behalf_of: Option<String>,
        acting: Option<String>,
    },
    /// `account withdraw`.
    Withdraw {
        name: String,
        grant: String,
        reason: String,
        acting: Option<String>,
    },
    /// `account disable`.
    Disable {
        name: String,
        reason: String,
        acting: Option<String>,
    },
    /// `account password`.
    Password {
        name: String,
        password: String,
        print_password: bool,
        acting: Option<String>,
    },
    /// `account list`.
    List { json: bool, acting: Option<String> },
}

pub(super) async fn run(
    service: &Service,
    operation: AccountOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    match operation {
        AccountOperation::Open {
            name,
            display_name,
            password,
            print_password,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            open(
                service,
                &caller,
                &name,
                &display_name,
                &password,
                print_password,
            )
            .await
        }
        AccountOperation::Grant {
            name,
            role,
            department,
            from,
            until,
            on_behalf_of,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let municipality = municipality_of(service, &caller)?;
            let role = Role::from_code(&role)
                .filter(|role| Role::GRANTABLE.contains(role))
                .ok_or_else(|| {
                    let roles = Role::GRANTABLE.map(Role::code).join(", ");
                    Failure::new(format!("there is no role '{role}' to be granted"))
                        .help(format!("the roles are: {roles}"))
                })?;
            let grant = Grant {
                id: GrantId(service.app.new_id()),
                role,
                municipality,
                department: department
                    .map(|name| department_called(service, municipality, &name))
                    .transpose()?,
                from: from.unwrap_or_else(|| local_date(service.app.now())),
                until,
                on_behalf_of: on_behalf_of
                    .map(|name| account_called(service, &name))
                    .transpose()?,
            };
            let account = account_called(service, &name)?;
            let line = format!(
                "{name} is {role} from {} on; grant {}",
                grant.from, grant.id
            );
            give(service, &caller, GiveGrant { account, grant }).await?;
            Ok(Outcome::lines([line]))
        }
        AccountOperation::Withdraw {
            name,
            grant,
            reason,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let account = account_called(service, &name)?;
            let grant: GrantId = grant.parse().map_err(|_| {
                Failure::new(format!("'{grant}' is no grant"))
                    .help("see 'daicho account list' for the grants")
            })?;
            give(
                service,
                &caller,
                WithdrawGrant {
                    account,
                    grant,
                    reason,
                },
            )
            .await?;
            Ok(Outcome::lines([format!(
                "the grant is withdrawn from {name}"
            )]))
        }
        AccountOperation::Disable {
            name,
            reason,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let account = account_called(service, &name)?;
            give(service, &caller, DisableAccount { account, reason }).await?;
            let disabled = service.identity.disable(account, service.app.now());
            disabled.map_err(|error| Failure::new(with_causes(&error)))?;
            Ok(Outcome::lines([format!(
                "{name} is disabled and signed out everywhere"
            )]))
        }
        AccountOperation::Password {
            name,
            password,
            print_password,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let account = account_called(service, &name)?;
            // Recorded first: a change that cannot be recorded is not made.
            give(service, &caller, RecordCredentialsChange { account }).await?;
            set_password(service, account, &password, &[]).await?;
            let line = format!("{name} has a new password and is signed out everywhere");
            Ok(Outcome::lines(
                [line]
                    .into_iter()
                    .chain(announced(&password, print_password)),
            ))
        }
        AccountOperation::List { json, acting } => list(
            service,
            json,
            &acting_as(service, acting.as_deref(), operator)?,
        ),
    }
}

async fn open(
    service: &Service,
    caller: &Caller,
    name: &str,
    display_name: &str,
    password: &str,
    print: bool,
) -> Result<Outcome, Failure> {
    let municipality = municipality_of(service, caller)?;
    let words: Vec<String> = service
        .app
        .municipality(municipality)
        .map(|m| m.name)
        .into_iter()
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let account = AccountId(service.app.new_id());
    // Who may not open accounts must not fill the register; the refusal is recorded by `give`.
    if service
        .app
        .preview(
            caller,
            OpenAccount {
                account,
                municipality,
            },
        )
        .is_ok()
    {
        register(service, account, name, display_name, password, &words).await?;
    }
    give(
        service,
        caller,
        OpenAccount {
            account,
            municipality,
        },
    )
    .await
    .inspect_err(|_| forget(service, account))?;
    let line =
        format!("{name} can sign in; give a role with 'daicho account grant {name} --role …'");
    Ok(Outcome::lines(
        [line].into_iter().chain(announced(password, print)),
    ))
}

fn list(service: &Service, json: bool, caller: &Caller) -> Result<Outcome, Failure> {
    #[derive(Serialize)]
    struct Entry {
        name: String,
        display_name: String,
        account: AccountId,
        disabled: bool,
        grants: Vec<Grant>,
    }
    let municipality = municipality_of(service, caller)?;
    let mut entries = Vec::new();
    for account in service.app.accounts(caller, municipality)? {
        let person = service
            .identity
            .person(account.state.id)
            .map_err(|error| Failure::new(with_causes(&error)))?;
        let (name, display_name) = person.map_or_else(Default::default, |person| {
            (person.sign_in_name, person.display_name)
        });
        entries.push(Entry {
            name,
            display_name,
            account: account.state.id,
            disabled: account.state.disabled,
            grants: account.state.grants.into_values().collect(),
        });
    }
    if json {
        return Outcome::json(&entries);
    }
    let mut lines = Vec::new();
    for entry in entries {
        let disabled = if entry.disabled { "  (disabled)" } else { "" };
        lines.push(format!(
            "{}  {}  {}{disabled}",
            entry.name, entry.display_name, entry.account
        ));
        for grant in entry.grants {
            let department = grant
                .department
                .and_then(|id| service.app.department(id))
                .map(|department| department.name)
                .unwrap_or_default();
            let until = grant
                .until
                .map_or_else(String::new, |until| format!(" until {until}"));
            lines.push(format!(
                "    {} {department} from {}{until}  grant {}",
                grant.role, grant.from, grant.id
            ));
        }
    }
    Ok(Outcome::lines(lines))
}

/// Puts a person in the register and sets the first password; nothing stays where the
/// password cannot be used.
pub(super) async fn register(
    service: &Service,
    account: AccountId,
    name: &str,
    display_name: &str,
    password: &str,
    local_words: &[&str],
) -> Result<(), Failure> {
    let person = NewPerson {
        account,
        sign_in_name: name,
        display_name,
        mail: None,
    };
    service
        .identity
        .register(&person, service.app.now())
        .map_err(|error| Failure::new(with_causes(&error)))?;
    let set = set_password(service, account, password, local_words).await;
    if set.is_err()
        && let Err(error) = service.identity.erase(account, service.app.now())
    {
        tracing::warn!(%error, "a person without a password is left in the register");
    }
    set
}

/// Takes back a person whose account was never opened.
pub(super) fn forget(service: &Service, account: AccountId) {
    match service.identity.person(account) {
        Ok(None) => {}
        _ => {
            if let Err(error) = service.identity.erase(account, service.app.now()) {
                tracing::warn!(%error, "a person without an account is left in the register");
            }
        }
    }
}

async fn set_password(
    service: &Service,
    account: AccountId,
    password: &str,
    local_words: &[&str],
) -> Result<(), Failure> {
    let identity = Arc::clone(&service.identity);
    let (password, now) = (password.to_owned(), service.app.now());
    let words: Vec<String> = local_words.iter().map(|word| (*word).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        identity.set_password(account, &password, &words, now)
    })
    .await
    .map_err(|_| Failure::new("setting the password was interrupted"))?
    .map_err(|error| Failure::new(with_causes(&error)))
}

/// A made-up password is printed once; nobody else knows it.
pub(super) fn announced(password: &str, print: bool) -> Option<String> {
    print.then(|| format!("password (shown only now): {password}"))
}
