//! Signed heads are in sled and in a file; a journal file is as long as when it was made, and
//! has its first record before it has its name; and what the lock file holds does not matter.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::{fs, path::Path};

use daicho_eventlog::{
    EventLog, LogError,
    conformance::{append, exact, no_stream},
    evidence::{Checkpoint, LogKey, sign_checkpoint},
};
use daicho_eventlog_sled::{OpenError, OpenReport, Options, SledLog};
use futures::FutureExt;

fn open(folder: &Path) -> Result<(SledLog, OpenReport), OpenError> {
    let options = Options {
        journal_file_bytes: 64 << 10,
        ..Options::default()
    };
    SledLog::open(folder, options)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// Appends one event and keeps a checkpoint of the tree with it.
fn go_on(log: &SledLog, number: u64) -> Checkpoint {
    let version = number.checked_sub(1).map_or(no_stream(), exact);
    block_on(log.append(append(number, &[("a", version)]))).unwrap();
    let head = block_on(log.tree_head()).unwrap();
    let key = LogKey::from_seed("log.example", &[1; 32]).unwrap();
    let checkpoint = sign_checkpoint(&key, head).unwrap();
    block_on(log.keep_checkpoint(checkpoint.clone())).unwrap();
    checkpoint
}

fn kept(log: &SledLog) -> Vec<Checkpoint> {
    log.checkpoints(0, usize::MAX)
        .now_or_never()
        .unwrap()
        .unwrap()
}

fn filled(folder: &Path, events: u64) -> Vec<Checkpoint> {
    let (log, _) = open(folder).unwrap();
    let checkpoints = (0..events).map(|number| go_on(&log, number)).collect();
    log.close_now().unwrap();
    checkpoints
}

#[test]
fn whatever_is_damaged_in_the_file_of_checkpoints_sled_has_it_right() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = filled(folder.path(), 4);
    let file = folder.path().join("checkpoints");
    let whole = fs::read(&file).unwrap();
    for byte in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let (log, report) = open(folder.path()).unwrap();
        let aside = report.checkpoints_set_aside.unwrap();
        assert_eq!(fs::read(&aside.path).unwrap(), damaged);
        assert!(aside.reason.contains("line "), "{}", aside.reason);
        assert_eq!(kept(&log), checkpoints, "byte {byte}");
        assert_eq!(log.verify().unwrap().difference, None);
        drop(log);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
    let (log, report) = open(folder.path()).unwrap();
    assert_eq!(report.checkpoints_set_aside, None);
    assert_eq!(kept(&log), checkpoints);
}

#[test]
fn checkpoints_that_their_file_lacks_are_put_back_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoints");
    let mut checkpoints = filled(folder.path(), 2);
    let older = fs::read(&file).unwrap();
    let (log, _) = open(folder.path()).unwrap();
    checkpoints.extend((2..5).map(|number| go_on(&log, number)));
    drop(log);
    for older in [older.as_slice(), b""] {
        fs::write(&file, older).unwrap();
        let (log, report) = open(folder.path()).unwrap();
        assert_eq!(report.checkpoints_set_aside, None, "nothing was unreadable");
        assert_eq!(kept(&log), checkpoints);
        drop(log);
        // Now sled may go.
        fs::remove_dir_all(folder.path().join("sled")).unwrap();
        let (log, report) = open(folder.path()).unwrap();
        assert_eq!(report.replayed_checkpoints, 5);
        assert_eq!(kept(&log), checkpoints);
    }
}

#[test]
fn a_journal_file_that_has_been_cut_is_no_interrupted_write() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5);
    let file = folder.path().join("journal/00000000000000000000.journal");
    // Only the journal could say how far it went.
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    fs::remove_file(folder.path().join("checkpoints")).unwrap();
    let whole = fs::read(&file).unwrap();
    for length in [whole.len() - 1, whole.len() - 4095, 4096 + 60, 4095] {
        fs::write(&file, &whole[..length]).unwrap();
        match open(folder.path()) {
            Err(OpenError::Log(LogError::Damaged { what, .. })) => {
                assert!(what.contains("the file has been cut"), "{what}");
                assert!(what.contains(file.to_str().unwrap()), "{what}");
            }
            other => panic!("cut to {length} bytes of {}: {other:?}", whole.len()),
        }
    }
}

#[test]
fn whatever_the_lock_file_holds_the_log_opens() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 1);
    fs::write(folder.path().join("lock"), b"\xff\xfe12\n").unwrap();
    let (_log, report) = open(folder.path()).unwrap();
    assert!(!report.clean_shutdown);
    assert_eq!(report.events, 1);
}

#[test]
fn a_file_that_was_being_made_was_never_part_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5);
    // What a crash leaves between writing the first record of a file and naming it.
    let first = fs::read(folder.path().join("journal/00000000000000000000.journal")).unwrap();
    fs::write(folder.path().join("journal/spare"), first).unwrap();
    for number in [5, 6] {
        let (log, report) = open(folder.path()).unwrap();
        assert_eq!(report.events, number);
        go_on(&log, number);
        assert_eq!(log.verify().unwrap().difference, None);
        log.close_now().unwrap();
    }
}

#[test]
fn a_journal_file_that_has_lost_all_its_records_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5);
    let emptied = folder.path().join("journal/00000000000000000005.journal");
    for length in [0, 64 << 10] {
        fs::write(&emptied, vec![0; length]).unwrap();
        let refused = open(folder.path()).unwrap_err();
        let OpenError::Log(LogError::Damaged { what, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            what.contains("00000000000000000005.journal at byte 0") && what.contains("overwritten"),
            "{what}"
        );
    }
}
