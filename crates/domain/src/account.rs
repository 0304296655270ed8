//! Accounts and dated grants of roles.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::actor::Role;
use crate::id::{AccountId, DepartmentId, GrantId, MunicipalityId};

/// A role given to an account for a time, within a municipality and, for staff and
/// approvers, a department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its identity; every act names the grant it was done under.
    pub id: GrantId,
    /// The role given.
    pub role: Role,
    /// Where it holds.
    pub municipality: MunicipalityId,
    /// The department it is limited to; staff and approvers have one, the others none.
    pub department: Option<DepartmentId>,
    /// First day (the municipality's date) on which it holds.
    pub from: Date,
    /// Last day on which it holds; open-ended without.
    pub until: Option<Date>,
    /// For whom the holder acts, where it is a delegation (代理).
    pub on_behalf_of: Option<AccountId>,
}

impl Grant {
    /// Whether the grant holds on `day`.
    pub fn holds_on(&self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// What is known of an account; the person's name and secrets are not in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// Its identity.
    pub id: AccountId,
    /// Where it was opened.
    pub municipality: MunicipalityId,
    /// Whether it may no longer act.
    pub disabled: bool,
    /// Grants that have not been withdrawn.
    pub grants: BTreeMap<GrantId, Grant>,
}
