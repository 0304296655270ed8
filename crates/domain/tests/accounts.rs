//! Municipalities, departments, accounts and grants.

use daicho_domain::account::Grant;
use daicho_domain::command::{
    CloseDepartment, DisableAccount, GiveGrant, OpenAccount, OpenDepartment,
    RecordCredentialsChange, RegisterMunicipality, RenameDepartment, WithdrawGrant,
};
use daicho_domain::rejection::DutyRule;
use daicho_domain::{AccountId, Actor, DepartmentId, Event, GrantId, Rejection, Role, StreamId};
use jiff::civil::date;
use uuid::Uuid;

use crate::scenario::*;

fn register(code: &str) -> RegisterMunicipality {
    RegisterMunicipality {
        municipality: OTHER_CITY,
        local_gov_code: code.into(),
        name: "札幌市".into(),
        demo: false,
    }
}

fn new_grant(role: Role) -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(0xb99)),
        role,
        department: role.is_of_a_department().then_some(COMMERCE),
        ..STAFF.grant()
    }
}

fn give(grant: Grant) -> GiveGrant {
    GiveGrant {
        account: STAFF.account(),
        grant,
    }
}

fn operator() -> Actor {
    Actor::operator("root")
}

/// An account of another municipality.
fn account_elsewhere(s: &mut Scenario) -> AccountId {
    let account = AccountId(Uuid::from_u128(0xa99));
    s.given(register("011002"), operator());
    s.given(
        OpenAccount {
            account,
            municipality: OTHER_CITY,
        },
        operator(),
    );
    account
}

#[test]
fn a_municipality_is_registered_once_and_with_its_code() {
    let mut s = Scenario::town();
    s.when(register("011003"), operator())
        .then_invalid("local_gov_code");
    s.when(register("011002"), operator())
        .then([Event::MunicipalityRegistered {
            municipality: OTHER_CITY,
            local_gov_code: "011002".into(),
            name: "札幌市".into(),
            demo: false,
        }]);
    s.when(register("011002"), operator())
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { .. }));
}

#[test]
fn a_department_is_opened_renamed_and_closed() {
    let mut s = Scenario::town();
    let department = DepartmentId(Uuid::from_u128(0x13));
    let open = OpenDepartment {
        department,
        municipality: CITY,
        name: "税務課".into(),
        valid_from: date(2022, 4, 1),
    };
    s.when(open.clone(), ADMINISTRATOR)
        .relying_on([
            StreamId::Municipality(CITY),
            StreamId::Department(department),
        ])
        .then_one(|it| matches!(it, Event::DepartmentOpened { .. }));
    s.when(open, ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { .. }));
    let rename = |name: &str| RenameDepartment {
        department,
        name: name.into(),
    };
    s.when(rename("税務住民課"), ADMINISTRATOR)
        .then([Event::DepartmentRenamed {
            previous: "税務課".into(),
            name: "税務住民課".into(),
        }]);
    s.when(rename("税務住民課"), ADMINISTRATOR).then_nothing();
    s.when(rename(""), ADMINISTRATOR).then_invalid("name");
    let close = |valid_to| CloseDepartment {
        department,
        valid_to,
    };
    s.when(close(date(2022, 3, 31)), ADMINISTRATOR)
        .then_invalid("valid_to");
    let last = date(2023, 3, 31);
    s.when(close(last), ADMINISTRATOR)
        .then([Event::DepartmentClosed { valid_to: last }]);
    s.when(close(last), ADMINISTRATOR).then_nothing();
}

#[test]
fn an_account_is_opened_once() {
    let mut s = Scenario::town();
    let open = OpenAccount {
        account: STAFF.account(),
        municipality: CITY,
    };
    s.when(open, ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { .. }));
    let nowhere = OpenAccount {
        account: AccountId(Uuid::from_u128(0xa99)),
        municipality: OTHER_CITY,
    };
    s.when(nowhere, ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn an_account_is_disabled_with_a_reason() {
    let mut s = Scenario::town();
    let disable = |reason: &str| DisableAccount {
        account: STAFF.account(),
        reason: reason.into(),
    };
    s.when(disable(""), ADMINISTRATOR).then_invalid("reason");
    s.when(disable("退職"), ADMINISTRATOR)
        .then([Event::AccountDisabled {
            reason: "退職".into(),
        }]);
    s.when(disable("退職"), ADMINISTRATOR).then_nothing();
    s.when(give(new_grant(Role::Staff)), ADMINISTRATOR)
        .then_invalid("account");
}

#[test]
fn a_role_is_granted_and_the_same_grant_again_changes_nothing() {
    let mut s = Scenario::town();
    let grant = new_grant(Role::Approver);
    s.when(give(grant.clone()), ADMINISTRATOR)
        .relying_on([
            StreamId::Municipality(CITY),
            StreamId::Department(COMMERCE),
            StreamId::Account(STAFF.account()),
        ])
        .then([Event::GrantGiven {
            grant: grant.clone(),
        }]);
    s.when(give(grant.clone()), ADMINISTRATOR).then_nothing();
    let another = Grant {
        role: Role::Staff,
        ..grant
    };
    s.when(give(another), ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { .. }));
}

