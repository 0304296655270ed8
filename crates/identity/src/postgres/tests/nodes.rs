//! Two nodes on one database.

use std::sync::{Arc, Barrier};

use super::*;
use crate::fixture::{PASSWORD, account, register, with_password};
use crate::{FAILURES_MAX, JwtIssuer, RefreshError, SetPasswordError, SignInError};

fn at_once<T: Send>(work: [&(dyn Fn() -> T + Sync); 2]) -> Vec<T> {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let start = &start;
        work.map(|work| {
            scope.spawn(move || {
                start.wait();
                work()
            })
        })
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
    })
}

#[test]
fn two_nodes_that_start_together_have_one_set_of_keys() {
    let Some((server, admin)) = started() else {
        return;
    };
    for round in 0..3 {
        admin.run("DROP SCHEMA IF EXISTS daicho_identity CASCADE");
        admin.run(SCHEMA);
        let [one, two]: [IdentityStore; 2] = at_once([&|| node(&server, 2 * round), &|| {
            node(&server, 2 * round + 1)
        }])
        .try_into()
        .unwrap();
        assert_eq!(
            *one.attempt_key.read().unwrap(),
            *two.attempt_key.read().unwrap()
        );
        let made = admin.run("SELECT kid FROM daicho_identity.signing_key");
        assert_eq!(made.len(), 1);
        let kept = at_once([&|| one.keep_secret("log-key", b"one").unwrap(), &|| {
            two.keep_secret("log-key", b"two").unwrap()
        }]);
        assert_eq!(kept[0], kept[1]);
        let [one, two] = [one, two].map(|store| JwtIssuer::new(Arc::new(store), "i", "a").unwrap());
        let signed_in = crate::SignedIn {
            account: account(1),
            session: crate::SessionId(uuid::Uuid::from_u128(1)),
        };
        let token = one.issue(&signed_in, at(1)).unwrap().token;
        two.verify(token.expose(), at(2)).unwrap();
        let kid = two.rotate_key(at(3)).unwrap();
        let token = two.issue(&signed_in, at(4)).unwrap().token;
        one.verify(token.expose(), at(4)).unwrap();
        assert!(one.jwks(at(4)).unwrap().find(&kid).is_some());
    }
}

#[test]
fn a_refresh_token_used_on_two_nodes_at_once_counts_once_and_ends_its_family() {
    let Some((server, _admin)) = prepared() else {
        return;
    };
    let (one, two) = (node(&server, 1), node(&server, 2));
    let shoko = register(&one, 1, "staff.shoko");
    for round in 0..20 {
        let first = one.start_refresh(shoko, at(round)).unwrap();
        let uses = at_once([&|| one.refresh(first.token.expose(), at(round)), &|| {
            two.refresh(first.token.expose(), at(round))
        }]);
        let (good, bad): (Vec<_>, Vec<_>) = uses.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 1));
        assert!(matches!(
            bad[0],
            Err(RefreshError::Reused { signed_in }) if signed_in == first.signed_in
        ));
        let successor = &good[0].as_ref().unwrap().token;
        assert!(matches!(
            two.refresh(successor.expose(), at(round)),
            Err(RefreshError::Revoked)
        ));
        assert!(!one.still_signed_in(&first.signed_in, at(round)).unwrap());
    }
}

#[test]
fn failures_are_counted_across_nodes() {
    let Some((server, _admin)) = prepared() else {
        return;
    };
    let (one, two) = (node(&server, 1), node(&server, 2));
    let guess = |store: &IdentityStore, name: &str| {
        store
            .verify_password(name, "wrong wrong wrong", "here", at(1))
            .unwrap_err()
    };
    for number in 0..15 {
        let name = format!("person.{number}");
        with_password(&one, number, &name);
        for _ in 1..FAILURES_MAX {
            assert!(matches!(guess(&one, &name), SignInError::Refused));
        }
        let last = at_once([&|| guess(&one, &name), &|| guess(&two, &name)]);
        let judged = last
            .iter()
            .filter(|error| matches!(error, SignInError::Refused))
            .count();
        assert_eq!(judged, 1, "{last:?}");
    }
}

#[test]
fn people_registered_on_two_nodes_at_once_do_not_share_a_name() {
    let Some((server, _admin)) = prepared() else {
        return;
    };
    let (one, two) = (node(&server, 1), node(&server, 2));
    for round in 0..10 {
        let name = format!("person.{round}");
        let register = |store: &IdentityStore, number| {
            store.register(
                &crate::NewPerson {
                    account: account(number),
                    sign_in_name: &name,
                    display_name: "誰か",
                    mail: None,
                },
                at(0),
            )
        };
        let (left, right) = (round * 2 + 1, round * 2 + 2);
        let outcomes = at_once([&|| register(&one, left), &|| register(&two, right)]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, Err(crate::PersonError::SignInNameTaken)))
        );
    }
}

#[test]
fn what_one_node_does_the_others_see() {
    let Some((server, _admin)) = prepared() else {
        return;
    };
    let (one, two) = (node(&server, 1), node(&server, 2));
    let shoko = with_password(&one, 1, "staff.shoko");
    two.verify_password("staff.shoko", PASSWORD, "here", at(1))
        .unwrap();
    let page = two.create_session(shoko, at(1)).unwrap();
    one.session(page.token.expose(), at(2)).unwrap();
    one.disable(shoko, at(3)).unwrap();
    assert!(two.session(page.token.expose(), at(4)).is_err());
    assert!(matches!(
        two.verify_password("staff.shoko", PASSWORD, "here", at(4)),
        Err(SignInError::Refused)
    ));
    two.erase(shoko, at(5)).unwrap();
    assert_eq!(one.person(shoko).unwrap(), None);
    assert!(matches!(
        one.set_password(shoko, PASSWORD, &[], at(6)),
        Err(SetPasswordError::NotRegistered)
    ));
}
