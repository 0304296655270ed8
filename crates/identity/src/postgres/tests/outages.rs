//! Connections that go away, and transactions that do not go through.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::database::values;
use crate::fixture::{account, register};

#[test]
fn lost_connections_are_made_again() {
    let Some((mut server, admin)) = prepared() else {
        return;
    };
    let store = node(&server, 1);
    register(&store, 1, "staff.shoko");
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'daicho identity'";
    for number in 2..6 {
        assert!(!admin.run(cut).is_empty());
        register(&store, number, &format!("person.{number}"));
        admin.run(cut);
        assert!(store.person(account(number)).unwrap().is_some());
    }

    // In the middle of a change, which is then done from its beginning.
    let first = AtomicBool::new(true);
    let changed = store.write(|tx| {
        let changed = tx.execute("", "UPDATE person SET mail = ?1", values!["a@b"])?;
        if first.swap(false, Ordering::Relaxed) {
            admin.run(cut);
        }
        tx.query("", "SELECT * FROM person", values![])?;
        Ok::<_, StoreError>(changed)
    });
    assert_eq!(changed.unwrap(), 5);

    drop(admin);
    server.stop();
    let mut impatient = PostgresSettings::new(server.url("daicho_identity"));
    impatient.patience = Duration::from_millis(300);
    let error = open_with(&impatient, 2).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    thread::scope(|scope| {
        let reading = scope.spawn(|| store.person(account(1)));
        let writing = scope.spawn(|| store.rename(account(1), "新姓 花子", at(1)));
        server.start_again();
        assert!(reading.join().unwrap().unwrap().is_some());
        assert_eq!(writing.join().unwrap().unwrap().display_name, "新姓 花子");
    });
}

#[test]
fn a_connection_lost_at_the_commit_is_told_and_not_hidden_by_trying_again() {
    let Some((server, admin)) = prepared() else {
        return;
    };
    let store = node(&server, 1);
    register(&store, 1, "staff.shoko");
    let mut times = 0;
    let outcome = store.write(|tx| {
        times += 1;
        tx.execute("", "UPDATE person SET mail = ?1", values!["a@b"])?;
        admin.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'daicho identity'",
        );
        Ok::<_, StoreError>(())
    });
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, StoreError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(times, 1);
    register(&store, 2, "staff.nourin");
}

#[test]
fn a_change_that_the_server_undid_for_a_conflict_is_tried_again_a_few_times() {
    let Some((server, admin)) = prepared() else {
        return;
    };
    let store = node(&server, 1);
    register(&store, 1, "staff.shoko");
    admin.run(
        "CREATE FUNCTION public.conflict() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('public.tries') <= current_setting('test.conflicts')::bigint THEN
                 RAISE EXCEPTION 'made up' USING ERRCODE = 'serialization_failure';
             END IF;
             RETURN NULL;
         END $$;
         CREATE SEQUENCE public.tries;
         GRANT USAGE ON SEQUENCE public.tries TO daicho_identity;
         CREATE TRIGGER conflict AFTER UPDATE ON daicho_identity.person
             EXECUTE FUNCTION public.conflict();
         ALTER DATABASE postgres SET test.conflicts = 4",
    );
    let store = {
        drop(store);
        node(&server, 2)
    };
    let person = store.rename(account(1), "新姓 花子", at(1)).unwrap();
    assert_eq!(person.display_name, "新姓 花子");
    admin.run("ALTER SEQUENCE public.tries RESTART");
    admin.run("ALTER DATABASE postgres SET test.conflicts = 5");
    drop(store);
    let store = node(&server, 3);
    let error = store.rename(account(1), "改姓 花子", at(1)).unwrap_err();
    let crate::PersonError::Store(StoreError::Postgres { source, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.code(), Some("40001"));
    assert_eq!(
        store.person(account(1)).unwrap().unwrap().display_name,
        "新姓 花子"
    );
}

#[test]
fn a_writer_that_hangs_is_waited_for_and_told_of_but_not_for_ever() {
    let Some((server, admin)) = prepared() else {
        return;
    };
    let mut settings = PostgresSettings::new(server.url("daicho_identity"));
    settings.answer_timeout = Duration::from_secs(1);
    let store = open_with(&settings, 1).unwrap();
    register(&store, 1, "staff.shoko");
    admin.run(BEGIN);
    let error = store.rename(account(1), "新姓 花子", at(1)).unwrap_err();
    let crate::PersonError::Store(StoreError::Postgres { source, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.code(), Some("55P03"));
    assert!(
        store.person(account(1)).unwrap().is_some(),
        "reading goes on"
    );
    admin.run("ROLLBACK");
    store.rename(account(1), "新姓 花子", at(1)).unwrap();
}
