//! What each role may do and where.

use super::*;

#[test]
fn staff_enter_and_submit_for_their_own_department_only() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    ask(&city, TANAKA, enter(OF_WELFARE)).unwrap();
    ask(&city, TANAKA, submit(OF_WELFARE)).unwrap();
    is_forbidden(
        ask(&city, TANAKA, enter(OF_TOURISM)),
        "ask staff of the department",
    );
    is_forbidden(
        ask(&city, TANAKA, submit(OF_TOURISM)),
        "ask staff of the department",
    );
}

#[test]
fn staff_neither_approve_nor_accept_nor_publish() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    is_forbidden(
        ask(&city, TANAKA, approve(OF_WELFARE)),
        "ask an approver of the department",
    );
    is_forbidden(
        ask(&city, TANAKA, accept(OF_WELFARE)),
        "ask the planning office",
    );
    is_forbidden(ask(&city, TANAKA, publish()), "ask the planning office");
}

#[test]
fn staff_read_the_whole_sheet_but_only_their_own_drafts() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, TOURISM))]);
    may(&city, TANAKA, Action::ReadSheet, in_welfare()).unwrap();
    is_forbidden(
        may(&city, TANAKA, Action::ReadDraft, in_welfare()),
        "the planning office or an auditor",
    );
    is_forbidden(
        may(&city, TANAKA, Action::ReadHistory, in_welfare()),
        "an approver of the department",
    );
}

#[test]
fn what_no_department_is_assigned_to_is_nobodys_to_enter_or_approve() {
    let city = City::with([
        (TANAKA, grant_in(1, Role::Staff, WELFARE)),
        (SATO, grant_in(2, Role::Approver, WELFARE)),
    ]);
    is_forbidden(
        ask(&city, TANAKA, enter(OF_NOBODY)),
        "ask the planning office to assign it; then it is for staff of the department",
    );
    is_forbidden(
        ask(&city, SATO, approve(OF_NOBODY)),
        "ask the planning office to assign it",
    );
}

#[test]
fn approvers_approve_for_their_own_department_only_and_enter_nothing() {
    let city = City::with([(SATO, grant_in(1, Role::Approver, WELFARE))]);
    ask(&city, SATO, approve(OF_WELFARE)).unwrap();
    is_forbidden(
        ask(&city, SATO, approve(OF_TOURISM)),
        "ask an approver of the department",
    );
    is_forbidden(
        ask(&city, SATO, enter(OF_WELFARE)),
        "ask staff of the department",
    );
    is_forbidden(
        ask(&city, SATO, submit(OF_WELFARE)),
        "ask staff of the department",
    );
    is_forbidden(
        ask(&city, SATO, accept(OF_WELFARE)),
        "ask the planning office",
    );
}

#[test]
fn the_planning_office_accepts_every_department_and_enters_and_approves_nothing() {
    let city = City::with([(TANAKA, grant(1, Role::Planning))]);
    ask(&city, TANAKA, accept(OF_WELFARE)).unwrap();
    ask(&city, TANAKA, accept(OF_TOURISM)).unwrap();
    ask(&city, TANAKA, publish()).unwrap();
    let assign = AssignDepartment {
        plan: PLAN,
        indicator: IndicatorId(Uuid::from_u128(33)),
        department: WELFARE,
    };
    ask(&city, TANAKA, assign).unwrap();
    is_forbidden(
        ask(&city, TANAKA, enter(OF_WELFARE)),
        "ask staff of the department",
    );
    is_forbidden(
        ask(&city, TANAKA, approve(OF_WELFARE)),
        "ask an approver of the department",
    );
    is_forbidden(ask(&city, TANAKA, open_account()), "ask an administrator");
}

#[test]
fn auditors_read_everything_and_change_nothing() {
    let city = City::with([(TANAKA, grant(1, Role::Auditor))]);
    for action in Action::ALL {
        let answer = may(&city, TANAKA, action, in_welfare());
        let expected = action.is_reading() && action != Action::ReadInbox;
        assert_eq!(answer.is_ok(), expected, "{action:?}");
    }
    is_forbidden(
        ask(&city, TANAKA, enter(OF_WELFARE)),
        "ask staff of the department",
    );
}

#[test]
fn administrators_open_accounts_and_touch_no_figures_and_read_no_drafts() {
    let city = City::with([(TANAKA, grant(1, Role::Administrator))]);
    ask(&city, TANAKA, open_account()).unwrap();
    ask(&city, TANAKA, give(grant(9, Role::Planning))).unwrap();
    ask(&city, TANAKA, RecordCredentialsChange { account: SATO }).unwrap();
    is_forbidden(
        ask(&city, TANAKA, enter(OF_WELFARE)),
        "ask staff of the department",
    );
    is_forbidden(
        ask(&city, TANAKA, approve(OF_WELFARE)),
        "ask an approver of the department",
    );
    is_forbidden(
        ask(&city, TANAKA, accept(OF_WELFARE)),
        "ask the planning office",
    );
    is_forbidden(may(&city, TANAKA, Action::ReadDraft, in_welfare()), "ask");
    is_forbidden(may(&city, TANAKA, Action::ReadSheet, in_welfare()), "ask");
    is_forbidden(
        ask(&city, TANAKA, register()),
        "ask the operator of the machine",
    );
}

