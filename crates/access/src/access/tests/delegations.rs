//! Acting for somebody else (代理).

use super::*;

#[test]
fn an_append_under_a_delegation_relies_on_both_accounts() {
    let city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
    ]);
    let view = city.world.view();
    let caller = Caller::Account(TANAKA);
    let _authorized = ACCESS
        .authorize(&caller, approve(OF_WELFARE), &view, noon(FROM))
        .unwrap();
    let relied_on = view.relied_on();
    assert_eq!(relied_on[&StreamId::Account(TANAKA)], Some(1));
    assert_eq!(relied_on[&StreamId::Account(SATO)], Some(1));
}

#[test]
fn a_delegation_records_both_people() {
    let city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
    ]);
    assert_eq!(
        ask(&city, TANAKA, approve(OF_WELFARE)),
        Ok(Actor {
            who: Who::Account(TANAKA),
            role: Role::Approver,
            grant: Some(grant_id(2)),
            on_behalf_of: Some(SATO),
        })
    );
}

#[test]
fn an_own_grant_comes_before_a_delegation_with_a_lower_id() {
    let city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
        (TANAKA, grant_in(3, Role::Approver, WELFARE)),
    ]);
    let actor = ask(&city, TANAKA, approve(OF_WELFARE)).unwrap();
    assert_eq!(actor.grant, Some(grant_id(3)));
    assert_eq!(actor.on_behalf_of, None);
}

#[test]
fn a_delegation_is_used_where_the_own_grant_does_not_reach() {
    let city = City::with([
        (SATO, grant_in(1, Role::Approver, TOURISM)),
        (TANAKA, grant_in(2, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(3, Role::Approver, TOURISM))),
    ]);
    let actor = ask(&city, TANAKA, approve(OF_TOURISM)).unwrap();
    assert_eq!(actor.on_behalf_of, Some(SATO));
    let actor = ask(&city, TANAKA, approve(OF_WELFARE)).unwrap();
    assert_eq!(actor.on_behalf_of, None);
}

#[test]
fn a_delegation_ends_when_the_principals_grant_ends() {
    let principals = Grant {
        until: Some(date(2026, 6, 30)),
        ..grant_in(1, Role::Approver, WELFARE)
    };
    let city = City::with([
        (SATO, principals),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
    ]);
    let tanaka = Caller::Account(TANAKA);
    ask_on(date(2026, 6, 30), &city, &tanaka, approve(OF_WELFARE)).unwrap();
    has_no_grant(ask_on(
        date(2026, 7, 1),
        &city,
        &tanaka,
        approve(OF_WELFARE),
    ));
}

#[test]
fn a_delegation_ends_when_the_principals_grant_is_withdrawn() {
    let mut city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
    ]);
    city.withdraw(SATO, grant_id(1));
    has_no_grant(ask(&city, TANAKA, approve(OF_WELFARE)));
}

#[test]
fn a_delegation_ends_when_the_principal_is_disabled() {
    let mut city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
    ]);
    city.disable(SATO);
    has_no_grant(ask(&city, TANAKA, approve(OF_WELFARE)));
}

#[test]
fn a_delegation_that_has_ended_is_forbidden_to_one_who_has_another_grant() {
    let mut city = City::with([
        (SATO, grant_in(1, Role::Approver, WELFARE)),
        (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
        (TANAKA, grant_in(3, Role::Staff, WELFARE)),
    ]);
    city.withdraw(SATO, grant_id(1));
    is_forbidden(
        ask(&city, TANAKA, approve(OF_WELFARE)),
        "ask an approver of the department",
    );
}

#[test]
fn nobody_delegates_a_role_or_department_that_they_do_not_have() {
    for held in [
        grant_in(1, Role::Staff, WELFARE),
        grant_in(1, Role::Approver, TOURISM),
        grant(1, Role::Planning),
    ] {
        let city = City::with([
            (SATO, held),
            (TANAKA, for_(SATO, grant_in(2, Role::Approver, WELFARE))),
        ]);
        has_no_grant(ask(&city, TANAKA, approve(OF_WELFARE)));
    }
}

#[test]
fn nobody_delegates_what_was_delegated_to_them() {
    let city = City::with([
        (SUZUKI, grant_in(1, Role::Approver, WELFARE)),
        (SATO, for_(SUZUKI, grant_in(2, Role::Approver, WELFARE))),
        (TANAKA, for_(SATO, grant_in(3, Role::Approver, WELFARE))),
    ]);
    ask(&city, SATO, approve(OF_WELFARE)).unwrap();
    has_no_grant(ask(&city, TANAKA, approve(OF_WELFARE)));
}
