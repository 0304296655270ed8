//! The read models: kept between runs, stuck where the log cannot be followed, made anew.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daicho_access::Access;
use daicho_app::{
    App, AppError, Caller, CommandId, ExportFormat, ExportRequest, Snapshots, Through,
};
use daicho_domain::command::ChangeDueDate;
use daicho_eventlog::evidence::root_at;
use daicho_eventlog::{EventLog, GlobalPosition, MemoryLog};
use daicho_projections::{ReadModels, Snapshot, fold};
use daicho_testkit::{Played, TestApp};
use jiff::civil::date;
use tempfile::TempDir;

fn account(played: &Played, name: &str) -> Caller {
    Caller::Account(
        played
            .people
            .iter()
            .find(|person| person.sign_in_name == name)
            .unwrap()
            .account,
    )
}

fn change_due(played: &Played, day: i8) -> ChangeDueDate {
    ChangeDueDate {
        plan: played.plan,
        fiscal_year: played.open_year,
        due: date(2023, 6, day),
        reason: "議会の日程による".into(),
    }
}

/// Another service over the same log; how much it had to fold.
async fn open(service: &TestApp, snapshots: Option<Snapshots>) -> (App, Vec<(u64, u64)>) {
    let mut told = Vec::new();
    let app = App::open_with(
        Arc::clone(&service.log) as Arc<_>,
        Access::new().unwrap(),
        service.lent_surroundings(),
        snapshots,
        |done, all| told.push((done, all)),
    )
    .await
    .unwrap();
    (app, told)
}

fn snapshot_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

