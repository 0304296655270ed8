use std::fs;
use std::path::{Path, PathBuf};

use daicho_eventlog::evidence::{Hash, root_at};
use daicho_eventlog::{EventLog, MemoryLog};
use daicho_projections::{
    Distrust, LoadedSnapshot, READ_MODELS_FORMAT, ReadModels, Snapshot, SnapshotError, fold,
};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::city::{all, append, city, folded, log_of};

/// Offsets of the fields in the file; the version of this software stands between the last two.
const FORMAT_AT: usize = 16;
const RULES_AT: usize = 20;
const SOFTWARE_AT: usize = 25;
const CHECKSUM_BYTES: usize = 32;

async fn keep(folder: &Path, log: &MemoryLog, events: usize) -> Snapshot {
    let models = folded(log, events).await;
    let root = root_at(log, events as u64).await.unwrap();
    Snapshot::write(folder, &models, root).unwrap()
}

async fn load(folder: &Path, log: &MemoryLog) -> LoadedSnapshot {
    Snapshot::load_newest(folder, log).await.unwrap()
}

#[track_caller]
fn why(loaded: &LoadedSnapshot) -> &Distrust {
    assert!(loaded.models.is_none());
    let [distrusted] = loaded.distrusted.as_slice() else {
        panic!("{:?}", loaded.distrusted);
    };
    assert!(!distrusted.path.exists(), "it is removed");
    &distrusted.why
}

/// Changes the file at `path` and makes its checksum fit again.
fn forge(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = fs::read(path).unwrap();
    content.truncate(content.len() - CHECKSUM_BYTES);
    change(&mut content);
    let checksum = Sha256::digest(&content);
    content.extend_from_slice(&checksum);
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn a_snapshot_and_the_events_after_it_equal_a_fresh_fold() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let fresh = fold(log.as_ref(), |_| true).await.unwrap();
    let (plan, year) = (city.played.plan, city.played.published_year);
    let published: Vec<u64> = fresh
        .publications(plan, year)
        .map(|sheet| sheet.position)
        .collect();
    assert_eq!(published.len(), 2, "published and corrected");
    let around = published
        .iter()
        .flat_map(|at| [*at as usize, *at as usize + 1]);
    let cuts = [1, city.events.len() / 3, city.events.len()];
    for events in around.chain(cuts) {
        let folder = TempDir::new().unwrap();
        keep(folder.path(), &log, events).await;
        let loaded = load(folder.path(), &log).await;
        let mut models = loaded.models.unwrap();
        assert_eq!(models.next_position(), events as u64);
        for event in &city.events[events..] {
            models.apply(event).unwrap();
        }
        assert_eq!(models.first_difference(&fresh), None, "from {events}");
        assert_eq!(models, fresh, "from {events}");
        assert_eq!(models.digest(), fresh.digest(), "from {events}");
    }
}

#[tokio::test]
async fn what_publications_share_they_share_after_loading() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    keep(folder.path(), &log, city.events.len()).await;
    let models = load(folder.path(), &log).await.models.unwrap();
    let sheets: Vec<_> = models
        .publications(city.played.plan, city.played.published_year)
        .collect();
    let fresh = folded(&log, city.events.len()).await;
    let in_memory: Vec<_> = fresh
        .publications(city.played.plan, city.played.published_year)
        .collect();
    let shared = |one: &ReadModels, sheet: &daicho_projections::PublishedSheet| {
        one.world
            .states()
            .zip(sheet.world.states())
            .filter(|(now, then)| std::ptr::eq(now.1, then.1))
            .count()
    };
    for (loaded, kept) in sheets.iter().zip(&in_memory) {
        assert!(shared(&models, loaded) > 0);
        assert_eq!(shared(&models, loaded), shared(&fresh, kept));
    }
}

