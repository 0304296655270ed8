//! How long a long log takes to open.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use daicho_eventlog::{
    EventLog,
    conformance::{append, no_stream},
};
use daicho_eventlog_sled::{Options, SledLog};

use crate::load::Load;

const WRITERS: u64 = 256;
/// Appends of the process that is killed before the second measurement.
const APPENDS_BEFORE_THE_KILL: usize = 5_000;

#[test]
#[ignore = "a measurement: minutes and gigabytes, and only a release build tells anything"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn a_long_log_opens_in_about_the_same_time_as_a_short_one() {
    let events = std::env::var("DAICHO_EVENTS").map_or(5_000_000, |n| n.parse().unwrap());
    // On the disk: this is about a real folder. One that is named stays, for the next measurement.
    let new = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = match std::env::var("DAICHO_LONG_LOG") {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => new.path().to_owned(),
    };
    if !folder.join("journal").exists() {
        let started = Instant::now();
        fill(&folder, events);
        let took = started.elapsed();
        println!("{events} events written and closed in {took:?}");
    }
    let folder = folder.as_path();
    for _ in 0..3 {
        open(folder, "after closing");
    }
    let seed = started_at();
    for round in 0..3 {
        let mut load = Load::new(folder, (1 << 33) + seed * 10_000_000 + round * 1_000_000);
        load.with_default_options = true;
        let mut running = load.start();
        running.acknowledged(APPENDS_BEFORE_THE_KILL);
        running.kill();
        open(folder, "after kill -9");
    }
}

fn fill(folder: &Path, events: u64) {
    let (log, _) = SledLog::open(folder, Options::default()).unwrap();
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let log = Arc::clone(&log);
            runtime.spawn(async move {
                let mut number = writer;
                while number < events {
                    // Streams of ten events, as sheets have them.
                    let stream = format!("s{}x{writer}", number / WRITERS / 10);
                    let version = number / WRITERS % 10;
                    let version = match version.checked_sub(1) {
                        None => no_stream(),
                        Some(last) => daicho_eventlog::conformance::exact(last),
                    };
                    log.append(append(number, &[(&stream, version)]))
                        .await
                        .unwrap();
                    number += WRITERS;
                }
            })
        })
        .collect();
    runtime
        .block_on(futures::future::try_join_all(writers))
        .unwrap();
    log.close_now().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn open(folder: &Path, when: &str) -> Duration {
    let cpu = cpu_seconds();
    let started = Instant::now();
    let mut stages = Vec::new();
    let (log, report) =
        SledLog::open_with_progress(folder, Options::default(), &mut |stage, done, total| {
            stages.push((started.elapsed(), stage, done, total));
        })
        .unwrap();
    let took = started.elapsed();
    let cpu = cpu_seconds() - cpu;
    let replay_began = stages
        .iter()
        .find(|(_, stage, ..)| *stage == daicho_eventlog_sled::OpenStage::Replay);
    let journal_read = stages
        .iter()
        .rfind(|(_, stage, ..)| *stage == daicho_eventlog_sled::OpenStage::Journal);
    println!(
        "{when}: opened in {took:?} ({cpu:.2} s of processors); journal read after {:?}, replay began after {:?}; {} events, \
         {} derived anew for the index, {} replayed into sled",
        journal_read.map(|(at, ..)| *at),
        replay_began.map(|(at, ..)| *at),
        report.events,
        report.indexed_events,
        report.replayed_events
    );
    log.close_now().unwrap();
    took
}

/// What this process has used of the machine's processors: does not depend on who else is busy.
fn cpu_seconds() -> f64 {
    let said = fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold anything: state is field 3, user and system time 14 and 15.
    let fields: Vec<_> = said
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|n| n.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}

/// Numbers of commands that no earlier measurement in the same folder has used.
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn started_at() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}
