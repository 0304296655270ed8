//! Who may have the folder, what happens to writers while there is no room or much at once, and what
//! closing keeps.

use std::{fs, sync::Arc, thread, time::Duration};

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, at, command, event, long_event, no_stream},
};
use daicho_eventlog_sled::{OpenError, Options, SledLog};

use crate::filled_log::{
    append_next, assert_whole, block_on, filled, journal_files, open, options, records, with_sled,
};

#[test]
fn a_folder_in_use_is_refused_with_the_process_that_has_it() {
    let folder = filled(1);
    let (log, _) = open(folder.path());
    match SledLog::open(folder.path(), options()) {
        Err(error @ OpenError::Locked { .. }) => {
            let OpenError::Locked { dir, pid } = &error else {
                unreachable!()
            };
            assert_eq!((&**dir, *pid), (folder.path(), Some(std::process::id())));
            assert!(
                error
                    .to_string()
                    .contains(&format!("process {}", std::process::id()))
            );
        }
        other => panic!("expected Locked, got {other:?}"),
    }
    drop(log);
    assert_whole(&open(folder.path()).0, 1);
}

/// Waits until an append is taken again.
fn append_when_possible(log: &SledLog, number: u64) {
    for _ in 0..200 {
        match append_next(log, number) {
            Ok(_) => return,
            Err(LogError::ReadOnly { .. }) => thread::sleep(Duration::from_millis(50)),
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the log did not recover");
}

#[test]
fn without_room_for_the_journal_the_log_is_read_only_and_goes_on_by_itself_afterwards() {
    let folder = filled(0);
    let (log, _) = open(folder.path());
    append_next(&log, 0).unwrap();
    // Without its folder the journal cannot begin its next file.
    let hidden = folder.path().join("hidden");
    fs::rename(folder.path().join("journal"), &hidden).unwrap();
    let mut recorded = 1;
    let refusal = loop {
        match append_next(&log, recorded) {
            Ok(_) => recorded += 1,
            Err(refusal) => break refusal,
        }
        assert!(recorded < 1000, "the journal never needed a new file");
    };
    assert!(matches!(refusal, LogError::ReadOnly { .. }), "{refusal:?}");
    assert!(
        log.read_only_reason().unwrap().contains("no room"),
        "{refusal}"
    );
    assert_eq!(
        log.read_all_now(at(0), usize::MAX).unwrap().len() as u64,
        recorded
    );
    fs::rename(&hidden, folder.path().join("journal")).unwrap();
    append_when_possible(&log, recorded);
    assert_eq!(log.read_only_reason(), None);
    log.close_now().unwrap();
    drop(log);

    let (log, report) = open(folder.path());
    assert!(report.clean_shutdown);
    assert_whole(&log, recorded + 1);
}

#[test]
fn a_full_disk_makes_the_log_read_only_before_anything_fails() {
    let folder = filled(3);
    let more_than_any_disk_has = Options {
        disk_reserve_bytes: 1 << 60,
        ..options()
    };
    let (log, _) = SledLog::open(folder.path(), more_than_any_disk_has).unwrap();
    let refused = append_next(&log, 3).unwrap_err();
    assert!(refused.to_string().contains("kept in reserve"), "{refused}");
    assert_eq!(log.read_all_now(at(0), usize::MAX).unwrap().len(), 3);
    log.close_now().unwrap();
    drop(log);
    let (log, report) = open(folder.path());
    assert!(report.clean_shutdown, "nothing had failed");
    assert_whole(&log, 3);
}

#[test]
fn a_large_append_is_split_into_values_that_sled_keeps_in_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    let mut sent = append(1, &[("a", no_stream())]);
    sent.events = (0..50).map(|_| long_event(1, "a", 40_000)).collect();
    block_on(log.append(sent)).unwrap();
    log.close_now().unwrap();
    assert_eq!(
        records(&journal_files(folder.path())[0]).len(),
        1,
        "one append, one record"
    );
    let lengths = with_sled(folder.path(), |blocks| {
        blocks
            .iter()
            .values()
            .map(|value| value.unwrap().len())
            .collect::<Vec<_>>()
    });
    assert!(lengths.len() >= 25, "{} values", lengths.len());
    assert!(
        lengths.iter().all(|bytes| *bytes <= 64 << 10),
        "{lengths:?}"
    );
    let (log, report) = open(folder.path());
    assert_eq!((report.events, report.blob_files), (50, 0));
    assert_eq!(log.verify().unwrap().difference, None);
}

#[test]
fn a_log_that_is_only_dropped_has_closed_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let (log, report) = open(folder.path());
    assert!(report.clean_shutdown);
    append_next(&log, 0).unwrap();
    drop(log);
    let (log, report) = open(folder.path());
    assert!(report.clean_shutdown);
    assert_eq!(report.replayed_events, 0);
    assert_whole(&log, 1);
}

#[test]
fn a_short_queue_holds_writers_up_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        queue_length: 1,
        ..options()
    };
    let log = Arc::new(SledLog::open(folder.path(), options).unwrap().0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writers: Vec<_> = (0..200)
        .map(|number| {
            let log = Arc::clone(&log);
            runtime.spawn(async move {
                log.append(append(number, &[(&format!("s{number}"), no_stream())]))
                    .await
            })
        })
        .collect();
    for writer in writers {
        runtime.block_on(writer).unwrap().unwrap();
    }
    assert_eq!(block_on(log.head()).unwrap(), Some(at(199)));
}

#[test]
fn closing_answers_what_was_accepted_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open(folder.path()).0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writers: Vec<_> = (0..300)
        .map(|number| {
            let log = Arc::clone(&log);
            runtime.spawn(async move {
                let mut sent = append(number, &[(&format!("s{number}"), no_stream())]);
                sent.events.push(event(number, &format!("s{number}")));
                (number, log.append(sent).await)
            })
        })
        .collect();
    log.close_now().unwrap();
    let mut recorded = 0;
    let answers: Vec<_> = writers
        .into_iter()
        .map(|writer| runtime.block_on(writer).unwrap())
        .collect();
    drop(log);
    let (log, report) = open(folder.path());
    for (number, answer) in answers {
        let outcome = block_on(log.command_outcome(command(number))).unwrap();
        match answer {
            Ok(answer) => {
                assert_eq!(outcome, Some((answer.first, answer.last)));
                recorded += 1;
            }
            Err(LogError::Closed) => assert_eq!(outcome, None),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(report.events, recorded * 2);
}
