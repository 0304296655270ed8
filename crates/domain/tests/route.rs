//! The way of a report: submission, withdrawal, return, approval, acceptance, unlocking.

use daicho_domain::command::{
    ApproveReport, EnterActual, ReturnReport, SetRoute, SubmitReport, UnlockReport,
};
use daicho_domain::report::{ReportCell, ReportStage};
use daicho_domain::{Actor, Event, PlacementId, Rejection, StreamId};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::scenario::*;

pub(crate) fn set_route(approvals: &[&str]) -> SetRoute {
    SetRoute {
        plan: PLAN,
        approvals: approvals.iter().map(ToString::to_string).collect(),
        acceptance: "企画課確認".into(),
        decision: decision("承認経路の見直し"),
    }
}

const NOT_A_PLACE: ReportCell = ReportCell::Commentary(PlacementId(Uuid::from_u128(0x99)));

mod submission {
    use super::*;

    #[test]
    fn binds_the_content_and_the_route() {
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9");
        let content = s.content(JOBS);
        s.when(s.submit(JOBS), STAFF)
            .relying_on([
                StreamId::Plan(PLAN),
                StreamId::Indicator(JOBS),
                StreamId::Period(PLAN, R3),
            ])
            .then([Event::ReportSubmitted {
                fiscal_year: R3,
                content,
                route_version: 1,
                late: false,
            }]);
        assert_eq!(s.stage(JOBS), ReportStage::Submitted);
    }

    #[test]
    fn needs_a_figure() {
        let mut s = Scenario::open_year();
        s.when(s.submit(JOBS), STAFF)
            .then_wrong_stage(ReportStage::NotEntered);
        s.given(s.write(JOBS, JOBS_PLACE, "求人が増えた。"), STAFF);
        s.when(s.submit(JOBS), STAFF).then_invalid("actual");
    }

    #[test]
    fn needs_commentary_at_every_place() {
        let mut s = Scenario::open_year();
        s.given(s.enter(TOURISTS, "902.9"), STAFF);
        s.given(s.write(TOURISTS, TOURISTS_AT_GOAL, "減少した。"), STAFF);
        s.when(s.submit(TOURISTS), STAFF).then_invalid("commentary");
        s.given(s.write(TOURISTS, TOURISTS_AT_PROJECT, "減少した。"), STAFF);
        s.given(s.submit(TOURISTS), STAFF);
    }

    #[test]
    fn of_a_project_without_kpi_needs_commentary_alone() {
        let mut s = Scenario::open_year();
        s.submitted(CLUB, "");
        assert_eq!(s.stage(CLUB), ReportStage::Submitted);
    }

    #[test]
    fn of_what_somebody_else_changed_meanwhile_is_refused() {
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9");
        let read_before = s.submit(JOBS);
        s.given(s.enter(JOBS, "11"), SECOND_STAFF);
        let current = s.content(JOBS);
        s.when(read_before, STAFF).then_rejected(
            |it| matches!(it, Rejection::StaleContent { current: it, .. } if *it == current),
        );
    }

    #[test]
    fn twice_is_refused() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        s.when(s.submit(JOBS), STAFF)
            .then_wrong_stage(ReportStage::Submitted);
    }

    #[test]
    fn is_late_from_midnight_in_japan_after_the_due_day() {
        for (moment, is_late) in [
            ("2022-05-31T23:59:59+09:00", false),
            ("2022-06-01T00:00:00+09:00", true),
        ] {
            let mut s = Scenario::open_year();
            s.filled_in(JOBS, "9").at(moment);
            s.when(s.submit(JOBS), STAFF).then_one(
                |it| matches!(it, Event::ReportSubmitted { late, .. } if *late == is_late),
            );
        }
    }

    #[test]
    fn is_refused_when_the_year_is_closed() {
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9").given(close_period(), PLANNING);
        s.when(s.submit(JOBS), STAFF)
            .then_rejected(|it| matches!(it, Rejection::PeriodNotOpen { .. }));
    }
}

mod withdrawal {
    use super::*;

    #[test]
    fn makes_it_a_draft_that_can_be_changed_and_submitted_again() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        s.when(withdraw(JOBS), SECOND_STAFF)
            .then([Event::ReportWithdrawn { fiscal_year: R3 }]);
        s.given(s.enter(JOBS, "11"), STAFF);
        s.given(s.submit(JOBS), STAFF);
        assert_eq!(s.stage(JOBS), ReportStage::Submitted);
    }

    #[test]
    fn is_refused_once_the_next_step_has_acted() {
        let mut s = Scenario::open_year();
        s.approved(JOBS, "9");
        s.when(withdraw(JOBS), STAFF)
            .then_wrong_stage(ReportStage::Approved);
    }

    #[test]
    fn of_a_draft_is_refused() {
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9");
        s.when(withdraw(JOBS), STAFF)
            .then_wrong_stage(ReportStage::Draft);
    }
}

