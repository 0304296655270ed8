//! How many small appends the log acknowledges, beside what the machine allows: a zero-filled file,
//! group commit, fdatasync, nothing else. Both in turn, in one run.
//!
//! `cargo run --release -p daicho-eventlog-sled --example append_rate [SECONDS [ROUNDS]]`
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a measurement reads the clock and stops at the first error"
)]

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use daicho_eventlog::{
    Append, EventActor, EventLog, ExpectedVersion, Metadata, NewEvent, StreamName, StreamPosition,
};
use daicho_eventlog_sled::{Options, SledLog};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const EVENT_BYTES: usize = 320;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().map_or(3.0, |text| text.parse().unwrap());
    let rounds: usize = arguments.next().map_or(5, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for writers in [64, 256, 1] {
        let mut ratios = Vec::new();
        for round in 0..rounds {
            let folder = tempfile::tempdir_in(".").unwrap();
            let raw = runtime.block_on(raw(folder.path(), writers, seconds));
            let (log, bytes, per_block) = runtime.block_on(log(folder.path(), writers, seconds));
            ratios.push(log / raw);
            println!(
                "{writers:>3} writers, round {round}: raw {raw:>8.0}/s, log {log:>8.0}/s, ratio {:.2}; {per_block:.1} events a block; {bytes}",
                log / raw
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "{writers:>3} writers: median ratio {:.2}",
            ratios[rounds / 2]
        );
    }
}

fn event(writer: usize, number: u64, command_id: Uuid) -> NewEvent {
    let data = format!(
        r#"{{"fiscal_year":2022,"revision":{number},"value":{{"raw":"{}","value":"{}"}}}}"#,
        number * 7919 % 100_000,
        number * 7919 % 100_000
    );
    NewEvent {
        stream: StreamName::new("indicator", &format!("{writer:06}")).unwrap(),
        event_type: "actual-entered.v1".to_owned(),
        data: RawValue::from_string(data).unwrap(),
        metadata: Metadata {
            event_id: Uuid::from_u128(command_id.as_u128() ^ 0x5555),
            command_id,
            command_digest: None,
            correlation_id: command_id,
            causation_id: None,
            actor: EventActor {
                account: format!("staff-{writer}"),
                role: "staff".to_owned(),
                grant: None,
                on_behalf_of: None,
            },
            municipality: None,
            reason: None,
            recorded_at: Timestamp::from_microsecond(1_650_000_000_000_000 + number as i64 * 1009)
                .unwrap(),
        },
    }
}

async fn log(folder: &Path, writers: usize, seconds: f64) -> (f64, String, f64) {
    let (log, _) = SledLog::open(&folder.join("log"), Options::default()).unwrap();
    let log = Arc::new(log);
    let count = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (log, count, stop) = (Arc::clone(&log), Arc::clone(&count), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut seed = 0x9e37_79b9_7f4a_7c15_u64 ^ (writer as u64) << 32;
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let mut next = || {
                        seed ^= seed << 13;
                        seed ^= seed >> 7;
                        seed ^= seed << 17;
                        seed
                    };
                    let command = Uuid::from_u64_pair(next(), next());
                    let event = event(writer, number, command);
                    let expected = match number.checked_sub(1) {
                        None => ExpectedVersion::NoStream,
                        Some(last) => ExpectedVersion::Exact(StreamPosition(last)),
                    };
                    let append = Append {
                        expected: [(event.stream.clone(), expected)].into_iter().collect(),
                        events: vec![event],
                    };
                    log.append(append).await.unwrap();
                    number += 1;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    let events = count.load(Ordering::Relaxed);
    let verified = log.verify().unwrap();
    assert_eq!(verified.difference, None);
    log.close_now().unwrap();
    let size = |name: &str| disk_bytes(&folder.join("log").join(name)) as f64 / events as f64;
    let used = |name: &str| used_bytes(&folder.join("log").join(name)) as f64 / events as f64;
    let bytes = format!(
        "{} events of {} B; sled {:.0} B, journal {:.0} B, index {:.0} B an event",
        events,
        verified.stored_bytes / events.max(1),
        size("sled"),
        used("journal"),
        size("index"),
    );
    (rate, bytes, events as f64 / verified.blocks as f64)
}

async fn raw(folder: &Path, writers: usize, seconds: f64) -> f64 {
    let path = folder.join("raw");
    let length = 1_u64 << 30;
    let mut file = File::create(&path).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..length >> 20 {
        std::io::Write::write_all(&mut file, &zeros).unwrap();
    }
    file.sync_all().unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let (queue, mut waiting) = mpsc::channel::<oneshot::Sender<()>>(1024);
    let writer = std::thread::spawn(move || {
        let event = [b'x'; EVENT_BYTES + 4];
        let mut at = 0;
        let mut buffer = Vec::new();
        let mut answers = Vec::new();
        while let Some(first) = waiting.blocking_recv() {
            answers.push(first);
            while answers.len() < 1024 {
                let Ok(next) = waiting.try_recv() else { break };
                answers.push(next);
            }
            buffer.clear();
            for _ in &answers {
                buffer.extend_from_slice(&event);
            }
            if at + buffer.len() as u64 > length {
                at = 0;
            }
            file.write_all_at(&buffer, at).unwrap();
            file.sync_data().unwrap();
            at += buffer.len() as u64;
            for answer in answers.drain(..) {
                let _ = answer.send(());
            }
        }
    });
    let count = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (queue, count, stop) = (queue.clone(), Arc::clone(&count), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let (answer, answered) = oneshot::channel();
                    queue.send(answer).await.unwrap();
                    answered.await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    drop(queue);
    writer.join().unwrap();
    fs::remove_file(path).unwrap();
    rate
}

fn disk_bytes(path: &Path) -> u64 {
    let Ok(metadata) = fs::metadata(path) else {
        return 0;
    };
    if metadata.is_file() {
        return std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
    }
    fs::read_dir(path)
        .unwrap()
        .map(|entry| disk_bytes(&entry.unwrap().path()))
        .sum()
}

/// Without the zeros at the end of each file, and without the spare one.
fn used_bytes(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "journal")
        })
        .map(|path| {
            let bytes = fs::read(path).unwrap();
            bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at as u64 + 1)
        })
        .sum()
}
