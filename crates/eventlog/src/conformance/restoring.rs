//! Taking over another log.

use std::sync::Arc;

use super::{RestoreBackend, append, at, event, exact, no_stream};
use crate::{EventLog, LogError, MemoryLog};

async fn source(appends: u64) -> MemoryLog {
    let log = MemoryLog::new();
    for number in 0..appends {
        let version = number
            .checked_sub(1)
            .map_or_else(no_stream, |last| exact(2 * last + 1));
        let mut sent = append(number, &[("a", version)]);
        sent.events.push(event(number, "a"));
        log.append(sent).await.unwrap();
    }
    log
}

/// See the name.
pub async fn a_restored_log_is_the_same_log<B: RestoreBackend>(backend: Arc<B>) {
    let source = source(400).await;
    let log = backend.open_to_restore().await;
    let stored = source.read_stored(at(0), usize::MAX).await.unwrap();
    for part in stored.chunks(300) {
        log.append_stored(part.to_vec()).await.unwrap();
    }
    let expected = source.tree_head().await.unwrap();
    assert_eq!(log.tree_head().await.unwrap(), expected);
    drop(log);

    let log = backend.reopen().await;
    assert_eq!(log.tree_head().await.unwrap(), expected);
    assert_eq!(log.read_stored(at(0), usize::MAX).await.unwrap(), stored);
    // A command that was restored is known, and the log goes on.
    let again = log.append(append(7, &[("a", exact(13))])).await.unwrap();
    assert_eq!(
        (again.replayed, again.first, again.last),
        (true, at(14), at(15))
    );
    let next = log.append(append(400, &[("a", exact(799))])).await.unwrap();
    assert_eq!(next.first, at(800));
}

/// See the name.
pub async fn what_does_not_continue_a_log_is_refused<B: RestoreBackend>(backend: Arc<B>) {
    let stored = source(5)
        .await
        .read_stored(at(0), usize::MAX)
        .await
        .unwrap();
    let log = backend.open_to_restore().await;
    for wrong in [
        stored[1..3].to_vec(),
        vec![stored[0].clone(), stored[0].clone()],
        vec![b"{}".to_vec()],
        vec![stored[0].clone(), stored[2].clone()],
    ] {
        let refused = log.append_stored(wrong).await;
        assert!(
            matches!(refused, Err(LogError::InvalidAppend(_))),
            "{refused:?}"
        );
    }
    assert_eq!(log.head().await.unwrap(), None);
    log.append_stored(stored[..4].to_vec()).await.unwrap();
    assert!(log.append_stored(stored[..4].to_vec()).await.is_err());
    log.append_stored(stored[4..].to_vec()).await.unwrap();
    assert_eq!(log.head().await.unwrap(), Some(at(9)));
}
