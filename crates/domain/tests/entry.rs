//! Figures and commentary as staff enter them.

use daicho_domain::cell::{Cell, CellStatus};
use daicho_domain::command::{EnterActual, WriteCommentary};
use daicho_domain::report::{Actual, Commentary, ReportCell, ReportStage};
use daicho_domain::{Event, PlacementId, Rejection, StreamId};
use jiff::civil::date;
use uuid::Uuid;

use crate::scenario::*;

fn actual(figure: &str) -> Actual {
    Actual {
        cell: number(figure),
        evidence: Some("令和3年度事業実績報告書".into()),
        expected_final_on: None,
    }
}

#[test]
fn a_first_figure_is_entered_and_makes_a_draft() {
    let mut s = Scenario::open_year();
    s.when(s.enter(JOBS, "9"), STAFF)
        .relying_on([
            StreamId::Plan(PLAN),
            StreamId::Indicator(JOBS),
            StreamId::Period(PLAN, R3),
        ])
        .then([Event::ActualEntered {
            fiscal_year: R3,
            actual: actual("9"),
        }]);
    assert_eq!(s.stage(JOBS), ReportStage::Draft);
    assert_eq!(s.report(JOBS).revision, 1);
}

#[test]
fn a_changed_figure_keeps_the_one_before() {
    let mut s = Scenario::open_year();
    s.given(s.enter(JOBS, "9"), STAFF);
    s.when(s.enter(JOBS, "11"), SECOND_STAFF)
        .then([Event::ActualRevised {
            fiscal_year: R3,
            previous: actual("9"),
            revised: actual("11"),
            reason: None,
        }]);
    let report = s.report(JOBS);
    assert_eq!(report.actual.unwrap().by, SECOND_STAFF.actor());
}

#[test]
fn the_same_figure_again_changes_nothing() {
    let mut s = Scenario::open_year();
    s.given(s.enter(JOBS, "9"), STAFF);
    s.when(s.enter(JOBS, "9"), STAFF).then_nothing();
    assert_eq!(s.report(JOBS).revision, 1);
}

#[test]
fn the_decimals_written_are_part_of_the_figure() {
    let mut s = Scenario::open_year();
    s.given(s.enter(JOBS, "100.0"), STAFF);
    s.when(s.enter(JOBS, "100"), STAFF)
        .then_one(|it| matches!(it, Event::ActualRevised { .. }));
}

#[test]
fn a_figure_is_refused_before_the_year_is_opened() {
    let mut s = Scenario::open_year();
    let next_year = EnterActual {
        fiscal_year: R4,
        ..s.enter(JOBS, "9")
    };
    s.when(next_year, STAFF).then_rejected(
        |it| matches!(it, Rejection::PeriodNotOpen { fiscal_year, .. } if *fiscal_year == R4),
    );
}

#[test]
fn a_figure_is_refused_after_the_year_is_closed() {
    let mut s = Scenario::open_year();
    s.given(close_period(), PLANNING);
    s.when(s.enter(JOBS, "9"), STAFF)
        .then_rejected(|it| matches!(it, Rejection::PeriodNotOpen { .. }));
}

#[test]
fn a_stale_writer_is_told_who_changed_what_and_when() {
    let mut s = Scenario::open_year();
    let read_before = s.enter(JOBS, "8");
    s.at("2022-05-10T10:00:00+09:00");
    s.given(s.enter(JOBS, "1,638"), SECOND_STAFF);
    let changed_at = s.now;
    s.at("2022-05-10T11:00:00+09:00");
    s.when(read_before, STAFF).then_rejected(|it| {
        *it == Rejection::StaleVersion {
            seen: 0,
            current: 1,
            changed_by: SECOND_STAFF.actor().who,
            changed_at,
            now: "1,638".into(),
        }
    });
}

#[test]
fn a_figure_and_a_commentary_of_one_report_are_seen_together() {
    let mut s = Scenario::open_year();
    let read_before = s.enter(JOBS, "8");
    s.given(s.write(JOBS, JOBS_PLACE, "求人が増えた。"), SECOND_STAFF);
    s.when(read_before, STAFF).then_rejected(
        |it| matches!(it, Rejection::StaleVersion { now, .. } if now.starts_with("求人が増えた。")),
    );
}