#[tokio::test]
async fn a_service_that_is_stuck_says_where_and_why() {
    let (service, _) = TestApp::sample_city().await;
    let well = service.app.projection_health().await.unwrap();
    assert!(well.is_well() && !service.app.is_stuck(), "{well:?}");
    assert_eq!(well.position, well.head);

    let at = service.append_what_nobody_understands().await;
    let behind = service.app.projection_health().await.unwrap();
    assert_eq!((behind.lag_events, &behind.stuck), (1, &None));
    assert!(!behind.is_well());

    // What the service does as soon as it follows the log.
    let app = Arc::clone(&service.app);
    let following = tokio::spawn(async move { app.follow().await });
    for _ in 0..2_000 {
        if service.app.is_stuck() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    following.abort();
    let health = service.app.projection_health().await.unwrap();
    assert_eq!(health.position, well.position);
    assert_eq!(health.head.unwrap().to_string(), at.to_string());
    assert_eq!(health.lag_events, 1);
    let stuck = health.stuck.unwrap();
    assert_eq!(stuck.position, at);
    assert!(stuck.reason.contains("department-split.v7"), "{stuck:?}");
}

#[tokio::test]
async fn a_service_that_is_stuck_records_no_command_and_asks_to_come_again() {
    let (service, played) = TestApp::sample_city().await;
    service.append_what_nobody_understands().await;
    let (app, _) = open(&service, None).await;
    let head = service.log.head().await.unwrap();
    let planning = account(&played, "planning");
    let id = CommandId(service.app.new_id());
    let error = app
        .handle(&planning, change_due(&played, 9), id)
        .await
        .unwrap_err();
    assert!(matches!(error, AppError::Stuck { .. }), "{error:?}");
    assert_eq!(error.code(), "unavailable", "clients try again");
    assert!(error.to_string().contains("same command id"), "{error}");
    assert!(error.ja().contains("記録の反映が止まっている"));
    assert!(
        !error.to_string().contains("department-split"),
        "what is in the log is for operators"
    );
    assert!(app.preview(&planning, change_due(&played, 9)).is_err());
    assert_eq!(service.log.head().await.unwrap(), head, "nothing recorded");
}

#[tokio::test]
async fn a_service_that_is_stuck_can_be_read_and_signed_in_to_but_hands_out_no_old_files() {
    let (service, played) = TestApp::sample_city().await;
    service.append_what_nobody_understands().await;
    let (app, _) = open(&service, None).await;
    assert!(
        app.published_sheet(played.plan, played.published_year, None)
            .is_ok()
    );
    let Caller::Account(auditor) = account(&played, "auditor") else {
        unreachable!()
    };
    for _ in 0..3 {
        app.record_sign_in(auditor, Through::Page).await.unwrap();
    }
    app.record_sign_out(auditor, Through::Page).await.unwrap();
    let newest = service.log.head().await.unwrap().unwrap();
    let recorded = service.log.read_all(newest, 1).await.unwrap();
    assert_eq!(recorded[0].event_type, "signed-out.v1");

    let now = ExportRequest {
        plan: played.plan,
        fiscal_year: played.published_year,
        format: ExportFormat::Tsv,
        as_of: None,
        at_position: None,
    };
    let then = ExportRequest {
        at_position: app.position(),
        ..now.clone()
    };
    let reader = Caller::Account(auditor);
    assert!(matches!(
        app.export(&reader, &now).await,
        Err(AppError::Stuck { .. })
    ));
    assert!(
        app.export(&reader, &then).await.is_ok(),
        "what is known is what it was then"
    );
}

#[tokio::test]
async fn a_verification_finds_out_that_the_records_cannot_be_followed() {
    let (service, _) = TestApp::sample_city().await;
    service.append_what_nobody_understands().await;
    let verification = service.app.verify().await.unwrap();
    let [discrepancy] = verification.discrepancies.as_slice() else {
        panic!("{verification:?}");
    };
    assert!(
        discrepancy.found.contains("department-split.v7"),
        "{discrepancy:?}"
    );
}

#[tokio::test]
async fn a_service_starts_from_the_snapshot_that_it_kept_when_it_was_closed() {
    let (service, played) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    let snapshots = || Some(Snapshots::in_folder(folder.path()));
    let (first, told) = open(&service, snapshots()).await;
    let events = first.projection_health().await.unwrap();
    assert_eq!(told.first().unwrap().0, 512, "folded from the beginning");
    first.close().await.unwrap();
    assert_eq!(snapshot_files(folder.path()).len(), 1);

    service.log.reopen();
    let (second, told) = open(&service, snapshots()).await;
    assert!(told.is_empty(), "there was nothing left to fold: {told:?}");
    assert_eq!(second.projection_health().await.unwrap(), events);
    assert_eq!(second.verify().await.unwrap().discrepancies, []);
    let id = CommandId(service.app.new_id());
    second
        .handle(&account(&played, "planning"), change_due(&played, 7), id)
        .await
        .unwrap();
    second.close().await.unwrap();
    assert_eq!(snapshot_files(folder.path()).len(), 2);

    service.log.reopen();
    let (third, _) = open(&service, snapshots()).await;
    third.close().await.unwrap();
    assert_eq!(
        snapshot_files(folder.path()).len(),
        2,
        "nothing happened, so nothing was written"
    );
}

#[tokio::test]
async fn a_damaged_snapshot_is_dropped_and_the_log_folded() {
    let (service, _) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    let snapshots = || Some(Snapshots::in_folder(folder.path()));
    let (first, _) = open(&service, snapshots()).await;
    first.close().await.unwrap();
    let [path] = snapshot_files(folder.path()).try_into().unwrap();
    let mut content = std::fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 4;
    std::fs::write(&path, content).unwrap();

    service.log.reopen();
    let (second, told) = open(&service, snapshots()).await;
    let events = service.log.head().await.unwrap().unwrap().0 + 1;
    assert_eq!(told.last(), Some(&(events, events)));
    assert!(!path.exists());
    assert_eq!(second.verify().await.unwrap().discrepancies, []);
    second.close().await.unwrap();
    assert!(path.exists(), "and kept anew");
}

#[tokio::test]
async fn snapshots_are_kept_while_the_service_runs() {
    let (service, played) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    let snapshots = Snapshots {
        every_events: 5,
        ..Snapshots::in_folder(folder.path())
    };
    let (app, _) = open(&service, Some(snapshots)).await;
    let app = Arc::new(app);
    let follower = Arc::clone(&app);
    let following = tokio::spawn(async move { follower.follow().await });
    // One that is due while another is being written comes with a later event.
    for round in 0.. {
        assert!(round < 2_000, "no second snapshot was written");
        let day = i8::try_from(round % 28).unwrap() + 1;
        let id = CommandId(service.app.new_id());
        app.handle(&account(&played, "planning"), change_due(&played, day), id)
            .await
            .unwrap();
        let kept = snapshot_files(folder.path());
        if kept
            .iter()
            .filter(|path| path.extension().is_some())
            .count()
            == 2
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    following.abort();
}

/// A snapshot of this log, with the right root, that says something wrong.
async fn forge_a_snapshot(folder: &Path, log: &MemoryLog) {
    let mut wrong = fold(log, |_| true).await.unwrap();
    let head = log.head().await.unwrap().unwrap();
    let indicator = log
        .read_all(GlobalPosition(0), usize::MAX)
        .await
        .unwrap()
        .into_iter()
        .rfind(|event| event.stream.as_str().starts_with("indicator-"))
        .unwrap();
    let earlier = fold(log, |event| {
        event.global_position < indicator.global_position
    })
    .await
    .unwrap();
    wrong.world = earlier.world;
    let root = root_at(log, head.0 + 1).await.unwrap();
    Snapshot::write(folder, &wrong, root).unwrap();
}

#[tokio::test]
async fn a_verification_does_not_believe_snapshots_and_names_what_differs() {
    let (service, _) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    forge_a_snapshot(folder.path(), &service.log).await;
    let (app, told) = open(&service, Some(Snapshots::in_folder(folder.path()))).await;
    assert!(told.is_empty(), "it was started from");
    let verification = app.verify().await.unwrap();
    let [discrepancy] = verification.discrepancies.as_slice() else {
        panic!("{verification:?}");
    };
    assert!(
        discrepancy.found.contains("world, first at stream "),
        "{discrepancy:?}"
    );
    assert!(discrepancy.what_to_do.contains("daicho rebuild"));
}

#[tokio::test]
async fn a_rebuild_mends_what_a_verification_found_and_drops_the_snapshots() {
    let (service, _) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    forge_a_snapshot(folder.path(), &service.log).await;
    let (app, _) = open(&service, Some(Snapshots::in_folder(folder.path()))).await;
    let rebuild = app.rebuild_read_models(|_, _| {}).await.unwrap();
    assert!(!rebuild.was_equal);
    assert!(rebuild.difference.unwrap().starts_with("world"));
    assert!(snapshot_files(folder.path()).is_empty());
    assert_eq!(app.verify().await.unwrap().discrepancies, []);
    let again = app.rebuild_read_models(|_, _| {}).await.unwrap();
    assert!(again.was_equal && again.difference.is_none());
    assert_eq!(again.digest, rebuild.digest);
    app.close().await.unwrap();
    service.log.reopen();
    let (after, told) = open(&service, Some(Snapshots::in_folder(folder.path()))).await;
    assert!(told.is_empty());
    assert_eq!(after.verify().await.unwrap().discrepancies, []);
}

#[tokio::test]
async fn a_snapshot_that_the_log_does_not_go_on_from_is_given_up() {
    let (service, _) = TestApp::sample_city().await;
    let folder = TempDir::new().unwrap();
    // At an early position, with nothing remembered but the position.
    let mut wrong = ReadModels::default();
    wrong.position = Some(299);
    let root = root_at(service.log.as_ref(), 300).await.unwrap();
    Snapshot::write(folder.path(), &wrong, root).unwrap();
    let (app, _) = open(&service, Some(Snapshots::in_folder(folder.path()))).await;
    assert!(!app.is_stuck());
    assert!(snapshot_files(folder.path()).is_empty());
    assert_eq!(app.verify().await.unwrap().discrepancies, []);
}
