//! Events per second with 64 writers that wait for their acknowledgement, next to what pgbench does with 64 clients
//! and one row per transaction on the same server. Starts a server of its own:
//! `cargo run --release -p daicho-eventlog-postgres --example append_rate`. With `groups` behind `--` it
//! measures different numbers of writers instead, and how many events they bring into one transaction.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement on the command line may stop at the first fault"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use daicho_eventlog::{EventLog, conformance::at};
use daicho_eventlog_postgres::PostgresLog;
use support::{Database, PROGRAMS, RUNTIME, Server, client, load::Load, own_server_available};
use tokio::time::{Instant, sleep};

const WRITERS: u64 = 64;
const MEASURED: Duration = Duration::from_secs(5);
const ROUNDS: u64 = 7;
/// Clock ticks in a second, as the kernel counts the time of processes.
const TICKS: f64 = 100.0;

/// What a round of appending came to.
struct Appended {
    per_second: f64,
    events_per_transaction: f64,
    /// Cores in use, by this program and by the server.
    program: f64,
    server: f64,
}

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
    if std::env::args().nth(1).as_deref() == Some("groups") {
        measure_groups(&mut database, &log);
    } else {
        compare(&mut database, &log);
    }
}

fn compare(database: &mut Database, log: &Arc<PostgresLog>) {
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let appended = append(database, log, WRITERS, round * WRITERS);
        let event_bytes =
            RUNTIME.block_on(async { log.read_stored(at(0), 1).await.unwrap()[0].len() });
        let inserted = inserted_per_second(database, event_bytes);
        let ratio = appended.per_second / inserted;
        ratios.push(ratio);
        println!(
            "round {round}: {:.0} events/s of {event_bytes} bytes appended, {:.0} in a transaction \
             ({:.2} cores here, {:.2} in the server), pgbench {inserted:.0} rows/s: {ratio:.1} times",
            appended.per_second, appended.events_per_transaction, appended.program, appended.server
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("median: {:.1} times", ratios[ratios.len() / 2]);
}

fn measure_groups(database: &mut Database, log: &Arc<PostgresLog>) {
    println!(
        "| writers | events in a transaction | events/s | µs of processor an event, here | in the server |"
    );
    println!("|---|---|---|---|---|");
    let mut first = 0;
    for writers in [1, 4, 16, 64, 256, 1024] {
        let appended = append(database, log, writers, first);
        first += writers;
        println!(
            "| {writers} | {:.0} | {:.0} | {:.0} | {:.0} |",
            appended.events_per_transaction,
            appended.per_second,
            appended.program / appended.per_second * 1e6,
            appended.server / appended.per_second * 1e6
        );
    }
}

fn append(database: &mut Database, log: &Arc<PostgresLog>, writers: u64, first: u64) -> Appended {
    let server = database.server().process_id();
    let admin_url = database.admin_url.clone();
    let log = Arc::clone(log);
    RUNTIME.block_on(async move {
        let admin = client(&admin_url).await;
        let size = async || log.head().await.unwrap().map_or(0, |head| head.0 + 1);
        let load = Load::start_numbered(&[Arc::clone(&log)], writers, first);
        load.wait_for(10 * writers).await;
        let before = (
            load.acknowledged(),
            size().await,
            used_here(),
            used_by(server),
        );
        let start = Instant::now();
        sleep(MEASURED).await;
        let after = (
            load.acknowledged(),
            size().await,
            used_here(),
            used_by(server),
        );
        let seconds = start.elapsed().as_secs_f64();
        load.finish().await;
        let (from, until) = (before.1 as i64, after.1 as i64);
        let row = admin
            .query_one(
                "SELECT count(DISTINCT xmin::text) FROM daicho_log.events \
                 WHERE global_position >= $1 AND global_position < $2",
                &[&from, &until],
            )
            .await
            .unwrap();
        Appended {
            per_second: (after.0 - before.0) as f64 / seconds,
            events_per_transaction: (until - from) as f64 / row.get::<_, i64>(0) as f64,
            program: (after.2 - before.2) / TICKS / seconds,
            server: (after.3 - before.3) / TICKS / seconds,
        }
    })
}

fn used_here() -> f64 {
    used("self")
}

/// Processor time of the server's processes.
fn used_by(server: u32) -> f64 {
    let file = format!("/proc/{server}/task/{server}/children");
    let children = fs::read_to_string(file).unwrap();
    children.split_whitespace().map(used).sum()
}

fn used(process: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which is in parentheses: the state is the first field.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    times.map(|ticks| ticks.parse().unwrap_or(0.0)).sum()
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
