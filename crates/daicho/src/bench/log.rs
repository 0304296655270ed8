//! Durable appends to the log on sled, tree and signed heads included.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use daicho_eventlog::evidence::{LogKey, sign_checkpoint};
use daicho_eventlog::{
    Append, EventActor, EventLog, ExpectedVersion, GlobalPosition, Metadata, NewEvent,
    RecordedEvent, StreamName, StreamPosition,
};
use daicho_eventlog_sled::{Options, SledLog};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::percentiles::Latency;
use super::{Report, Round, Rounds, Series, limit, now};
use crate::failure::Failure;

/// Writers of the log whose space is measured: with fewer, fewer events are compressed together.
const SPACE_WRITERS: u32 = 256;
/// A head is signed this often, as a service does while it is written to.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// The space that an event takes on the disk, in bytes.
#[derive(Debug, Serialize)]
pub(super) struct Space {
    /// Events in the log.
    pub(super) events: u64,
    /// Their stored bytes, before they are compressed.
    pub(super) event_bytes: f64,
    /// Events that are compressed together.
    pub(super) events_per_block: f64,
    /// sled with blocks, tiles and heads.
    pub(super) sled_bytes: f64,
    /// The journal's full files and what is used of the last one.
    pub(super) journal_bytes: f64,
    /// The index.
    pub(super) index_bytes: f64,
}

pub(super) async fn measure(
    folder: &Path,
    rounds: Rounds,
    writers: &[u32],
    events: u64,
) -> Result<Report, Failure> {
    let mut series = Vec::new();
    for writers in writers.iter().copied() {
        let mut measured = Vec::new();
        for round in 0..rounds.number {
            rounds.say(&format!("{writers} writers"), round);
            let encoding = (0..writers).map(stored_events).collect();
            let limit_per_second = limit::durable_appends(folder, encoding, rounds.length).await?;
            let until = Until::Time(rounds.length);
            let appended = append(folder, writers, until).await?;
            let per_second = appended.count as f64 / appended.seconds;
            measured.push(Round {
                limit_per_second,
                per_second,
                ratio: per_second / limit_per_second,
                latency: Latency::of(appended.times),
            });
            fs::remove_dir_all(folder.join("log")).map_err(Failure::new)?;
        }
        series.push(Series::of(writers, measured));
    }
    let space = if events > 0 {
        rounds.tell(&format!("appending {events} events to measure their space"));
        Some(space(folder, events).await?)
    } else {
        None
    };
    Ok(Report {
        subject: "durable appends of one event to the log, tree and signed heads included",
        limit: "the same events made, encoded and appended to a file that was filled before, group commit, fdatasync",
        seconds: rounds.length.as_secs(),
        series,
        space,
    })
}

/// When the writers stop.
#[derive(Debug, Clone, Copy)]
enum Until {
    Time(Duration),
    Events(u64),
}

struct Appended {
    count: u64,
    seconds: f64,
    times: Vec<Duration>,
}

/// Lets `writers` append to a new log, each to a stream of its own and waiting for its answer, and
/// closes it.
async fn append(folder: &Path, writers: u32, until: Until) -> Result<Appended, Failure> {
    let (log, _) = SledLog::open(&folder.join("log"), Options::default())?;
    let log = Arc::new(log);
    let stop = Arc::new(AtomicBool::new(false));
    let signing = tokio::spawn(sign(Arc::clone(&log), Arc::clone(&stop)));
    let count = Arc::new(AtomicU64::new(0));
    let started = now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (log, count, stop) = (Arc::clone(&log), Arc::clone(&count), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut random = Random::of(writer);
                let mut times = Vec::new();
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let append = one_event(writer, number, &mut random)?;
                    let asked = now();
                    log.append(append).await?;
                    times.push(asked.elapsed());
                    number += 1;
                    let all = count.fetch_add(1, Ordering::Relaxed) + 1;
                    if matches!(until, Until::Events(most) if all >= most) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    if let Until::Time(length) = until {
        tokio::time::sleep(length).await;
        stop.store(true, Ordering::Relaxed);
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(Failure::new)??);
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    signing.await.map_err(Failure::new)??;
    EventLog::close(log.as_ref()).await?;
    Ok(Appended {
        count: count.load(Ordering::Relaxed),
        seconds,
        times,
    })
}

async fn sign(log: Arc<SledLog>, stop: Arc<AtomicBool>) -> Result<(), Failure> {
    let key = LogKey::from_seed("daicho.bench", &[7; 32]).map_err(Failure::new)?;
    let mut passed = Duration::ZERO;
    let step = Duration::from_millis(50);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(step).await;
        passed += step;
        if passed >= SIGN_EVERY {
            passed = Duration::ZERO;
            let head = log.tree_head().await?;
            let signed = sign_checkpoint(&key, head).map_err(Failure::new)?;
            log.keep_checkpoint(signed).await?;
        }
    }
    Ok(())
}