mod a_return {
    use super::*;

    #[test]
    fn carries_a_comment_on_a_cell_and_the_report_can_be_submitted_again() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        let cell = ReportCell::Commentary(JOBS_PLACE);
        s.when(return_about(cell, JOBS), APPROVER)
            .then([Event::ReportReturned {
                fiscal_year: R3,
                comment: "根拠資料の数字と一致しません。".into(),
                cell,
            }]);
        assert_eq!(s.report(JOBS).returned.unwrap().by, APPROVER.actor());
        s.given(s.write(JOBS, JOBS_PLACE, "資料により訂正した。"), STAFF);
        assert_eq!(
            s.stage(JOBS),
            ReportStage::Returned,
            "it stays returned until it is submitted"
        );
        s.given(s.submit(JOBS), STAFF);
        assert_eq!(s.report(JOBS).returned, None);
    }

    #[test]
    fn needs_a_comment() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        let silent = ReturnReport {
            comment: "　".into(),
            ..return_about(ReportCell::Actual, JOBS)
        };
        s.when(silent, APPROVER).then_invalid("comment");
    }

    #[test]
    fn is_about_a_cell_of_the_report() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        s.when(return_about(NOT_A_PLACE, JOBS), APPROVER)
            .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
    }

    #[test]
    fn is_for_the_one_whose_step_is_next() {
        let about =
            |s: &mut Scenario, who: Actor| s.when(return_about(ReportCell::Actual, JOBS), who);
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9");
        about(&mut s, APPROVER.into()).then_wrong_stage(ReportStage::Draft);
        s.given(s.submit(JOBS), STAFF);
        about(&mut s, PLANNING.into()).then_wrong_stage(ReportStage::Submitted);
        s.given_approval(JOBS);
        about(&mut s, APPROVER.into()).then_wrong_stage(ReportStage::Approved);
        s.given(return_about(ReportCell::Actual, JOBS), PLANNING);
    }

    #[test]
    fn by_the_second_approver_of_a_longer_route_is_possible() {
        let mut s = Scenario::open_year();
        s.given(set_route(&["係長承認", "課長承認"]), PLANNING);
        s.approved(JOBS, "9");
        s.when(return_about(ReportCell::Actual, JOBS), SECOND_APPROVER)
            .then_one(|it| matches!(it, Event::ReportReturned { .. }));
    }

    #[test]
    fn of_an_accepted_report_by_the_planning_office_is_possible_until_publication() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        s.given(return_about(ReportCell::Actual, JOBS), PLANNING);
        let mut s = Scenario::published_year();
        s.when(return_about(ReportCell::Actual, JOBS), PLANNING)
            .then_wrong_stage(ReportStage::Published);
    }
}

mod approval {
    use super::*;

