//! What a log finds in its folder when it is opened, and what it does about it.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use daicho_eventlog::{
    AppendOutcome, EventLog, LogError,
    conformance::{append, at, command, event, exact, long_event, no_stream, stream},
};
use daicho_eventlog_sled::{Difference, OpenError, OpenReport, OpenStage, Options, SledLog};

const RECORD_HEADER_BYTES: usize = 88;
const PAGE_BYTES: usize = 4096;

fn options() -> Options {
    Options {
        journal_file_bytes: 64 << 10,
        ..Options::default()
    }
}

fn open(folder: &Path) -> (SledLog, OpenReport) {
    SledLog::open(folder, options()).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn append_next(log: &SledLog, number: u64) -> Result<AppendOutcome, LogError> {
    let version = number.checked_sub(1).map_or(no_stream(), exact);
    block_on(log.append(append(number, &[("a", version)])))
}

/// A closed log with `events` events, each a commit and so a record of its own.
fn filled(events: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    for number in 0..events {
        append_next(&log, number).unwrap();
    }
    log.close_now().unwrap();
    folder
}

fn journal_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("journal")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "journal")
    });
    files.sort();
    files
}

/// Offset and length of every record in a journal file.
fn records(file: &Path) -> Vec<(usize, usize)> {
    let bytes = fs::read(file).unwrap();
    let mut records = Vec::new();
    let mut offset = 0;
    while bytes[offset..].starts_with(b"DJR") {
        let body = u32::from_le_bytes(bytes[offset + 4..offset + 8].try_into().unwrap());
        let length = (RECORD_HEADER_BYTES + body as usize).next_multiple_of(PAGE_BYTES);
        records.push((offset, length));
        offset += length;
    }
    records
}

