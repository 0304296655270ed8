//! Who is who.

use daicho_access::Caller;
use daicho_domain::account::{AccountState, Grant};
use daicho_domain::command::local_date;
use daicho_domain::department::DepartmentState;
use daicho_domain::municipality::MunicipalityState;
use daicho_domain::{AccountId, Action, DepartmentId, MunicipalityId, Rejection};

use crate::app::App;
use crate::error::AppError;

/// The one who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The account.
    pub account: AccountId,
    /// Its municipality.
    pub municipality: MunicipalityId,
    /// Grants that hold today.
    pub grants: Vec<Grant>,
}

/// An account as administrators and auditors see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its state.
    pub state: AccountState,
    /// Grants that hold today.
    pub holds_today: Vec<Grant>,
}

impl App {
    /// The signed-in account with what it holds today; none for others.
    pub fn viewer(&self, caller: &Caller) -> Option<Viewer> {
        let Caller::Account(account) = caller else {
            return None;
        };
        let models = self.models();
        let state = models
            .world
            .account(*account)
            .filter(|state| !state.disabled)?;
        let today = local_date(self.now());
        let grants = state
            .grants
            .values()
            .filter(|grant| grant.holds_on(today))
            .cloned()
            .collect();
        Some(Viewer {
            account: state.id,
            municipality: state.municipality,
            grants,
        })
    }

    /// Whether `caller` may do `action` for the department (or the whole municipality), so that
    /// pages offer only what will work. The policies are asked again when it is done.
    pub fn allows(
        &self,
        caller: &Caller,
        action: Action,
        municipality: MunicipalityId,
        department: Option<DepartmentId>,
    ) -> bool {
        self.may(&self.models(), caller, action, municipality, department)
    }

    /// Whether the account exists and may still act.
    pub fn is_active(&self, account: AccountId) -> bool {
        self.models()
            .world
            .account(account)
            .is_some_and(|state| !state.disabled)
    }

    /// All municipalities of this service; their names are public.
    pub fn municipalities(&self) -> Vec<MunicipalityState> {
        self.models().world.municipalities().cloned().collect()
    }

    /// One municipality.
    pub fn municipality(&self, id: MunicipalityId) -> Option<MunicipalityState> {
        self.models().world.municipality(id).cloned()
    }

    /// All departments of a municipality, oldest first; their names are public.
    pub fn departments(&self, municipality: MunicipalityId) -> Vec<DepartmentState> {
        self.models()
            .world
            .departments(municipality)
            .cloned()
            .collect()
    }

    /// One department.
    pub fn department(&self, id: DepartmentId) -> Option<DepartmentState> {
        self.models().world.department(id).cloned()
    }

    /// All accounts of a municipality.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read accounts.
    pub fn accounts(
        &self,
        caller: &Caller,
        municipality: MunicipalityId,
    ) -> Result<Vec<AccountInfo>, AppError> {
        let models = self.models();
        self.must(&models, caller, Action::ReadAccounts, municipality, None)?;
        let today = local_date(self.now());
        Ok(models
            .world
            .accounts(municipality)
            .map(|state| AccountInfo {
                holds_today: state
                    .grants
                    .values()
                    .filter(|grant| grant.holds_on(today))
                    .cloned()
                    .collect(),
                state: state.clone(),
            })
            .collect())
    }

    /// One account, for the operator's and administrators' tools.
    ///
    /// # Errors
    /// [`AppError::Refused`] where there is no such account.
    pub fn account(&self, id: AccountId) -> Result<AccountState, AppError> {
        let models = self.models();
        Ok(models
            .world
            .account(id)
            .cloned()
            .ok_or_else(|| Rejection::not_found("account"))?)
    }
}
