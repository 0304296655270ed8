//! What an append checks and what it leaves behind.

use std::sync::Arc;

use super::{Backend, append, at, command, event, exact, long_event, no_stream, stream};
use crate::{
    Append, AppendOutcome, EventLog, ExpectedVersion, InvalidAppend, LogError, MAX_EVENT_BYTES,
    StreamPosition, WrongExpectedVersion,
};

/// Asserts that an append was refused for its expected versions and returns the facts.
#[track_caller]
pub(super) fn wrong_version(result: Result<AppendOutcome, LogError>) -> WrongExpectedVersion {
    match result {
        Err(LogError::WrongExpectedVersion(wrong)) => wrong,
        other => panic!("expected a WrongExpectedVersion, got {other:?}"),
    }
}

async fn assert_events(log: &dyn EventLog, events: u64) {
    assert_eq!(log.head().await.unwrap(), events.checked_sub(1).map(at));
    assert_eq!(
        log.read_all(at(0), usize::MAX).await.unwrap().len() as u64,
        events
    );
}

/// See the name.
pub async fn positions_count_from_0_without_gaps<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    assert_eq!(log.head().await.unwrap(), None);
    assert_eq!(log.stream_version(&stream("a")).await.unwrap(), None);

    let first = log
        .append(append(1, &[("a", no_stream()), ("b", no_stream())]))
        .await
        .unwrap();
    assert_eq!(
        first,
        AppendOutcome {
            first: at(0),
            last: at(1),
            replayed: false
        }
    );
    let mut second = append(2, &[("b", exact(0)), ("a", exact(0))]);
    second.events.push(event(2, "b"));
    let second = log.append(second).await.unwrap();
    assert_eq!(
        second,
        AppendOutcome {
            first: at(2),
            last: at(4),
            replayed: false
        }
    );

    let places: Vec<_> = log
        .read_all(at(0), usize::MAX)
        .await
        .unwrap()
        .into_iter()
        .map(|e| {
            (
                e.global_position.0,
                e.stream.id().to_owned(),
                e.stream_position.0,
            )
        })
        .collect();
    let expected = [
        (0, "a", 0),
        (1, "b", 0),
        (2, "b", 1),
        (3, "a", 1),
        (4, "b", 2),
    ];
    assert_eq!(
        places,
        expected.map(|(global, id, place)| (global, id.to_owned(), place))
    );
    assert_eq!(log.head().await.unwrap(), Some(at(4)));
    assert_eq!(
        log.stream_version(&stream("a")).await.unwrap(),
        Some(StreamPosition(1))
    );
    assert_eq!(
        log.stream_version(&stream("b")).await.unwrap(),
        Some(StreamPosition(2))
    );
}

/// See the name.
pub async fn every_stream_written_is_checked<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    log.append(append(2, &[("a", exact(0))])).await.unwrap();

    for (number, wrong) in [no_stream(), exact(0), exact(2)].into_iter().enumerate() {
        let number = 10 + number as u64;
        wrong_version(log.append(append(number, &[("a", wrong)])).await);
        wrong_version(
            log.append(append(number, &[("b", no_stream()), ("a", wrong)]))
                .await,
        );
    }
    wrong_version(
        log.append(append(20, &[("a", exact(1)), ("b", exact(0))]))
            .await,
    );
    assert_events(&*log, 2).await;
    log.append(append(21, &[("b", no_stream()), ("a", exact(1))]))
        .await
        .unwrap();
    assert_events(&*log, 4).await;
}

/// See the name.
pub async fn a_stream_only_relied_on_is_checked_and_stays_as_it_is<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("period", no_stream())]))
        .await
        .unwrap();
    let relying = |number, period: ExpectedVersion, report: ExpectedVersion| Append {
        expected: vec![
            (stream("report"), report),
            (stream("period"), period),
            (stream("never"), no_stream()),
        ],
        events: vec![event(number, "report")],
    };
    log.append(relying(2, exact(0), no_stream())).await.unwrap();
    assert_eq!(
        log.stream_version(&stream("period")).await.unwrap(),
        Some(StreamPosition(0))
    );
    assert_eq!(log.stream_version(&stream("never")).await.unwrap(), None);

    log.append(append(3, &[("period", exact(0))]))
        .await
        .unwrap();
    let wrong = wrong_version(log.append(relying(4, exact(0), exact(0))).await);
    assert_eq!(wrong.stream, stream("period"));
    assert_events(&*log, 3).await;
    log.append(relying(5, exact(1), exact(0))).await.unwrap();
    assert_events(&*log, 4).await;
}