#[tokio::test]
async fn a_publication_more_does_not_write_the_world_once_more() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let before = keep(folder.path(), &log, city.events.len()).await.bytes;
    let events = all(&log).await;
    let correction = events
        .iter()
        .rfind(|event| event.event_type == "correction-published.v1")
        .unwrap();
    for number in 3..53 {
        let data = correction
            .data
            .get()
            .replace("\"number\":2", &format!("\"number\":{number}"));
        append(&log, &correction.stream, "correction-published.v1", &data).await;
    }
    let after = keep(folder.path(), &log, city.events.len() + 50).await;
    let models = load(folder.path(), &log).await.models.unwrap();
    let (plan, year) = (city.played.plan, city.played.published_year);
    assert_eq!(models.publications(plan, year).count(), 52);
    // Each of them names the hash of every report, again and again.
    assert!(
        after.bytes < before * 2,
        "{before} bytes became {} with 50 publications more",
        after.bytes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_byte_is_noticed() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let path = keep(folder.path(), &log, city.events.len()).await.path;
    let content = fs::read(&path).unwrap();
    let is_noticed = |offset: usize, bit: u8| {
        let mut damaged = content.clone();
        damaged[offset] ^= 1 << bit;
        fs::write(&path, damaged).unwrap();
        let loaded = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(load(folder.path(), &log))
        });
        loaded.models.is_none() && loaded.distrusted.len() == 1 && !path.exists()
    };
    // The header, and what stands around the end of the body.
    let ends = (0..150).chain(content.len() - 64..content.len());
    for offset in ends {
        assert!(is_noticed(offset, (offset % 8) as u8), "byte {offset}");
    }
    let mut runner = TestRunner::new(Config::with_cases(300));
    runner
        .run(&(0..content.len(), 0..8_u8), |(offset, bit)| {
            prop_assert!(is_noticed(offset, bit));
            Ok(())
        })
        .unwrap();
    fs::write(&path, &content).unwrap();
    assert!(load(folder.path(), &log).await.models.is_some());
}

#[tokio::test]
async fn a_snapshot_that_was_cut_short_is_noticed() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let path = keep(folder.path(), &log, city.events.len()).await.path;
    let content = fs::read(&path).unwrap();
    for length in [0, 3, 16, 20, 40, 100, content.len() / 2, content.len() - 1] {
        fs::write(&path, &content[..length]).unwrap();
        let loaded = load(folder.path(), &log).await;
        assert!(matches!(why(&loaded), Distrust::Damaged(_)), "{length}");
    }
    let mut longer = content.clone();
    longer.push(0);
    fs::write(&path, longer).unwrap();
    assert!(matches!(
        why(&load(folder.path(), &log).await),
        Distrust::Damaged(_)
    ));
}

#[tokio::test]
async fn another_format_version_or_rule_is_not_believed() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let path = keep(folder.path(), &log, 200).await.path;
    let content = fs::read(&path).unwrap();
    let forged = |change: fn(&mut Vec<u8>)| {
        fs::write(&path, &content).unwrap();
        forge(&path, change);
    };
    forged(|_| {});
    assert!(load(folder.path(), &log).await.models.is_some());

    forged(|content| content[FORMAT_AT + 3] += 1);
    let found = READ_MODELS_FORMAT + 1;
    assert_eq!(
        why(&load(folder.path(), &log).await),
        &Distrust::Format { found }
    );
    forged(|content| content[RULES_AT + 3] += 1);
    assert!(matches!(
        why(&load(folder.path(), &log).await),
        Distrust::Version { .. }
    ));
    forged(|content| content[SOFTWARE_AT] += 1);
    let loaded = load(folder.path(), &log).await;
    let Distrust::Version { found, own } = why(&loaded) else {
        panic!("{loaded:?}");
    };
    assert_ne!(found, own);
}

#[tokio::test]
async fn a_whole_file_with_a_wrong_body_is_not_believed() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let one = fs::read(keep(folder.path(), &log, 200).await.path).unwrap();
    let path = keep(folder.path(), &log, 201).await.path;
    // The header of one, the body of the other.
    let header = SOFTWARE_AT + usize::from(one[SOFTWARE_AT - 1]) + 8 + 32;
    forge(&path, |content| {
        content.truncate(header);
        content.extend_from_slice(&one[header..one.len() - CHECKSUM_BYTES]);
    });
    let loaded = load(folder.path(), &log).await;
    assert_eq!(loaded.distrusted.len(), 1, "{:?}", loaded.distrusted);
    assert_eq!(loaded.models.unwrap().next_position(), 200);
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_not_believed() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let snapshot = keep(folder.path(), &log, city.events.len() / 2).await;

    // The same city, but for one moment in its first event.
    let mut events = city.events.clone();
    events[0].metadata.recorded_at += SignedDuration::from_millis(1);
    let other = log_of(&events).await;
    assert_eq!(
        why(&load(folder.path(), &other).await),
        &Distrust::OtherLog {
            events: snapshot.events
        }
    );
}

