//! What roles may do, and what databases are taken.

use super::*;
use crate::database::values;
use crate::fixture::{account, register, with_password};

#[test]
fn a_role_without_rights_is_told_what_the_owner_has_to_run() {
    let Some((server, admin)) = started() else {
        return;
    };
    let command = |role: &str| match open_as(&server, role, 1).unwrap_err() {
        StoreError::RightsMissing { owner, command, .. } => {
            assert_eq!(owner, "postgres");
            command
        }
        error => panic!("{error:?}"),
    };
    // Nothing is there, then the schema of another role, then its tables: what is said helps
    // each time.
    let first = command("daicho_identity");
    assert!(first.starts_with("CREATE SCHEMA"), "{first}");
    admin.run(&first);
    node(&server, 1);
    admin.run("DROP SCHEMA daicho_identity CASCADE; CREATE SCHEMA daicho_identity");
    let second = command("daicho_identity");
    assert!(second.starts_with("GRANT USAGE, CREATE"), "{second}");
    admin.run(&second);
    node(&server, 1);
    admin.run("DROP SCHEMA daicho_identity CASCADE; CREATE ROLE \"an\"\"other\" LOGIN");
    let by_owner = open_as(&server, "postgres", 1).unwrap();
    register(&by_owner, 1, "staff.shoko");
    let third = command("daicho_identity");
    admin.run(&third);
    let store = node(&server, 2);
    assert!(store.person(account(1)).unwrap().is_some());
    store.erase(account(1), at(1)).unwrap();
    admin.run("REVOKE DELETE ON daicho_identity.person FROM daicho_identity");
    assert_eq!(command("daicho_identity"), third);
    admin.run(&command("an%22other"));
    open_as(&server, "an%22other", 3).unwrap();
}

#[test]
fn the_owner_migrates_and_the_service_only_reads_and_changes_rows() {
    let Some((server, admin)) = started() else {
        return;
    };
    admin.run("CREATE ROLE stranger LOGIN");
    let owner = PostgresSettings::new(server.url("postgres"));
    for _ in 0..2 {
        IdentityStore::migrate_postgres(&owner, "daicho_identity").unwrap();
    }
    let store = node(&server, 1);
    with_password(&store, 1, "staff.shoko");
    store.create_session(account(1), at(1)).unwrap();
    store.erase(account(1), at(2)).unwrap();
    let service = Admin::connect(&server.url("daicho_identity"));
    let stranger = Admin::connect(&server.url("stranger"));
    for statement in [
        "DROP TABLE daicho_identity.person",
        "CREATE TABLE daicho_identity.cake ()",
        "UPDATE daicho_identity.store_version SET version = 0",
        "TRUNCATE daicho_identity.person CASCADE",
    ] {
        assert!(service.try_run(statement).is_err(), "{statement}");
    }
    for (table, _) in TABLES {
        let look = format!("SELECT * FROM daicho_identity.{table}");
        assert!(stranger.try_run(&look).is_err(), "{table}");
    }
    // An older version is the owner's to bring up to date.
    admin.run("UPDATE daicho_identity.store_version SET version = 0");
    let refused = open_as(&server, "daicho_identity", 1);
    assert!(
        matches!(&refused, Err(StoreError::RightsMissing { owner, .. }) if owner == "postgres"),
        "{refused:?}"
    );
}

#[test]
fn a_newer_or_strange_schema_is_refused() {
    let Some((server, admin)) = prepared() else {
        return;
    };
    admin.run("CREATE TABLE daicho_identity.cake (slice text)");
    let refused = open_as(&server, "daicho_identity", 1);
    assert!(matches!(refused, Err(StoreError::NotAnIdentityStore)));
    admin.run("DROP TABLE daicho_identity.cake");
    drop(node(&server, 1));
    admin.run("UPDATE daicho_identity.store_version SET version = 99");
    let refused = open_as(&server, "daicho_identity", 1);
    assert!(matches!(
        refused,
        Err(StoreError::NewerVersion {
            found: 99,
            known: 1
        })
    ));
}

#[test]
fn changes_are_durable_whatever_the_role_is_set_to() {
    let Some((mut server, admin)) = prepared() else {
        return;
    };
    admin.run("ALTER ROLE daicho_identity SET synchronous_commit = off");
    admin.run("ALTER ROLE daicho_identity SET default_transaction_isolation = serializable");
    admin.run("ALTER ROLE daicho_identity SET statement_timeout = 1");
    let store = node(&server, 1);
    let setting = |name: &str| -> String {
        let shown = format!("SELECT current_setting('{name}')");
        store
            .write(|tx| tx.first("", &shown, values![]))
            .map_err(|error: StoreError| panic!("{error:?}"))
            .unwrap()
            .unwrap()
            .get(0)
            .unwrap()
    };
    assert_eq!(setting("synchronous_commit"), "on");
    assert_eq!(setting("transaction_isolation"), "read committed");
    assert_eq!(setting("statement_timeout"), "0");
    drop(store);
    drop(admin);
    server.stop();
    server.settings.push("fsync=off".to_owned());
    server.start_again();
    let refused = open_as(&server, "daicho_identity", 1);
    assert!(matches!(refused, Err(StoreError::NotDurable { .. })));
}
