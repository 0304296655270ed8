//! `bench`: what the service does a second, beside what this machine allows in the same run.
//!
//! Figures of two runs, or of two machines, say little; a ratio of two things measured in turn, in
//! one run, says something. So every subject is measured with its limit beside it.

mod city;
mod limit;
mod log;
mod percentiles;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::Failure;
use crate::operation::Outcome;

/// `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub subject: Subject,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    /// Rounds; the subject and its limit are measured in turn in each, and the median counts.
    #[arg(long, global = true, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Length of a measurement in seconds.
    #[arg(long, global = true, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// A folder on the disk to measure; what is made in it is removed again.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Subject {
    /// Durable appends to the log, beside appending the same bytes to a file that was filled
    /// before, with group commit and fdatasync; and the space that an event takes.
    Log {
        /// How many write at once.
        #[arg(
            long,
            value_name = "N,…",
            value_delimiter = ',',
            value_parser = clap::value_parser!(u32).range(1..),
            default_value = "64,256,1"
        )]
        writers: Vec<u32>,
        /// Number of events in the log whose space is measured.
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        events: u64,
    },
    /// Commands through the service (authorised, decided, appended, folded), beside the same file.
    Commands {
        /// How many write at once.
        #[arg(
            long,
            value_name = "N,…",
            value_delimiter = ',',
            value_parser = clap::value_parser!(u32).range(1..),
            default_value = "16,1"
        )]
        writers: Vec<u32>,
    },
    /// The working sheet with everything derived, beside writing it as JSON.
    Reads,
    /// The read models folded from the log, beside reading the log's events.
    Rebuild,
}

/// One round: a subject and its limit, each a second.
#[derive(Debug, Clone, Copy, Serialize)]
struct Round {
    limit_per_second: f64,
    per_second: f64,
    ratio: f64,
    #[serde(flatten)]
    latency: percentiles::Latency,
}

/// All rounds with one number of writers or readers.
#[derive(Debug, Serialize)]
struct Series {
    at_once: u32,
    rounds: Vec<Round>,
    median_ratio: f64,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    subject: &'static str,
    limit: &'static str,
    seconds: u64,
    series: Vec<Series>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<log::Space>,
}

/// Measures.
///
/// # Errors
/// Where the folder cannot be used, or what is measured fails.
pub async fn run(bench: Bench) -> Result<Outcome, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("daicho-bench-")
        .tempdir_in(&bench.folder)
        .map_err(|error| {
            Failure::new(format!(
                "nothing can be made in {}: {error}",
                bench.folder.display()
            ))
            .help("name a folder on the disk to measure with --folder")
        })?;
    let rounds = Rounds {
        number: bench.rounds,
        length: Duration::from_secs(bench.seconds),
    };
    let report = match &bench.subject {
        Subject::Log { writers, events } => {
            log::measure(folder.path(), rounds, writers, *events).await?
        }
        Subject::Commands { writers } => city::commands(folder.path(), rounds, writers).await?,
        Subject::Reads => city::reads(folder.path(), rounds).await?,
        Subject::Rebuild => city::rebuild(folder.path(), rounds).await?,
    };
    if bench.json {
        Outcome::json(&report)
    } else {
        Ok(Outcome::lines(lines(&report)))
    }
}

/// How often and how long is measured.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    number: u32,
    length: Duration,
}

impl Rounds {
    /// Says what is measured, as it takes minutes.
    fn say(self, what: &str, round: u32) {
        self.tell(&format!("{what}: round {} of {}", round + 1, self.number));
    }

    #[expect(
        clippy::print_stderr,
        reason = "progress goes where errors go, so that output stays what was asked for"
    )]
    fn tell(self, what: &str) {
        eprintln!("{what}");
    }
}

impl Series {
    fn of(at_once: u32, rounds: Vec<Round>) -> Self {
        let mut ratios: Vec<f64> = rounds.iter().map(|round| round.ratio).collect();
        ratios.sort_by(f64::total_cmp);
        Self {
            at_once,
            median_ratio: ratios[ratios.len() / 2],
            rounds,
        }
    }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![
        format!("{} ({} s each)", report.subject, report.seconds),
        format!("beside: {}", report.limit),
    ];
    for series in &report.series {
        for (number, round) in series.rounds.iter().enumerate() {
            let latency = round.latency;
            lines.push(format!(
                "  {:>4} at once, round {}: {:>10.0} a second beside {:>10.0}, ratio {:.2}; ms: p50 {:.2}, p95 {:.2}, p99 {:.2}, max {:.1}",
                series.at_once,
                number + 1,
                round.per_second,
                round.limit_per_second,
                round.ratio,
                latency.p50_ms,
                latency.p95_ms,
                latency.p99_ms,
                latency.max_ms,
            ));
        }
        lines.push(format!(
            "  {:>4} at once: median ratio {:.2}",
            series.at_once, series.median_ratio
        ));
    }
    if let Some(space) = &report.space {
        lines.push(format!(
            "space of {} events of {:.0} bytes, {:.1} a block: sled with tiles {:.0}, journal {:.0}, index {:.0} bytes an event",
            space.events, space.event_bytes, space.events_per_block, space.sled_bytes, space.journal_bytes, space.index_bytes
        ));
    }
    lines
}

/// The time, for measuring.
#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::Arguments;

    fn is_taken(arguments: &[&str]) -> bool {
        let arguments = ["daicho", "bench"].iter().chain(arguments);
        Arguments::try_parse_from(arguments).is_ok()
    }

    #[test]
    fn what_would_measure_nothing_is_refused() {
        for subject in ["log", "commands"] {
            assert!(is_taken(&[subject, "--writers", "1,2"]));
            assert!(!is_taken(&[subject, "--writers", "0"]));
            assert!(!is_taken(&[subject, "--writers", "1,0"]));
            assert!(!is_taken(&[subject, "--rounds", "0"]));
            assert!(!is_taken(&[subject, "--seconds", "0"]));
        }
    }
}
