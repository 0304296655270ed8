//! Separation of duties along the way of a report.

use daicho_domain::rejection::DutyRule;
use daicho_domain::{Actor, Rejection, Role};

use crate::route::set_route;
use crate::scenario::*;

fn because_of(rule: DutyRule) -> impl Fn(&Rejection) -> bool {
    move |it| *it == Rejection::SeparationOfDuties { rule }
}

#[test]
fn nobody_approves_a_figure_which_they_entered() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    s.given(s.enter(JOBS, "11"), APPROVER.acting_as(Role::Staff));
    s.given(s.submit(JOBS), STAFF);
    s.when(s.approve(JOBS), APPROVER)
        .then_rejected(because_of(DutyRule::OwnContent));
    s.given(s.approve(JOBS), SECOND_APPROVER);
}

#[test]
fn nobody_approves_commentary_which_they_wrote() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    let own = s.write(JOBS, JOBS_PLACE, "課長が書き直した。");
    s.given(own, APPROVER.acting_as(Role::Staff));
    s.given(s.submit(JOBS), STAFF);
    s.when(s.approve(JOBS), APPROVER)
        .then_rejected(because_of(DutyRule::OwnContent));
}

#[test]
fn what_somebody_else_replaced_is_no_longer_own_content() {
    let mut s = Scenario::open_year();
    s.given(s.enter(JOBS, "11"), APPROVER.acting_as(Role::Staff));
    s.submitted(JOBS, "9");
    s.given_approval(JOBS);
}

#[test]
fn nobody_submits_and_approves() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    s.given(s.submit(JOBS), APPROVER.acting_as(Role::Staff));
    s.when(s.approve(JOBS), APPROVER)
        .then_rejected(because_of(DutyRule::TwoSteps));
}

#[test]
fn nobody_approves_and_accepts() {
    let mut s = Scenario::open_year();
    s.approved(JOBS, "9");
    s.when(s.accept(JOBS), APPROVER.acting_as(Role::Planning))
        .then_rejected(because_of(DutyRule::TwoSteps));
    s.given_acceptance(JOBS);
}

#[test]
fn nobody_takes_two_approvals_of_a_longer_route() {
    let mut s = Scenario::open_year();
    s.given(set_route(&["係長承認", "課長承認"]), PLANNING);
    s.approved(JOBS, "9");
    s.when(s.approve(JOBS), APPROVER)
        .then_rejected(because_of(DutyRule::TwoSteps));
}

#[test]
fn a_deputy_does_not_approve_what_their_principal_entered() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    s.given(s.enter(JOBS, "11"), APPROVER.acting_as(Role::Staff));
    s.given(s.submit(JOBS), STAFF);
    s.when(s.approve(JOBS), SECOND_APPROVER.deputy_of(APPROVER))
        .then_rejected(because_of(DutyRule::OwnContent));
}

#[test]
fn a_principal_does_not_approve_what_their_deputy_entered_for_them() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    let as_deputy = Actor {
        role: Role::Staff,
        ..SECOND_STAFF.deputy_of(APPROVER)
    };
    s.given(s.enter(JOBS, "11"), as_deputy);
    s.given(s.submit(JOBS), STAFF);
    s.when(s.approve(JOBS), APPROVER)
        .then_rejected(because_of(DutyRule::OwnContent));
}

#[test]
fn a_deputy_does_not_approve_what_they_entered_themselves() {
    let mut s = Scenario::open_year();
    s.submitted(JOBS, "9");
    s.when(s.approve(JOBS), STAFF.deputy_of(APPROVER))
        .then_rejected(because_of(DutyRule::OwnContent));
    s.given(s.approve(JOBS), SECOND_STAFF.deputy_of(APPROVER));
}

#[test]
fn two_deputies_of_one_person_do_not_take_two_steps() {
    let mut s = Scenario::open_year();
    s.submitted(JOBS, "9");
    s.given(s.approve(JOBS), SECOND_STAFF.deputy_of(APPROVER));
    let other_deputy = Actor {
        role: Role::Planning,
        ..PLANNING.deputy_of(APPROVER)
    };
    s.when(s.accept(JOBS), other_deputy)
        .then_rejected(because_of(DutyRule::TwoSteps));
}

#[test]
fn somebody_of_the_planning_office_does_not_accept_what_they_entered() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    s.given(s.enter(JOBS, "11"), PLANNING.acting_as(Role::Staff));
    s.given(s.submit(JOBS), STAFF);
    s.given_approval(JOBS);
    s.when(s.accept(JOBS), PLANNING)
        .then_rejected(because_of(DutyRule::OwnContent));
    s.given(s.accept(JOBS), SECOND_PLANNING);
}
