//! Power cuts, simulated: whatever a disk may forget of what was not synced, acknowledged events
//! are there.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use daicho_eventlog_sled::{OpenReport, SledLog};

use crate::{
    load::{Load, options},
    recorded_writes::{LOSSES, RecordedWrites},
    share::{Random, alone, compile, copy, files_below, scratch, seeds},
    truth::{Truth, probe},
};

/// States that are built of one recording.
const STATES_A_RECORDING: u64 = 10;

/// A recorded process and what had been acknowledged before it.
struct Recording {
    writes: RecordedWrites,
    truth_before: Truth,
    /// The cuts at which most is not synced.
    heaviest: Vec<usize>,
}

impl Recording {
    /// Runs a writing process on `folder` and records it until it has closed the log.
    fn make(library: &Path, folder: &Path, base: u64, appends: u64, truth_before: Truth) -> Self {
        let beside = scratch();
        let (trace, told) = (beside.path().join("trace"), beside.path().join("told"));
        let mut writes = RecordedWrites::before(folder);
        let mut load = Load::new(folder, base);
        load.ends_after = Some(appends);
        load.told = Some(&told);
        let environment = vec![
            ("DAICHO_TRACE", trace.clone()),
            ("DAICHO_TRACE_ROOT", folder.to_owned()),
            ("DAICHO_TRACE_TOLD", told.clone()),
        ];
        load.preload = Some((library, environment));
        load.start().end();
        writes.add(&fs::read(trace).unwrap());
        assert_complete(&writes, folder);
        let mut cuts: Vec<_> = (0..writes.records).step_by(7).collect();
        cuts.sort_by_key(|cut| std::cmp::Reverse(writes.unsynced_bytes(*cut)));
        cuts.truncate(writes.records / 50 + 1);
        Self {
            writes,
            truth_before,
            heaviest: cuts,
        }
    }

    /// Anywhere, where files come and go, in the middle of a commit, or where most is at stake.
    fn cut(&self, random: &mut Random) -> usize {
        match random.below(4) {
            0 => random.below(self.writes.records + 1),
            1 => {
                let turn = *random.pick(&self.writes.turns);
                (turn + random.below(6)).min(self.writes.records)
            }
            2 => *random.pick(&self.writes.commits),
            _ => *random.pick(&self.heaviest),
        }
    }

    /// What had been acknowledged at `cut`.
    fn truth(&self, cut: usize) -> Truth {
        let mut truth = self.truth_before.clone();
        let told = self.writes.told.iter().filter(|(record, _)| *record < cut);
        truth.learn(told.flat_map(|(_, text)| text.lines()));
        truth
    }
}

/// With nothing lost the recording must lead to what is really there: else the recorder has missed
/// something, and a state would be none that a cut can leave.
fn assert_complete(writes: &RecordedWrites, folder: &Path) {
    let again = scratch();
    writes.build(
        writes.records,
        Some(crate::recorded_writes::Loss::Nothing),
        again.path(),
        &mut Random::new(0),
    );
    assert_eq!(files_below(again.path()), files_below(folder));
    for file in files_below(folder) {
        assert!(
            fs::read(again.path().join(&file)).unwrap() == fs::read(folder.join(&file)).unwrap(),
            "{} was not recorded completely",
            file.display()
        );
    }
    assert!(!writes.told.is_empty() && !writes.turns.is_empty());
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long opening takes is measured"
)]
pub(crate) fn examine(folder: &Path, truth: &Truth) -> Result<(OpenReport, Duration), String> {
    let started = Instant::now();
    let opened = SledLog::open(folder, options());
    let took = started.elapsed();
    let (log, report) = opened.map_err(|error| format!("REFUSED: {error}"))?;
    let wrong = |wrong: String| format!("{wrong}; {report:?}");
    let mut truth = truth.clone();
    truth.compare(&log).map_err(wrong)?;
    let verified = log
        .verify()
        .map_err(|error| wrong(format!("verification: {error}")))?;
    if let Some(difference) = verified.difference {
        return Err(wrong(format!("verification: {difference}")));
    }
    // Some are only looked at before they are closed: so nothing may rest on an append.
    if truth.next().is_multiple_of(2) {
        probe(&log, &mut truth, 1).map_err(wrong)?;
    }
    log.close_now()
        .map_err(|error| wrong(format!("closing: {error}")))?;
    drop(log);
    let (log, again) =
        SledLog::open(folder, options()).map_err(|error| wrong(error.to_string()))?;
    if !again.clean_shutdown || again.torn_tail.is_some() || again.replayed_events > 0 {
        return Err(wrong(format!("opened again after closing: {again:?}")));
    }
    probe(&log, &mut truth, 2).map_err(wrong)?;
    truth.compare(&log).map_err(wrong)?;
    Ok((report, took))
}