#[test]
fn a_reader_of_a_future_that_never_was_is_told_to_read_again() {
    let mut s = Scenario::with_plan(plan_with_adopted_results(&[]));
    s.given(s.unlock(JOBS, ReportCell::Actual), PLANNING);
    let wrong = EnterActual {
        seen_revision: 9,
        ..s.enter(JOBS, "9")
    };
    s.when(wrong, STAFF).then_invalid("seen_revision");
}

#[test]
fn every_reason_for_having_no_figure_can_be_given() {
    for status in CellStatus::REASONS_FOR_NO_ACTUAL {
        let mut s = Scenario::open_year();
        let none = EnterActual {
            cell: Cell::absent("", status),
            expected_final_on: Some(date(2022, 10, 1)),
            ..s.enter(JOBS, "0")
        };
        s.when(none, STAFF)
            .then_one(|it| matches!(it, Event::ActualEntered { actual, .. } if actual.cell.status() == status));
    }
}

#[test]
fn a_cell_without_figure_or_reason_is_refused() {
    let reasons = CellStatus::REASONS_FOR_NO_ACTUAL;
    for status in CellStatus::ALL
        .into_iter()
        .filter(|it| *it != CellStatus::Value && !reasons.contains(it))
    {
        let mut s = Scenario::open_year();
        let none = EnterActual {
            cell: Cell::absent("", status),
            ..s.enter(JOBS, "0")
        };
        s.when(none, STAFF).then_invalid("value");
    }
}

#[test]
fn a_pending_figure_needs_the_day_on_which_it_is_expected() {
    let mut s = Scenario::open_year();
    let pending = EnterActual {
        cell: Cell::absent("", CellStatus::Pending),
        ..s.enter(JOBS, "0")
    };
    s.when(pending, STAFF).then_invalid("expected_final_on");
}

#[test]
fn a_figure_in_another_unit_is_refused_and_in_its_own_is_not() {
    let mut s = Scenario::open_year();
    let in_unit = |s: &Scenario, unit: &str| EnterActual {
        cell: number("902.9").with_unit(unit),
        ..s.enter(TOURISTS, "0")
    };
    s.when(in_unit(&s, "件"), STAFF).then_invalid("value");
    s.given(in_unit(&s, "千人"), STAFF);
}

#[test]
fn overlong_inputs_are_refused() {
    let mut s = Scenario::open_year();
    let long = "あ".repeat(201);
    let evidence = EnterActual {
        evidence: Some(long.clone()),
        ..s.enter(JOBS, "9")
    };
    s.when(evidence, STAFF).then_invalid("evidence");
    let raw = EnterActual {
        cell: Cell::number("9".repeat(101), 9.into()),
        ..s.enter(JOBS, "9")
    };
    s.when(raw, STAFF).then_invalid("value");
    let unit = EnterActual {
        cell: number("9").with_unit(&long),
        indicator: CLUB,
        ..s.enter(CLUB, "9")
    };
    s.when(unit, STAFF).then_invalid("indicator");
    s.given(s.write(JOBS, JOBS_PLACE, &"あ".repeat(4_000)), STAFF);
    s.when(s.write(JOBS, JOBS_PLACE, &"あ".repeat(4_001)), STAFF)
        .then_invalid("commentary");
}

#[test]
fn an_indicator_without_a_unit_does_not_take_a_unit_of_any_length() {
    let mut plan = small_plan();
    for indicator in &mut plan.indicators {
        indicator.definition.unit = None;
    }
    let mut s = Scenario::with_plan(plan);
    let unit = EnterActual {
        cell: number("9").with_unit("人".repeat(201)),
        ..s.enter(JOBS, "9")
    };
    s.when(unit, STAFF).then_invalid("unit");
}

#[test]
fn a_project_without_kpi_has_commentary_but_no_figure() {
    let mut s = Scenario::open_year();
    s.when(s.enter(CLUB, "9"), STAFF).then_invalid("indicator");
    s.given(s.write(CLUB, CLUB_PLACE, "休止中である。"), STAFF);
}

