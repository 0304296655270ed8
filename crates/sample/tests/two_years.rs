//! The story plays through, and its years are what the demo promises.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

use daicho_app::{Caller, HistoryKind};
use daicho_domain::Role;
use daicho_domain::report::ReportStage;
use daicho_testkit::TestApp;

#[tokio::test]
async fn the_first_year_is_published_and_corrected_once() {
    let (service, played) = TestApp::sample_city().await;
    let published = service
        .app
        .published_sheet(played.plan, played.published_year, None)
        .unwrap();
    assert_eq!(published.all.len(), 2);
    assert_eq!(published.publication.corrected, [played.corrected]);
    let summary = published.sheet.summary;
    assert_eq!(
        (
            summary.kpis,
            summary.achieved,
            summary.not_achieved,
            summary.not_evaluable
        ),
        (46, 21, 20, 5)
    );
    assert_eq!((summary.undecided, summary.provisional), (0, 1));
    assert_eq!(
        (
            summary.monitor_only,
            summary.projects_without_kpi,
            summary.numeric_goals
        ),
        (2, 4, 4)
    );
    let first = service
        .app
        .published_sheet(played.plan, played.published_year, Some(1))
        .unwrap();
    let figure = |published: &daicho_app::Published| {
        let row = published
            .sheet
            .rows()
            .find(|row| row.row.indicator == played.corrected)
            .unwrap()
            .row;
        row.actuals[&played.published_year].display()
    };
    assert_eq!(
        (figure(&first).as_str(), figure(&published).as_str()),
        ("75.0", "75.4")
    );
}

#[tokio::test]
async fn the_second_year_is_on_its_way() {
    let (service, played) = TestApp::sample_city().await;
    let planning = played
        .people
        .iter()
        .find(|person| person.sign_in_name == "planning")
        .unwrap();
    let caller = Caller::Account(planning.account);
    let progress = service
        .app
        .progress(&caller, played.plan, played.open_year)
        .unwrap();
    let count = |stage| {
        progress
            .departments
            .iter()
            .filter_map(|department| department.stages.get(&stage))
            .sum::<usize>()
    };
    for stage in [
        ReportStage::NotEntered,
        ReportStage::Draft,
        ReportStage::Submitted,
        ReportStage::Approved,
        ReportStage::Accepted,
    ] {
        assert!(count(stage) > 0, "{stage:?}");
    }
    assert_eq!(count(ReportStage::Returned), 1);
}

#[tokio::test]
async fn the_auditor_reads_everything_that_happened_to_the_corrected_figure() {
    let (service, played) = TestApp::sample_city().await;
    let auditor = played
        .people
        .iter()
        .find(|person| person.duty.role == Role::Auditor)
        .unwrap();
    let caller = Caller::Account(auditor.account);
    let history = service
        .app
        .figure_history(
            &caller,
            played.plan,
            played.corrected,
            played.published_year,
        )
        .unwrap();
    let kinds: Vec<HistoryKind> = history.iter().map(|entry| entry.kind).collect();
    for kind in [
        HistoryKind::Actual,
        HistoryKind::Refused,
        HistoryKind::Unlocked,
        HistoryKind::Corrected,
        HistoryKind::Approved,
        HistoryKind::Published,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} is missing in {kinds:?}");
    }
    assert!(history.is_sorted_by_key(|entry| entry.position));
}

#[tokio::test]
async fn a_restarted_service_reads_the_same() {
    let (service, played) = TestApp::sample_city().await;
    let again = TestApp::over(std::sync::Arc::clone(&service.log)).await;
    let sheet = |app: &daicho_app::App| {
        app.published_sheet(played.plan, played.published_year, None)
            .unwrap()
            .sheet
    };
    assert_eq!(sheet(&service.app), sheet(&again.app));
    let verification = again.app.verify().await.unwrap();
    assert_eq!(verification.discrepancies, []);
    assert!(verification.events > 800, "{}", verification.events);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_city() {
    let (first, _) = TestApp::sample_city().await;
    let (second, _) = TestApp::sample_city().await;
    assert!(
        first.events().await == second.events().await,
        "two cities from one seed differ"
    );
}

#[tokio::test]
async fn every_event_says_who_when_and_for_which_municipality() {
    let (service, played) = TestApp::sample_city().await;
    for event in service.events().await {
        let metadata = &event.metadata;
        assert_eq!(
            metadata.municipality,
            Some(played.municipality.0),
            "{} {}",
            event.global_position,
            event.event_type
        );
        assert!(!metadata.actor.account.is_empty() && !metadata.actor.role.is_empty());
        let is_refusal = event.event_type == "command-refused.v1";
        assert_eq!(
            metadata.command_digest.is_none(),
            is_refusal,
            "{}",
            event.event_type
        );
        assert_eq!(
            metadata.actor.grant.is_none(),
            is_refusal || metadata.actor.role == "operator",
            "{}",
            event.event_type
        );
    }
}
