//! What happens around a command: repeated, raced, refused, checked.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

use std::sync::Arc;

use daicho_app::{
    AppError, Caller, CommandId, ExportFormat, ExportRequest, ImportRequest, Position,
};
use daicho_domain::command::{ChangeDueDate, OpenAccount};
use daicho_domain::{AccountId, Rejection};
use daicho_testkit::{Played, SHEET_TSV, TestApp};
use jiff::civil::{Date, date};

fn caller(played: &Played, name: &str) -> Caller {
    Caller::Account(
        played
            .people
            .iter()
            .find(|person| person.sign_in_name == name)
            .unwrap()
            .account,
    )
}

fn due(played: &Played, due: Date) -> ChangeDueDate {
    ChangeDueDate {
        plan: played.plan,
        fiscal_year: played.open_year,
        due,
        reason: "議会の日程による".into(),
    }
}

#[tokio::test]
async fn a_repeated_command_gives_its_first_outcome() {
    let (service, played) = TestApp::sample_city().await;
    let (planning, id) = (caller(&played, "planning"), CommandId(service.app.new_id()));
    let first = service
        .app
        .handle(&planning, due(&played, date(2023, 5, 26)), id)
        .await
        .unwrap();
    service
        .app
        .handle(
            &planning,
            due(&played, date(2023, 5, 31)),
            CommandId(service.app.new_id()),
        )
        .await
        .unwrap();
    let again = service
        .app
        .handle(&planning, due(&played, date(2023, 5, 26)), id)
        .await
        .unwrap();
    assert_eq!(
        (again.position, again.replayed, first.replayed),
        (first.position, true, false)
    );
}

#[tokio::test]
async fn a_command_id_is_not_used_for_something_else_or_by_somebody_else() {
    let (service, played) = TestApp::sample_city().await;
    let id = CommandId(service.app.new_id());
    let planning = caller(&played, "planning");
    service
        .app
        .handle(&planning, due(&played, date(2023, 5, 26)), id)
        .await
        .unwrap();
    let other = service
        .app
        .handle(&planning, due(&played, date(2023, 5, 27)), id)
        .await;
    assert!(matches!(other, Err(AppError::CommandIdReused)), "{other:?}");
    let colleague = service
        .app
        .handle(
            &caller(&played, "planning.2"),
            due(&played, date(2023, 5, 26)),
            id,
        )
        .await;
    assert!(
        matches!(colleague, Err(AppError::CommandIdReused)),
        "{colleague:?}"
    );
}

#[tokio::test]
async fn of_two_commands_under_one_id_at_once_only_one_is_told_that_it_was_done() {
    let (service, played) = TestApp::sample_city().await;
    for round in 0..20 {
        let id = CommandId(service.app.new_id());
        let give = |day: i8| {
            let (app, planning, command) = (
                Arc::clone(&service.app),
                caller(&played, "planning"),
                due(&played, date(2023, 6, day)),
            );
            tokio::spawn(async move { app.handle(&planning, command, id).await })
        };
        let (one, other) = (give(1 + round % 2 * 4), give(3 + round % 2 * 4));
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn commands_that_change_the_same_record_at_once_are_all_carried_out() {
    let (service, played) = TestApp::sample_city().await;
    let before = service.app.position().unwrap();
    let tasks: Vec<_> = (1..=10)
        .map(|day| {
            let (app, planning) = (Arc::clone(&service.app), caller(&played, "planning"));
            let (command, id) = (
                due(&played, date(2023, 7, day)),
                CommandId(service.app.new_id()),
            );
            tokio::spawn(async move { app.handle(&planning, command, id).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let after: u64 = service.app.position().unwrap().to_string().parse().unwrap();
    assert_eq!(after - before.to_string().parse::<u64>().unwrap(), 10);
}

#[tokio::test]
async fn a_refusal_is_on_record_and_a_strangers_is_not() {
    let (service, played) = TestApp::sample_city().await;
    let account = AccountId(service.app.new_id());
    let command = OpenAccount {
        account,
        municipality: played.municipality,
    };
    let count = || {
        service
            .app
            .refusals(&caller(&played, "auditor"), played.municipality, 1_000)
            .unwrap()
    };
    let before = count().len();
    let id = CommandId(service.app.new_id());
    let refused = service
        .app
        .handle(&caller(&played, "staff.shoko"), command.clone(), id)
        .await;
    assert!(
        matches!(refused, Err(AppError::Refused(Rejection::Forbidden { .. }))),
        "{refused:?}"
    );
    let newest = Arc::clone(&count()[0]);
    assert_eq!(
        (count().len(), newest.command_id, newest.command.as_str()),
        (before + 1, id.0, "open_account")
    );
    assert_eq!(newest.actor.grant, None);
    let stranger = service
        .app
        .handle(&Caller::Anonymous, command, CommandId(service.app.new_id()))
        .await;
    assert!(matches!(stranger, Err(AppError::Refused(_))));
    assert_eq!(count().len(), before + 1);
}

#[tokio::test]
async fn only_the_planning_office_has_sheets_read_and_others_are_on_record() {
    let (service, played) = TestApp::sample_city().await;
    let request = ImportRequest {
        file_name: "sheet.tsv".into(),
        bytes: SHEET_TSV.as_bytes().to_vec(),
        plan_file: None,
        dry_run: true,
        with_results: true,
    };
    let read = async |who: Caller| {
        service
            .app
            .import(&who, request.clone(), CommandId(service.app.new_id()))
            .await
    };
    assert!(read(Caller::Anonymous).await.is_err());
    let before = service.app.position().unwrap();
    assert!(read(caller(&played, "staff.shoko")).await.is_err());
    assert!(
        service.app.position().unwrap() > before,
        "the refusal is recorded"
    );
    assert!(!read(caller(&played, "planning")).await.unwrap().is_blocked);
}

#[tokio::test]
async fn an_earlier_moment_is_exported_as_it_was() {
    let (service, played) = TestApp::sample_city().await;
    let published = service
        .app
        .published_sheet(played.plan, played.published_year, Some(1))
        .unwrap();
    let export = async |at: Option<Position>, as_of: Option<jiff::Timestamp>| {
        let request = ExportRequest {
            plan: played.plan,
            fiscal_year: played.published_year,
            format: ExportFormat::Tsv,
            as_of,
            at_position: at,
        };
        let export = service
            .app
            .export(&caller(&played, "auditor"), &request)
            .await
            .unwrap();
        String::from_utf8(export.bytes).unwrap()
    };
    let (then, now) = (
        export(Some(published.publication.position), None).await,
        export(None, None).await,
    );
    assert!(
        then.contains("75.0") && !then.contains("\t75.4\t"),
        "the first publication had 75.0"
    );
    assert!(now.contains("\t75.4\t"), "now it is 75.4");
    assert_eq!(export(None, Some(published.publication.at)).await, then);
}