fn change(file: &Path, act: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    act(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// The log must have exactly `events` events, sled must agree, and it must go on.
fn assert_whole(log: &SledLog, events: u64) {
    let read = log.read_all_now(at(0), usize::MAX).unwrap();
    assert_eq!(read.len() as u64, events);
    for (place, event) in read.iter().enumerate() {
        assert_eq!(event.metadata.command_id, command(place as u64));
    }
    assert_eq!(append_next(log, events).unwrap().first, at(events));
    let verification = log.verify().unwrap();
    assert_eq!(verification.difference, None);
    assert_eq!(verification.events, events + 1);
}

#[track_caller]
fn damaged(folder: &Path) -> String {
    match SledLog::open(folder, options()) {
        Err(OpenError::Log(LogError::Damaged { what, what_to_do })) => {
            assert!(!what_to_do.is_empty());
            what
        }
        other => panic!("expected damage, got {other:?}"),
    }
}

#[test]
fn an_interrupted_write_is_taken_off_the_journal_and_kept() {
    let folder = filled(5);
    let last = journal_files(folder.path()).pop().unwrap();
    let (first_offset, _) = records(&last)[0];
    let (offset, length) = *records(&last).last().unwrap();
    let end = offset + length;
    let torn = fs::read(&last).unwrap()[first_offset..first_offset + 100].to_vec();
    change(&last, |bytes| {
        bytes[end..end + torn.len()].copy_from_slice(&torn)
    });

    let (log, report) = open(folder.path());
    let tail = report.torn_tail.unwrap();
    assert_eq!((tail.file, tail.offset), (last, end as u64));
    let kept = fs::read(&tail.kept_as).unwrap();
    assert!(kept.starts_with(&torn));
    assert_eq!(kept.len(), PAGE_BYTES);
    assert_whole(&log, 5);
    log.close_now().unwrap();
    let (log, report) = open(folder.path());
    assert_eq!(report.torn_tail, None);
    assert_whole(&log, 6);
}

#[test]
fn a_page_that_the_disk_has_lost_is_not_taken_for_one_never_written() {
    let folder = filled(5);
    let last = journal_files(folder.path()).pop().unwrap();
    let (offset, length) = *records(&last).last().unwrap();
    // Only the journal has the last event yet.
    for derived in ["sled", "index"] {
        fs::remove_dir_all(folder.path().join(derived)).unwrap();
    }
    change(&last, |bytes| bytes[offset..offset + length].fill(0));
    let (log, report) = open(folder.path());
    let tail = report.torn_tail.unwrap();
    assert_eq!(
        (tail.offset, tail.bytes, tail.position),
        (offset as u64, length as u64, 4)
    );
    assert_whole(&log, 4);
}

#[test]
fn a_record_behind_an_unreadable_one_makes_it_damage() {
    let folder = filled(5);
    let last = journal_files(folder.path()).pop().unwrap();
    let (offset, _) = records(&last)[3];
    change(&last, |bytes| bytes[offset] = 0);
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let what = damaged(folder.path());
    assert!(what.contains(last.to_str().unwrap()), "{what}");
    assert!(what.contains("position 3"), "{what}");
}

#[test]
fn one_flipped_bit_in_the_journal_is_named_with_file_and_position() {
    let folder = filled(60);
    let files = journal_files(folder.path());
    assert!(files.len() > 2, "the test needs several files");
    for (file, place) in [(&files[0], 1), (&files[1], 0), (&files[1], 2)] {
        let first: usize = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let (offset, length) = records(file)[place];
        for byte in [0, 5, 9, 30, 86, RECORD_HEADER_BYTES + 20, length - 1] {
            // The index files vouch for the full files of the journal; without them all is read.
            for with_index in [true, false] {
                drop(open(folder.path()));
                change(file, |bytes| bytes[offset + byte] ^= 4);
                let what = if with_index {
                    let (log, _) = open(folder.path());
                    assert_eq!(log.read_all_now(at(0), usize::MAX).unwrap().len(), 60);
                    log.verify().unwrap_err().to_string()
                } else {
                    let _ = fs::remove_dir_all(folder.path().join("index"));
                    damaged(folder.path())
                };
                assert!(what.contains(file.to_str().unwrap()), "{what}");
                assert!(
                    what.contains(&format!("position {}", first + place)),
                    "{what}"
                );
                change(file, |bytes| bytes[offset + byte] ^= 4);
            }
        }
    }
    assert_whole(&open(folder.path()).0, 60);
}

#[test]
fn a_full_journal_file_swapped_for_an_older_one_is_damage() {
    let folder = filled(60);
    let files = journal_files(folder.path());
    let (offset, length) = *records(&files[0]).last().unwrap();
    change(&files[0], |bytes| bytes[offset..offset + length].fill(0));
    let what = damaged(folder.path());
    assert!(what.contains(files[0].to_str().unwrap()), "{what}");
}

#[test]
fn a_damaged_index_is_derived_anew() {
    let folder = filled(60);
    let index = folder.path().join("index");
    for place in 0..20 {
        let events = 60 + place as u64;
        let (_, report) = open(folder.path());
        assert_eq!(report.indexed_events, 0);
        let path = fs::read_dir(&index)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        change(&path, |bytes| {
            let byte = bytes.len() * place / 20;
            bytes[byte] ^= 1;
        });
        let (log, report) = open(folder.path());
        assert_eq!(report.indexed_events, events, "{place}");
        assert_whole(&log, events);
    }
}

#[test]
fn a_journal_rolled_back_to_before_the_index_is_damage() {
    let folder = filled(10);
    let journal = journal_files(folder.path()).pop().unwrap();
    let older = fs::read(&journal).unwrap();
    let (log, _) = open(folder.path());
    for number in 10..15 {
        append_next(&log, number).unwrap();
    }
    drop(log);
    fs::write(&journal, older).unwrap();
    // sled too: only the index knows better.
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let what = damaged(folder.path());
    assert!(what.contains("ends before position 10"), "{what}");
    assert!(what.contains("index files go on to 15"), "{what}");
}

#[test]
fn a_journal_that_lost_its_last_record_is_damage_as_sled_knows_better() {
    let folder = filled(5);
    let last = journal_files(folder.path()).pop().unwrap();
    let (offset, length) = *records(&last).last().unwrap();
    change(&last, |bytes| bytes[offset + length - 1] = 1);
    let what = damaged(folder.path());
    assert!(what.contains("ends before position 4"), "{what}");
    assert!(
        what.contains(&format!("{length} bytes after position 4 are unreadable")),
        "{what}"
    );
    change(&last, |bytes| bytes[offset..offset + length].fill(0));
    assert!(damaged(folder.path()).contains("ends before position 4"));
    assert!(
        journal_files(folder.path()).len() == 1,
        "nothing was added to the evidence"
    );
}

#[test]
fn a_missing_journal_file_is_damage() {
    let folder = filled(60);
    let files = journal_files(folder.path());
    fs::rename(&files[1], folder.path().join("elsewhere")).unwrap();
    let what = damaged(folder.path());
    assert!(what.contains(files[2].to_str().unwrap()), "{what}");
    for file in journal_files(folder.path()) {
        fs::remove_file(file).unwrap();
    }
    assert!(damaged(folder.path()).contains("is missing"));
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    assert!(damaged(folder.path()).contains("sled holds events up to 59"));
}

#[test]
fn a_deleted_sled_is_rebuilt_from_the_journal() {
    let folder = filled(60);
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let mut told = Vec::new();
    let (log, report) =
        SledLog::open_with_progress(folder.path(), options(), &mut |stage, done, total| {
            if stage == OpenStage::Replay {
                told.push((done, total));
            }
        })
        .unwrap();
    assert_eq!(report.replayed_events, 60);
    assert_eq!(report.set_aside, None);
    assert_eq!(told, (1..=60).map(|done| (done, 60)).collect::<Vec<_>>());
    assert_whole(&log, 60);
}

#[test]
fn replaying_more_than_may_wait_unsynced_comes_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    let mut version = no_stream();
    for number in 0..3 {
        let mut sent = append(number, &[("a", version)]);
        sent.events = (0..25).map(|_| long_event(number, "a", 60_000)).collect();
        let outcome = block_on(log.append(sent)).unwrap();
        version = exact(outcome.last.0);
    }
    let before = log.read_all_now(at(0), usize::MAX).unwrap();
    drop(log);
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let (log, report) = open(folder.path());
    assert_eq!(report.replayed_events, 75);
    assert_eq!(log.read_all_now(at(0), usize::MAX).unwrap(), before);
    assert_eq!(log.verify().unwrap().difference, None);
}

#[test]
fn a_sled_that_is_silently_short_gets_what_it_lacks() {
    let folder = filled(60);
    with_sled(folder.path(), |blocks| {
        for first in 40..60_u64 {
            blocks.remove(first.to_be_bytes()).unwrap().unwrap();
        }
    });
    let (log, report) = open(folder.path());
    assert_eq!(report.replayed_events, 20);
    assert_whole(&log, 60);
}

#[test]
fn a_sled_that_does_not_open_is_set_aside_and_rebuilt() {
    let folder = filled(10);
    for round in 1..=2 {
        fs::write(folder.path().join("sled/conf"), b"no configuration").unwrap();
        let (log, report) = open(folder.path());
        let aside = report.set_aside.unwrap();
        assert_eq!(
            aside.path,
            folder.path().join(format!("sled.damaged-{round}"))
        );
        assert_eq!(
            fs::read(aside.path.join("conf")).unwrap(),
            b"no configuration"
        );
        assert!(!aside.reason.is_empty());
        assert_eq!(report.replayed_events, 9 + round);
        assert_whole(&log, 9 + round);
    }
}

#[test]
fn an_unfinished_snapshot_does_not_keep_the_log_from_opening() {
    let folder = filled(10);
    let unfinished = folder.path().join("sled/snap.00000000000000FF.generating");
    fs::write(&unfinished, b"half").unwrap();
    let (log, report) = open(folder.path());
    assert_eq!(report.removed_snapshots, [unfinished]);
    assert_eq!(report.set_aside, None);
    assert_whole(&log, 10);
}

#[test]
fn a_sled_with_other_contents_is_damage_at_its_end_and_found_by_verify_elsewhere() {
    let folder = filled(60);
    let swap = |one: u64, other: u64| {
        with_sled(folder.path(), |blocks| {
            let [one, other] = [one, other].map(u64::to_be_bytes);
            let was_one = blocks.get(one).unwrap().unwrap();
            let was_other = blocks.insert(other, was_one).unwrap().unwrap();
            blocks.insert(one, was_other).unwrap();
        });
    };
    swap(58, 59);
    assert!(damaged(folder.path()).contains("differ at position 59"));
    swap(58, 59);

    swap(3, 4);
    let (log, _) = open(folder.path());
    let found = log.verify().unwrap().difference.unwrap();
    let expected = Difference {
        position: at(3),
        stream: Some(stream("a")),
        what: "sled and the journal hold different bytes".to_owned(),
    };
    assert_eq!(found, expected);
    // The journal has it right, so nobody gets to see it, and sled is rebuilt.
    assert_eq!(
        log.read_all_now(at(3), 1).unwrap()[0].global_position,
        at(3)
    );
    drop(log);
    let (log, report) = open(folder.path());
    assert!(report.set_aside.is_some());
    assert_eq!(log.verify().unwrap().difference, None);
    drop(log);

    with_sled(folder.path(), |blocks| {
        blocks.remove(7_u64.to_be_bytes()).unwrap().unwrap()
    });
    let (log, _) = open(folder.path());
    assert_eq!(log.verify().unwrap().difference.unwrap().position, at(7));
}

#[test]
fn a_trimmed_journal_goes_on_with_what_sled_has_and_cannot_replace_it() {
    let folder = filled(60);
    let files = journal_files(folder.path());
    let kept_from: u64 = files[1]
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    fs::remove_file(&files[0]).unwrap();
    let (log, report) = open(folder.path());
    assert_eq!(report.events, 60);
    assert_eq!(log.verify().unwrap().journal_from, at(kept_from));
    assert_whole(&log, 60);
    drop(log);

    with_sled(folder.path(), |blocks| {
        blocks.remove(0_u64.to_be_bytes()).unwrap().unwrap()
    });
    let (log, _) = open(folder.path());
    let read = log.read_all_now(at(0), 1);
    assert!(matches!(read, Err(LogError::Damaged { .. })), "{read:?}");
    assert_eq!(log.verify().unwrap().difference.unwrap().position, at(1));
    drop(log);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    assert!(damaged(folder.path()).contains("0 comes next"));
    fs::write(folder.path().join("sled/conf"), b"no configuration").unwrap();
    let what = damaged(folder.path());
    assert!(
        what.contains(&format!("only goes back to position {kept_from}")),
        "{what}"
    );
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let what = damaged(folder.path());
    assert!(
        what.contains(&format!("only goes back to {kept_from}")),
        "{what}"
    );
}

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

/// Does something to the store behind the log's back.
fn with_sled<T>(folder: &Path, act: impl FnOnce(&sled::Tree) -> T) -> T {
    let config = sled::Config::new()
        .path(folder.join("sled"))
        .segment_size(8 << 20)
        .flush_every_ms(None);
    let db = loop {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("lock") => {
                std::thread::yield_now();
            }
            opened => break opened.unwrap(),
        }
    };
    let done = act(&db.open_tree("blocks").unwrap());
    db.flush().unwrap();
    done
}
