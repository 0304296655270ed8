//! Several nodes append to one log and see what the others do.

mod support;

use std::{sync::Arc, time::Duration};

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, at, exact, no_stream},
};
use support::{
    Database, available, block_on,
    load::{Load, add, check, recomputed},
};

#[test]
fn two_nodes_appending_at_once_leave_no_gap_and_both_see_everything() {
    if !available() {
        return;
    }
    let database = Database::new();
    let nodes = [Arc::new(database.open()), Arc::new(database.open())];
    block_on(async move {
        let load = Load::start(&nodes, 6);
        load.wait_for(800).await;
        let written = load.finish().await;
        assert_eq!((written.retries, written.found_recorded), (0, 0));
        for node in &nodes {
            let events = check(&**node, &written).await;
            assert!(events >= 800);
            let mut heads = node.subscribe_all();
            let arrived = heads.wait_for(|head| *head == Some(at(events - 1)));
            tokio::time::timeout(Duration::from_secs(10), arrived)
                .await
                .unwrap()
                .unwrap();
        }
        for node in nodes {
            node.close().await.unwrap();
        }
    });
}

#[test]
fn a_node_that_slept_while_others_wrote_goes_on_behind_them() {
    if !available() {
        return;
    }
    let database = Database::new();
    let (busy, idle) = (database.open(), database.open());
    block_on(async move {
        add(&idle, 0, "idle", 0).await;
        // More than a page, so that it is not all read behind the lock.
        for number in 0..700_u64 {
            let version = number.checked_sub(1).map_or_else(no_stream, exact);
            busy.append(append(1000 + number, &[("busy", version)]))
                .await
                .unwrap();
        }
        let outcome = add(&idle, 1, "idle", 1).await;
        assert_eq!(outcome.first, at(701));
        assert_eq!(idle.tree_head().await.unwrap(), recomputed(&busy).await);
        let refused = busy.append(append(9, &[("idle", exact(0))])).await;
        assert!(
            matches!(&refused, Err(LogError::WrongExpectedVersion(_))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_subscriber_is_woken_by_what_another_node_appends() {
    if !available() {
        return;
    }
    let database = Database::new();
    let writing = database.open();
    // So that only a notification can wake it.
    let listening = database.open_with(|options| options.poll_interval = Duration::from_hours(1));
    block_on(async move {
        // It listens once it has looked for the first time; before that it would look anyway.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut heads = listening.subscribe_all();
        for number in 0..5 {
            add(&writing, number, "a", number).await;
            let arrived = heads.wait_for(|head| *head == Some(at(number)));
            tokio::time::timeout(Duration::from_secs(5), arrived)
                .await
                .unwrap()
                .unwrap();
            let events = listening.read_all(at(number), 9).await.unwrap();
            assert_eq!(events.len(), 1);
        }
    });
}

#[test]
fn closing_answers_everything_that_was_accepted() {
    if !available() {
        return;
    }
    let database = Database::new();
    let log = Arc::new(database.open());
    block_on(async move {
        let sent: Vec<_> = (0..200)
            .map(|number| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let id = format!("s{number}");
                    log.append(append(number, &[(&id, no_stream())])).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        log.close().await.unwrap();
        let mut recorded = 0;
        for answer in sent {
            match answer.await.unwrap() {
                Ok(_) => recorded += 1,
                Err(LogError::Closed) => {}
                Err(other) => panic!("{other}"),
            }
        }
        let again = database.open_in_place().await;
        let events = again.read_all(at(0), usize::MAX).await.unwrap();
        assert_eq!(events.len(), recorded);
    });
}
