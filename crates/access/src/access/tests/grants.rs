//! Which grants hold, and which of them is used.

use super::*;

#[test]
fn an_act_records_who_acted_in_which_role_and_under_which_grant() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    let view = city.world.view();
    let authorized = ACCESS
        .authorize(
            &Caller::Account(TANAKA),
            enter(OF_WELFARE),
            &view,
            noon(FROM),
        )
        .unwrap();
    assert_eq!(authorized.command().plan, PLAN);
    assert_eq!(
        authorized.actor(),
        &Actor {
            who: Who::Account(TANAKA),
            role: Role::Staff,
            grant: Some(grant_id(1)),
            on_behalf_of: None,
        }
    );
}

#[test]
fn an_append_relies_on_the_account_whose_grant_was_used() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    let view = city.world.view();
    let caller = Caller::Account(TANAKA);
    let _authorized = ACCESS
        .authorize(&caller, enter(OF_WELFARE), &view, noon(FROM))
        .unwrap();
    let relied_on = view.relied_on();
    assert_eq!(relied_on[&StreamId::Account(TANAKA)], Some(1));
    assert!(!relied_on.contains_key(&StreamId::Account(SATO)));
}

#[test]
fn a_grant_holds_from_its_first_to_its_last_day_by_the_calendar_in_japan() {
    let given = Grant {
        until: Some(date(2026, 9, 30)),
        ..grant_in(1, Role::Staff, WELFARE)
    };
    let city = City::with([(TANAKA, given)]);
    let at = |moment: &str| {
        ACCESS
            .authorize(
                &Caller::Account(TANAKA),
                enter(OF_WELFARE),
                &city.world.view(),
                moment.parse().unwrap(),
            )
            .map(|authorized| authorized.into_parts().1)
    };
    assert_eq!(
        at("2026-03-31T23:59:59+09:00"),
        Err(Rejection::NoGrant {
            day: date(2026, 3, 31)
        })
    );
    at("2026-04-01T00:00:00+09:00").unwrap();
    at("2026-09-30T23:59:59+09:00").unwrap();
    assert_eq!(
        at("2026-10-01T00:00:00+09:00"),
        Err(Rejection::NoGrant {
            day: date(2026, 10, 1)
        })
    );
}

#[test]
fn a_withdrawn_grant_gives_nothing() {
    let mut city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    city.withdraw(TANAKA, grant_id(1));
    has_no_grant(ask(&city, TANAKA, enter(OF_WELFARE)));
}

#[test]
fn a_disabled_account_may_do_nothing() {
    let mut city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    city.disable(TANAKA);
    has_no_grant(ask(&city, TANAKA, enter(OF_WELFARE)));
    has_no_grant(may(&city, TANAKA, Action::ReadSheet, in_welfare()));
}

#[test]
fn an_account_that_the_log_does_not_know_may_do_nothing() {
    let city = City::new();
    let nobody = AccountId(Uuid::from_u128(404));
    has_no_grant(ask(&city, nobody, enter(OF_WELFARE)));
}

#[test]
fn an_account_without_a_grant_still_reads_what_is_published() {
    let city = City::new();
    assert_eq!(
        may(&city, TANAKA, Action::ReadPublished, Scope::whole(HERE)),
        Ok(Reader::Public)
    );
    has_no_grant(may(&city, TANAKA, Action::ReadSheet, Scope::whole(HERE)));
}

#[test]
fn of_two_own_grants_the_one_that_allows_it_counts() {
    let city = City::with([
        (TANAKA, grant_in(1, Role::Staff, TOURISM)),
        (TANAKA, grant_in(2, Role::Staff, WELFARE)),
    ]);
    let actor = ask(&city, TANAKA, enter(OF_WELFARE)).unwrap();
    assert_eq!(actor.grant, Some(grant_id(2)));
}

#[test]
fn a_grant_that_could_not_have_been_given_gives_nothing() {
    for given in [
        grant(1, Role::Staff),
        grant_in(1, Role::Planning, WELFARE),
        grant(1, Role::Operator),
        grant(1, Role::Public),
    ] {
        let city = City::with([(TANAKA, given)]);
        for action in Action::ALL {
            if action != Action::ReadPublished {
                has_no_grant(may(&city, TANAKA, action, in_welfare()));
            }
        }
    }
}