#[tokio::test]
async fn a_snapshot_of_events_that_the_log_has_lost_is_not_believed() {
    let city = city().await;
    let whole = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let events = city.events.len();
    keep(folder.path(), &whole, events).await;
    let boundary = city.events[..events - 20]
        .iter()
        .rposition(|event| {
            event.metadata.command_id != city.events[events - 20].metadata.command_id
        })
        .unwrap()
        + 1;
    let set_back = log_of(&city.events[..boundary]).await;
    assert_eq!(
        why(&load(folder.path(), &set_back).await),
        &Distrust::Beyond {
            events: events as u64,
            size: boundary as u64
        }
    );
    // It went on differently, past the snapshot's position.
    keep(folder.path(), &whole, events).await;
    let stream = city.events[0].stream.clone();
    while set_back.head().await.unwrap().unwrap().0 < events as u64 {
        append(&set_back, &stream, "anything.v1", "{}").await;
    }
    assert_eq!(
        why(&load(folder.path(), &set_back).await),
        &Distrust::OtherLog {
            events: events as u64
        }
    );
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn two_snapshots_are_kept_and_the_older_one_helps_where_the_newer_is_damaged() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    for events in [100, 150, 200, 250] {
        keep(folder.path(), &log, events).await;
    }
    let name = |events: u64| PathBuf::from(format!("{events:020}.snapshot"));
    assert_eq!(names(folder.path()), [name(200), name(250)]);
    fs::write(folder.path().join(name(250)), "nonsense").unwrap();
    let loaded = load(folder.path(), &log).await;
    assert_eq!(loaded.models.unwrap().next_position(), 200);
    assert_eq!(loaded.distrusted.len(), 1);
    assert_eq!(names(folder.path()), [name(200)]);
}

#[tokio::test]
async fn a_newer_snapshot_of_a_lost_future_does_not_push_out_the_ones_that_count() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(format!("{:020}.snapshot", 9_000)), "").unwrap();
    keep(folder.path(), &log, 100).await;
    let kept = keep(folder.path(), &log, 150).await.path;
    assert_eq!(names(folder.path()).len(), 2);
    assert!(kept.exists());
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_no_snapshot() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let folder = TempDir::new().unwrap();
    let whole = fs::read(keep(folder.path(), &log, 100).await.path).unwrap();
    fs::write(folder.path().join("unfinished"), &whole[..whole.len() / 2]).unwrap();
    let loaded = load(folder.path(), &log).await;
    assert!(loaded.models.is_some() && loaded.distrusted.is_empty());
    keep(folder.path(), &log, 101).await;
    assert!(!folder.path().join("unfinished").exists());
}

#[tokio::test]
async fn a_missing_folder_has_no_snapshots_and_is_made_for_the_first() {
    let log = MemoryLog::new();
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("snapshots");
    assert!(load(&folder, &log).await.models.is_none());
    let nothing = Snapshot::write(&folder, &ReadModels::default(), Hash([0; 32]));
    assert!(matches!(nothing, Err(SnapshotError::Empty)));
    let city = city().await;
    let log = log_of(&city.events).await;
    keep(&folder, &log, 10).await;
    assert!(load(&folder, &log).await.models.is_some());
    Snapshot::remove_all(&folder).unwrap();
    assert!(load(&folder, &log).await.models.is_none());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let city = city().await;
    let log = log_of(&city.events).await;
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("snapshots");
    fs::write(&folder, "a file where the folder should be").unwrap();
    let models = folded(&log, 10).await;
    let error = Snapshot::write(&folder, &models, Hash([0; 32])).unwrap_err();
    assert!(
        error.to_string().contains(folder.to_str().unwrap()),
        "{error}"
    );
}
