//! Nothing is acknowledged that the server's synchronous standby has not confirmed.
//!
//! The standby here is one that never comes, so that commits wait until the setting is taken
//! back; `tests/patroni_failover.rs` has real ones.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod support;

use std::{sync::Arc, time::Duration};

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, at, command, no_stream},
};
use daicho_eventlog_postgres::{Options, PostgresLog};
use support::{Database, available, block_on, client, load::add, own_server_available};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

const A_WHILE: Duration = Duration::from_millis(700);

/// From now on commits wait for `standby`, or for nobody if it is empty.
async fn wait_for_standby(admin: &Client, standby: &str) {
    // The changing session itself must not wait.
    for statement in [
        "SET synchronous_commit = local".to_owned(),
        format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'"),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        admin.batch_execute(&statement).await.unwrap();
    }
    sleep(Duration::from_millis(300)).await;
}

async fn waiting_for_standby(admin: &Client) -> i64 {
    let row = admin
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
            &[],
        )
        .await
        .unwrap();
    row.get(0)
}

async fn wal_position(admin: &Client) -> String {
    let row = admin
        .query_one("SELECT pg_current_wal_insert_lsn()::text", &[])
        .await
        .unwrap();
    row.get(0)
}

#[test]
fn a_command_sent_again_writes_to_the_wal_and_so_waits() {
    if !available() {
        return;
    }
    let database = Database::new();
    let log = database.open();
    block_on(async move {
        let admin = client(&database.admin_url).await;
        let first = add(&log, 1, "a", 0).await;
        // Connecting writes too, so every connection has to be there before.
        log.command_outcome(command(1)).await.unwrap();
        let is_written_by_server = |before: &str, after: &str| before != after;

        let mut seen = Vec::new();
        for _ in 0..3 {
            let before = wal_position(&admin).await;
            let again = log.append(append(1, &[("a", no_stream())])).await.unwrap();
            assert_eq!((again.first, again.replayed), (first.first, true));
            seen.push(is_written_by_server(&before, &wal_position(&admin).await));
            let before = wal_position(&admin).await;
            assert!(log.command_outcome(command(1)).await.unwrap().is_some());
            seen.push(is_written_by_server(&before, &wal_position(&admin).await));
        }
        assert_eq!(seen, [true; 6]);
        // The look itself writes nothing, or all of this would say nothing.
        let mut quiet = false;
        for _ in 0..20 {
            let before = wal_position(&admin).await;
            assert_eq!(log.command_outcome(command(2)).await.unwrap(), None);
            quiet |= before == wal_position(&admin).await;
        }
        assert!(quiet);
    });
}

#[test]
fn neither_an_append_nor_its_repetition_is_answered_before_the_standby_has_it() {
    if !own_server_available() {
        return;
    }
    let database = Database::new();
    let log = Arc::new(database.open());
    block_on(async move {
        let admin = client(&database.admin_url).await;
        add(&*log, 1, "a", 0).await;
        for (sent, head_meanwhile, replayed) in [
            (append(1, &[("a", no_stream())]), 0, true),
            (append(2, &[("b", no_stream())]), 0, false),
            (append(2, &[("b", no_stream())]), 1, true),
        ] {
            wait_for_standby(&admin, "nobody").await;
            let node = Arc::clone(&log);
            let mut answer = tokio::spawn(async move { node.append(sent).await });
            assert!(
                timeout(A_WHILE, &mut answer).await.is_err(),
                "it did not wait"
            );
            assert_eq!(log.head().await.unwrap(), Some(at(head_meanwhile)));
            assert_eq!(*log.subscribe_all().borrow(), Some(at(head_meanwhile)));
            wait_for_standby(&admin, "").await;
            assert_eq!(answer.await.unwrap().unwrap().replayed, replayed);
        }
    });
}

#[test]
fn a_cancelled_wait_for_the_standby_is_no_acknowledgement() {
    if !own_server_available() {
        return;
    }
    let database = Database::new();
    let log = Arc::new(database.open());
    block_on(async move {
        let admin = client(&database.admin_url).await;
        // The first append of a connection looks before it records, later ones do not.
        for (size, number, id) in [(0, 1, "a"), (3, 4, "d")] {
            for before in 1..size {
                add(&*log, 100 + before, &format!("before{before}"), 0).await;
            }
            wait_for_standby(&admin, "nobody").await;
            let node = Arc::clone(&log);
            let answer =
                tokio::spawn(
                    async move { node.append(append(number, &[(id, no_stream())])).await },
                );
            sleep(A_WHILE).await;
            let cancelled = admin
                .query(
                    "SELECT query, pg_cancel_backend(pid) FROM pg_stat_activity \
                     WHERE wait_event = 'SyncRep'",
                    &[],
                )
                .await
                .unwrap();
            assert_eq!(cancelled.len(), 1);
            let statement: &str = cancelled[0].get(0);
            let expected = if size == 0 { "COMMIT" } else { "WITH moved" };
            assert!(statement.starts_with(expected), "{statement}");
            let error = answer.await.unwrap().unwrap_err();
            assert!(
                matches!(&error, LogError::Io { source, .. } if source.to_string().contains("outcome is unknown")),
                "{error:?}"
            );
            wait_for_standby(&admin, "").await;
            let again = log
                .append(append(number, &[(id, no_stream())]))
                .await
                .unwrap();
            assert_eq!((again.first, again.replayed), (at(size), true));
        }
    });
}

