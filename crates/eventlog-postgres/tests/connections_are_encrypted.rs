//! With certificates given, nothing goes over the wire in the clear or to a stranger.

mod support;

use daicho_eventlog_postgres::{Options, PostgresLog};
use daicho_postgres::throwaway_server::certificates;
use support::{Database, block_on, client, load::add, own_server_available};

#[test]
fn only_a_server_that_a_given_authority_vouches_for_is_spoken_to() {
    if !own_server_available() {
        return;
    }
    if !certificates::can_be_made() {
        return;
    }
    let mut database = Database::new();
    let folder = database.server().folder();
    database.server().make_certificates();

    let with = |name: &str, host: &str| {
        let url = database.service_url.replace("127.0.0.1", host);
        let mut options = Options::new(url);
        options.root_certificates = Some(folder.join(format!("{name}.crt")));
        options
    };
    let (right, stranger, misnamed) = (
        with("ours", "localhost"),
        with("theirs", "localhost"),
        with("ours", "127.0.0.1"),
    );
    // The server does not speak TLS yet: then nothing is said at all.
    let refusing = right.clone();
    block_on(async move { PostgresLog::open(&refusing).await }).unwrap_err();

    database.server().speak_tls();
    let admin_url = database.admin_url.clone();
    block_on(async move {
        let log = PostgresLog::open(&right).await.unwrap();
        add(&log, 1, "a", 0).await;
        let admin = client(&admin_url).await;
        let rows = admin
            .query(
                "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                 WHERE a.application_name = 'daicho'",
                &[],
            )
            .await
            .unwrap();
        assert!(rows.len() >= 3);
        assert!(rows.iter().all(|row| row.get(0)));
        for refused in [stranger, misnamed] {
            PostgresLog::open(&refused).await.unwrap_err();
        }
    });
}
