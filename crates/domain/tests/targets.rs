//! Targets, directions and departments of indicators, and what they do to verdicts and approvals.

use std::collections::BTreeMap;

use daicho_domain::command::{AssignDepartment, CloseDepartment, DecideDirection, ReviseTargets};
use daicho_domain::indicator::{Direction, TargetChange};
use daicho_domain::plan::Decision;
use daicho_domain::report::ReportStage;
use daicho_domain::sheet::{RateReason, Verdict};
use daicho_domain::{DepartmentId, Event, FiscalYear, Rejection, StreamId};
use jiff::civil::date;
use uuid::Uuid;

use crate::scenario::*;

fn revise(from: FiscalYear, years: &[(FiscalYear, &str)]) -> ReviseTargets {
    ReviseTargets {
        plan: PLAN,
        indicator: JOBS,
        years: years
            .iter()
            .map(|(year, target)| (*year, number(target)))
            .collect(),
        final_target: None,
        effective_from: from,
        decision: decision("中間見直し"),
    }
}

fn decide(to: Direction) -> DecideDirection {
    DecideDirection {
        plan: PLAN,
        indicator: JOBS,
        decision: direction(to),
    }
}

fn verdict(s: &Scenario) -> Verdict {
    s.row(R3, JOBS_PLACE).judgement(R3).unwrap().verdict
}

#[test]
fn a_revision_records_what_changed_and_keeps_the_other_years() {
    let mut s = Scenario::open_year();
    s.when(revise(R4, &[(R4, "20"), (R5, "14")]), PLANNING)
        .relying_on(
            (2022..=2025)
                .map(|year| StreamId::Period(PLAN, FiscalYear(year)))
                .chain([StreamId::Plan(PLAN), StreamId::Indicator(JOBS)]),
        )
        .then_one(|it| match it {
            Event::TargetsRevised { targets, changes } => {
                let expected = TargetChange {
                    fiscal_year: Some(R4),
                    previous: Some(number("12")),
                    revised: Some(number("20")),
                };
                targets.number == 2 && targets.years[&R3] == number("10") && *changes == [expected]
            }
            _ => false,
        });
}

#[test]
fn the_same_targets_again_change_nothing() {
    let mut s = Scenario::open_year();
    s.when(revise(R4, &[(R4, "12")]), PLANNING).then_nothing();
    s.when(revise(R4, &[]), PLANNING).then_nothing();
}

#[test]
fn the_first_targets_of_an_indicator_are_set() {
    let mut s = Scenario::open_year();
    let first = ReviseTargets {
        indicator: VISITS,
        ..revise(R4, &[(R4, "40")])
    };
    s.when(first, PLANNING)
        .then_one(|it| matches!(it, Event::TargetsSet { targets } if targets.number == 1));
}

#[test]
fn a_revision_names_years_from_its_effective_year_to_the_end_of_the_term() {
    let mut s = Scenario::open_year();
    for year in [R3, FiscalYear(2026)] {
        s.when(revise(R4, &[(year, "20")]), PLANNING)
            .then_invalid("years");
    }
}

#[test]
fn a_revision_takes_effect_in_a_year_of_the_term() {
    let mut s = Scenario::open_year();
    for year in [2020, 2026, i16::MIN, i16::MAX] {
        s.when(revise(FiscalYear(year), &[]), PLANNING)
            .then_invalid("effective_from");
    }
}

#[test]
fn a_revision_needs_a_deciding_body_and_a_reason() {
    let mut s = Scenario::open_year();
    let nobody = ReviseTargets {
        decision: Decision {
            decided_by: String::new(),
            ..decision("見直し")
        },
        ..revise(R4, &[(R4, "20")])
    };
    s.when(nobody, PLANNING).then_invalid("decided_by");
    let why = ReviseTargets {
        decision: decision(" "),
        ..revise(R4, &[(R4, "20")])
    };
    s.when(why, PLANNING).then_invalid("reason");
}

