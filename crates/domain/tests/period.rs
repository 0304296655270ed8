//! A plan's year: opened, due, closed, published, corrected.

use daicho_domain::command::{ChangeDueDate, OpenPeriod, ReopenPeriod};
use daicho_domain::period::{PeriodStage, PublishedReport};
use daicho_domain::rejection::MissingReport;
use daicho_domain::report::{ReportCell, ReportStage};
use daicho_domain::sheet::{Audience, Sheet};
use daicho_domain::{Event, FiscalYear, PlanId, Rejection, StreamId};
use jiff::civil::date;
use uuid::Uuid;

use crate::scenario::*;

fn reopen() -> ReopenPeriod {
    ReopenPeriod {
        plan: PLAN,
        fiscal_year: R3,
        reason: "入力漏れのため".into(),
    }
}

fn change_due(due: jiff::civil::Date) -> ChangeDueDate {
    ChangeDueDate {
        plan: PLAN,
        fiscal_year: R3,
        due,
        reason: "決算の遅れによる".into(),
    }
}

fn stage(s: &Scenario) -> PeriodStage {
    s.world.period(PLAN, R3).unwrap().stage
}

/// Every report of R3 as it stands.
fn reports(s: &Scenario) -> Vec<PublishedReport> {
    INDICATORS
        .map(|indicator| PublishedReport {
            indicator,
            content: s.content(indicator),
        })
        .to_vec()
}

#[test]
fn a_year_of_the_term_is_opened() {
    let mut s = Scenario::open_year();
    s.when(open_period(R4), PLANNING)
        .relying_on([StreamId::Plan(PLAN), StreamId::Period(PLAN, R4)])
        .then([Event::PeriodOpened {
            plan: PLAN,
            fiscal_year: R4,
            due: DUE,
        }]);
}

#[test]
fn a_year_outside_the_term_is_not_opened() {
    let mut s = Scenario::open_year();
    for year in [2020, 2026, i16::MIN, i16::MAX] {
        s.when(open_period(FiscalYear(year)), PLANNING)
            .then_invalid("fiscal_year");
    }
}

#[test]
fn a_year_is_opened_once() {
    let mut s = Scenario::open_year();
    s.when(open_period(R3), PLANNING)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { .. }));
}

