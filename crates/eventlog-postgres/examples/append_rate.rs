//! Events per second with 64 writers that wait for their acknowledgement, next to what pgbench does with 64 clients
//! and one row per transaction on the same server. Starts a server of its own:
//! `cargo run --release -p daicho-eventlog-postgres --example append_rate`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement on the command line may stop at the first fault"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use daicho_eventlog::{EventLog, conformance::at};
use support::{Database, PROGRAMS, RUNTIME, Server, client, load::Load, own_server_available};
use tokio::time::{Instant, sleep};

const WRITERS: u64 = 64;
const MEASURED: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

fn main() {
    if !own_server_available() {
        return;
    }
    let mut server = Server::start();
    server.stop();
    server
        .settings
        .extend(["max_connections=120", "shared_buffers=256MB"].map(str::to_owned));
    server.start_again();
    let mut database = Database::on(server);
    let log = Arc::new(database.open());
    let mut event_bytes = 0;
    for round in 1..=ROUNDS {
        let appended = RUNTIME.block_on(appended_per_second(&log, round as u64));
        if round == 1 {
            event_bytes =
                RUNTIME.block_on(async { log.read_stored(at(0), 1).await.unwrap()[0].len() });
        }
        let inserted = inserted_per_second(&mut database, event_bytes);
        println!(
            "round {round}: {appended:.0} events/s of {event_bytes} bytes appended, \
             pgbench {inserted:.0} rows/s: {:.1} times",
            appended / inserted
        );
    }
}

async fn appended_per_second(log: &Arc<daicho_eventlog_postgres::PostgresLog>, round: u64) -> f64 {
    let load = Load::start_numbered(&[Arc::clone(log)], WRITERS, round * WRITERS);
    load.wait_for(1000).await;
    let (before, start) = (load.acknowledged(), Instant::now());
    sleep(MEASURED).await;
    let appended = load.acknowledged() - before;
    let seconds = start.elapsed().as_secs_f64();
    load.finish().await;
    appended as f64 / seconds
}

fn inserted_per_second(database: &mut Database, row_bytes: usize) -> f64 {
    let admin_url = database.admin_url.clone();
    RUNTIME.block_on(async move {
        client(&admin_url)
            .await
            .batch_execute(
                "DROP TABLE IF EXISTS plain; \
                 CREATE TABLE plain (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 stream text NOT NULL, stored bytea NOT NULL)",
            )
            .await
            .unwrap();
    });
    let script = database.server().folder().join("insert.sql");
    let text = format!(
        "INSERT INTO plain (stream, stored) VALUES ('plan-a', decode('{}', 'hex'));\n",
        "5a".repeat(row_bytes)
    );
    fs::write(&script, text).unwrap();
    let seconds = MEASURED.as_secs().to_string();
    let output = Command::new(Path::new(PROGRAMS).join("pgbench"))
        .args([
            "--no-vacuum",
            "--client=64",
            "--jobs=2",
            "--protocol=prepared",
        ])
        .args(["--time", &seconds, "--file"])
        .arg(&script)
        .arg(&database.admin_url)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}
