//! A log moves from another backend to PostgreSQL and back, and stays the same log.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod support;

use std::{collections::BTreeSet, sync::Arc};

use daicho_eventlog::{
    EventLog, LogError, MemoryLog, RestoreLog, StreamPosition,
    conformance::{append, at, event, exact, no_stream, stream},
    evidence::{HashTile, LogKey, sign_checkpoint},
};
use support::{Database, available, block_on, load::recomputed};

const COMMANDS: u64 = 400;
/// Events taken over in one transaction, and not a divisor of anything.
const PART: usize = 333;

/// Commands of one to three events in a handful of streams, with checkpoints on the way.
async fn fill(log: &dyn EventLog) {
    let key = LogKey::from_seed("log.example", &[1; 32]).unwrap();
    let mut versions = [None; 7];
    for number in 0..COMMANDS {
        let place = (number % 7) as usize;
        let id = format!("s{place}");
        let expected = versions[place].map_or_else(no_stream, exact);
        let mut sent = append(number, &[(&id, expected)]);
        for _ in 0..number % 3 {
            sent.events.push(event(number, &id));
        }
        let last: u64 = versions[place].map_or(0, |version: u64| version + 1) + number % 3;
        versions[place] = Some(last);
        log.append(sent).await.unwrap();
        if number % 90 == 89 {
            let checkpoint = sign_checkpoint(&key, log.tree_head().await.unwrap());
            log.keep_checkpoint(checkpoint.unwrap()).await.unwrap();
        }
    }
}

async fn take_over(from: &dyn EventLog, into: &dyn RestoreLog) {
    let mut rest = from.read_stored(at(0), usize::MAX).await.unwrap();
    while !rest.is_empty() {
        // A part has to end where a command ends.
        let mut end = PART.min(rest.len());
        while end < rest.len() && command_of(&rest[end]) == command_of(&rest[end - 1]) {
            end += 1;
        }
        let behind = rest.split_off(end);
        into.append_stored(rest).await.unwrap();
        rest = behind;
    }
    for checkpoint in from.checkpoints(0, usize::MAX).await.unwrap() {
        into.keep_checkpoint(checkpoint).await.unwrap();
    }
}

fn command_of(stored: &[u8]) -> uuid::Uuid {
    let head = daicho_eventlog::StoredEventHead::from_stored_bytes(stored);
    head.unwrap().command_id
}

async fn assert_same(one: &dyn EventLog, other: &dyn EventLog) {
    let stored = one.read_stored(at(0), usize::MAX).await.unwrap();
    assert!(stored.len() > 700, "{}", stored.len());
    assert_eq!(other.read_stored(at(0), usize::MAX).await.unwrap(), stored);
    let head = one.tree_head().await.unwrap();
    assert_eq!(other.tree_head().await.unwrap(), head);
    assert_eq!(recomputed(other).await, head);
    for (level, index, width) in [(0, 0, 256), (0, 1, 256), (0, 2, 256), (0, 3, 9), (1, 0, 3)] {
        let tile = HashTile {
            level,
            index,
            width,
        };
        assert_eq!(
            other.hash_tile(tile).await.unwrap(),
            one.hash_tile(tile).await.unwrap()
        );
    }
    let mut commands = BTreeSet::new();
    for bytes in &stored {
        commands.insert(command_of(bytes));
    }
    assert_eq!(commands.len() as u64, COMMANDS);
    for command in commands {
        let outcome = one.command_outcome(command).await.unwrap();
        assert!(outcome.is_some());
        assert_eq!(other.command_outcome(command).await.unwrap(), outcome);
    }
    for place in 0..7 {
        let name = stream(&format!("s{place}"));
        let events = one.read_stream(&name, StreamPosition(0), usize::MAX).await;
        let again = other
            .read_stream(&name, StreamPosition(0), usize::MAX)
            .await;
        assert_eq!(again.unwrap(), events.unwrap());
        assert_eq!(
            other.stream_version(&name).await.unwrap(),
            one.stream_version(&name).await.unwrap()
        );
    }
    let kept = one.checkpoints(0, usize::MAX).await.unwrap();
    assert_eq!(kept.len(), 4);
    assert_eq!(other.checkpoints(0, usize::MAX).await.unwrap(), kept);
}

#[test]
fn a_log_that_moves_to_postgresql_and_back_is_the_same_log() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let memory = MemoryLog::new();
        fill(&memory).await;
        let log = database.open_in_place().await;
        take_over(&memory, &log).await;
        assert_same(&memory, &log).await;
        log.close().await.unwrap();

        // Also for a node that starts on it.
        let log = database.open_in_place().await;
        assert_same(&memory, &log).await;
        let back = MemoryLog::new();
        take_over(&log, &back).await;
        assert_same(&memory, &back).await;

        // It goes on where it was, and knows what it took over.
        let again = log.append(append(5, &[("s5", no_stream())])).await.unwrap();
        assert!(again.replayed);
        let version = log.stream_version(&stream("s1")).await.unwrap().unwrap();
        let sent = append(COMMANDS, &[("s1", exact(version.0))]);
        let size = memory.tree_head().await.unwrap().size;
        assert_eq!(log.append(sent).await.unwrap().first, at(size));
    });
}

#[test]
fn what_does_not_continue_the_log_changes_nothing_for_those_who_append() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let memory = MemoryLog::new();
        fill(&memory).await;
        let stored = memory.read_stored(at(0), 20).await.unwrap();
        let log = Arc::new(database.open_in_place().await);
        let appending = {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..40_u64 {
                    let version = number.checked_sub(1).map_or_else(no_stream, exact);
                    let sent = append(9000 + number, &[("own", version)]);
                    log.append(sent).await.unwrap();
                }
            })
        };
        log.append(append(8999, &[("first", no_stream())]))
            .await
            .unwrap();
        for _ in 0..10 {
            let refused = log.append_stored(stored.clone()).await;
            assert!(
                matches!(refused, Err(LogError::InvalidAppend(_))),
                "{refused:?}"
            );
        }
        appending.await.unwrap();
        assert_eq!(log.head().await.unwrap(), Some(at(40)));
        assert_eq!(log.read_only_reason(), None);
    });
}