#[test]
fn a_revision_from_r4_does_not_change_the_verdict_of_r3() {
    let mut s = Scenario::open_year();
    s.given(decide(Direction::Higher), PLANNING);
    s.accepted(JOBS, "10");
    let before = s.row(R3, JOBS_PLACE);
    s.given(revise(R4, &[(R4, "20")]), PLANNING);
    let after = s.row(R3, JOBS_PLACE);
    assert_eq!(before, after);
    assert_eq!(verdict(&s), Verdict::Achieved);
    assert_eq!(s.stage(JOBS), ReportStage::Accepted);
    assert!(!s.standing(JOBS).is_stale());
    let next_year = s.row(R4, JOBS_PLACE);
    assert_eq!(next_year.target_version, Some(2));
    assert_eq!(
        next_year.judgement(R3).unwrap().verdict,
        Verdict::Achieved,
        "an earlier year is judged against the version that was in force in it"
    );
}

#[test]
fn years_are_judged_by_the_newest_version_that_has_taken_effect() {
    let mut s = Scenario::open_year();
    s.given(revise(R5, &[(R5, "50")]), PLANNING);
    s.given(revise(R4, &[(R4, "40")]), PLANNING);
    let state = s.world.indicator(JOBS).unwrap();
    let target = |year| state.targets_in_force(year).unwrap().years[&year].clone();
    assert_eq!(
        [target(R3), target(R4), target(R5)],
        [number("10"), number("40"), number("50")]
    );
}

#[test]
fn a_revision_makes_an_acceptance_stale_until_it_is_approved_and_accepted_again() {
    let mut s = Scenario::with_plan(plan_with_adopted_results(&[JOBS]));
    s.accepted(JOBS, "10");
    s.given(revise(R3, &[(R3, "20")]), PLANNING);
    assert!(s.standing(JOBS).is_stale());
    s.when(publish(None), PLANNING).then_rejected(
        |it| matches!(it, Rejection::NotComplete { missing } if missing[0].indicator == JOBS),
    );
    s.when(s.accept(JOBS), PLANNING)
        .then_wrong_stage(ReportStage::Accepted);
    s.when(s.approve(JOBS), APPROVER).then_one(|it| {
        matches!(
            it,
            Event::ReportApproved {
                step: 0,
                target_version: Some(2),
                ..
            }
        )
    });
    s.given_acceptance(JOBS);
    s.given(publish(None), PLANNING);
}

#[test]
fn a_revision_makes_an_approval_stale_and_acceptance_waits_for_a_new_one() {
    let mut s = Scenario::open_year();
    s.approved(JOBS, "10");
    s.given(revise(R3, &[(R3, "20")]), PLANNING);
    s.when(s.accept(JOBS), PLANNING).then_rejected(
        |it| matches!(it, Rejection::StaleContent { seen_as, .. } if seen_as == "approved"),
    );
    s.given_approval(JOBS).given_acceptance(JOBS);
    assert_eq!(s.report(JOBS).steps.len(), 2);
}

#[test]
fn what_has_become_stale_can_be_returned_instead_of_approved_again() {
    let mut s = Scenario::open_year();
    s.accepted(JOBS, "10");
    s.given(revise(R3, &[(R3, "20")]), PLANNING);
    s.when(
        return_about(daicho_domain::report::ReportCell::Actual, JOBS),
        APPROVER,
    )
    .then_one(|it| matches!(it, Event::ReportReturned { .. }));
}

#[test]
fn a_target_read_before_the_revision_cannot_be_approved_after_it() {
    let mut s = Scenario::open_year();
    s.submitted(JOBS, "10");
    let read_before = s.approve(JOBS);
    s.given(revise(R3, &[(R3, "20")]), PLANNING);
    s.when(read_before, APPROVER).then_rejected(
        |it| matches!(it, Rejection::StaleContent { seen_as, .. } if seen_as == "read"),
    );
}