    #[test]
    fn binds_to_the_content_and_the_targets() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        let content = s.content(JOBS);
        s.when(s.approve(JOBS), APPROVER)
            .then([Event::ReportApproved {
                fiscal_year: R3,
                step: 0,
                step_name: "課長承認".into(),
                content,
                target_version: Some(1),
                rule_version: daicho_domain::sheet::RULE_VERSION,
            }]);
        assert_eq!(s.stage(JOBS), ReportStage::Approved);
    }

    #[test]
    fn of_a_draft_is_refused() {
        let mut s = Scenario::open_year();
        s.filled_in(JOBS, "9");
        s.when(s.approve(JOBS), APPROVER)
            .then_wrong_stage(ReportStage::Draft);
    }

    #[test]
    fn twice_is_refused() {
        let mut s = Scenario::open_year();
        s.approved(JOBS, "9");
        s.when(s.approve(JOBS), SECOND_APPROVER)
            .then_wrong_stage(ReportStage::Approved);
    }

    #[test]
    fn of_what_is_no_longer_there_is_refused() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        let read_before = s.approve(JOBS);
        s.given(withdraw(JOBS), STAFF);
        s.given(s.enter(JOBS, "11"), STAFF);
        s.given(s.submit(JOBS), STAFF);
        let current = s.content(JOBS);
        s.when(read_before, APPROVER).then_rejected(
            |it| matches!(it, Rejection::StaleContent { current: it, .. } if *it == current),
        );
    }

    #[test]
    fn of_another_year_with_the_same_figures_has_another_content() {
        let mut s = Scenario::open_year();
        s.given(open_period(R4), PLANNING);
        s.submitted(JOBS, "9");
        let next_year = EnterActual {
            fiscal_year: R4,
            seen_revision: 0,
            ..s.enter(JOBS, "9")
        };
        s.given(next_year, STAFF);
        let wrong_year = ApproveReport {
            fiscal_year: R4,
            ..s.approve(JOBS)
        };
        s.when(wrong_year, APPROVER)
            .then_wrong_stage(ReportStage::Draft);
    }

    #[test]
    fn continues_after_the_year_is_closed() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9").given(close_period(), PLANNING);
        s.given_approval(JOBS).given_acceptance(JOBS);
        assert_eq!(s.stage(JOBS), ReportStage::Accepted);
    }

    #[test]
    fn is_scoped_to_the_department_that_reports_the_indicator() {
        use daicho_domain::Command;
        let mut s = Scenario::open_year();
        s.submitted(CLUB, "");
        let scope = s.approve(CLUB).scope(&s.world.view()).unwrap();
        assert_eq!(
            (scope.municipality, scope.department),
            (Some(CITY), WELFARE_APPROVER.department)
        );
        let other = s.approve(JOBS).scope(&s.world.view()).unwrap();
        assert_ne!(other.department, WELFARE_APPROVER.department);
    }

    #[test]
    fn takes_every_step_of_a_longer_route() {
        let mut s = Scenario::open_year();
        s.given(set_route(&["係長承認", "課長承認"]), PLANNING);
        s.approved(JOBS, "9");
        s.when(s.accept(JOBS), PLANNING)
            .then_rejected(|it| matches!(it, Rejection::StaleContent { .. }));
        s.when(s.approve(JOBS), SECOND_APPROVER)
            .then_one(|it| matches!(it, Event::ReportApproved { step: 1, step_name, .. } if step_name == "課長承認"));
        s.given_acceptance(JOBS);
    }

    #[test]
    fn stays_on_the_route_of_its_submission() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9")
            .given(set_route(&["係長承認", "課長承認"]), PLANNING);
        s.given_approval(JOBS).given_acceptance(JOBS);
        assert_eq!(s.report(JOBS).route_version, Some(1));
    }
}

mod acceptance {
    use super::*;

    #[test]
    fn is_the_last_step() {
        let mut s = Scenario::open_year();
        s.approved(JOBS, "9");
        let content = s.content(JOBS);
        s.when(s.accept(JOBS), PLANNING)
            .then([Event::ReportAccepted {
                fiscal_year: R3,
                step: 1,
                step_name: "企画課確認".into(),
                content,
                target_version: Some(1),
                rule_version: daicho_domain::sheet::RULE_VERSION,
            }]);
        assert_eq!(s.stage(JOBS), ReportStage::Accepted);
    }

    #[test]
    fn is_refused_before_approval() {
        let mut s = Scenario::open_year();
        s.submitted(JOBS, "9");
        s.when(s.accept(JOBS), PLANNING)
            .then_wrong_stage(ReportStage::Submitted);
    }

    #[test]
    fn twice_is_refused() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        s.when(s.accept(JOBS), SECOND_PLANNING)
            .then_wrong_stage(ReportStage::Accepted);
    }
}

mod unlocking {
    use super::*;