/// See the name.
pub async fn a_refusal_names_the_stream_and_both_versions<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    log.append(append(2, &[("a", exact(0))])).await.unwrap();

    let wrong = wrong_version(
        log.append(append(3, &[("b", no_stream()), ("a", no_stream())]))
            .await,
    );
    let facts = |id, expected, actual| WrongExpectedVersion {
        stream: stream(id),
        expected,
        actual,
    };
    assert_eq!(wrong, facts("a", no_stream(), Some(StreamPosition(1))));
    let wrong = wrong_version(log.append(append(4, &[("c", exact(7))])).await);
    assert_eq!(wrong, facts("c", exact(7), None));
}

/// See the name.
pub async fn a_refused_append_leaves_nothing_behind<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    let head = *log.subscribe_all().borrow();

    wrong_version(
        log.append(append(2, &[("b", no_stream()), ("a", no_stream())]))
            .await,
    );
    let mut too_large = append(3, &[("b", no_stream()), ("c", no_stream())]);
    too_large
        .events
        .push(long_event(3, "c", MAX_EVENT_BYTES + 100));
    let refusal = log.append(too_large).await;
    assert!(
        matches!(refusal, Err(LogError::TooLarge { .. })),
        "{refusal:?}"
    );

    for id in ["b", "c"] {
        assert_eq!(log.stream_version(&stream(id)).await.unwrap(), None);
        assert_eq!(
            log.read_stream(&stream(id), StreamPosition(0), 9)
                .await
                .unwrap(),
            []
        );
    }
    for number in [2, 3] {
        assert_eq!(log.command_outcome(command(number)).await.unwrap(), None);
    }
    assert_eq!(*log.subscribe_all().borrow(), head);
    assert_events(&*log, 1).await;
    // A refused command is not used up: it may be decided anew and sent again.
    let outcome = log
        .append(append(2, &[("b", no_stream()), ("a", exact(0))]))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        AppendOutcome {
            first: at(1),
            last: at(2),
            replayed: false
        }
    );
}

/// See the name.
pub async fn a_malformed_append_is_refused<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let empty = Append {
        expected: vec![(stream("a"), no_stream())],
        events: vec![],
    };
    let unlisted = Append {
        expected: vec![],
        events: vec![event(1, "a")],
    };
    let mut twice = append(1, &[("a", no_stream())]);
    twice.expected.push((stream("a"), exact(0)));
    let mut several = append(1, &[("a", no_stream())]);
    several.events.push(event(2, "a"));

    for (malformed, expected) in [
        (empty, InvalidAppend::Empty),
        (unlisted, InvalidAppend::UnlistedStream(stream("a"))),
        (twice, InvalidAppend::StreamListedTwice(stream("a"))),
        (
            several,
            InvalidAppend::SeveralCommands {
                first: command(1),
                other: command(2),
            },
        ),
    ] {
        match log.append(malformed).await {
            Err(LogError::InvalidAppend(why)) => assert_eq!(why, expected),
            other => panic!("expected {expected:?}, got {other:?}"),
        }
    }
    assert_events(&*log, 0).await;
}

/// See the name.
pub async fn a_command_sent_again_gives_its_first_outcome<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let sent = append(1, &[("a", no_stream()), ("b", no_stream())]);
    let first = log.append(sent.clone()).await.unwrap();
    for number in 2..50 {
        log.append(append(number, &[("a", exact(number - 2))]))
            .await
            .unwrap();
    }

    // The streams have moved on since; that must not matter.
    let again = log.append(sent).await.unwrap();
    assert_eq!(
        again,
        AppendOutcome {
            replayed: true,
            ..first
        }
    );
    assert_eq!(
        log.command_outcome(command(1)).await.unwrap(),
        Some((at(0), at(1)))
    );
    assert_events(&*log, 50).await;
}

/// See the name.
pub async fn an_unknown_command_has_no_outcome<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    assert_eq!(log.command_outcome(command(1)).await.unwrap(), None);
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    assert_eq!(
        log.command_outcome(command(1)).await.unwrap(),
        Some((at(0), at(0)))
    );
    assert_eq!(log.command_outcome(command(2)).await.unwrap(), None);
}
