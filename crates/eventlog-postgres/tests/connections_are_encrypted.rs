//! With certificates given, nothing goes over the wire in the clear or to a stranger.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use daicho_eventlog_postgres::{Options, PostgresLog};
use support::{Database, block_on, client, give_to_server, load::add, own_server_available};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// `NAME.crt` and `NAME.key` of an authority.
fn make_authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.crt -addext basicConstraints=critical,CA:TRUE"
        ),
    );
}

#[test]
fn only_a_server_that_a_given_authority_vouches_for_is_spoken_to() {
    if !own_server_available() {
        return;
    }
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: openssl is not on this machine");
        return;
    }
    let mut database = Database::new();
    let folder = database.server().folder();
    make_authority(&folder, "ours");
    make_authority(&folder, "theirs");
    openssl(
        &folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
    );
    std::fs::write(
        folder.join("names"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    openssl(
        &folder,
        "x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
    give_to_server(&folder.join("server.key"));

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

    let server = database.server();
    server.stop();
    for setting in ["cert", "key"] {
        let file = if setting == "cert" {
            "server.crt"
        } else {
            "server.key"
        };
        let file = folder.join(file);
        server
            .settings
            .push(format!("ssl_{setting}_file={}", file.display()));
    }
    server.settings.push("ssl=on".to_owned());
    server.start_again();
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