#[test]
fn nobody_but_an_administrator_or_the_operator_records_a_change_of_credentials() {
    let city = City::with([
        (TANAKA, grant_in(1, Role::Staff, WELFARE)),
        (SATO, grant(2, Role::Planning)),
    ]);
    for account in [TANAKA, SATO] {
        is_forbidden(
            ask(&city, account, RecordCredentialsChange { account }),
            "ask an administrator or the operator of the machine",
        );
    }
    let command = RecordCredentialsChange { account: TANAKA };
    ask_on(FROM, &city, &root(), command).unwrap();
}

#[test]
fn the_operator_sets_up_enters_no_figures_and_reads_no_drafts() {
    let city = City::new();
    let actor = ask_on(FROM, &city, &root(), register()).unwrap();
    assert_eq!(actor, Actor::operator("root"));
    ask_on(FROM, &city, &root(), open_account()).unwrap();
    ask_on(FROM, &city, &root(), give(grant(9, Role::Administrator))).unwrap();
    is_forbidden(
        ask_on(FROM, &city, &root(), enter(OF_WELFARE)),
        "ask staff of the department",
    );
    is_forbidden(
        ask_on(FROM, &city, &root(), publish()),
        "ask the planning office",
    );
    for action in Action::ALL.into_iter().filter(|action| action.is_reading()) {
        let answer = ACCESS.may(
            &root(),
            action,
            in_welfare(),
            &city.world.view(),
            noon(FROM),
        );
        match action {
            Action::ReadPublished => assert_eq!(answer, Ok(Reader::Public)),
            Action::ReadSheet | Action::ReadAccounts => {
                assert_eq!(answer, Ok(Reader::Actor(Actor::operator("root"))));
            }
            _ => is_forbidden(answer, "ask"),
        }
    }
}

#[test]
fn a_stranger_reads_what_is_published_and_is_asked_to_sign_in_for_all_else() {
    let city = City::new();
    for action in Action::ALL {
        let answer = ACCESS.may(
            &Caller::Anonymous,
            action,
            Scope::whole(HERE),
            &city.world.view(),
            noon(FROM),
        );
        if action == Action::ReadPublished {
            assert_eq!(answer, Ok(Reader::Public));
        } else {
            is_forbidden(answer, "sign in");
        }
    }
}

#[test]
fn a_stranger_does_not_learn_what_exists() {
    let city = City::new();
    let missing = SubmitReport {
        plan: PlanId(Uuid::from_u128(77)),
        ..submit(OF_WELFARE)
    };
    is_forbidden(
        ask_on(FROM, &city, &Caller::Anonymous, missing.clone()),
        "sign in",
    );
    has_no_grant(ask(&city, TANAKA, missing));
}

#[test]
fn what_a_command_names_must_be_there() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    let missing = SubmitReport {
        plan: PlanId(Uuid::from_u128(77)),
        ..submit(OF_WELFARE)
    };
    let refused = ask(&city, TANAKA, missing).unwrap_err();
    assert!(matches!(refused, Rejection::NotFound { .. }), "{refused:?}");
}

#[test]
fn no_role_reaches_into_another_municipality() {
    for role in Role::GRANTABLE {
        let department = role.is_of_a_department().then_some(WELFARE);
        let given = Grant {
            department,
            ..grant(1, role)
        };
        let city = City::with([(TANAKA, given)]);
        for action in Action::ALL {
            for department in [None, Some(THEIR_WELFARE), Some(WELFARE)] {
                let scope = Scope {
                    municipality: Some(ELSEWHERE),
                    department,
                };
                let answer = may(&city, TANAKA, action, scope);
                if action == Action::ReadPublished {
                    assert_eq!(answer, Ok(Reader::Public), "as anybody, not in a role");
                } else {
                    is_forbidden(answer, "");
                }
            }
        }
    }
}

#[test]
fn who_is_refused_elsewhere_is_told_to_ask_over_there() {
    let city = City::with([(TANAKA, grant(1, Role::Planning))]);
    is_forbidden(
        ask(&city, TANAKA, accept(OF_THEIR_WELFARE)),
        "ask the planning office of that municipality",
    );
}

#[test]
fn one_who_may_disable_accounts_may_disable_only_those_of_their_municipality() {
    let theirs = Grant {
        municipality: ELSEWHERE,
        ..grant(1, Role::Administrator)
    };
    let city = City::with([(TANAKA, theirs)]);
    is_forbidden(
        ask(
            &city,
            TANAKA,
            DisableAccount {
                account: SATO,
                reason: "退職".into(),
            },
        ),
        "of that municipality",
    );
}

#[test]
fn what_may_be_asked_ahead_is_what_is_then_allowed() {
    let city = City::with([(TANAKA, grant_in(1, Role::Staff, WELFARE))]);
    assert_eq!(
        may(&city, TANAKA, Action::EnterActual, in_welfare()),
        ask(&city, TANAKA, enter(OF_WELFARE)).map(Reader::Actor)
    );
}

#[test]
fn who_asks_about_no_municipality_is_told_to_name_one() {
    let city = City::with([(TANAKA, grant(1, Role::Auditor))]);
    is_forbidden(
        may(&city, TANAKA, Action::ReadEvents, Scope::default()),
        "name the municipality",
    );
}
