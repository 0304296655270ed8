//! A throw-away PostgreSQL for a journey, and SQL in it.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::io::Write as _;
use std::ops::{Deref, DerefMut};
use std::process::Stdio;

pub use daicho_postgres::throwaway_server::{PROGRAMS, give_to_server, server_program};
use daicho_postgres::throwaway_server::{Server, available, program};

/// A server with one superuser, `postgres`, who needs no password.
pub struct Postgres(Server);

impl Postgres {
    /// Makes an empty cluster and starts it; none, said loudly, where the machine has no server.
    pub fn start() -> Option<Self> {
        available().then(|| Self(Server::start()))
    }

    /// Runs SQL as the superuser.
    #[track_caller]
    pub fn run(&self, database: &str, sql: &str) -> String {
        run_sql(&self.url("postgres", database), sql)
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

/// Runs SQL as whoever `url` names, statement by statement.
#[track_caller]
pub fn run_sql(url: &str, sql: &str) -> String {
    let mut running = program("psql", "keep")
        .args(["-v", "ON_ERROR_STOP=1", "-qAt", "-d", url, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(sql.as_bytes()).unwrap();
    drop(input);
    let ran = running.wait_with_output().unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).unwrap()
}
