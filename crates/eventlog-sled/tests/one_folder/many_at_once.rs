//! Many write at once: while one group is synced the next is gathered on top of it.

use std::{
    fs,
    path::Path,
    sync::{Arc, mpsc},
    task::Context,
    thread,
    time::Duration,
};

use daicho_eventlog::{
    AppendOutcome, EventLog, LogError,
    conformance::{append, at, exact, no_stream},
};
use daicho_eventlog_sled::{Options, SledLog};
use futures::{future::BoxFuture, task::noop_waker_ref};

use crate::filled_log::{block_on, journal_files};

const WRITERS: u64 = 8;
/// No answer for so long means that none will come.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(folder: &Path) -> SledLog {
    open_with_room_for(folder, Options::default().queue_length)
}

fn open_with_room_for(folder: &Path, queue_length: usize) -> SledLog {
    let options = Options {
        journal_file_bytes: 16 << 10,
        queue_length,
        ..Options::default()
    };
    SledLog::open(folder, options).unwrap().0
}

/// More appends than there is room for, each on its way and then left alone.
fn left_alone(log: &SledLog, round: u64) -> Vec<BoxFuture<'_, Result<AppendOutcome, LogError>>> {
    (0..WRITERS)
        .map(|writer| {
            let stream = format!("writer{writer}");
            let version = round.checked_sub(1).map_or(no_stream(), exact);
            let sent = append(writer * 1000 + round, &[(&stream, version)]);
            let mut asked = log.append(sent);
            let _ = asked
                .as_mut()
                .poll(&mut Context::from_waker(noop_waker_ref()));
            asked
        })
        .collect()
}

/// Lets everybody append `each` events to a stream of their own; repeats what is refused.
fn write(log: &Arc<SledLog>, each: u64) -> Vec<AppendOutcome> {
    let (finished, outcomes) = mpsc::channel();
    for writer in 0..WRITERS {
        let (log, finished) = (Arc::clone(log), finished.clone());
        thread::spawn(move || {
            for number in 0..each {
                let version = number.checked_sub(1).map_or(no_stream(), exact);
                let stream = format!("writer{writer}");
                let outcome = loop {
                    let sent = append(writer * 1000 + number, &[(&stream, version)]);
                    match block_on(log.append(sent)) {
                        Err(LogError::ReadOnly { .. }) => thread::sleep(Duration::from_millis(5)),
                        outcome => break outcome,
                    }
                };
                finished.send(outcome).unwrap();
            }
        });
    }
    (0..WRITERS * each)
        .map(|_| outcomes.recv_timeout(PATIENCE).unwrap().unwrap())
        .collect()
}

/// Every append has been told a place of its own, and there its event is.
fn assert_all_there(log: &SledLog, mut outcomes: Vec<AppendOutcome>) {
    outcomes.sort_by_key(|outcome| outcome.first);
    let told: Vec<_> = outcomes.iter().map(|outcome| outcome.first).collect();
    let expected: Vec<_> = (0..outcomes.len() as u64).map(at).collect();
    assert_eq!(told, expected);
    let verification = log.verify().unwrap();
    assert_eq!(
        (verification.events, verification.difference),
        (outcomes.len() as u64, None)
    );
}

#[test]
fn nobody_waits_for_ever_where_one_file_follows_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open(folder.path()));
    let outcomes = write(&log, 200);
    assert!(journal_files(folder.path()).len() > 20);
    assert_all_there(&log, outcomes.clone());
    log.close_now().unwrap();
    drop(log);
    assert_all_there(&open(folder.path()), outcomes);
}

#[test]
fn groups_that_find_no_room_are_refused_and_can_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open(folder.path()));
    let journal = folder.path().join("journal");
    let hidden = folder.path().join("hidden");
    let hiding = {
        let log = Arc::clone(&log);
        thread::spawn(move || {
            while log.read_all_now(at(200), 1).unwrap().is_empty() {
                thread::sleep(Duration::from_millis(1));
            }
            // Without its folder the journal cannot begin its next file.
            fs::rename(&journal, &hidden).unwrap();
            while log.read_only_reason().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            fs::rename(&hidden, &journal).unwrap();
        })
    };
    let outcomes = write(&log, 100);
    hiding.join().unwrap();
    assert_all_there(&log, outcomes);
}

#[test]
fn who_is_served_need_not_wait_for_those_who_do_not_come_for_their_room() {
    let (finished, waited_for) = mpsc::channel();
    thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let log = open_with_room_for(folder.path(), 2);
        for round in 0..50 {
            let asked = left_alone(&log, round);
            for answer in asked {
                block_on(answer).unwrap();
            }
        }
        finished.send(()).unwrap();
    });
    waited_for.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_log_closes_although_somebody_does_not_come_for_their_room() {
    let (finished, waited_for) = mpsc::channel();
    thread::spawn(move || {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let log = open_with_room_for(folder.path(), 2);
            let asked = left_alone(&log, 0);
            thread::sleep(Duration::from_millis(20));
            log.close_now().unwrap();
            for answer in asked {
                match block_on(answer) {
                    Ok(_) | Err(LogError::Closed) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
        finished.send(()).unwrap();
    });
    waited_for.recv_timeout(PATIENCE).unwrap();
}
