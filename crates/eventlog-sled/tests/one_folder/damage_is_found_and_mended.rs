//! What a log finds in its folder when it is opened, and what it does about it.

use std::fs;

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, at, exact, long_event, no_stream, stream},
};
use daicho_eventlog_sled::{Difference, OpenStage, SledLog};

use crate::filled_log::{
    PAGE_BYTES, RECORD_HEADER_BYTES, append_next, assert_whole, block_on, change, damaged, filled,
    journal_files, open, options, records, with_sled,
};

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
