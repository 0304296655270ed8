//! Asking in a small city: what all these tests share.

mod delegations;
mod grants;
mod roles;

use super::*;
use crate::city::*;
use daicho_domain::command::{
    AssignDepartment, DisableAccount, GiveGrant, OpenAccount, PublishSheet,
    RecordCredentialsChange, RegisterMunicipality, SubmitReport,
};
use daicho_domain::{FiscalYear, IndicatorId, PlanId, StreamId};
use jiff::civil::{Date, date};
use std::sync::LazyLock;
use uuid::Uuid;

static ACCESS: LazyLock<Access> = LazyLock::new(|| Access::new().unwrap());

fn ask_on<C: Command>(
    day: Date,
    city: &City,
    caller: &Caller,
    command: C,
) -> Result<Actor, Rejection> {
    ACCESS
        .authorize(caller, command, &city.world.view(), noon(day))
        .map(|authorized| authorized.into_parts().1)
}

fn ask<C: Command>(city: &City, account: AccountId, command: C) -> Result<Actor, Rejection> {
    ask_on(FROM, city, &Caller::Account(account), command)
}

fn may(city: &City, account: AccountId, action: Action, scope: Scope) -> Result<Reader, Rejection> {
    let caller = Caller::Account(account);
    ACCESS.may(&caller, action, scope, &city.world.view(), noon(FROM))
}

fn in_welfare() -> Scope {
    Scope {
        municipality: Some(HERE),
        department: Some(WELFARE),
    }
}

fn root() -> Caller {
    Caller::Operator("root".into())
}

#[track_caller]
fn is_forbidden<T: std::fmt::Debug>(answer: Result<T, Rejection>, hint_says: &str) {
    match answer {
        Err(Rejection::Forbidden { hint, .. }) => {
            assert!(hint.contains(hint_says), "the hint says «{hint}»")
        }
        other => panic!("not forbidden: {other:?}"),
    }
}

#[track_caller]
fn has_no_grant<T: std::fmt::Debug>(answer: Result<T, Rejection>) {
    assert!(
        matches!(answer, Err(Rejection::NoGrant { .. })),
        "{answer:?}"
    );
}

fn publish() -> PublishSheet {
    PublishSheet {
        plan: PLAN,
        fiscal_year: FiscalYear(2025),
        reason: None,
    }
}

fn open_account() -> OpenAccount {
    OpenAccount {
        account: AccountId(Uuid::from_u128(99)),
        municipality: HERE,
    }
}

fn give(grant: Grant) -> GiveGrant {
    GiveGrant {
        account: SUZUKI,
        grant,
    }
}

fn register() -> RegisterMunicipality {
    RegisterMunicipality {
        municipality: HERE,
        local_gov_code: "012262".into(),
        name: "砂川市".into(),
        demo: false,
    }
}