fn one_event(writer: u32, number: u64, random: &mut Random) -> Result<Append, Failure> {
    let command_id = random.uuid();
    let figure = random.next() % 100_000;
    let data = format!(
        r#"{{"fiscal_year":2022,"revision":{number},"value":{{"raw":"{figure}","value":"{figure}"}}}}"#
    );
    let stream = StreamName::new("indicator", &format!("{writer:06}")).map_err(Failure::new)?;
    let moment = 1_650_000_000_000_000 + i64::try_from(number * 1009 + figure).unwrap_or_default();
    let event = NewEvent {
        stream: stream.clone(),
        event_type: "actual-entered.v1".to_owned(),
        data: RawValue::from_string(data).map_err(Failure::new)?,
        metadata: Metadata {
            event_id: random.uuid(),
            command_id,
            command_digest: None,
            correlation_id: command_id,
            causation_id: None,
            actor: EventActor {
                account: format!("staff-{writer}"),
                role: "staff".to_owned(),
                grant: None,
                on_behalf_of: None,
            },
            municipality: None,
            reason: None,
            recorded_at: Timestamp::from_microsecond(moment).map_err(Failure::new)?,
        },
    };
    let expected = match number.checked_sub(1) {
        None => ExpectedVersion::NoStream,
        Some(last) => ExpectedVersion::Exact(StreamPosition(last)),
    };
    Ok(Append {
        expected: [(stream, expected)].into_iter().collect(),
        events: vec![event],
    })
}

/// What makes the events of a writer, one behind the other, as the log would store them.
fn stored_events(writer: u32) -> impl FnMut() -> Result<Vec<u8>, Failure> + Send + 'static {
    let mut random = Random::of(writer);
    let mut number = 0;
    move || {
        let append = one_event(writer, number, &mut random)?;
        let position = GlobalPosition(number * 64 + u64::from(writer));
        let event = append.events.into_iter().next();
        let event = event.ok_or_else(|| Failure::new("an append holds an event"))?;
        let recorded = RecordedEvent::at(position, StreamPosition(number), event);
        number += 1;
        Ok(recorded.to_stored_bytes()?)
    }
}

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn of(writer: u32) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (u64::from(writer) << 32))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

async fn space(folder: &Path, events: u64) -> Result<Space, Failure> {
    append(folder, SPACE_WRITERS, Until::Events(events)).await?;
    let folder = folder.join("log");
    let (log, _) = SledLog::open(&folder, Options::default())?;
    let verified = log.verify()?;
    if let Some(difference) = verified.difference {
        return Err(Failure::new(format!(
            "the log that was measured is not whole: {difference}"
        )));
    }
    EventLog::close(&log).await?;
    let an_event = |bytes: u64| bytes as f64 / verified.events.max(1) as f64;
    Ok(Space {
        events: verified.events,
        event_bytes: an_event(verified.stored_bytes),
        events_per_block: verified.events as f64 / verified.blocks.max(1) as f64,
        sled_bytes: an_event(disk_bytes(&folder.join("sled")).map_err(Failure::new)?),
        journal_bytes: an_event(verified.journal_bytes),
        index_bytes: an_event(disk_bytes(&folder.join("index")).map_err(Failure::new)?),
    })
}

/// What a folder takes on the disk; sled's file has holes.
fn disk_bytes(path: &Path) -> std::io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata.blocks() * 512);
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += disk_bytes(&entry?.path())?;
    }
    Ok(bytes)
}