#[test]
fn nobody_gives_a_role_to_themselves() {
    let mut s = Scenario::town();
    let own = |it: &Rejection| {
        *it == Rejection::SeparationOfDuties {
            rule: DutyRule::OwnGrant,
        }
    };
    let grant = new_grant(Role::Planning);
    s.when(give(grant.clone()), STAFF.acting_as(Role::Administrator))
        .then_rejected(own);
    let deputy = Actor {
        role: Role::Administrator,
        ..SECOND_STAFF.deputy_of(STAFF)
    };
    s.when(give(grant), deputy).then_rejected(own);
}

#[test]
fn only_grantable_roles_are_granted() {
    let mut s = Scenario::town();
    for role in [Role::Public, Role::Operator] {
        s.when(give(new_grant(role)), ADMINISTRATOR)
            .then_invalid("role");
    }
}

#[test]
fn staff_and_approvers_have_a_department_and_the_others_none() {
    let mut s = Scenario::town();
    for role in Role::GRANTABLE {
        let grant = new_grant(role);
        let department = grant.department.xor(Some(COMMERCE));
        s.when(
            give(Grant {
                department,
                ..grant
            }),
            ADMINISTRATOR,
        )
        .then_invalid("department");
    }
}

#[test]
fn a_grant_stays_within_one_municipality() {
    let mut s = Scenario::town();
    let elsewhere = account_elsewhere(&mut s);
    let grant = new_grant(Role::Approver);
    let to_somebody_elsewhere = GiveGrant {
        account: elsewhere,
        grant: grant.clone(),
    };
    s.when(to_somebody_elsewhere, ADMINISTRATOR)
        .then_invalid("municipality");
    let for_somebody_elsewhere = Grant {
        on_behalf_of: Some(elsewhere),
        ..grant
    };
    s.when(give(for_somebody_elsewhere), ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn a_delegation_names_somebody_else_who_exists() {
    let mut s = Scenario::town();
    let grant = new_grant(Role::Approver);
    let for_account = |account| {
        give(Grant {
            on_behalf_of: Some(account),
            ..grant.clone()
        })
    };
    s.when(for_account(STAFF.account()), ADMINISTRATOR)
        .then_invalid("on_behalf_of");
    s.when(
        for_account(AccountId(Uuid::from_u128(0xa99))),
        ADMINISTRATOR,
    )
    .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
    s.when(for_account(APPROVER.account()), ADMINISTRATOR)
        .relying_on([
            StreamId::Municipality(CITY),
            StreamId::Department(COMMERCE),
            StreamId::Account(STAFF.account()),
            StreamId::Account(APPROVER.account()),
        ])
        .then_one(|it| matches!(it, Event::GrantGiven { .. }));
}

#[test]
fn a_grant_does_not_end_before_it_begins() {
    let mut s = Scenario::town();
    let until = |last| {
        give(Grant {
            until: Some(last),
            ..new_grant(Role::Staff)
        })
    };
    s.when(until(date(2022, 3, 31)), ADMINISTRATOR)
        .then_invalid("until");
    s.given(until(date(2022, 4, 1)), ADMINISTRATOR);
}

#[test]
fn a_grant_is_withdrawn_once() {
    let mut s = Scenario::town();
    let withdraw = |reason: &str| WithdrawGrant {
        account: STAFF.account(),
        grant: STAFF.grant().id,
        reason: reason.into(),
    };
    s.when(withdraw(""), ADMINISTRATOR).then_invalid("reason");
    s.when(withdraw("異動"), ADMINISTRATOR)
        .then([Event::GrantWithdrawn {
            grant: STAFF.grant().id,
            reason: "異動".into(),
        }]);
    s.when(withdraw("異動"), ADMINISTRATOR)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn a_change_of_credentials_is_recorded_without_them() {
    let mut s = Scenario::town();
    let account = STAFF.account();
    s.when(RecordCredentialsChange { account }, STAFF)
        .then([Event::CredentialsChanged { account }]);
    let unknown = RecordCredentialsChange {
        account: AccountId(Uuid::from_u128(0xa99)),
    };
    s.when(unknown, STAFF)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}
