//! A database that asks for passwords and speaks TLS only: every command gets in with what is
//! right, and with something else says what is wrong, but never a password.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use daicho_postgres::throwaway_server::certificates;
use postgres::{Postgres, run_sql};
use serde_json::{Value, json};
use support::*;

/// A part of every password here.
const SECRET: &str = "w0rd";

/// Nobody but the superuser, for the test's own looks, gets in without TLS and a password.
const WHO_GETS_IN: &str = "\
hostssl   all all      127.0.0.1/32 scram-sha-256
hostnossl all postgres 127.0.0.1/32 trust
";

struct Guarded {
    server: Postgres,
    port: String,
}

impl Guarded {
    fn start() -> Option<Self> {
        if !certificates::can_be_made() {
            return None;
        }
        let mut server = Postgres::start()?;
        for role in ["owner", "log", "people"] {
            let password = password(role);
            server.run(
                "postgres",
                &format!("CREATE ROLE daicho_{role} LOGIN PASSWORD '{password}'"),
            );
        }
        // The owner makes a schema for the other role, so it has to belong to it.
        server.run("postgres", "GRANT daicho_people TO daicho_owner");
        server.run("postgres", "CREATE DATABASE daicho OWNER daicho_owner");
        server.make_certificates();
        server.speak_tls();
        server.let_in(WHO_GETS_IN);
        let url = server.url("x", "y");
        let port = url.rsplit(':').next().unwrap();
        let port = port.split('/').next().unwrap().to_owned();
        Some(Self { server, port })
    }

    /// Connection string of a role with its password as it has to be written.
    fn url(&self, role: &str) -> String {
        let password = password(role)
            .replace('%', "%25")
            .replace('@', "%40")
            .replace('/', "%2F")
            .replace('?', "%3F")
            .replace('#', "%23");
        self.url_with(role, &password)
    }

    fn url_with(&self, role: &str, password: &str) -> String {
        format!(
            "postgresql://daicho_{role}:{password}@localhost:{}/daicho",
            self.port
        )
    }

    fn certificates(&self, name: &str) -> String {
        let file = self.server.folder().join(name);
        file.to_str().unwrap().to_owned()
    }
}

fn password(role: &str) -> String {
    format!("{role}@p/a?s#s%{SECRET}")
}

#[test]
fn with_passwords_and_certificates_everything_works_and_without_them_nothing_is_told() {
    let folder = folder();
    let data = path(&folder, "data");
    let Some(guarded) = Guarded::start() else {
        return;
    };
    let ours = guarded.certificates("ours.crt");
    let (owner, log, people) = (
        guarded.url("owner"),
        guarded.url("log"),
        guarded.url("people"),
    );
    succeed(&[
        "migrate",
        "--database-url",
        &owner,
        "--database-ca",
        &ours,
        "--service-role",
        "daicho_log",
        "--identity-role",
        "daicho_people",
    ]);
    sample_city(&data);
    succeed(&[
        "move",
        "--data",
        &data,
        "--to-database-url",
        &log,
        "--to-identity-url",
        &people,
        "--to-database-ca",
        &ours,
    ]);
    let place = [
        "--database-url",
        &log,
        "--identity-url",
        &people,
        "--database-ca",
        &ours,
    ];
    let node = Service::start_with(daicho(&[&["serve"], &place[..]].concat()));
    let token = node.sign_in("admin");
    let asked = node.graphql(Some(&token), "{ municipalities { id } }", &Value::Null);
    let municipality = asked["data"]["municipalities"][0]["id"].clone();
    let opened = node.graphql(
        Some(&token),
        "mutation($input: OpenDepartmentInput!) { openDepartment(input: $input) { __typename } }",
        &json!({ "input": {
            "municipality": municipality,
            "name": "情報課",
            "validFrom": "2023-04-01",
            "commandId": "018f0000-0000-7000-8000-000000000001",
        }}),
    );
    assert_eq!(
        opened["data"]["openDepartment"]["__typename"], "CommandDone",
        "{opened}"
    );
    let in_the_clear = run_sql(
        &format!(
            "{}?sslmode=disable",
            guarded.server.url("postgres", "daicho")
        ),
        "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl \
         JOIN pg_stat_activity USING (pid) WHERE usename LIKE 'daicho%'",
    );
    let (encrypted, clear) = in_the_clear.trim().split_once('|').unwrap();
    assert!(
        encrypted.parse::<u32>().unwrap() >= 3 && clear == "0",
        "{in_the_clear}"
    );
    assert_eq!(node.stop(), 0);
    let verified = succeed(&[&["verify"], &place[..]].concat());
    assert!(says(&verified, "everything agrees"), "{verified}");

    let wrong = guarded.url_with("log", "n0t-the-w0rd");
    let unescaped = guarded.url_with("log", &password("log"));
    let theirs = guarded.certificates("theirs.crt");
    for (url, certificates, said) in [
        (&wrong, Some(&ours), "password authentication failed"),
        (&unescaped, Some(&ours), "%40 for @"),
        (&log, Some(&theirs), "certificate"),
        (&log, None, "no encryption"),
    ] {
        let mut arguments = vec!["verify", "--database-url", url, "--identity-url", &people];
        if let Some(certificates) = certificates {
            arguments.extend(["--database-ca", certificates]);
        }
        let error = fail(1, &arguments);
        assert!(says(&error, said), "{url}\n{error}");
        assert!(!error.contains(SECRET), "{error}");
    }
}