#[test]
fn an_unknown_indicator_is_not_found() {
    let mut s = Scenario::open_year();
    let unknown = EnterActual {
        indicator: daicho_domain::IndicatorId(Uuid::from_u128(0x99)),
        ..s.enter(JOBS, "9")
    };
    s.when(unknown, STAFF)
        .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn commentary_is_written_and_then_revised() {
    let mut s = Scenario::open_year();
    let first = s.write(JOBS, JOBS_PLACE, "求人が増えた。");
    let written = first.commentary.clone();
    s.when(first, STAFF).then([Event::CommentaryWritten {
        fiscal_year: R3,
        placement: JOBS_PLACE,
        commentary: written.clone(),
    }]);
    let second = s.write(JOBS, JOBS_PLACE, "有効求人倍率が上がった。");
    let revised = second.commentary.clone();
    s.when(second, STAFF).then([Event::CommentaryRevised {
        fiscal_year: R3,
        placement: JOBS_PLACE,
        previous: written,
        revised,
        reason: None,
    }]);
}

#[test]
fn the_same_commentary_again_changes_nothing() {
    let mut s = Scenario::open_year();
    s.given(s.write(JOBS, JOBS_PLACE, "求人が増えた。"), STAFF);
    s.when(s.write(JOBS, JOBS_PLACE, "求人が増えた。"), STAFF)
        .then_nothing();
}

#[test]
fn blank_commentary_is_refused() {
    let mut s = Scenario::open_year();
    let blank = WriteCommentary {
        commentary: Commentary {
            reason: "　 ".into(),
            next_action: "\n".into(),
            original: None,
        },
        ..s.write(JOBS, JOBS_PLACE, "")
    };
    s.when(blank, STAFF).then_invalid("commentary");
}

#[test]
fn commentary_at_a_place_of_another_indicator_is_not_found() {
    let mut s = Scenario::open_year();
    for place in [VISITS_PLACE, PlacementId(Uuid::from_u128(0x99))] {
        s.when(s.write(JOBS, place, "求人が増えた。"), STAFF)
            .then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
    }
}

#[test]
fn two_places_of_one_indicator_share_the_figure_and_have_their_own_commentary() {
    let mut s = Scenario::open_year();
    s.given(s.enter(TOURISTS, "902.9"), STAFF);
    s.given(s.write(TOURISTS, TOURISTS_AT_GOAL, "目標の状況"), STAFF);
    let goal = s.row(R3, TOURISTS_AT_GOAL);
    let project = s.row(R3, TOURISTS_AT_PROJECT);
    assert_eq!(goal.actual, project.actual);
    assert!(goal.commentary.is_some() && project.commentary.is_none());
    assert_eq!(project.placement_of, Some(TOURISTS_AT_GOAL));
}

#[test]
fn a_submitted_figure_cannot_be_changed() {
    let mut s = Scenario::open_year();
    s.submitted(JOBS, "9");
    s.when(s.enter(JOBS, "11"), STAFF)
        .then_wrong_stage(ReportStage::Submitted);
    s.when(s.write(JOBS, JOBS_PLACE, "別の説明"), STAFF)
        .then_wrong_stage(ReportStage::Submitted);
}

#[test]
fn a_figure_that_was_approved_once_changes_only_with_a_reason() {
    let mut s = Scenario::open_year();
    s.approved(JOBS, "9");
    s.given(return_about(ReportCell::Actual, JOBS), PLANNING);
    let without = EnterActual {
        reason: None,
        ..s.enter(JOBS, "11")
    };
    s.when(without, STAFF).then_invalid("reason");
    let blank = EnterActual {
        reason: Some(reason(" ")),
        ..s.enter(JOBS, "11")
    };
    s.when(blank, STAFF).then_invalid("reason");
    s.when(s.enter(JOBS, "11"), STAFF)
        .then_one(|it| matches!(it, Event::ActualRevised { reason, .. } if reason.is_some()));
}
