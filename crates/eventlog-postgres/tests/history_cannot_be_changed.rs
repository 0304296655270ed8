//! Who may do what to the log, and what is noticed when somebody did more.

mod support;

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, exact, no_stream},
};
use daicho_eventlog_postgres::{Options, PostgresLog, migrate};
use support::{Database, available, block_on, client, load::add};
use tokio_postgres::{Client, error::SqlState};

async fn assert_refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.expect_err(statement);
    assert_eq!(
        error.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{statement}: {error:?}"
    );
}

#[test]
fn the_services_role_can_only_add() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let log = database.open_in_place().await;
        add(&log, 1, "a", 0).await;
        let service = client(&database.service_url).await;
        for table in ["events", "tiles", "checkpoints", "head", "schema_history"] {
            let table = format!("daicho_log.{table}");
            for statement in [
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
            ] {
                assert_refused(&service, &statement).await;
            }
        }
        for statement in [
            "UPDATE daicho_log.events SET stored = ''",
            "UPDATE daicho_log.tiles SET hashes = ''",
            "UPDATE daicho_log.checkpoints SET note = ''",
            "UPDATE daicho_log.schema_history SET version = 9",
            "UPDATE daicho_log.head SET the_only_row = false",
            "UPDATE daicho_log.head SET size = 0",
            "INSERT INTO daicho_log.head (the_only_row, size, root) VALUES (false, 0, '')",
            "DROP SCHEMA daicho_log CASCADE",
            "CREATE TABLE daicho_log.another ()",
            "SET session_replication_role = replica",
            "SET ROLE pg_write_all_data",
        ] {
            assert_refused(&service, statement).await;
        }
        assert_eq!(log.head().await.unwrap().unwrap().0, 0);
    });
}

#[test]
fn the_owner_is_kept_from_changing_history_by_accident() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let log = database.open_in_place().await;
        add(&log, 1, "a", 0).await;
        let owner = client(&database.owner_url).await;
        for table in ["events", "tiles", "checkpoints"] {
            for statement in [
                format!("DELETE FROM daicho_log.{table}"),
                format!("TRUNCATE daicho_log.{table}"),
            ] {
                assert_refused(&owner, &statement).await;
            }
        }
        assert_refused(&owner, "UPDATE daicho_log.events SET stored = ''").await;
        assert_refused(&owner, "UPDATE daicho_log.head SET size = 0").await;
        assert_refused(&owner, "DELETE FROM daicho_log.head").await;
        // Migrating again changes nothing.
        let role = database
            .service_url
            .split(['/', ':', '@'])
            .nth(3)
            .unwrap()
            .to_owned();
        migrate(&Options::new(&database.owner_url), &role)
            .await
            .unwrap();
        add(&log, 2, "a", 1).await;
    });
}

#[test]
fn a_changed_event_is_noticed_at_the_next_start() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let log = database.open_in_place().await;
        for number in 0..3 {
            add(&log, number, "a", number).await;
        }
        log.close().await.unwrap();
        let admin = client(&database.admin_url).await;
        admin
            .batch_execute(
                "SET session_replication_role = replica; \
                 UPDATE daicho_log.events SET stored = \
                 convert_to(replace(convert_from(stored, 'UTF8'), '1.50', '9.50'), 'UTF8') \
                 WHERE global_position = 1",
            )
            .await
            .unwrap();
        let refused = PostgresLog::open(&Options::new(&database.service_url)).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error:?}");
    });
}

#[test]
fn a_log_that_lost_its_end_takes_no_more_from_a_node_that_has_seen_it() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let log = database.open_in_place().await;
        add(&log, 0, "a", 0).await;
        let before = log.tree_head().await.unwrap();
        add(&log, 1, "a", 1).await;
        let admin = client(&database.admin_url).await;
        admin
            .batch_execute(
                "SET session_replication_role = replica; \
                 DELETE FROM daicho_log.events WHERE global_position = 1",
            )
            .await
            .unwrap();
        let root = before.root.0.as_slice();
        admin
            .execute("UPDATE daicho_log.head SET size = 1, root = $1", &[&root])
            .await
            .unwrap();
        let refused = log.append(append(2, &[("a", exact(0))])).await;
        assert!(
            matches!(&refused, Err(LogError::Damaged { what, .. }) if what.contains("1 events where this node has seen 2")),
            "{refused:?}"
        );
        assert!(log.read_only_reason().is_some());
        let refused = log.append(append(3, &[("b", no_stream())])).await;
        assert!(matches!(refused, Err(LogError::Damaged { .. })));
        let heads = log.subscribe_all();
        assert_eq!(heads.borrow().unwrap().0, 1);
    });
}

#[test]
fn a_database_without_the_log_says_who_has_to_do_what() {
    if !available() {
        return;
    }
    let database = Database::new();
    block_on(async move {
        let admin = client(&database.admin_url).await;
        admin
            .batch_execute("DROP SCHEMA daicho_log CASCADE")
            .await
            .unwrap();
        let refused = PostgresLog::open(&Options::new(&database.service_url)).await;
        let LogError::Io { source, .. } = refused.unwrap_err() else {
            panic!("another error");
        };
        assert!(source.to_string().contains("owner's role"), "{source}");
    });
}