#[test]
fn rows_that_a_crash_made_visible_are_not_read_before_the_standby_has_them() {
    if !own_server_available() {
        return;
    }
    let mut database = Database::new();
    let impatient = |options: &mut Options| {
        options.answer_timeout = Duration::from_secs(1);
        options.read_patience = Duration::from_secs(1);
    };
    let log = Arc::new(database.open_with(impatient));
    let admin_url = database.admin_url.clone();
    let node = Arc::clone(&log);
    block_on(async move {
        let admin = client(&admin_url).await;
        wait_for_standby(&admin, "nobody").await;
        let answer = node.append(append(1, &[("a", no_stream())])).await;
        assert!(matches!(answer, Err(LogError::Io { .. })), "{answer:?}");
    });
    database.server().kill();
    database.server().start_again();

    block_on(async move {
        let admin = client(&database.admin_url).await;
        let row = admin
            .query_one("SELECT count(*) FROM daicho_log.events", &[])
            .await
            .unwrap();
        // The danger: anybody can see it, and no standby has it.
        assert_eq!(row.get::<_, i64>(0), 1);
        for _ in 0..3 {
            let read = log.read_all(at(0), 9).await;
            assert!(matches!(read, Err(LogError::Io { .. })), "{read:?}");
            let outcome = log.command_outcome(command(1)).await;
            assert!(matches!(outcome, Err(LogError::Io { .. })), "{outcome:?}");
            let sent = log.append(append(1, &[("a", no_stream())])).await;
            assert!(matches!(sent, Err(LogError::Io { .. })), "{sent:?}");
        }
        assert!(log.read_only_reason().is_some());
        assert_eq!(*log.subscribe_all().borrow(), None);
        // Giving up and trying again must not fill the server with waiting processes.
        let waiting = waiting_for_standby(&admin).await;
        assert!(waiting <= 2, "{waiting} processes wait");

        wait_for_standby(&admin, "").await;
        let again = timeout(Duration::from_secs(20), async {
            loop {
                match log.append(append(1, &[("a", no_stream())])).await {
                    Ok(outcome) => return outcome,
                    Err(LogError::Io { .. }) => sleep(Duration::from_millis(100)).await,
                    Err(other) => panic!("{other}"),
                }
            }
        });
        assert!(again.await.unwrap().replayed);
        assert_eq!(log.read_all(at(0), 9).await.unwrap().len(), 1);
    });
}

#[test]
fn a_statement_timeout_of_the_role_does_not_cut_the_wait_short() {
    if !own_server_available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let admin = client(&database.admin_url).await;
        admin
            .batch_execute("ALTER ROLE daicho_service SET statement_timeout = '200ms'")
            .await
            .unwrap();
        let log = Arc::new(database.open_in_place().await);
        wait_for_standby(&admin, "nobody").await;
        let node = Arc::clone(&log);
        let answer =
            tokio::spawn(async move { node.append(append(1, &[("a", no_stream())])).await });
        sleep(A_WHILE).await;
        assert!(!answer.is_finished());
        wait_for_standby(&admin, "").await;
        assert!(!answer.await.unwrap().unwrap().replayed);
    });
}

#[test]
fn a_server_that_would_acknowledge_too_early_is_refused() {
    if !own_server_available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let admin = client(&database.admin_url).await;
        for weak in ["off", "local", "remote_write"] {
            let statement = format!("ALTER ROLE daicho_service SET synchronous_commit = {weak}");
            admin.batch_execute(&statement).await.unwrap();
            let refused = PostgresLog::open(&Options::new(&database.service_url)).await;
            let LogError::Io { source, .. } = refused.unwrap_err() else {
                panic!("another error");
            };
            assert!(
                source
                    .to_string()
                    .contains(&format!("synchronous_commit is {weak}")),
                "{source}"
            );
        }
        admin
            .batch_execute("ALTER ROLE daicho_service RESET synchronous_commit")
            .await
            .unwrap();
        let mut options = Options::new(&database.service_url);
        options.require_standby = true;
        let log = PostgresLog::open(&options).await.unwrap();
        let refused = log.append(append(1, &[("a", no_stream())])).await;
        assert!(
            matches!(&refused, Err(LogError::Io { source, .. }) if source.to_string().contains("standby")),
            "{refused:?}"
        );
        assert_eq!(log.head().await.unwrap(), None);
    });
}
