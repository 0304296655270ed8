//! A node that has been alone on the log records by what it knows, without looking first. What
//! it cannot know, the database refuses; then it looks.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod support;

use std::{process::Command, sync::Arc, time::Duration};

use daicho_eventlog::{
    EventLog, LogError, StreamPosition,
    conformance::{append, at, command, exact, no_stream, stream},
};
use support::{
    Database, available, block_on, client,
    load::{add, recomputed},
    own_server_available,
};
use tokio::time::sleep;

fn send_signal(signal: &str, process: i32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn what_a_restarted_node_does_not_know_is_not_recorded_twice() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let before = database.open_in_place().await;
        add(&before, 1, "a", 0).await;
        add(&before, 2, "a", 1).await;
        before.close().await.unwrap();

        let log = database.open_in_place().await;
        add(&log, 3, "b", 0).await;
        // From here on it is alone, and has never heard of the stream and the command.
        let refused = log.append(append(4, &[("a", no_stream())])).await;
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                if wrong.actual == Some(StreamPosition(1))),
            "{refused:?}"
        );
        add(&log, 5, "c", 0).await;
        let again = log.append(append(2, &[("d", no_stream())])).await.unwrap();
        assert_eq!(
            (again.first, again.last, again.replayed),
            (at(1), at(1), true)
        );
        assert_eq!(log.stream_version(&stream("d")).await.unwrap(), None);
        add(&log, 6, "a", 2).await;
        assert_eq!(log.head().await.unwrap(), Some(at(4)));
        assert_eq!(log.tree_head().await.unwrap(), recomputed(&log).await);
    });
}

#[test]
fn nodes_that_take_turns_never_judge_by_what_is_old() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let nodes = [
            database.open_in_place().await,
            database.open_in_place().await,
        ];
        for number in 0..40_u64 {
            // Twice each, so that the second time it believes itself alone.
            let node = &nodes[(number / 2 % 2) as usize];
            let old = number.checked_sub(3).map_or_else(no_stream, exact);
            if number > 3 {
                let refused = node.append(append(1000 + number, &[("a", old)])).await;
                assert!(
                    matches!(&refused, Err(LogError::WrongExpectedVersion(wrong))
                        if wrong.actual == Some(StreamPosition(number - 1))),
                    "{refused:?}"
                );
            }
            let version = number.checked_sub(1).map_or_else(no_stream, exact);
            let outcome = node.append(append(number, &[("a", version)])).await;
            assert_eq!(outcome.unwrap().first, at(number));
        }
        assert_eq!(
            nodes[0].tree_head().await.unwrap(),
            recomputed(&nodes[1]).await
        );
    });
}

#[test]
fn a_statement_that_arrives_after_its_command_was_said_to_be_unrecorded_does_nothing() {
    if !own_server_available() {
        return;
    }
    let database = Database::new();
    let log = Arc::new(database.open_with(|options| {
        options.answer_timeout = Duration::from_secs(1);
    }));
    block_on(async move {
        for number in 0..3 {
            add(&*log, number, "a", number).await;
        }
        let admin = client(&database.admin_url).await;
        let row = admin
            .query_one(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'WITH moved%' AND usename = 'daicho_service'",
                &[],
            )
            .await
            .unwrap();
        let backend: i32 = row.get(0);
        // The process that should record it does not get to it.
        send_signal("-STOP", backend);
        let unknown = log.append(append(3, &[("a", exact(2))])).await;
        let outcome = log.command_outcome(command(3)).await;
        send_signal("-CONT", backend);
        assert!(
            matches!(&unknown, Err(LogError::Io { source, .. }) if source.to_string().contains("outcome is unknown")),
            "{unknown:?}"
        );
        assert_eq!(outcome.unwrap(), None);
        sleep(Duration::from_millis(500)).await;
        assert_eq!(log.head().await.unwrap(), Some(at(2)), "it came too late");
        let outcome = add(&*log, 3, "a", 3).await;
        assert_eq!((outcome.first, outcome.replayed), (at(3), false));
    });
}
