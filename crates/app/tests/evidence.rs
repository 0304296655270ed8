//! Who may fetch what of the log, and what is signed when.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

use std::sync::Arc;

use daicho_app::{AppError, Caller, CommandId, LogKeys, TileAddress, Witnesses};
use daicho_domain::command::{ChangeDueDate, RegisterMunicipality};
use daicho_domain::{MunicipalityId, Rejection};
use daicho_eventlog::evidence::{
    Cosigner, LogKey, TreeHead, check_consistency, cosign, decode_bundle, sign_checkpoint,
};
use daicho_eventlog::{EventLog as _, GlobalPosition};
use daicho_testkit::{Played, TestApp};
use jiff::civil::date;

const ORIGIN: &str = "test.example/log";

fn key() -> LogKey {
    LogKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

async fn equip(service: &TestApp, witnesses: Witnesses) {
    let keys = LogKeys::new(key(), Vec::new(), witnesses);
    service.app.set_log_keys(keys).await;
}

async fn city() -> (TestApp, Played) {
    let (service, played) = TestApp::sample_city().await;
    equip(&service, Witnesses::default()).await;
    (service, played)
}

fn caller(played: &Played, name: &str) -> Caller {
    let mut people = played.people.iter();
    let person = people.find(|person| person.sign_in_name == name).unwrap();
    Caller::Account(person.account)
}

async fn one_more_event(service: &TestApp, played: &Played, day: i8) {
    let command = ChangeDueDate {
        plan: played.plan,
        fiscal_year: played.open_year,
        due: date(2023, 5, day),
        reason: "議会の日程による".into(),
    };
    let id = CommandId(service.app.new_id());
    let planning = caller(played, "planning");
    service.app.handle(&planning, command, id).await.unwrap();
}

fn tile(path: &str) -> TileAddress {
    path.parse().unwrap()
}

fn is_forbidden<T>(answer: Result<T, AppError>) -> bool {
    matches!(answer, Err(AppError::Refused(Rejection::Forbidden { .. })))
}

#[tokio::test]
async fn a_head_that_has_not_moved_is_not_signed_again() {
    let (service, played) = city().await;
    let first = service.app.issue_checkpoint().await.unwrap().unwrap();
    assert_eq!(
        service.app.issue_checkpoint().await.unwrap(),
        Some(first.clone())
    );
    let kept = service.log.checkpoints(0, 10).await.unwrap();
    assert_eq!(kept.as_slice(), std::slice::from_ref(&first));
    one_more_event(&service, &played, 26).await;
    let second = service.app.issue_checkpoint().await.unwrap().unwrap();
    assert_eq!(second.head.size, first.head.size + 1);
    second.verify(&[key().verifier().clone()]).unwrap();
}

#[tokio::test]
async fn nothing_is_signed_that_does_not_continue_what_was_signed() {
    let (service, _) = city().await;
    let head = service.log.tree_head().await.unwrap();
    let rewritten = TreeHead {
        size: head.size - 1,
        ..head
    };
    let checkpoint = sign_checkpoint(&key(), rewritten).unwrap();
    service.log.keep_checkpoint(checkpoint).await.unwrap();
    let refused = service.app.issue_checkpoint().await.unwrap_err();
    assert!(
        matches!(&refused, AppError::Damaged(why) if why.contains("rewritten")),
        "{refused}"
    );
    let findings = service.app.verify_evidence(&[], &[]).await.unwrap();
    assert_eq!(findings.discrepancies.len(), 1, "{findings:?}");

    let rolled_back = TreeHead {
        size: head.size + 1,
        ..head
    };
    let checkpoint = sign_checkpoint(&key(), rolled_back).unwrap();
    service.log.keep_checkpoint(checkpoint).await.unwrap();
    let refused = service.app.issue_checkpoint().await.unwrap_err();
    assert!(
        matches!(&refused, AppError::Damaged(why) if why.contains("rolled back")),
        "{refused}"
    );
    let findings = service.app.verify_evidence(&[], &[]).await.unwrap();
    assert_eq!(findings.discrepancies.len(), 2, "{findings:?}");
}

#[tokio::test]
async fn hash_tiles_are_for_auditors_and_entries_for_the_only_municipalitys() {
    let (service, played) = city().await;
    let app = &service.app;
    let auditor = caller(&played, "auditor");
    let strangers = [
        Caller::Anonymous,
        Caller::Operator("root".into()),
        caller(&played, "planning"),
        caller(&played, "admin"),
        caller(&played, "staff.shoko"),
    ];
    for path in ["0/000", "entries/000", "entries/001.p/3"] {
        for stranger in &strangers {
            assert!(
                is_forbidden(app.tile(stranger, tile(path)).await),
                "{path} {stranger:?}"
            );
        }
    }
    let entries = app.tile(&auditor, tile("entries/001.p/3")).await.unwrap();
    let stored = service
        .log
        .read_stored(GlobalPosition(256), 3)
        .await
        .unwrap();
    assert_eq!(decode_bundle(&entries).unwrap(), stored);
    for path in ["0/999", "7/000", "entries/999", "entries/x999/999"] {
        let answer = app.tile(&auditor, tile(path)).await;
        assert!(
            matches!(answer, Err(AppError::Refused(Rejection::NotFound { .. }))),
            "{path}"
        );
    }

    // As soon as there is a second municipality, its events are not this auditor's.
    let command = RegisterMunicipality {
        municipality: MunicipalityId(app.new_id()),
        local_gov_code: "012050".into(),
        name: "室蘭市".into(),
        demo: false,
    };
    let operator = Caller::Operator("root".into());
    let id = CommandId(app.new_id());
    app.handle(&operator, command, id).await.unwrap();
    assert!(is_forbidden(app.tile(&auditor, tile("entries/000")).await));
    assert_eq!(
        app.tile(&auditor, tile("0/000")).await.unwrap().len(),
        256 * 32
    );
}

#[tokio::test]
async fn countersignatures_of_a_later_head_count_for_an_earlier_publication() {
    let (service, played) = TestApp::sample_city().await;
    let witness = Cosigner::from_seed("audit.example/witness", &[2; 32]).unwrap();
    let public = witness.verifier().unwrap();
    let witnesses = Witnesses {
        keys: vec![public.clone()],
        required_for_publication: 1,
    };
    equip(&service, witnesses).await;
    let app = &service.app;
    app.issue_checkpoint().await.unwrap();
    let published = app.newest_publication().unwrap();
    let proof = app.checkpoint_covering(published).await.unwrap().unwrap();
    assert!(!proof.is_countersigned());

    one_more_event(&service, &played, 26).await;
    let request = app.witness_request(proof.size).await.unwrap().unwrap();
    let first = &service.log.checkpoints(proof.size, 1).await.unwrap()[0];
    let (new, old) = (request.checkpoint.head, first.head);
    check_consistency(&request.proof, (new.size, new.root), (old.size, old.root)).unwrap();
    let line = cosign(&request.checkpoint, &witness, 1_700_000_000).unwrap();
    let added = app
        .add_countersignatures(&line, std::slice::from_ref(&public))
        .await
        .unwrap();
    assert_eq!(added[0].size, new.size);
    assert_eq!(app.size_seen_by(&public).await.unwrap(), new.size);

    let proof = app.checkpoint_covering(published).await.unwrap().unwrap();
    assert!(proof.is_countersigned());
    assert!(
        proof.size < new.size,
        "the smallest head that covers it stays the one shown"
    );
    assert_eq!(proof.countersignatures[0].at.as_second(), 1_700_000_000);

    // What comes after the countersigned head has none yet.
    one_more_event(&service, &played, 31).await;
    app.issue_checkpoint().await.unwrap();
    let newest = app.position().unwrap();
    let proof = app.checkpoint_covering(newest).await.unwrap().unwrap();
    assert!(!proof.is_countersigned());

    // A restart reads them from the log.
    let restarted = TestApp::over(Arc::clone(&service.log)).await;
    let witnesses = Witnesses {
        keys: vec![public],
        required_for_publication: 1,
    };
    equip(&restarted, witnesses).await;
    let proof = restarted.app.checkpoint_covering(published).await;
    assert!(proof.unwrap().unwrap().is_countersigned());
}

#[tokio::test]
async fn a_log_without_a_key_signs_nothing() {
    let (service, played) = TestApp::sample_city().await;
    assert_eq!(service.app.issue_checkpoint().await.unwrap(), None);
    assert_eq!(service.app.latest_checkpoint().await.unwrap(), None);
    let auditor = caller(&played, "auditor");
    let proof = service
        .app
        .figure_proof(
            &auditor,
            played.plan,
            played.corrected,
            played.published_year,
        )
        .await;
    assert!(matches!(proof, Err(AppError::BadFile(_))));
}

#[tokio::test]
async fn the_operator_gets_no_proof_of_a_draft_and_a_department_none_of_anothers() {
    let (service, played) = city().await;
    let (plan, year) = (played.plan, played.published_year);
    let operator = Caller::Operator("root".into());
    let proof = |caller: Caller, indicator, year| {
        let app = Arc::clone(&service.app);
        async move { app.figure_proof(&caller, plan, indicator, year).await }
    };
    let whole = proof(operator.clone(), played.corrected, year)
        .await
        .unwrap();
    whole.check(&[key().verifier().clone()], 0).unwrap();
    assert!(is_forbidden(
        proof(Caller::Anonymous, played.corrected, year).await
    ));
    assert!(is_forbidden(
        proof(caller(&played, "staff.nosei"), played.corrected, year).await
    ));
    let sheet = service
        .app
        .sheet(&caller(&played, "auditor"), plan, played.open_year)
        .unwrap();
    let mut drafts = 0;
    for row in sheet.rows() {
        let answer = proof(operator.clone(), row.row.indicator, played.open_year).await;
        if row.row.stage.is_editable() {
            assert!(is_forbidden(answer), "{}", row.row.definition.name);
            drafts += 1;
        } else {
            answer.unwrap();
        }
    }
    assert!(
        drafts > 0,
        "the story has reports that nobody has submitted"
    );
}
