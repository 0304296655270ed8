//! A writing process is killed again and again; what it was told is there must be there.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use daicho_eventlog::{
    EventLog, ExpectedVersion, StreamPosition,
    conformance::{append, at, command, event, stream},
};
use daicho_eventlog_sled::{Options, SledLog};

const KILLS: u64 = 20;
const WRITERS: u64 = 4;
const EVENTS_PER_APPEND: u64 = 3;
const FOLDER_VARIABLE: &str = "DAICHO_KILL_TEST_FOLDER";
const BASE_VARIABLE: &str = "DAICHO_KILL_TEST_BASE";

/// Small files, so that many kills meet the change from one to the next.
fn options() -> Options {
    Options {
        journal_file_bytes: 64 << 10,
        ..Options::default()
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Every fifth process dies while it opens or soon after, the others busy writing.
        let moment = if kill % 5 == 4 {
            Moment::After(Duration::from_millis(random % 60))
        } else {
            Moment::Acknowledged(1 + (random % 300) as usize)
        };
        acknowledged.extend(write_and_die(folder.path(), kill * 1_000_000, moment));
        // Sometimes the next process finds what two crashes left.
        if kill % 4 != 3 || kill + 1 == KILLS {
            check(folder.path(), &acknowledged);
        }
    }
    assert!(
        acknowledged.len() > 500,
        "only {} appends were acknowledged",
        acknowledged.len()
    );
}

enum Moment {
    Acknowledged(usize),
    After(Duration),
}

/// Runs a writing process, kills it, and returns what it had been told: number of the
/// command, first and last position.
fn write_and_die(folder: &Path, base: u64, moment: Moment) -> Vec<(u64, (u64, u64))> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "writes_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER_VARIABLE, folder)
        .env(BASE_VARIABLE, base.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut read_one = |acknowledged: &mut Vec<_>| {
        let mut line = String::new();
        let length = lines.read_line(&mut line).unwrap();
        // A line without its end was cut by the kill.
        if let (Some((_, facts)), true) = (line.split_once("ack "), line.ends_with('\n')) {
            let numbers: Vec<u64> = facts
                .split_whitespace()
                .map(|n| n.parse().unwrap())
                .collect();
            acknowledged.push((numbers[0], (numbers[1], numbers[2])));
        }
        length > 0
    };
    match moment {
        Moment::After(delay) => thread::sleep(delay),
        Moment::Acknowledged(wanted) => {
            while acknowledged.len() < wanted {
                assert!(
                    read_one(&mut acknowledged),
                    "the writing process ended by itself"
                );
            }
        }
    }
    child.kill().unwrap();
    while read_one(&mut acknowledged) {}
    child.wait().unwrap();
    acknowledged
}

fn check(folder: &Path, acknowledged: &HashMap<u64, (u64, u64)>) {
    let (log, report) = SledLog::open(folder, options()).unwrap();
    assert_eq!(report.set_aside, None);
    assert_eq!(report.blob_files, 0);
    let events = log.read_all_now(at(0), usize::MAX).unwrap();
    assert_eq!(events.len() as u64, report.events);
    let mut by_command: HashMap<_, Vec<u64>> = HashMap::new();
    let mut streams: HashMap<_, u64> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event.global_position, at(place as u64));
        let next = streams.entry(&event.stream).or_default();
        assert_eq!(event.stream_position, StreamPosition(*next));
        *next += 1;
        by_command
            .entry(event.metadata.command_id)
            .or_default()
            .push(place as u64);
    }
    for (command_id, places) in &by_command {
        assert_eq!(
            places.len() as u64,
            EVENTS_PER_APPEND,
            "half an append of {command_id}"
        );
        assert_eq!(places[0] + EVENTS_PER_APPEND - 1, places[2]);
    }
    for (number, (first, last)) in acknowledged {
        let places = by_command.get(&command(*number));
        let places = places.unwrap_or_else(|| panic!("acknowledged command {number} is lost"));
        assert_eq!((places[0], places[2]), (*first, *last));
    }
    let verification = log.verify().unwrap();
    assert_eq!(verification.difference, None);
    assert_eq!(verification.events, report.events);
    log.close_now().unwrap();
}

#[test]
#[ignore = "run by the test above as the process that is killed"]
fn writes_until_it_is_killed() {
    let folder = std::env::var(FOLDER_VARIABLE).unwrap();
    let base: u64 = std::env::var(BASE_VARIABLE).unwrap().parse().unwrap();
    let log = Arc::new(SledLog::open(Path::new(&folder), options()).unwrap().0);
    let numbers = Arc::new(AtomicU64::new(base));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (log, numbers) = (Arc::clone(&log), Arc::clone(&numbers));
            runtime.spawn(async move {
                let (one, two) = (format!("one{writer}"), format!("two{writer}"));
                loop {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let version = async |id| {
                        ExpectedVersion::still(log.stream_version(&stream(id)).await.unwrap())
                    };
                    let expected = [(&*one, version(&one).await), (&*two, version(&two).await)];
                    let mut sent = append(number, &expected);
                    sent.events.push(event(number, &one));
                    let outcome = log.append(sent).await.unwrap();
                    let line = format!("ack {number} {} {}\n", outcome.first, outcome.last);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    let ended = runtime.block_on(futures::future::try_join_all(writers));
    panic!("a writer ended by itself: {:?}", ended.err());
}
