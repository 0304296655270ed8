use daicho_eventlog::StreamName;
use daicho_projections::{ProjectionError, Projector, ReadModels};
use uuid::Uuid;

use crate::city::{append, city, folded, log_of, nothing_at};

#[tokio::test]
async fn an_event_that_cannot_be_understood_stops_the_read_models_before_it_and_they_say_so() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let projector = Projector::default();
    projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();
    assert_eq!(projector.stuck(), None);

    let stream = city.events[0].stream.clone();
    let at = append(&log, &stream, "written-by-a-newer-version.v9", "{}").await;
    append(&log, &stream, "and-one-more.v9", "{}").await;
    for _ in 0..2 {
        let error = projector
            .catch_up(log.as_ref(), |_, _| {})
            .await
            .unwrap_err();
        assert!(matches!(error, ProjectionError::Undecodable(_)), "{error}");
        let stuck = projector.stuck().unwrap();
        assert_eq!(stuck.position, at);
        assert!(
            stuck.reason.contains("written-by-a-newer-version.v9"),
            "{stuck:?}"
        );
        assert_eq!(projector.current().position, Some(at - 1));
    }
}

#[tokio::test]
async fn what_comes_before_the_event_is_folded_in() {
    let city = city().await;
    let (before, _) = city.events.split_at(300);
    let log = log_of(before).await;
    let stream = StreamName::new("department", &Uuid::from_u128(9).to_string()).unwrap();
    let at = append(
        &log,
        &stream,
        "department-closed.v1",
        r#"{"valid_to":"2024-01-01"}"#,
    )
    .await;
    let projector = Projector::default();
    let error = projector
        .catch_up(log.as_ref(), |_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ProjectionError::Unfitting(_)), "{error}");
    assert_eq!(projector.stuck().unwrap().position, at);
    assert_eq!(*projector.current(), folded(&log, 300).await);
}

#[tokio::test]
async fn read_models_that_are_wrong_are_stuck_until_a_rebuild() {
    let city = city().await;
    let log = log_of(&city.events).await;
    // As if their memory of everything but the position had been lost.
    let projector = Projector::starting_from(nothing_at(Some(300)));
    projector
        .catch_up(log.as_ref(), |_, _| {})
        .await
        .unwrap_err();
    assert!(projector.stuck().is_some());
    let rebuilt = projector.rebuild(log.as_ref(), |_, _| {}).await.unwrap();
    assert!(rebuilt.difference.is_some());
    assert_eq!(rebuilt.events, city.events.len() as u64);
    assert_eq!(projector.stuck(), None);
    projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();
}

#[tokio::test]
async fn a_gap_is_told_from_the_next_event() {
    let city = city().await;
    let mut models = ReadModels::default();
    models.apply(&city.events[0]).unwrap();
    let before = models.clone();
    let gap = models.apply(&city.events[2]).unwrap_err();
    assert!(
        matches!(
            gap,
            ProjectionError::Gap {
                expected: 1,
                found: 2
            }
        ),
        "{gap}"
    );
    assert!(gap.is_lasting());
    assert_eq!(models, before);
}