    #[test]
    fn opens_one_cell_and_no_other() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        let unlock = s.unlock(JOBS, ReportCell::Actual);
        let expires_at = unlock.expires_at;
        s.when(unlock, PLANNING).then([Event::ReportUnlocked {
            fiscal_year: R3,
            cell: ReportCell::Actual,
            reason: reason("担当課の申出による"),
            expires_at,
        }]);
        s.when(s.write(JOBS, JOBS_PLACE, "別の説明"), STAFF)
            .then_wrong_stage(ReportStage::Accepted);
        s.given(s.enter(JOBS, "11"), STAFF);
        s.when(s.write(JOBS, JOBS_PLACE, "別の説明"), STAFF)
            .then_wrong_stage(ReportStage::Draft);
    }

    #[test]
    fn of_a_commentary_does_not_open_the_figure() {
        let mut s = Scenario::open_year();
        s.accepted(TOURISTS, "902.9");
        let cell = ReportCell::Commentary(TOURISTS_AT_GOAL);
        s.given(s.unlock(TOURISTS, cell), PLANNING);
        s.when(s.enter(TOURISTS, "900"), STAFF)
            .then_wrong_stage(ReportStage::Accepted);
        s.when(s.write(TOURISTS, TOURISTS_AT_PROJECT, "別"), STAFF)
            .then_wrong_stage(ReportStage::Accepted);
        s.given(s.write(TOURISTS, TOURISTS_AT_GOAL, "別"), STAFF);
    }

    #[test]
    fn ends_at_the_moment_it_expires() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        let unlock = s.unlock(JOBS, ReportCell::Actual);
        let expires_at = unlock.expires_at;
        s.given(unlock, PLANNING);
        s.now = expires_at;
        s.when(s.enter(JOBS, "11"), STAFF)
            .then_wrong_stage(ReportStage::Accepted);
        s.now = expires_at - SignedDuration::from_nanos(1);
        s.given(s.enter(JOBS, "11"), STAFF);
    }

    #[test]
    fn that_expires_half_way_can_be_given_again() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
        s.given(s.enter(JOBS, "11"), STAFF);
        s.at("2022-06-30T09:00:00+09:00");
        s.when(s.enter(JOBS, "12"), STAFF)
            .then_wrong_stage(ReportStage::Draft);
        s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
        s.given(s.enter(JOBS, "12"), STAFF);
        s.gone_through_the_route_again(JOBS);
    }

    #[test]
    fn of_an_adopted_report_that_lacks_commentary_can_go_on_to_the_commentary() {
        let mut s = Scenario::with_plan(plan_with_adopted_results(&[]));
        s.given(s.unlock(VISITS, ReportCell::Actual), PLANNING);
        s.given(s.enter(VISITS, "31"), STAFF);
        s.when(s.submit(VISITS), STAFF).then_invalid("commentary");
        let cell = ReportCell::Commentary(VISITS_PLACE);
        s.given(s.unlock(VISITS, cell), PLANNING);
        s.given(s.write(VISITS, VISITS_PLACE, "確認した。"), STAFF);
        s.gone_through_the_route_again(VISITS);
        assert_eq!(s.stage(VISITS), ReportStage::Accepted);
    }

    #[test]
    fn needs_a_reason_a_place_and_a_near_end() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        let unlock = s.unlock(JOBS, ReportCell::Actual);
        let silent = UnlockReport {
            reason: reason(""),
            ..unlock.clone()
        };
        s.when(silent, PLANNING).then_invalid("reason");
        let elsewhere = UnlockReport {
            cell: NOT_A_PLACE,
            ..unlock.clone()
        };
        s.when(elsewhere, PLANNING)
            .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
        let too_long = s.now + SignedDuration::from_hours(24 * 90) + SignedDuration::from_secs(1);
        for expires_at in [s.now, too_long, jiff::Timestamp::MIN, jiff::Timestamp::MAX] {
            let unlock = UnlockReport {
                expires_at,
                ..unlock.clone()
            };
            s.when(unlock, PLANNING).then_invalid("expires_at");
        }
    }

    #[test]
    fn of_what_is_not_locked_is_refused() {
        let mut s = Scenario::open_year();
        let unlock = |s: &mut Scenario| s.when(s.unlock(JOBS, ReportCell::Actual), PLANNING);
        unlock(&mut s).then_wrong_stage(ReportStage::NotEntered);
        s.filled_in(JOBS, "9");
        unlock(&mut s).then_wrong_stage(ReportStage::Draft);
        s.given(s.submit(JOBS), STAFF);
        unlock(&mut s).then_wrong_stage(ReportStage::Submitted);
        s.given_approval(JOBS);
        unlock(&mut s).then_wrong_stage(ReportStage::Approved);
    }

    #[test]
    fn alone_leaves_the_report_accepted() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
        assert_eq!(s.stage(JOBS), ReportStage::Accepted);
        s.when(s.submit(JOBS), STAFF)
            .then_wrong_stage(ReportStage::Accepted);
    }

    #[test]
    fn a_return_of_the_reopened_report_opens_the_cell_that_it_names() {
        let mut s = Scenario::open_year();
        s.accepted(JOBS, "9");
        s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
        s.given(s.enter(JOBS, "11"), STAFF);
        s.given(s.submit(JOBS), STAFF);
        s.given(
            return_about(ReportCell::Commentary(JOBS_PLACE), JOBS),
            APPROVER,
        );
        s.when(s.enter(JOBS, "12"), STAFF)
            .then_wrong_stage(ReportStage::Returned);
        s.given(s.write(JOBS, JOBS_PLACE, "訂正に合わせた。"), STAFF);
        s.gone_through_the_route_again(JOBS);
    }
}

#[test]
fn a_submission_that_was_read_in_another_revision_leaves_nothing_behind() {
    let mut s = Scenario::open_year();
    s.filled_in(JOBS, "9");
    let before = s.world.clone();
    let wrong = SubmitReport {
        seen_revision: 99,
        ..s.submit(JOBS)
    };
    assert!(s.when(wrong, STAFF).result.is_err());
    assert_eq!(s.world, before);
}