#[test]
fn what_a_power_cut_leaves_holds_everything_acknowledged() {
    let _alone = alone();
    let tools = scratch();
    let Some(library) = compile("recorder.c", tools.path(), &["-shared", "-fPIC"]) else {
        return;
    };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut times = Vec::new();
    let mut next_base: Option<(tempfile::TempDir, Truth)> = None;
    let mut recording: Option<Recording> = None;
    let mut most_unsynced = 0;
    for seed in seeds(20, 300) {
        let mut random = Random::new(seed);
        if recording.is_none() || seed % STATES_A_RECORDING == 1 {
            // Every process but each fifth finds what a cut has left, so that cuts meet
            // the mending too.
            let (folder, truth) = next_base
                .take()
                .filter(|_| !(seed / STATES_A_RECORDING).is_multiple_of(5))
                .unwrap_or_else(|| (scratch(), Truth::default()));
            let appends = 100 + random.below(300) as u64;
            let base = seed * 1_000_000;
            recording = Some(Recording::make(
                &library,
                folder.path(),
                base,
                appends,
                truth,
            ));
        }
        let recording = recording.as_ref().unwrap();
        let cut = recording.cut(&mut random);
        let loss = random.percent(80).then(|| *random.pick(&LOSSES));
        let truth = recording.truth(cut);
        let state = scratch();
        recording.writes.build(cut, loss, state.path(), &mut random);
        let unsynced = recording.writes.unsynced_bytes(cut);
        most_unsynced = most_unsynced.max(unsynced);
        let kept = scratch();
        copy(state.path(), kept.path());
        let mut count = |what, by: bool| *counts.entry(what).or_default() += u64::from(by);
        count("states", true);
        let examined = catch_unwind(AssertUnwindSafe(|| examine(state.path(), &truth)));
        let examined = examined
            .unwrap_or_else(|panic| Err(format!("PANIC: {:?}", panic.downcast_ref::<String>())));
        match examined {
            Ok((report, took)) => {
                times.push(took);
                if next_base.is_none() || random.percent(30) {
                    next_base = Some((kept, truth.clone()));
                }
                count("with a torn tail", report.torn_tail.is_some());
                count("where sled lacked events", report.replayed_events > 0);
                count(
                    "where sled did not open and was rebuilt",
                    report.set_aside.is_some(),
                );
                count(
                    "with events nobody was told of",
                    report.events > truth.next(),
                );
                count(
                    "with unfinished snapshots",
                    !report.removed_snapshots.is_empty(),
                );
                count(
                    "where sled lacked checkpoints",
                    report.replayed_checkpoints > 0,
                );
            }
            Err(wrong) => {
                let failure = format!(
                    "seed {seed}, cut before record {cut} of {}, {loss:?} of {unsynced} bytes: {wrong}",
                    recording.writes.records
                );
                println!("{failure}");
                failures.push(failure);
            }
        }
    }
    times.sort();
    println!("{counts:#?}");
    println!(
        "{} failures; most unsynced: {most_unsynced} bytes; opening took {:?} at the median, {:?} at most",
        failures.len(),
        times.get(times.len() / 2),
        times.last()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
