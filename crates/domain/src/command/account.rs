//! Accounts and grants. Names and secrets are the identity store's; here are only the facts
//! that something was done.

use serde::{Deserialize, Serialize};

use super::{Action, Command, Context, Fact, REASON_CHARACTERS_MAX, Scope, Subject, text_within};
use crate::account::Grant;
use crate::actor::{Role, Who};
use crate::event::Event;
use crate::id::{AccountId, GrantId, MunicipalityId};
use crate::rejection::{DutyRule, Rejection};
use crate::stream::StreamId;
use crate::world::View;

fn about(account: AccountId) -> Subject {
    Subject {
        account: Some(account),
        ..Subject::default()
    }
}

fn scope_of(view: &View<'_>, account: AccountId) -> Result<Scope, Rejection> {
    view.account(account)
        .map(|account| Scope::whole(account.municipality))
}

/// Opens an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenAccount {
    /// Its new identity.
    pub account: AccountId,
    /// Where.
    pub municipality: MunicipalityId,
}

impl Command for OpenAccount {
    const ACTION: Action = Action::OpenAccount;

    fn subject(&self) -> Subject {
        Subject {
            municipality: Some(self.municipality),
            ..about(self.account)
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.municipality(self.municipality)
            .map(|m| Scope::whole(m.id))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let stream = StreamId::Account(self.account);
        view.must_be_new(stream, "account")?;
        Ok(vec![Fact::new(
            stream,
            Event::AccountOpened {
                account: self.account,
                municipality: self.municipality,
            },
        )])
    }
}

/// Disables an account for good; what it did stays its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DisableAccount {
    /// Which one.
    pub account: AccountId,
    /// Why.
    pub reason: String,
}

impl Command for DisableAccount {
    const ACTION: Action = Action::DisableAccount;

    fn subject(&self) -> Subject {
        about(self.account)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        scope_of(view, self.account)
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let account = view.account(self.account)?;
        text_within("reason", &self.reason, REASON_CHARACTERS_MAX)?;
        if account.disabled {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Account(self.account),
            Event::AccountDisabled {
                reason: self.reason.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.clone())
    }
}

/// Gives a role to an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GiveGrant {
    /// To whom.
    pub account: AccountId,
    /// What, where, from when until when.
    pub grant: Grant,
}

impl Command for GiveGrant {
    const ACTION: Action = Action::GiveGrant;

    fn subject(&self) -> Subject {
        Subject {
            municipality: Some(self.grant.municipality),
            department: self.grant.department,
            ..about(self.account)
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.municipality(self.grant.municipality)
            .map(|m| Scope::whole(m.id))
    }

    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection> {
        let account = view.account(self.account)?;
        let grant = &self.grant;
        let me = &context.actor;
        if me.who == Who::Account(self.account) || me.on_behalf_of == Some(self.account) {
            return Err(Rejection::SeparationOfDuties {
                rule: DutyRule::OwnGrant,
            });
        }
        if account.municipality != grant.municipality {
            return Err(Rejection::invalid(
                "municipality",
                "the account belongs to another municipality",
                "別の団体のアカウントです。",
            ));
        }
        if account.disabled {
            return Err(Rejection::invalid(
                "account",
                "is disabled for good and can hold no role; open a new account",
                "このアカウントは停止されています。新しいアカウントを登録してください。",
            ));
        }
        if !Role::GRANTABLE.contains(&grant.role) {
            return Err(Rejection::invalid(
                "role",
                format!("'{}' cannot be granted", grant.role),
                "この権限は付与できません。",
            ));
        }
        if grant.role.is_of_a_department() != grant.department.is_some() {
            return Err(Rejection::invalid(
                "department",
                "staff and approver are granted for a department, the other roles for the whole municipality",
                "担当者・承認者には課を指定し、それ以外の権限には課を指定しないでください。",
            ));
        }
        if let Some(id) = grant.department {
            let department = view.department(id)?;
            if department.municipality != grant.municipality {
                return Err(Rejection::not_found("department in this municipality"));
            }
        }
        if let Some(principal) = grant.on_behalf_of {
            if principal == self.account {
                return Err(Rejection::invalid(
                    "on_behalf_of",
                    "nobody stands in for themselves",
                    "本人を代理することはできません。",
                ));
            }
            if view.account(principal)?.municipality != grant.municipality {
                return Err(Rejection::not_found(
                    "account in this municipality to stand in for",
                ));
            }
        }
        if grant.until.is_some_and(|until| until < grant.from) {
            return Err(Rejection::invalid(
                "until",
                "is before the first day",
                "終了日が開始日より前になっています。",
            ));
        }
        if let Some(existing) = account.grants.get(&grant.id) {
            return if existing == grant {
                Ok(Vec::new())
            } else {
                Err(Rejection::AlreadyExists {
                    what: "grant".into(),
                })
            };
        }
        Ok(vec![Fact::new(
            StreamId::Account(self.account),
            Event::GrantGiven {
                grant: grant.clone(),
            },
        )])
    }
}

/// Withdraws a grant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WithdrawGrant {
    /// Whose.
    pub account: AccountId,
    /// Which one.
    pub grant: GrantId,
    /// Why.
    pub reason: String,
}

impl Command for WithdrawGrant {
    const ACTION: Action = Action::WithdrawGrant;

    fn subject(&self) -> Subject {
        about(self.account)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        scope_of(view, self.account)
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let account = view.account(self.account)?;
        text_within("reason", &self.reason, REASON_CHARACTERS_MAX)?;
        if !account.grants.contains_key(&self.grant) {
            return Err(Rejection::not_found("grant that still holds"));
        }
        Ok(vec![Fact::new(
            StreamId::Account(self.account),
            Event::GrantWithdrawn {
                grant: self.grant,
                reason: self.reason.clone(),
            },
        )])
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.clone())
    }
}

/// Records that a secret of an account was set or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordCredentialsChange {
    /// Whose.
    pub account: AccountId,
}

impl Command for RecordCredentialsChange {
    const ACTION: Action = Action::RecordCredentialsChange;

    fn subject(&self) -> Subject {
        about(self.account)
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        scope_of(view, self.account)
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        view.account(self.account)?;
        Ok(vec![Fact::new(
            StreamId::Account(self.account),
            Event::CredentialsChanged {
                account: self.account,
            },
        )])
    }
}