#[test]
fn targets_of_a_published_year_are_not_revised() {
    let mut s = Scenario::published_year();
    s.when(revise(R3, &[(R5, "20")]), PLANNING).then_rejected(
        |it| matches!(it, Rejection::PeriodNotOpen { fiscal_year, .. } if *fiscal_year == R3),
    );
    s.given(revise(R4, &[(R5, "20")]), PLANNING);
    assert_eq!(s.stage(JOBS), ReportStage::Published);
}

#[test]
fn a_decided_direction_decides_the_verdict() {
    let mut s = Scenario::open_year();
    s.accepted(JOBS, "9");
    assert_eq!(verdict(&s), Verdict::Undecided);
    assert_eq!(s.sheet(R3).summary.undecided, 1);
    s.when(decide(Direction::Higher), PLANNING)
        .then([Event::DirectionDecided {
            decision: direction(Direction::Higher),
        }]);
    assert_eq!(verdict(&s), Verdict::NotAchieved);
    s.given(decide(Direction::Lower), PLANNING);
    assert_eq!(verdict(&s), Verdict::Achieved);
    assert_eq!(
        s.row(R3, JOBS_PLACE).judgement(R3).unwrap().rate_reason,
        Some(RateReason::NotHigherIsBetter)
    );
    s.given(decide(Direction::Undefined), PLANNING);
    assert_eq!(verdict(&s), Verdict::Undecided);
}

#[test]
fn the_same_direction_again_changes_nothing_and_a_silent_one_is_refused() {
    let mut s = Scenario::open_year();
    s.given(decide(Direction::Higher), PLANNING);
    s.when(decide(Direction::Higher), PLANNING).then_nothing();
    let mut silent = decide(Direction::Lower);
    silent.decision.decision.reason = String::new();
    s.when(silent, PLANNING).then_invalid("reason");
}

#[test]
fn monitored_indicators_and_projects_without_kpi_are_outside_the_count() {
    let mut s = Scenario::open_year();
    for indicator in INDICATORS {
        s.accepted(indicator, "9");
    }
    let summary = s.sheet(R3).summary;
    assert_eq!(
        summary.ja(),
        "2指標中 評価対象1、達成0、未達成1、対象外0、方向性未定1、ほか実績管理1、KPI設定なし1事業"
    );
}

#[test]
fn a_department_is_assigned_once() {
    let mut s = Scenario::open_year();
    let assign = |department| AssignDepartment {
        plan: PLAN,
        indicator: JOBS,
        department,
    };
    s.when(assign(WELFARE), PLANNING)
        .then([Event::DepartmentAssigned {
            previous: Some(COMMERCE),
            department: WELFARE,
        }]);
    s.when(assign(WELFARE), PLANNING).then_nothing();
    s.when(assign(DepartmentId(Uuid::from_u128(0x99))), PLANNING)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn a_department_that_was_closed_is_not_assigned() {
    let mut s = Scenario::open_year();
    let close = CloseDepartment {
        department: WELFARE,
        valid_to: date(2022, 4, 30),
    };
    s.given(close, ADMINISTRATOR);
    let assign = AssignDepartment {
        plan: PLAN,
        indicator: JOBS,
        department: WELFARE,
    };
    s.at("2022-05-01T00:00:00+09:00");
    s.when(assign.clone(), PLANNING).then_invalid("department");
    s.at("2022-04-30T23:59:59+09:00");
    s.given(assign, PLANNING);
}

#[test]
fn a_revision_of_the_final_target_alone_is_a_change() {
    let mut s = Scenario::open_year();
    let mut final_target = targets(&[(R7, "30")]).final_target;
    let revision = ReviseTargets {
        years: BTreeMap::new(),
        final_target: final_target.clone(),
        ..revise(R4, &[])
    };
    s.when(revision, PLANNING).then_one(|it| {
        matches!(it, Event::TargetsRevised { changes, targets }
            if changes[0].fiscal_year.is_none() && targets.final_target == final_target)
    });
    final_target.as_mut().unwrap().cell = number("31");
    assert_ne!(
        s.world
            .indicator(JOBS)
            .unwrap()
            .targets_in_force(R7)
            .unwrap()
            .final_target,
        final_target
    );
}
