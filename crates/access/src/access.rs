//! Asking whether somebody may do something.

use std::sync::Arc;

use daicho_domain::account::Grant;
use daicho_domain::command::local_date;
use daicho_domain::{
    AccountId, Action, Actor, Command, MunicipalityId, Rejection, Role, Scope, View, Who,
};
use jiff::Timestamp;

use crate::authorized::Authorized;
use crate::caller::{Caller, Reader};
use crate::hint::whom_to_ask;
use crate::holding::{delegated, own, principal_holds};
use crate::matrix::Matrix;
use crate::policies::{AccessError, POLICIES, Policies, SCHEMA};
use crate::relation::Relation;

/// The policies, asked once and ready to answer. Make one for the whole process; a clone shares
/// the answers.
#[derive(Clone, Debug)]
pub struct Access {
    matrix: Arc<Matrix>,
}

impl Access {
    /// Checks the built-in policies against their schema and asks Cedar about every role,
    /// action and relation: 40 to 60 ms in a debug build on two cores, once per process.
    ///
    /// # Errors
    /// When the build's policies are broken; see [`AccessError`].
    pub fn new() -> Result<Self, AccessError> {
        let matrix = Policies::read(SCHEMA, &POLICIES)?.matrix()?;
        Ok(Self {
            matrix: Arc::new(matrix),
        })
    }

    /// Whether the policies let `role` do `action` where `relation` says. Says nothing about
    /// any person: grants are [`authorize`](Self::authorize)'s and [`may`](Self::may)'s matter.
    pub fn permits(&self, role: Role, action: Action, relation: Relation) -> bool {
        self.matrix.permits(role, action, relation)
    }

    /// Role × action × relation as a table for people, as in `role_matrix.txt`.
    pub fn matrix(&self) -> String {
        self.matrix.to_string()
    }

    /// Allows `command` to be carried out by `caller`, or refuses.
    ///
    /// Of several grants that allow it, the caller's own come before delegations, then the
    /// lowest id counts. Decide the command with the same `view` and `now`: the view remembers
    /// the accounts whose grants were relied on.
    ///
    /// # Errors
    /// - [`Rejection::NoGrant`] when no grant of the caller holds on the municipality's date
    ///   of `now`, or the account is disabled or unknown;
    /// - [`Rejection::NotFound`] when the command names something that is not there;
    /// - [`Rejection::Forbidden`] when the caller has not signed in, or none of the grants
    ///   allows it; the hint says whom to ask.
    pub fn authorize<C: Command>(
        &self,
        caller: &Caller,
        command: C,
        view: &View<'_>,
        now: Timestamp,
    ) -> Result<Authorized<C>, Rejection> {
        let actor = self.actor(caller, C::ACTION, || command.scope(view), view, now)?;
        Ok(Authorized::mint(command, actor))
    }

    /// Allows `caller` to do `action` in `scope`, or refuses: for readings, and for asking
    /// ahead whether something is worth offering. What anybody may read is refused to nobody;
    /// who has no grant that reaches there reads it as [`Reader::Public`].
    ///
    /// # Errors
    /// [`Rejection::NoGrant`] and [`Rejection::Forbidden`] as for
    /// [`authorize`](Self::authorize).
    pub fn may(
        &self,
        caller: &Caller,
        action: Action,
        scope: Scope,
        view: &View<'_>,
        now: Timestamp,
    ) -> Result<Reader, Rejection> {
        match self.actor(caller, action, || Ok(scope), view, now) {
            Ok(actor) => Ok(Reader::Actor(actor)),
            Err(_) if self.permits(Role::Public, action, Relation::to_a_stranger(scope)) => {
                Ok(Reader::Public)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// `scope` is asked for only once the caller is somebody, so that strangers cannot learn
    /// what exists.
    fn actor(
        &self,
        caller: &Caller,
        action: Action,
        scope: impl FnOnce() -> Result<Scope, Rejection>,
        view: &View<'_>,
        now: Timestamp,
    ) -> Result<Actor, Rejection> {
        match caller {
            Caller::Anonymous => Err(Rejection::Forbidden {
                action: action.name().to_owned(),
                hint: "sign in first".to_owned(),
            }),
            Caller::Operator(user) => {
                let scope = scope()?;
                if self.permits(Role::Operator, action, Relation::to_a_stranger(scope)) {
                    Ok(Actor::operator(user.as_str()))
                } else {
                    Err(self.forbidden(action, scope, []))
                }
            }
            Caller::Account(account) => self.holder(*account, action, scope, view, now),
        }
    }

    fn holder(
        &self,
        id: AccountId,
        action: Action,
        scope: impl FnOnce() -> Result<Scope, Rejection>,
        view: &View<'_>,
        now: Timestamp,
    ) -> Result<Actor, Rejection> {
        let day = local_date(now);
        let account = view
            .account(id)
            .ok()
            .filter(|account| !account.disabled)
            .ok_or(Rejection::NoGrant { day })?;
        let holds =
            |(grant, principal): (&Grant, AccountId)| principal_holds(view, principal, grant, day);
        if own(account, day).next().is_none() && !delegated(account, day).any(holds) {
            return Err(Rejection::NoGrant { day });
        }
        let scope = scope()?;
        // The table is asked before the principal's account is looked at: the append then
        // relies on no account that does not matter.
        let reaches = |grant: &Grant| self.permits(grant.role, action, Relation::of(grant, scope));
        let grant = own(account, day)
            .find(|grant| reaches(grant))
            .or_else(|| {
                delegated(account, day)
                    .find(|(grant, principal)| reaches(grant) && holds((grant, *principal)))
                    .map(|(grant, _)| grant)
            })
            .ok_or_else(|| {
                let homes =
                    own(account, day).chain(delegated(account, day).map(|(grant, _)| grant));
                self.forbidden(action, scope, homes.map(|grant| grant.municipality))
            })?;
        Ok(Actor {
            who: Who::Account(id),
            role: grant.role,
            grant: Some(grant.id),
            on_behalf_of: grant.on_behalf_of,
        })
    }

    fn forbidden(
        &self,
        action: Action,
        scope: Scope,
        homes: impl IntoIterator<Item = MunicipalityId>,
    ) -> Rejection {
        let at_home = homes
            .into_iter()
            .any(|home| Some(home) == scope.municipality);
        Rejection::Forbidden {
            action: action.name().to_owned(),
            hint: whom_to_ask(&self.matrix, action, scope, at_home),
        }
    }
}

#[cfg(test)]
mod tests;
