//! Many writers at once.

use std::{collections::HashMap, sync::Arc};

use super::{
    Backend, append, appending::wrong_version, at, command, event, exact, no_stream, stream,
};
use crate::{Append, AppendOutcome, EventLog, ExpectedVersion, LogError, StreamPosition};

const WRITERS: u64 = 8;

/// See the name.
pub async fn of_many_writers_with_one_expectation_exactly_one_wins<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(0, &[("contested", no_stream())]))
        .await
        .unwrap();
    for round in 0..20 {
        let sent: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let log = Arc::clone(&log);
                let number = 1000 + round * WRITERS + writer;
                tokio::spawn(async move {
                    log.append(append(number, &[("contested", exact(round))]))
                        .await
                })
            })
            .collect();
        let mut winners = 0;
        for result in sent {
            match result.await.unwrap() {
                Ok(outcome) => {
                    assert_eq!(outcome.first, at(round + 1));
                    winners += 1;
                }
                refused => {
                    let wrong = wrong_version(refused);
                    assert_eq!(wrong.actual, Some(StreamPosition(round + 1)));
                }
            }
        }
        assert_eq!(winners, 1, "in round {round}");
    }
    assert_eq!(log.head().await.unwrap(), Some(at(20)));
}

/// See the name.
pub async fn many_writers_lose_nothing_and_double_nothing<B: Backend>(backend: Arc<B>) {
    const APPENDS: u64 = 40;
    let log = backend.open().await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { write_on(&*log, writer, APPENDS).await })
        })
        .collect();
    let mut acknowledged = HashMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }

    let events = log.read_all(at(0), usize::MAX).await.unwrap();
    assert_eq!(events.len() as u64, WRITERS * APPENDS * 2);
    let mut streams: HashMap<_, u64> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event.global_position, at(place as u64));
        let next = streams.entry(event.stream.clone()).or_default();
        assert_eq!(event.stream_position, StreamPosition(*next));
        *next += 1;
        let outcome: &AppendOutcome = &acknowledged[&event.metadata.command_id];
        assert!((outcome.first..=outcome.last).contains(&event.global_position));
    }
    assert_eq!(acknowledged.len() as u64, WRITERS * APPENDS);
    assert_eq!(streams[&stream("shared")], WRITERS * APPENDS);
}

/// Appends to a stream of its own and to the shared one, trying again when another
/// writer was faster; returns what was acknowledged.
async fn write_on(
    log: &dyn EventLog,
    writer: u64,
    appends: u64,
) -> Vec<(uuid::Uuid, AppendOutcome)> {
    let own = format!("w{writer}");
    let mut acknowledged = Vec::new();
    let mut own_version = no_stream();
    let mut shared_version =
        ExpectedVersion::still(log.stream_version(&stream("shared")).await.unwrap());
    for turn in 0..appends {
        let number = writer * 1_000 + turn;
        let outcome = loop {
            let sent = append(number, &[(&own, own_version), ("shared", shared_version)]);
            match log.append(sent).await {
                Ok(outcome) => break outcome,
                Err(LogError::WrongExpectedVersion(wrong)) => {
                    assert_eq!(wrong.stream, stream("shared"));
                    shared_version = ExpectedVersion::still(wrong.actual);
                }
                Err(other) => panic!("append of command {number}: {other}"),
            }
        };
        assert!(!outcome.replayed);
        acknowledged.push((command(number), outcome));
        own_version = exact(turn);
    }
    acknowledged
}

/// See the name.
pub async fn one_command_sent_many_times_at_once_is_recorded_once<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let sent: Vec<_> = (0..WRITERS)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(append(1, &[("a", no_stream())])).await })
        })
        .collect();
    let mut recorded = 0;
    for result in sent {
        let outcome = result.await.unwrap().unwrap();
        assert_eq!((outcome.first, outcome.last), (at(0), at(0)));
        recorded += u32::from(!outcome.replayed);
    }
    assert_eq!(recorded, 1);
    assert_eq!(log.head().await.unwrap(), Some(at(0)));
}

/// See the name.
pub async fn a_relied_on_stream_cannot_move_under_a_writer<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(0, &[("period", no_stream())]))
        .await
        .unwrap();
    let closing = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            log.append(append(1, &[("period", exact(0))]))
                .await
                .unwrap()
        })
    };
    let mut reports = 0;
    let refusal = loop {
        let period_has_closed = closing.is_finished();
        let id = format!("r{reports}");
        let relying = Append {
            expected: vec![(stream(&id), no_stream()), (stream("period"), exact(0))],
            events: vec![event(10 + reports, &id)],
        };
        match log.append(relying).await {
            Ok(_) => {
                assert!(
                    !period_has_closed,
                    "a report was recorded in a closed period"
                );
                reports += 1;
            }
            Err(LogError::WrongExpectedVersion(wrong)) => break wrong,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(refusal.stream, stream("period"));
    let closed = closing.await.unwrap();
    assert_eq!(
        closed.first,
        at(1 + reports),
        "a report was recorded after the period had closed"
    );
    assert_eq!(log.head().await.unwrap(), Some(closed.first));
}