#[test]
fn a_year_of_an_unknown_plan_is_not_found() {
    let mut s = Scenario::open_year();
    let unknown = OpenPeriod {
        plan: PlanId(Uuid::from_u128(0x99)),
        ..open_period(R3)
    };
    s.when(unknown, PLANNING)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn the_due_day_is_changed_with_a_reason() {
    let mut s = Scenario::open_year();
    let due = date(2022, 6, 30);
    s.when(change_due(due), PLANNING)
        .then([Event::PeriodDueChanged {
            previous: DUE,
            due,
            reason: "決算の遅れによる".into(),
        }]);
    s.when(change_due(due), PLANNING).then_nothing();
    let silent = ChangeDueDate {
        reason: " ".into(),
        ..change_due(DUE)
    };
    s.when(silent, PLANNING).then_invalid("reason");
}

#[test]
fn a_year_is_closed_and_reopened_before_publication() {
    let mut s = Scenario::open_year();
    s.when(reopen(), PLANNING).then_nothing();
    s.when(close_period(), PLANNING)
        .then([Event::PeriodClosed {}]);
    s.when(close_period(), PLANNING).then_nothing();
    s.when(reopen(), PLANNING).then([Event::PeriodReopened {
        reason: "入力漏れのため".into(),
    }]);
    s.given(s.enter(JOBS, "9"), STAFF);
}

#[test]
fn a_year_that_was_never_opened_is_neither_closed_nor_published() {
    let mut s = Scenario::town();
    let plan = small_plan();
    s.given(daicho_domain::command::AdoptPlan { plan }, PLANNING);
    let not_open = |it: &Rejection| matches!(it, Rejection::PeriodNotOpen { .. });
    s.when(close_period(), PLANNING).then_rejected(not_open);
    s.when(reopen(), PLANNING).then_rejected(not_open);
    s.when(change_due(DUE), PLANNING).then_rejected(not_open);
    s.when(publish(None), PLANNING).then_rejected(not_open);
}

#[test]
fn a_complete_year_is_published_with_exactly_what_was_accepted() {
    let mut s = Scenario::open_year();
    for indicator in INDICATORS {
        s.accepted(indicator, "9");
    }
    let reports = reports(&s);
    s.when(publish(None), PLANNING)
        .relying_on(
            INDICATORS
                .map(StreamId::Indicator)
                .into_iter()
                .chain([StreamId::Plan(PLAN), StreamId::Period(PLAN, R3)]),
        )
        .then([Event::SheetPublished { number: 1, reports }]);
    assert_eq!(stage(&s), PeriodStage::Closed);
    assert_eq!(
        INDICATORS.map(|it| s.stage(it)),
        [ReportStage::Published; 4]
    );
}

#[test]
fn an_incomplete_year_is_not_published_and_what_is_missing_is_named() {
    let mut s = Scenario::open_year();
    s.accepted(TOURISTS, "902.9")
        .approved(JOBS, "9")
        .submitted(VISITS, "31");
    let missing = vec![
        MissingReport {
            indicator: JOBS,
            stage: ReportStage::Approved,
        },
        MissingReport {
            indicator: VISITS,
            stage: ReportStage::Submitted,
        },
        MissingReport {
            indicator: CLUB,
            stage: ReportStage::NotEntered,
        },
    ];
    s.when(publish(None), PLANNING).then_rejected(|it| {
        *it == Rejection::NotComplete {
            missing: missing.clone(),
        }
    });
}

#[test]
fn adopted_results_are_published_as_they_are() {
    let mut s = Scenario::with_plan(plan_with_adopted_results(&[]));
    s.when(publish(None), PLANNING)
        .then_one(|it| matches!(it, Event::SheetPublished { reports, .. } if reports.len() == 4));
    assert_eq!(s.stage(TOURISTS), ReportStage::Published);
    assert!(s.report(TOURISTS).steps.is_empty());
}

#[test]
fn an_unchanged_year_is_not_published_again() {
    let mut s = Scenario::published_year();
    s.when(publish(Some("念のため")), PLANNING)
        .then_invalid("fiscal_year");
}

#[test]
fn a_published_year_is_not_reopened() {
    let mut s = Scenario::published_year();
    s.when(reopen(), PLANNING)
        .then_rejected(|it| matches!(it, Rejection::PeriodNotOpen { .. }));
}

#[test]
fn a_correction_needs_a_reason_and_keeps_the_published_figure() {
    let mut s = Scenario::unlocked(ReportCell::Actual);
    let mut without = s.enter(JOBS, "11");
    without.reason = None;
    s.when(without, STAFF).then_invalid("reason");
    let published = s.report(JOBS).actual.unwrap().content;
    s.when(s.enter(JOBS, "11"), STAFF).then_one(|it| {
        matches!(it, Event::ActualCorrected { previous, corrected, .. }
            if *previous == published && corrected.cell == number("11"))
    });
}

#[test]
fn a_correction_goes_through_the_route_again_and_is_published_as_number_2() {
    let mut s = Scenario::unlocked(ReportCell::Actual);
    s.given(s.enter(JOBS, "11"), STAFF);
    s.when(publish(Some("転記誤り")), PLANNING)
        .then_rejected(|it| matches!(it, Rejection::NotComplete { missing } if missing.len() == 1));
    s.gone_through_the_route_again(JOBS);
    s.when(publish(None), PLANNING).then_invalid("reason");
    let reports = reports(&s);
    s.when(publish(Some("転記誤り")), PLANNING)
        .then([Event::CorrectionPublished {
            number: 2,
            reason: "転記誤り".into(),
            reports,
            corrected: vec![JOBS],
        }]);
    let period = s.world.period(PLAN, R3).unwrap();
    assert_eq!(period.publications.len(), 2);
    assert!(s.row(R3, JOBS_PLACE).is_corrected);
    assert!(!s.row(R3, TOURISTS_AT_GOAL).is_corrected);
}

#[test]
fn corrected_commentary_is_marked_as_a_corrected_figure_is() {
    let mut s = Scenario::unlocked(ReportCell::Commentary(JOBS_PLACE));
    assert!(!s.row(R3, JOBS_PLACE).is_corrected);
    s.at("2022-09-01T09:00:00+09:00");
    s.given(s.unlock(JOBS, ReportCell::Commentary(JOBS_PLACE)), PLANNING);
    s.given(s.write(JOBS, JOBS_PLACE, "訂正した説明"), STAFF);
    assert!(s.row(R3, JOBS_PLACE).is_corrected);
    s.gone_through_the_route_again(JOBS);
    s.given(publish(Some("説明の訂正")), PLANNING);
    assert!(s.row(R3, JOBS_PLACE).is_corrected);
}

#[test]
fn a_correction_that_is_taken_back_stands_as_published_again() {
    let mut s = Scenario::unlocked(ReportCell::Actual);
    let published = s.content(JOBS);
    s.given(s.enter(JOBS, "11"), STAFF);
    s.given(s.enter(JOBS, "9"), STAFF);
    s.gone_through_the_route_again(JOBS);
    assert_eq!(s.content(JOBS), published);
    assert_eq!(s.stage(JOBS), ReportStage::Published);
    s.when(publish(Some("取消し")), PLANNING)
        .then_invalid("fiscal_year");
}

#[test]
fn a_submitted_correction_can_be_withdrawn_and_changed() {
    let mut s = Scenario::unlocked(ReportCell::Actual);
    s.given(s.enter(JOBS, "11"), STAFF);
    s.given(s.submit(JOBS), STAFF);
    s.given(withdraw(JOBS), STAFF);
    s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
    s.given(s.enter(JOBS, "12"), STAFF);
    s.gone_through_the_route_again(JOBS);
    s.given(publish(Some("転記誤り")), PLANNING);
}

#[test]
fn an_accepted_correction_that_is_returned_can_still_be_finished() {
    let mut s = Scenario::unlocked(ReportCell::Actual);
    s.given(s.enter(JOBS, "11"), STAFF);
    s.gone_through_the_route_again(JOBS);
    s.given(return_about(ReportCell::Actual, JOBS), PLANNING);
    s.when(s.write(JOBS, JOBS_PLACE, "ついでに"), STAFF)
        .then_wrong_stage(ReportStage::Returned);
    s.given(s.enter(JOBS, "12"), STAFF);
    s.gone_through_the_route_again(JOBS);
    s.given(publish(Some("転記誤り")), PLANNING);
}

#[test]
fn what_the_public_reads_is_not_changed_by_a_correction_on_its_way() {
    let mut s = Scenario::published_year();
    let publication = s.world.clone();
    let read = |world: &daicho_domain::World| {
        let plan = world.plan(PLAN).unwrap();
        Sheet::derive(world, plan, R3, Audience::Public).unwrap()
    };
    let before = read(&publication);
    s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
    s.given(s.enter(JOBS, "11"), STAFF);
    assert_eq!(read(&publication), before);
    let now = read(&s.world);
    let row = now
        .rows()
        .find(|it| it.row.indicator == JOBS)
        .unwrap()
        .row
        .clone();
    assert_eq!((row.actual, row.is_draft_hidden), (None, true));
}
