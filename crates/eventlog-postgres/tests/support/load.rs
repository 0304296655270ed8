//! Writers that send a command again until it is acknowledged, and what must hold afterwards.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use daicho_eventlog::{
    AppendOutcome, EventLog, LogError, StreamPosition,
    conformance::{append, at, command, exact, no_stream, stream},
    evidence::{Tree, TreeHead, leaf_hash},
};
use daicho_eventlog_postgres::PostgresLog;
use tokio::{task::JoinHandle, time::Instant};

/// Commands that one writer can number.
const COMMANDS_OF_A_WRITER: u64 = 1_000_000;

/// Writers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    writers: Vec<JoinHandle<Written>>,
}

/// What one writer, or all of them, were told.
#[derive(Default)]
pub struct Written {
    /// Outcome by number of the command.
    pub acknowledged: HashMap<u64, AppendOutcome>,
    /// Times that an append was answered with an error that says to try again.
    pub retries: u64,
    /// Retries that found their command recorded.
    pub found_recorded: u64,
    /// The longest time after which somebody was told to try again.
    pub slowest_refusal: Duration,
}

impl Load {
    /// `writers` for each log; to be called on the runtime.
    pub fn start(logs: &[Arc<PostgresLog>], writers: u64) -> Self {
        Self::start_numbered(logs, writers, 0)
    }

    /// As [`Load::start`], with the writers numbered from `first` on, so that each has a stream
    /// and commands of its own.
    pub fn start_numbered(logs: &[Arc<PostgresLog>], writers: u64, first: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let numbers = 0..writers * logs.len() as u64;
        let writers = numbers
            .map(|number| {
                let log = Arc::clone(&logs[(number / writers) as usize]);
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                tokio::spawn(write(log, first + number, stop, acknowledged))
            })
            .collect();
        Self {
            stop,
            acknowledged,
            writers,
        }
    }

    /// How many appends have been acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more have been acknowledged.
    pub async fn wait_for(&self, more: u64) {
        let goal = self.acknowledged() + more;
        for _ in 0..6000 {
            if self.acknowledged() >= goal {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{more} more appends were not acknowledged within a minute");
    }

    /// Lets every writer finish its command, with success.
    pub async fn finish(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for writer in self.writers {
            let written = writer.await.unwrap();
            all.acknowledged.extend(written.acknowledged);
            all.retries += written.retries;
            all.found_recorded += written.found_recorded;
            all.slowest_refusal = all.slowest_refusal.max(written.slowest_refusal);
        }
        all
    }
}

async fn write(
    log: Arc<PostgresLog>,
    writer: u64,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
) -> Written {
    let own = format!("w{writer}");
    let mut written = Written::default();
    let mut version = no_stream();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let number = writer * COMMANDS_OF_A_WRITER + turn;
        let outcome = loop {
            let sent = Instant::now();
            match log.append(append(number, &[(&own, version)])).await {
                Ok(outcome) => break outcome,
                Err(LogError::Io { .. } | LogError::ReadOnly { .. }) => {
                    written.retries += 1;
                    written.slowest_refusal = written.slowest_refusal.max(sent.elapsed());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(other) => panic!("command {number}: {other}"),
            }
        };
        written.found_recorded += u64::from(outcome.replayed);
        written.acknowledged.insert(number, outcome);
        acknowledged.fetch_add(1, Ordering::Relaxed);
        version = exact(turn);
    }
    written
}

/// Everything that was acknowledged is there, once and where it was said to be, and the tree
/// is the one over it. Returns the number of events.
pub async fn check(log: &dyn EventLog, written: &Written) -> u64 {
    let events = log.read_all(at(0), usize::MAX).await.unwrap();
    let mut places = HashMap::new();
    let mut streams: HashMap<_, u64> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event.global_position, at(place as u64), "a gap");
        let next = streams.entry(event.stream.clone()).or_default();
        assert_eq!(event.stream_position, StreamPosition(*next));
        *next += 1;
        let first = places.insert(event.metadata.command_id, event.global_position);
        assert_eq!(first, None, "a command was recorded twice");
    }
    for (number, outcome) in &written.acknowledged {
        assert_eq!(
            places.get(&command(*number)),
            Some(&outcome.first),
            "command {number} was acknowledged and is not there"
        );
        assert_eq!(outcome.first, outcome.last);
    }
    // A writer goes on only after it was answered, so nothing else can be there.
    assert_eq!(events.len(), written.acknowledged.len());
    assert_eq!(log.tree_head().await.unwrap(), recomputed(log).await);
    events.len() as u64
}

/// The tree's head, from the stored bytes alone.
pub async fn recomputed(log: &dyn EventLog) -> TreeHead {
    let mut tree = Tree::default();
    for stored in log.read_stored(at(0), usize::MAX).await.unwrap() {
        tree.push(leaf_hash(&stored), &mut Vec::new());
    }
    tree.head()
}

/// One event by the command `number` for the stream `id`, which has `version` events.
pub async fn add(log: &dyn EventLog, number: u64, id: &str, version: u64) -> AppendOutcome {
    let expected = version.checked_sub(1).map_or_else(no_stream, exact);
    let outcome = log.append(append(number, &[(id, expected)])).await.unwrap();
    assert_eq!(
        log.stream_version(&stream(id)).await.unwrap(),
        Some(StreamPosition(version))
    );
    outcome
}
