//! Seeds are played and audited; and bugs are planted, to see that the auditor finds them.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use daicho_testkit::auditor::Finding;
use daicho_testkit::{
    Counts, PlantedBug, SimulationFailure, SimulationReport, simulate, simulate_with,
};

/// Seeds of a normal run.
const SEEDS: u64 = 60;
/// Seeds with `DAICHO_TORTURE=1`.
const SEEDS_OF_TORTURE: u64 = 10_000;
/// Seeds within which a planted bug has to be found.
const SEEDS_FOR_A_BUG: u64 = 40;

fn add(all: &mut Counts, one: &Counts) {
    macro_rules! sum { ($($count:ident),*) => { $(all.$count += one.$count;)* } }
    sum!(
        commands,
        carried_out,
        refused,
        refused_by_separation_of_duties,
        refused_as_stale,
        ids_reused,
        replayed,
        answers_lost,
        given_up,
        not_now,
        sent_twice_at_once,
        refused_beside_success,
        storage_crashes,
        torn_writes,
        read_only_episodes,
        node_crashes,
        nodes_that_could_not_follow,
        approvals,
        publications,
        corrections,
        adopted_plans,
        events
    );
}

/// Plays the seeds below `end` on every core; the failure of the lowest seed that was found.
fn play_all(end: u64) -> Result<Vec<SimulationReport>, SimulationFailure> {
    let next = AtomicU64::new(0);
    let found = Mutex::new((Vec::new(), None::<SimulationFailure>));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end {
                        return;
                    }
                    let result = simulate(seed);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(report) => found.0.push(report),
                        Err(failure) => {
                            eprintln!("{failure}\n");
                            if found
                                .1
                                .as_ref()
                                .is_none_or(|known| failure.seed < known.seed)
                            {
                                found.1 = Some(failure);
                            }
                            next.store(end, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
    });
    let (reports, failure) = found.into_inner().unwrap();
    failure.map_or(Ok(reports), Err)
}

#[test]
fn no_seed_finds_anything() {
    if let Ok(seed) = std::env::var("DAICHO_SEED") {
        let report = simulate(seed.parse().unwrap()).unwrap_or_else(|found| panic!("{found}"));
        println!("{report:#?}");
        return;
    }
    let is_torture = std::env::var("DAICHO_TORTURE").is_ok_and(|value| value == "1");
    let seeds = if is_torture { SEEDS_OF_TORTURE } else { SEEDS };
    let reports = play_all(seeds).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(reports.len() as u64, seeds);
    let mut all = Counts::default();
    for report in &reports {
        add(&mut all, &report.counts);
    }
    println!("{all:#?}");
    // A simulation in which nothing happens finds nothing either.
    for (what, count) in [
        ("commands carried out", all.carried_out / 30),
        ("refusals", all.refused),
        (
            "refusals by separation of duties",
            all.refused_by_separation_of_duties,
        ),
        ("refusals of stale versions", all.refused_as_stale),
        ("ids used again for something else", all.ids_reused),
        ("answers that were there already", all.replayed),
        ("lost answers", all.answers_lost),
        ("people who did not wait", all.given_up),
        ("answers that were not certain", all.not_now),
        ("commands sent twice at a time", all.sent_twice_at_once),
        ("crashes of the log", all.storage_crashes),
        ("torn writes", all.torn_writes),
        ("read-only episodes", all.read_only_episodes),
        ("crashes of a node", all.node_crashes),
        ("approvals", all.approvals),
        ("adopted plans", all.adopted_plans),
    ] {
        assert!(
            count >= seeds / 4,
            "only {count} {what} in {seeds} seeds: {all:#?}"
        );
    }
    assert!(all.publications > 0 && all.corrections > 0, "{all:#?}");
}

#[test]
fn a_seed_plays_the_same_run_every_time() {
    for seed in [3, 8] {
        assert_eq!(simulate(seed), simulate(seed));
    }
    assert_ne!(simulate(3).unwrap().root, simulate(8).unwrap().root);
}

/// The first failure that names the planted `bug` for what it is. A bug shows in more than one way: what
/// was acknowledged and is gone also keeps later commands from ever being decided.
fn found_with(bug: PlantedBug, names: impl Fn(&Finding) -> bool) -> SimulationFailure {
    (0..SEEDS_FOR_A_BUG)
        .filter_map(|seed| simulate_with(seed, Some(bug)).err())
        .find(|failure| names(&failure.finding))
        .unwrap_or_else(|| panic!("{SEEDS_FOR_A_BUG} seeds do not find {bug:?}"))
}

#[test]
fn an_acknowledgement_before_the_flush_is_found() {
    let found = found_with(PlantedBug::SkippedFlush, |finding| {
        matches!(finding, Finding::AcknowledgedIsMissing { .. })
    });
    assert!(
        found.to_string().contains("but the log does not have it"),
        "{found}"
    );
}

#[test]
fn a_lost_notification_is_found() {
    let found = found_with(PlantedBug::LostNotification, |finding| {
        matches!(finding, Finding::NodeStaysBehind { .. })
    });
    assert!(found.to_string().contains("stays at position"), "{found}");
}

#[test]
fn an_append_that_is_recorded_twice_is_found() {
    let found = found_with(PlantedBug::RecordedTwice, |finding| {
        matches!(finding, Finding::RecordedTwice { .. })
    });
    assert!(found.to_string().contains("is recorded twice"), "{found}");
}

#[test]
fn half_a_batch_after_a_crash_is_found() {
    let found = found_with(PlantedBug::HalfABatch, |finding| {
        matches!(finding, Finding::BatchIsNotWhole { .. })
    });
    assert!(found.to_string().contains("is recorded in part"), "{found}");
}

#[test]
fn a_failure_says_how_to_replay_it_and_what_happened_last() {
    let found = found_with(PlantedBug::RecordedTwice, |_| true);
    let told = found.to_string();
    let replay = format!(
        "DAICHO_SEED={} cargo nextest run -p daicho-testkit",
        found.seed
    );
    assert!(told.contains(&replay), "{told}");
    assert_eq!(found.steps.len(), 20);
}
