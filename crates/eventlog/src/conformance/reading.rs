//! Pages and subscriptions.

use std::{sync::Arc, time::Duration};

use super::{Backend, append, at, command, exact, no_stream, stream};
use crate::{EventLog, ExpectedVersion, GlobalPosition, StreamPosition};

/// Far above what any step of a case takes; only a hanging backend meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// `events` appends of one event each, taking turns on the streams `s0`, `s1`, `s2`.
async fn fill(log: &dyn EventLog, events: u64) {
    for number in 0..events {
        let version = match number / 3 {
            0 => no_stream(),
            earlier => exact(earlier - 1),
        };
        log.append(append(number, &[(&format!("s{}", number % 3), version)]))
            .await
            .unwrap();
    }
}

/// See the name.
pub async fn a_stream_is_read_in_pages<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 30).await;
    let name = stream("s1");
    let mut seen = Vec::new();
    loop {
        let page = log
            .read_stream(&name, StreamPosition(seen.len() as u64), 4)
            .await
            .unwrap();
        assert!(page.len() <= 4);
        let end = page.len() < 4;
        seen.extend(page);
        if end {
            break;
        }
    }
    assert_eq!(seen.len(), 10);
    for (place, event) in seen.iter().enumerate() {
        let place = place as u64;
        assert_eq!(event.stream, name);
        assert_eq!(event.stream_position, StreamPosition(place));
        assert_eq!(event.global_position, at(place * 3 + 1));
        assert_eq!(event.metadata.command_id, command(place * 3 + 1));
    }
}

/// See the name.
pub async fn the_log_is_read_in_pages<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 30).await;
    for page_length in [1, 7, 30, 31] {
        let mut next = at(0);
        loop {
            let page = log.read_all(next, page_length).await.unwrap();
            for event in &page {
                assert_eq!(event.global_position, next);
                assert_eq!(event.metadata.command_id, command(next.0));
                next = next.next();
            }
            if page.len() < page_length {
                break;
            }
        }
        assert_eq!(next, at(30), "in pages of {page_length}");
    }
}

/// See the name.
pub async fn reading_beyond_the_end_gives_nothing<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    assert_eq!(log.read_all(at(0), 9).await.unwrap(), []);
    fill(&*log, 6).await;
    assert_eq!(log.read_all(at(6), 9).await.unwrap(), []);
    assert_eq!(log.read_all(at(u64::MAX), 9).await.unwrap(), []);
    assert_eq!(log.read_all(at(0), 0).await.unwrap(), []);
    for from in [2, u64::MAX] {
        let read = log
            .read_stream(&stream("s0"), StreamPosition(from), 9)
            .await
            .unwrap();
        assert_eq!(read, []);
    }
    assert_eq!(
        log.read_stream(&stream("none"), StreamPosition(0), 9)
            .await
            .unwrap(),
        []
    );
}

/// See the name.
pub async fn a_subscriber_sees_every_event<B: Backend>(backend: Arc<B>) {
    const EVENTS: u64 = 200;
    let log = backend.open().await;
    let mut heads = log.subscribe_all();
    assert_eq!(*heads.borrow(), None);
    let writer = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut version = no_stream();
            for number in 0..EVENTS {
                let outcome = log.append(append(number, &[("a", version)])).await.unwrap();
                // What was acknowledged is visible to its writer at once.
                let seen = log.stream_version(&stream("a")).await.unwrap();
                assert_eq!(seen, Some(StreamPosition(number)));
                assert_eq!(log.read_all(outcome.first, 1).await.unwrap().len(), 1);
                version = ExpectedVersion::still(seen);
            }
        })
    };
    let mut next = at(0);
    while next < at(EVENTS) {
        tokio::time::timeout(PATIENCE, heads.changed())
            .await
            .expect("the subscriber learns of new events")
            .expect("the log is still open");
        let head: GlobalPosition = heads.borrow_and_update().unwrap();
        let known = (head.0 + 1 - next.0) as usize;
        let events = log.read_all(next, known).await.unwrap();
        assert_eq!(
            events.len(),
            known,
            "every event up to the head can be read"
        );
        for event in events {
            assert_eq!(event.global_position, next);
            next = next.next();
        }
    }
    writer.await.unwrap();
}

/// See the name.
pub async fn a_late_subscriber_learns_the_head_at_once<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 5).await;
    assert_eq!(*log.subscribe_all().borrow(), Some(at(4)));
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(*log.subscribe_all().borrow(), Some(at(4)));
}
