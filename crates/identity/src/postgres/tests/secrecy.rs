//! What nobody else gets to see.

use daicho_postgres::throwaway_server::certificates;

use super::*;
use crate::database::values;
use crate::fixture::{PASSWORD, account, register, with_password};
use crate::{Entropy, JwtIssuer};

#[test]
fn the_place_of_an_erased_person_is_cleared_where_the_role_owns_the_tables() {
    let Some((server, admin)) = prepared() else {
        return;
    };
    let store = node(&server, 1);
    with_password(&store, 1, "unusual.name");
    register(&store, 2, "another.name");
    admin.run("CREATE EXTENSION pageinspect");
    // Rows and remains of rows, as they lie in the pages.
    let items = |table: &str| -> usize {
        let looked = format!(
            "SELECT count(*) FROM heap_page_items(get_raw_page('daicho_identity.{table}', 0))
             WHERE lp_len > 0"
        );
        admin.run(&looked)[0].parse().unwrap()
    };
    assert_eq!(items("person"), 2);
    assert_eq!(items("password"), 1);
    store.erase(account(1), at(1)).unwrap();
    assert_eq!(items("person"), 1);
    // The last row of a table leaves no page.
    let pages = admin.run("SELECT pg_relation_size('daicho_identity.password')");
    assert_eq!(pages, ["0"]);
}

#[test]
fn secrets_are_not_in_the_servers_log_nor_in_what_is_printed() {
    let Some((mut server, admin)) = prepared() else {
        return;
    };
    let url = server
        .url("daicho_identity")
        .replace("daicho_identity@", "daicho_identity:pa55-w0rd@");
    let settings = PostgresSettings::new(&url);
    let store = open_with(&settings, 1).unwrap();
    let issuer = JwtIssuer::new(Arc::new(open_with(&settings, 2).unwrap()), "i", "a").unwrap();
    let shoko = with_password(&store, 1, "unusual.name");
    let token = store.start_refresh(shoko, at(1)).unwrap().token;
    issuer.rotate_key(at(1)).unwrap();
    // The detail of this error would hold the row.
    let refused = store.write(|tx| {
        tx.execute(
            "break a rule",
            "INSERT INTO page_session VALUES (?1, ?2, ?1, ?3, ?4, ?4)",
            values![[7_u8; 3], [7_u8; 32], "secret-csrf", at(1)],
        )
    });
    let refused: StoreError = refused.unwrap_err();
    admin.run("ALTER ROLE daicho_identity NOLOGIN");
    let no_login = open_with(&settings, 3).unwrap_err();
    assert!(
        matches!(&no_login, StoreError::Unreachable { source, .. }
            if source.to_string().contains("not permitted to log in")),
        "{no_login:?}"
    );
    drop(admin);
    server.stop();
    let mut impatient = settings.clone();
    impatient.patience = Duration::from_millis(100);
    let gone = open_with(&impatient, 3).unwrap_err();
    let printed = format!(
        "{store:?} {settings:?} {refused:?} {refused} {no_login:?} {no_login} {gone:?} {gone}"
    );
    for secret in [
        "pa55-w0rd",
        "secret-csrf",
        "070707",
        "unusual.name",
        token.expose(),
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("127.0.0.1"), "{printed}");
    let log = server.log();
    for secret in ["pa55-w0rd", token.expose(), PASSWORD] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_connection_string_that_cannot_be_used_is_refused_without_showing_it() {
    for url in [
        "postgresql://daicho:pa55@w0rd-hidden@host/daicho",
        "postgresql://daicho:pa55@w0rd-hidden/x@host/daicho",
        "postgresql://daicho:pa55@host:w0rd-hidden/daicho",
        "host=there w0rd-hidden=5",
        "postgresql://",
        "",
    ] {
        let error = open_with(&PostgresSettings::new(url), 1).unwrap_err();
        assert!(
            matches!(error, StoreError::ConnectionString { .. }),
            "{url}: {error:?}"
        );
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("w0rd-hidden"), "{printed}");
    }
    let settings = PostgresSettings::new("postgresql://nobody@localhost/x");
    let refused = IdentityStore::open_postgres(&settings, quick(), Entropy::predictable(1), at(0));
    assert!(matches!(refused, Err(StoreError::PredictableEntropy)));
}

#[test]
fn with_certificates_only_a_server_that_they_vouch_for_is_spoken_to() {
    if !certificates::can_be_made() {
        return;
    }
    let Some((mut server, admin)) = prepared() else {
        return;
    };
    let folder = server.folder();
    server.make_certificates();
    let with = |certificates: &str, host: &str| {
        let url = server.url("daicho_identity").replace("127.0.0.1", host);
        let mut settings = PostgresSettings::new(url);
        settings.root_certificates = Some(folder.join(certificates));
        settings.patience = Duration::from_millis(500);
        settings
    };
    let right = with("ours.crt", "localhost");
    let strangers = [
        with("theirs.crt", "localhost"),
        with("ours.crt", "127.0.0.1"),
    ];
    for file in ["names", "missing"] {
        let refused = open_with(&with(file, "localhost"), 1);
        assert!(matches!(refused, Err(StoreError::Certificates { .. })));
    }
    let refused = open_with(&right, 1);
    assert!(
        matches!(refused, Err(StoreError::Unreachable { .. })),
        "nothing is said to a server without TLS"
    );

    drop(admin);
    server.speak_tls();
    let store = open_with(&right, 1).unwrap();
    register(&store, 1, "staff.shoko");
    let admin = Admin::connect(&server.url("postgres"));
    let encrypted = admin.run(
        "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
         WHERE a.application_name = 'daicho identity'",
    );
    assert!(!encrypted.is_empty());
    assert!(encrypted.iter().all(|answer| answer == "t"));
    for stranger in &strangers {
        let refused = open_with(stranger, 1);
        assert!(matches!(refused, Err(StoreError::Unreachable { .. })));
    }
}
