use std::sync::Arc;
use std::sync::mpsc;

use daicho_projections::{Projector, fold};

use crate::city::{append, city, folded, log_of, nothing_at};

#[tokio::test]
async fn a_rebuild_finds_read_models_that_follow_the_log_equal() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let projector = Projector::default();
    let before = projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();
    let mut told = Vec::new();
    let rebuilt = projector
        .rebuild(log.as_ref(), |done, all| told.push((done, all)))
        .await
        .unwrap();
    let events = city.events.len() as u64;
    assert_eq!((rebuilt.events, rebuilt.compared_events), (events, events));
    assert_eq!(rebuilt.difference, None);
    assert_eq!(rebuilt.digest, before.digest());
    assert_eq!(told.last(), Some(&(events, events)));
    assert!(!Arc::ptr_eq(&before, &projector.current()), "swapped");
    assert_eq!(*projector.current(), *before);
}

#[tokio::test]
async fn an_empty_log_is_rebuilt_too() {
    let log = log_of(&[]).await;
    let rebuilt = Projector::default()
        .rebuild(log.as_ref(), |_, _| {})
        .await
        .unwrap();
    assert_eq!((rebuilt.events, rebuilt.difference), (0, None));
}

#[tokio::test]
async fn a_rebuild_says_where_the_read_models_were_wrong_and_puts_it_right() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let events = city.events.len();
    let fresh = folded(&log, events).await;
    let last = city
        .events
        .iter()
        .rfind(|event| event.stream.as_str().starts_with("indicator-"))
        .unwrap();
    let mut wrong = fresh.clone();
    wrong.world = folded(&log, last.global_position.0 as usize).await.world;
    assert_ne!(wrong.digest(), fresh.digest());
    let projector = Projector::starting_from(wrong);
    let rebuilt = projector.rebuild(log.as_ref(), |_, _| {}).await.unwrap();
    let difference = rebuilt.difference.unwrap();
    assert_eq!(difference.read_model, "world");
    // The first of the streams that changed since, in the order of their names.
    assert!(difference.at.starts_with("stream "), "{difference}");
    assert_eq!(*projector.current(), fresh);
    let again = projector.rebuild(log.as_ref(), |_, _| {}).await.unwrap();
    assert_eq!(again.difference, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_catching_up_go_on_while_a_rebuild_folds() {
    let city = city().await;
    let (first, rest) = city.events.split_at(city.events.len() - 1);
    assert_ne!(
        first.last().unwrap().metadata.command_id,
        rest[0].metadata.command_id
    );
    let log = log_of(first).await;
    let projector = Arc::new(Projector::default());
    projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();

    let (arrived, arrival) = mpsc::channel();
    let (go_on, going_on) = mpsc::channel::<()>();
    let rebuilding = {
        let (projector, log) = (Arc::clone(&projector), Arc::clone(&log));
        tokio::spawn(async move {
            let mut is_first = true;
            projector
                .rebuild(log.as_ref(), move |_, _| {
                    if std::mem::take(&mut is_first) {
                        arrived.send(()).unwrap();
                        going_on.recv().unwrap();
                    }
                })
                .await
        })
    };
    tokio::task::block_in_place(|| arrival.recv()).unwrap();
    // The rebuild stands still in the middle of the log.
    let refusal = city
        .events
        .iter()
        .rfind(|event| event.event_type == "command-refused.v1")
        .unwrap();
    let position = append(
        &log,
        &refusal.stream,
        &refusal.event_type,
        refusal.data.get(),
    )
    .await;
    let seen = projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();
    assert_eq!(seen.position, Some(position));
    assert_eq!(projector.current().position, Some(position));
    go_on.send(()).unwrap();

    let rebuilt = rebuilding.await.unwrap().unwrap();
    assert_eq!(rebuilt.difference, None);
    assert_eq!(rebuilt.events, position + 1);
    let fresh = fold(log.as_ref(), |_| true).await.unwrap();
    assert_eq!(*projector.current(), fresh);
}

#[tokio::test]
async fn a_rebuild_that_cannot_be_done_leaves_the_read_models_in_use() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let projector = Projector::default();
    let before = projector.catch_up(log.as_ref(), |_, _| {}).await.unwrap();
    let stream = city.events[0].stream.clone();
    append(&log, &stream, "written-by-a-newer-version.v9", "{}").await;
    assert!(projector.rebuild(log.as_ref(), |_, _| {}).await.is_err());
    assert!(Arc::ptr_eq(&before, &projector.current()));
}

#[tokio::test]
async fn differences_are_named_by_read_model_and_place() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let all = folded(&log, city.events.len()).await;
    let less = folded(&log, city.events.len() - 1).await;
    assert_eq!(all.first_difference(&all.clone()), None);
    assert_eq!(all.first_difference(&less).unwrap().read_model, "position");
    // The same world and position, but nothing of what was recorded beside it.
    let mut bare = nothing_at(all.position);
    bare.world = all.world.clone();
    bare.is_demo = all.is_demo;
    let difference = bare.first_difference(&all).unwrap();
    assert_eq!(difference.read_model, "history");
    let first = all
        .world
        .plan(city.played.plan)
        .unwrap()
        .indicators()
        .into_iter()
        .min()
        .unwrap();
    assert_eq!(difference.at, format!("indicator {first}"));
    assert_ne!(bare.digest(), all.digest());
}
