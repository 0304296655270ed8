//! What an event may hold.

use std::sync::Arc;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Backend, append, at, event, exact, long_event, no_stream, stream};
use crate::{
    Append, GlobalPosition, LogError, MAX_APPEND_BYTES, MAX_EVENT_BYTES, NewEvent, RecordedEvent,
    StreamPosition,
};

/// See the name.
pub async fn an_event_comes_back_exactly_as_it_was_written<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let texts = [
        r#"{"課名":"河川・下水道課","値":"１２３．４５","𠮷野":"🏯","nul":"\u0000","e":"é"}"#,
        r#"{ "kept" : [ 100.0, 1e3, 12345678901234567890123456789.00 ] }"#,
        "null",
        "\"\u{2028}\u{feff}\u{10ffff}\"",
    ];
    let mut written = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let mut event: NewEvent = event(number as u64, "a");
        event.data = RawValue::from_string((*text).to_owned()).unwrap();
        event.metadata.reason = Some(format!("理由「{text}」\n\t\"\\"));
        event.metadata.actor.account = "職員.１号 👩‍💼".to_owned();
        event.metadata.actor.grant = Some(Uuid::from_u128(u128::MAX));
        event.metadata.actor.on_behalf_of = Some("課長".to_owned());
        event.metadata.command_id = Uuid::from_u128(77);
        event.metadata.causation_id = Some(Uuid::nil());
        event.metadata.municipality = None;
        event.metadata.recorded_at = "2026-03-31T15:00:00.123456789Z".parse().unwrap();
        written.push(event);
    }
    let sent = Append {
        expected: vec![(stream("a"), no_stream())],
        events: written.clone(),
    };
    log.append(sent).await.unwrap();
    let expected: Vec<_> = written
        .into_iter()
        .enumerate()
        .map(|(place, event)| {
            let place = place as u64;
            RecordedEvent::at(GlobalPosition(place), StreamPosition(place), event)
        })
        .collect();
    assert_eq!(log.read_all(at(0), usize::MAX).await.unwrap(), expected);
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(
        log.read_stream(&stream("a"), StreamPosition(0), 99)
            .await
            .unwrap(),
        expected
    );
}

/// See the name.
pub async fn an_event_at_the_limit_is_taken_and_one_above_is_not<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let of = |event| Append {
        expected: vec![(stream("a"), no_stream())],
        events: vec![event],
    };
    match log
        .append(of(long_event(1, "a", MAX_EVENT_BYTES + 1)))
        .await
    {
        Err(LogError::TooLarge {
            bytes, limit_bytes, ..
        }) => {
            assert_eq!((bytes, limit_bytes), (MAX_EVENT_BYTES + 1, MAX_EVENT_BYTES));
        }
        other => panic!("expected TooLarge, got {other:?}"),
    }
    let largest = long_event(2, "a", MAX_EVENT_BYTES);
    log.append(of(largest.clone())).await.unwrap();
    log.append(append(3, &[("a", exact(0))])).await.unwrap();
    assert_eq!(
        log.read_all(at(0), 1).await.unwrap()[0].data.get(),
        largest.data.get()
    );
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(
        log.read_all(at(0), 1).await.unwrap()[0].data.get(),
        largest.data.get()
    );
}

/// See the name.
pub async fn an_append_above_the_limit_is_refused_and_a_large_one_is_whole<B: Backend>(
    backend: Arc<B>,
) {
    const EVENT_BYTES: usize = 60_000;
    let log = backend.open().await;
    let of = |events: usize| Append {
        expected: vec![(stream("a"), no_stream())],
        events: (0..events)
            .map(|n| {
                let mut event = long_event(n as u64, "a", EVENT_BYTES);
                event.metadata.command_id = Uuid::from_u128(1);
                event
            })
            .collect(),
    };
    let refused = log.append(of(MAX_APPEND_BYTES / EVENT_BYTES + 1)).await;
    assert!(
        matches!(
            refused,
            Err(LogError::TooLarge {
                limit_bytes: MAX_APPEND_BYTES,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(log.head().await.unwrap(), None);

    // Several times what any backend holds in one piece.
    let large = of(40);
    let outcome = log.append(large.clone()).await.unwrap();
    assert_eq!((outcome.first, outcome.last), (at(0), at(39)));
    drop(log);
    let log = backend.reopen().await;
    let read = log.read_all(at(0), usize::MAX).await.unwrap();
    assert_eq!(read.len(), 40);
    for (read, written) in read.iter().zip(&large.events) {
        assert_eq!(read.data.get(), written.data.get());
    }
}
