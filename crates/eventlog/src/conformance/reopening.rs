//! What outlives the process.

use std::sync::Arc;

use super::{Backend, append, at, command, exact, no_stream, stream};
use crate::{AppendOutcome, LogError, StreamPosition};

/// See the name.
pub async fn everything_is_there_after_reopening<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream()), ("b", no_stream())]))
        .await
        .unwrap();
    for number in 2..40 {
        log.append(append(number, &[("a", exact(number - 2))]))
            .await
            .unwrap();
    }
    let before = log.read_all(at(0), usize::MAX).await.unwrap();
    assert_eq!(before.len(), 40);
    drop(log);

    let log = backend.reopen().await;
    assert_eq!(log.read_all(at(0), usize::MAX).await.unwrap(), before);
    assert_eq!(log.head().await.unwrap(), Some(at(39)));
    assert_eq!(
        log.stream_version(&stream("a")).await.unwrap(),
        Some(StreamPosition(38))
    );
    let b = log
        .read_stream(&stream("b"), StreamPosition(0), 9)
        .await
        .unwrap();
    assert_eq!(b, [before[1].clone()]);
}

/// See the name.
pub async fn a_command_sent_again_after_reopening_gives_its_first_outcome<B: Backend>(
    backend: Arc<B>,
) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    let sent = append(2, &[("a", exact(0)), ("b", no_stream())]);
    let first = log.append(sent.clone()).await.unwrap();
    log.append(append(3, &[("a", exact(1))])).await.unwrap();
    drop(log);

    let log = backend.reopen().await;
    assert_eq!(
        log.command_outcome(command(2)).await.unwrap(),
        Some((at(1), at(2)))
    );
    assert_eq!(
        log.append(sent).await.unwrap(),
        AppendOutcome {
            replayed: true,
            ..first
        }
    );
    assert_eq!(log.head().await.unwrap(), Some(at(3)));
}

/// See the name.
pub async fn positions_go_on_after_reopening<B: Backend>(backend: Arc<B>) {
    let mut log = backend.open().await;
    let mut version = no_stream();
    for number in 0..4 {
        let outcome = log.append(append(number, &[("a", version)])).await.unwrap();
        assert_eq!(outcome.first, at(number));
        version = exact(number);
        drop(log);
        log = backend.reopen().await;
    }
    let a = log
        .read_stream(&stream("a"), StreamPosition(0), 9)
        .await
        .unwrap();
    assert_eq!(a.len(), 4);
}

/// See the name.
pub async fn a_closed_log_says_so<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    log.append(append(1, &[("a", no_stream())])).await.unwrap();
    log.close().await.unwrap();
    log.close().await.unwrap();
    let refused = log.append(append(2, &[("a", exact(0))])).await;
    assert!(matches!(refused, Err(LogError::Closed)), "{refused:?}");
    let refused = log.read_all(at(0), 9).await;
    assert!(matches!(refused, Err(LogError::Closed)), "{refused:?}");
    let refused = log.head().await;
    assert!(matches!(refused, Err(LogError::Closed)), "{refused:?}");
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(log.head().await.unwrap(), Some(at(0)));
}
