//! Who acts: a person or operator, the role and grant they act under, and for whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, GrantId};

/// The roles of DESIGN §5, and the operator who runs the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 担当者: enters figures and commentary of the own department.
    Staff,
    /// 課長: approves or returns reports of the own department.
    Approver,
    /// 企画課: plans, periods, acceptance and publication for the whole municipality.
    Planning,
    /// 監査: reads everything, changes nothing.
    Auditor,
    /// システム管理者: accounts, departments and grants; no figures, no approvals.
    Administrator,
    /// 公開: reads published sheets only.
    Public,
    /// The person at the machine: sets up the first municipality and administrator.
    Operator,
}

impl Role {
    /// The six roles that a grant can give or that a reader has, and the operator.
    pub const ALL: [Self; 7] = [
        Self::Staff,
        Self::Approver,
        Self::Planning,
        Self::Auditor,
        Self::Administrator,
        Self::Public,
        Self::Operator,
    ];

    /// The roles that an administrator can grant.
    pub const GRANTABLE: [Self; 5] = [
        Self::Staff,
        Self::Approver,
        Self::Planning,
        Self::Auditor,
        Self::Administrator,
    ];

    /// The code used in events, policies and the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Approver => "approver",
            Self::Planning => "planning",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::Public => "public",
            Self::Operator => "operator",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Staff => "担当者",
            Self::Approver => "課長(承認者)",
            Self::Planning => "企画課",
            Self::Auditor => "監査",
            Self::Administrator => "システム管理者",
            Self::Public => "一般公開",
            Self::Operator => "運用者",
        }
    }

    /// The role with this [`code`](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Whether a grant of this role names a department.
    pub const fn is_of_a_department(self) -> bool {
        matches!(self, Self::Staff | Self::Approver)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The one who acted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Somebody signed in.
    Account(AccountId),
    /// The user of the operating system who ran a command on the machine.
    Operator(String),
}

impl Who {
    /// The account, if it was one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(*id),
            Self::Operator(_) => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Operator(user) => write!(f, "operator:{user}"),
        }
    }
}

/// The full answer to «who»: recorded with every event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Who acted.
    pub who: Who,
    /// The role they acted in.
    pub role: Role,
    /// The grant that gave them the role; the operator has none.
    pub grant: Option<GrantId>,
    /// For whom they acted (代理), where the grant is a delegation.
    pub on_behalf_of: Option<AccountId>,
}

impl Actor {
    /// The operator `user` of the machine.
    pub fn operator(user: impl Into<String>) -> Self {
        Self {
            who: Who::Operator(user.into()),
            role: Role::Operator,
            grant: None,
            on_behalf_of: None,
        }
    }

    /// Whether this actor is, or stands in for, a person whom `other` is or stands in for.
    /// Separation of duties is judged with this, so that a delegation cannot be used to
    /// approve one's own work.
    pub fn shares_a_person_with(&self, other: &Self) -> bool {
        self.who == other.who
            || self
                .people()
                .any(|mine| other.people().any(|theirs| mine == theirs))
    }

    fn people(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.who.account().into_iter().chain(self.on_behalf_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn actor(account: u128, on_behalf_of: Option<u128>) -> Actor {
        Actor {
            who: Who::Account(AccountId(Uuid::from_u128(account))),
            role: Role::Approver,
            grant: None,
            on_behalf_of: on_behalf_of.map(|id| AccountId(Uuid::from_u128(id))),
        }
    }

    #[test]
    fn a_deputy_shares_a_person_with_the_one_they_stand_in_for() {
        assert!(actor(1, None).shares_a_person_with(&actor(1, None)));
        assert!(actor(2, Some(1)).shares_a_person_with(&actor(1, None)));
        assert!(actor(1, None).shares_a_person_with(&actor(2, Some(1))));
        assert!(!actor(2, Some(3)).shares_a_person_with(&actor(1, None)));
    }
}
