//! The simulator: people, two nodes and a failing storage, all from one seed. Nothing here knows
//! the real time or real chance, so a seed plays the same run every time.

mod asked;
mod dice;
mod faulty_log;
mod node;
mod run;
mod small_city;
mod wishes;

use std::fmt;

use crate::auditor::Finding;

/// A bug that tests plant, to see it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// The log acknowledges what is not durable yet.
    SkippedFlush,
    /// A node is not told that there is something new, ever again.
    LostNotification,
    /// The log forgets a command id and records the append once more.
    RecordedTwice,
    /// After a crash the log keeps the part of a batch that was written.
    HalfABatch,
}

/// How often what happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a number of what its name says")]
pub struct Counts {
    pub commands: u64,
    pub carried_out: u64,
    pub refused: u64,
    pub refused_by_separation_of_duties: u64,
    pub refused_as_stale: u64,
    pub ids_reused: u64,
    pub replayed: u64,
    pub answers_lost: u64,
    pub given_up: u64,
    pub not_now: u64,
    pub sent_twice_at_once: u64,
    /// Refused although the same command, sent at the same time, was carried out.
    pub refused_beside_success: u64,
    pub storage_crashes: u64,
    pub torn_writes: u64,
    pub read_only_episodes: u64,
    pub node_crashes: u64,
    pub nodes_that_could_not_follow: u64,
    pub approvals: u64,
    pub publications: u64,
    pub corrections: u64,
    pub adopted_plans: u64,
    pub events: u64,
}

/// A run in which the auditor found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationReport {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub counts: Counts,
    /// Root of the log's tree at the end, hexadecimal: two runs with one root are the same run.
    pub root: String,
}

/// A run in which something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationFailure {
    /// The seed.
    pub seed: u64,
    /// The bug that was planted, if one was.
    pub planted: Option<PlantedBug>,
    /// What was found.
    pub finding: Box<Finding>,
    /// The last steps of the run, oldest first.
    pub steps: Vec<String>,
}

impl fmt::Display for SimulationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.finding)?;
        if let Some(bug) = self.planted {
            writeln!(f, "planted bug: {bug:?}")?;
        }
        writeln!(f, "the last steps:")?;
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        write!(
            f,
            "replay: DAICHO_SEED={} cargo nextest run -p daicho-testkit no_seed_finds_anything --no-capture",
            self.seed
        )
    }
}

impl std::error::Error for SimulationFailure {}

/// Plays the run of `seed` and has it audited.
///
/// # Errors
/// What the auditor found, with the last steps before it.
pub fn simulate(seed: u64) -> Result<SimulationReport, SimulationFailure> {
    simulate_with(seed, None)
}

/// As [`simulate`], with a bug planted.
///
/// # Errors
/// As [`simulate`]: here it is what is hoped for.
pub fn simulate_with(
    seed: u64,
    planted: Option<PlantedBug>,
) -> Result<SimulationReport, SimulationFailure> {
    run::Run::new(seed, planted).play()
}
