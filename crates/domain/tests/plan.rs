//! Adopting a plan and setting its route.

use std::collections::BTreeMap;

use daicho_domain::command::{AdoptPlan, SetRoute};
use daicho_domain::plan::{Decision, Document, LayoutCell, LayoutLine, PlanDraft};
use daicho_domain::report::{Commentary, ReportStage};
use daicho_domain::{DocumentId, Event, FiscalYear, Rejection};
use uuid::Uuid;

use crate::scenario::*;

fn adopt(plan: PlanDraft) -> crate::scenario::Outcome {
    Scenario::town().when(AdoptPlan { plan }, PLANNING)
}

fn set_route(approvals: &[&str]) -> SetRoute {
    SetRoute {
        plan: PLAN,
        approvals: approvals.iter().map(ToString::to_string).collect(),
        acceptance: "企画課確認".into(),
        decision: decision("承認経路の見直し"),
    }
}

#[test]
fn a_plan_is_adopted_whole() {
    let s = Scenario::open_year();
    let plan = s.world.plan(PLAN).unwrap();
    assert_eq!(plan.indicators(), INDICATORS);
    assert_eq!(plan.placements_of(TOURISTS).count(), 2);
    assert_eq!(
        plan.project(JOBS_PROJECT).unwrap().0.heading(),
        "基本目標1 安定した雇用を創出する"
    );
    assert_eq!(s.sheet(R3).rows().count(), 5);
    assert_eq!(s.sheet(R3).summary.projects, 3);
}

#[test]
fn a_plan_is_adopted_once() {
    let mut s = Scenario::open_year();
    let plan = small_plan();
    s.when(AdoptPlan { plan }, PLANNING)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { what } if what == "plan"));
}

#[test]
fn an_indicator_of_another_plan_is_not_adopted_again() {
    let mut s = Scenario::open_year();
    let mut plan = small_plan();
    plan.id = daicho_domain::PlanId(Uuid::from_u128(0x99));
    s.when(AdoptPlan { plan }, PLANNING)
        .then_rejected(|it| matches!(it, Rejection::AlreadyExists { what } if what == "indicator"));
}

#[test]
fn a_term_that_ends_before_it_begins_is_refused() {
    let mut plan = small_plan();
    plan.term_to = FiscalYear(2020);
    adopt(plan).then_invalid("term_to");
}

#[test]
fn a_term_that_nobody_can_write_is_refused() {
    for (from, to) in [
        (i16::MIN, 2025),
        (1925, 2025),
        (2021, 2201),
        (2021, i16::MAX),
    ] {
        let mut plan = small_plan();
        (plan.term_from, plan.term_to) = (FiscalYear(from), FiscalYear(to));
        adopt(plan).then_invalid("term");
    }
}

#[test]
fn a_plan_needs_a_title_and_a_decision() {
    let mut plan = small_plan();
    plan.title = "　".into();
    adopt(plan).then_invalid("title");
    let mut plan = small_plan();
    plan.decision = Decision {
        decided_by: String::new(),
        ..decision("策定")
    };
    adopt(plan).then_invalid("decided_by");
}

#[test]
fn a_placed_indicator_must_be_defined() {
    let mut plan = small_plan();
    plan.indicators.retain(|indicator| indicator.id != JOBS);
    adopt(plan).then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn an_id_that_is_used_twice_is_refused() {
    type Change = fn(&mut PlanDraft);
    let changes: [(&str, Change); 6] = [
        ("goal", |plan| {
            let mut again = plan.goals[0].clone();
            again.policies.clear();
            again.numeric_goals.clear();
            plan.goals.push(again);
        }),
        ("policy", |plan| {
            let mut again = plan.goals[0].policies[0].clone();
            again.measures.clear();
            plan.goals[0].policies.push(again);
        }),
        ("measure", |plan| {
            let mut again = plan.goals[0].policies[0].measures[0].clone();
            again.projects.clear();
            plan.goals[0].policies[0].measures.push(again);
        }),
        ("project", |plan| {
            plan.goals[0].policies[0].measures[0].projects[0].id = JOBS_PROJECT;
        }),
        ("placement", |plan| {
            plan.goals[0].numeric_goals[0].id = JOBS_PLACE;
        }),
        ("indicator", |plan| {
            let again = plan.indicators[0].clone();
            plan.indicators.push(again);
        }),
    ];
    for (what, change) in changes {
        let mut plan = small_plan();
        change(&mut plan);
        adopt(plan).then_invalid(what);
    }
}

#[test]
fn results_that_a_sheet_already_holds_are_adopted_without_approval() {
    let s = Scenario::with_plan(plan_with_adopted_results(&[]));
    assert_eq!(INDICATORS.map(|it| s.stage(it)), [ReportStage::Adopted; 4]);
    let report = s.report(TOURISTS);
    assert!(report.steps.is_empty() && report.adoption.is_some());
    assert_eq!(report.adoption.unwrap().by, PLANNING.actor());
}

#[test]
fn adopted_commentary_stands_at_a_place_of_its_indicator() {
    let mut plan = plan_with_adopted_results(&[]);
    let adopted = plan.indicators[0].adopted.get_mut(&R3).unwrap();
    adopted
        .commentary
        .insert(JOBS_PLACE, Commentary::from_original("別の指標の説明"));
    adopt(plan).then_rejected(|it| matches!(it, Rejection::NotFound { .. }));
}

#[test]
fn a_long_document_is_recorded_in_parts_and_comes_back_whole() {
    let document = DocumentId(Uuid::from_u128(0x51));
    let line = LayoutLine(vec![
        LayoutCell {
            text: "事業の説明「\"」".repeat(20),
            field: None,
        };
        8
    ]);
    let mut plan = small_plan();
    plan.document = Some(Document {
        id: document,
        file_name: "r3.tsv".into(),
        sha256: "00".repeat(32),
        encoding: "UTF-8".into(),
        byte_order_mark: false,
        line_ending: "\n".into(),
        ends_with_line_ending: true,
        evaluated_year: R3,
        subtotals: Vec::new(),
        lines: vec![line; 50],
    });
    let expected = plan.document.clone();
    let s = Scenario::with_plan(plan);
    let parts = s
        .log
        .iter()
        .filter(|(fact, _)| matches!(fact.event, Event::LayoutRecorded { .. }))
        .count();
    assert!(parts > 1);
    let recorded = &s.world.plan(PLAN).unwrap().documents;
    assert_eq!(*recorded, BTreeMap::from([(document, expected.unwrap())]));
}

#[test]
fn a_route_is_set_as_the_next_version() {
    let mut s = Scenario::open_year();
    s.when(set_route(&["係長承認", "課長承認"]), PLANNING)
        .then_one(|it| matches!(it, Event::RouteSet { route, .. } if route.version == 2));
    s.when(set_route(&["係長承認", "課長承認"]), PLANNING)
        .then_nothing();
}

#[test]
fn a_route_has_one_to_four_named_approvals() {
    let mut s = Scenario::open_year();
    for approvals in [&[][..], &["承認"; 5][..]] {
        s.when(set_route(approvals), PLANNING)
            .then_invalid("approvals");
    }
    s.when(set_route(&["課長承認", " "]), PLANNING)
        .then_invalid("step");
}
