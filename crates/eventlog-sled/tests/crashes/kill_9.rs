//! A writing process is killed again and again; what it was told is there must be there.

use std::{collections::BTreeMap, thread, time::Duration};

use daicho_eventlog_sled::SledLog;

use crate::{
    load::{Load, options},
    share::{Random, alone, seeds},
    truth::{Truth, probe},
};

/// A store lives through this many kills.
const KILLS_A_STORE: u64 = 25;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let _alone = alone();
    let mut folder = tempfile::tempdir().unwrap();
    let mut truth = Truth::default();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let seeds = seeds(20, 1000);
    let last = *seeds.end();
    for kill in seeds {
        let mut random = Random::new(kill);
        let mut count = |what, by: usize| *counts.entry(what).or_default() += by as u64;
        let mut load = Load::new(folder.path(), kill * 1_000_000).start();
        // Some die while they open or soon after, some while they have just begun, the others busy.
        let mut lines = Vec::new();
        match random.below(10) {
            0 | 1 => thread::sleep(Duration::from_millis(random.next() % 80)),
            2 => thread::sleep(Duration::from_micros(random.next() % 300_000)),
            _ => {
                let appends = 1 + random.below(250);
                lines = load.acknowledged(appends);
                thread::sleep(Duration::from_micros(random.next() % 3_000));
            }
        }
        lines.extend(load.kill());
        let before = truth.acknowledged.len();
        truth.learn(lines.iter().map(String::as_str));
        count("kills", 1);
        count(
            "kills before the first append",
            usize::from(truth.acknowledged.len() == before),
        );
        count("acknowledged appends", truth.acknowledged.len() - before);
        // Sometimes the next process finds what several crashes left.
        if random.percent(60) || kill == last || kill % KILLS_A_STORE == 0 {
            let (log, report) = SledLog::open(folder.path(), options()).unwrap();
            let said = format!("seed {kill}: {report:?}");
            assert_eq!(report.blob_files, 0, "{said}");
            assert_eq!(report.set_aside, None, "{said}");
            let events = truth
                .compare(&log)
                .unwrap_or_else(|wrong| panic!("{wrong}; {said}"));
            assert_eq!(events, report.events, "{said}");
            let verified = log
                .verify()
                .unwrap_or_else(|error| panic!("{error}; {said}"));
            assert_eq!(verified.difference, None, "{said}");
            assert_eq!(verified.events, events, "{said}");
            probe(&log, &mut truth, kill).unwrap_or_else(|wrong| panic!("{wrong}; {said}"));
            log.close_now().unwrap();
            count("stores opened and verified", 1);
            count(
                "of them with a torn tail",
                usize::from(report.torn_tail.is_some()),
            );
            count(
                "of them where sled lacked events",
                usize::from(report.replayed_events > 0),
            );
            count("unfinished snapshots", report.removed_snapshots.len());
        }
        if kill % KILLS_A_STORE == 0 {
            folder = tempfile::tempdir().unwrap();
            truth = Truth::default();
        }
    }
    println!("{counts:#?}");
    assert!(counts["acknowledged appends"] > counts["kills"] * 10 || counts["kills"] < 10);
}
