//! The server crashes, refuses, and comes back.

mod support;

use std::{sync::Arc, time::Duration};

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, at, no_stream},
};
use daicho_eventlog_postgres::PostgresLog;
use support::{
    Database, RUNTIME, block_on,
    load::{Load, add, check},
    own_server_available,
};

/// It says by itself that it takes appends again.
async fn assert_well_soon(log: &PostgresLog) {
    for _ in 0..100 {
        if log.read_only_reason().is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", log.read_only_reason());
}

#[test]
fn what_was_acknowledged_outlives_a_server_that_is_killed_under_load() {
    if !own_server_available() {
        return;
    }
    let mut database = Database::new();
    let nodes = [Arc::new(database.open()), Arc::new(database.open())];
    let load = {
        let nodes = nodes.clone();
        Arc::new(block_on(async move { Load::start(&nodes, 8) }))
    };
    for _ in 0..3 {
        let running = Arc::clone(&load);
        block_on(async move { running.wait_for(300).await });
        database.server().kill();
        std::thread::sleep(Duration::from_millis(300));
        database.server().start_again();
    }
    let load = Arc::into_inner(load).unwrap();
    block_on(async move {
        load.wait_for(300).await;
        let written = load.finish().await;
        assert!(written.retries > 0, "the load did not notice");
        eprintln!(
            "{} acknowledged, {} retries, {} found themselves recorded",
            written.acknowledged.len(),
            written.retries,
            written.found_recorded
        );
        for node in &nodes {
            check(&**node, &written).await;
            assert_well_soon(node).await;
        }
    });
}

#[test]
fn a_server_that_is_away_gives_retriable_errors_until_it_is_back() {
    if !own_server_available() {
        return;
    }
    let mut database = Database::new();
    let log = Arc::new(database.open_with(|options| {
        options.read_patience = Duration::from_millis(300);
    }));
    let node = Arc::clone(&log);
    block_on(async move { add(&*node, 0, "a", 0).await });
    database.server().stop();

    let node = Arc::clone(&log);
    block_on(async move {
        for number in 1..4 {
            let refused = node.append(append(number, &[("b", no_stream())])).await;
            let error = refused.unwrap_err();
            assert!(
                matches!(error, LogError::Io { .. }) && error.is_retriable(),
                "{error:?}"
            );
            let error = node.read_all(at(0), 1).await.unwrap_err();
            assert!(error.is_retriable(), "{error:?}");
        }
        let reason = node.read_only_reason().unwrap();
        assert!(reason.contains("PostgreSQL at 127.0.0.1:"), "{reason}");
    });
    std::thread::sleep(Duration::from_secs(2));
    database.server().start_again();

    // Nobody appends, as nobody does on a log that says it is read-only.
    RUNTIME.block_on(async {
        assert_well_soon(&log).await;
        assert_eq!(add(&*log, 3, "b", 0).await.first, at(1));
    });
}

#[test]
fn a_read_waits_for_a_server_that_is_away_for_a_moment() {
    if !own_server_available() {
        return;
    }
    let mut database = Database::new();
    let log = Arc::new(database.open());
    let node = Arc::clone(&log);
    block_on(async move { add(&*node, 0, "a", 0).await });
    database.server().kill();
    let reading = RUNTIME.spawn(async move { log.read_all(at(0), 9).await });
    std::thread::sleep(Duration::from_millis(500));
    database.server().start_again();
    let events = block_on(async move { reading.await.unwrap() });
    assert_eq!(events.unwrap().len(), 1);
}

/// How long the server refuses: a minute if `DAICHO_MINUTE_WITHOUT_SERVER` is set.
fn time_away() -> Duration {
    match std::env::var_os("DAICHO_MINUTE_WITHOUT_SERVER") {
        Some(_) => Duration::from_mins(1),
        None => Duration::from_secs(4),
    }
}

#[test]
fn a_server_that_refuses_connections_for_a_while_costs_nothing_but_time() {
    /// The longest pause between attempts to connect, twice, and what a busy machine adds.
    const SOON: Duration = Duration::from_secs(8);
    if !own_server_available() {
        return;
    }
    let mut database = Database::new();
    let patience = Duration::from_millis(500);
    let log = Arc::new(database.open_with(|options| options.read_patience = patience));
    let other = Arc::new(database.open());
    let load = {
        let nodes = [Arc::clone(&log), Arc::clone(&other)];
        block_on(async move {
            let load = Load::start(&nodes, 8);
            load.wait_for(300).await;
            load
        })
    };
    let away = tokio::time::Instant::now() + time_away();
    database.server().stop();

    let node = Arc::clone(&log);
    let during = block_on(async move {
        // What was under way has been answered by now.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let during = load.acknowledged();
        while tokio::time::Instant::now() < away {
            let arriving = node.append(append(99_000_000, &[("late", no_stream())]));
            let refused = tokio::time::timeout(SOON, arriving).await;
            let error = refused.expect("an answer in time").unwrap_err();
            assert!(
                matches!(error, LogError::Io { .. }) && error.is_retriable(),
                "{error:?}"
            );
            let read = tokio::time::timeout(SOON, node.read_all(at(0), 1)).await;
            let error = read.expect("an answer in time").unwrap_err();
            assert!(error.is_retriable(), "{error:?}");
            let reason = node.read_only_reason().expect("a reason");
            for part in ["PostgreSQL at 127.0.0.1:", "refused", "Bring the server"] {
                assert!(reason.contains(part), "{reason}");
            }
        }
        assert_eq!(load.acknowledged(), during, "nobody can have recorded it");
        (load, during)
    });
    database.server().start_again();

    block_on(async move {
        let (load, before) = during;
        load.wait_for(300).await;
        assert!(load.acknowledged() >= before + 300);
        let mut written = load.finish().await;
        assert!(written.retries > 0, "the load did not notice");
        assert!(
            written.slowest_refusal < SOON,
            "{:?}",
            written.slowest_refusal
        );
        // What was refused throughout is recorded now, once.
        let outcome = add(&*log, 99_000_000, "late", 0).await;
        assert!(!outcome.replayed);
        written.acknowledged.insert(99_000_000, outcome);
        for node in [log, other] {
            assert_well_soon(&node).await;
            check(&*node, &written).await;
        }
    });
}
