//! What a snapshot costs and saves: the sample city many times over, folded, kept and loaded.
//!
//! `cargo run -p daicho-projections --example snapshot_cost -- 50`
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a measurement"
)]

use std::collections::HashMap;
use std::time::Instant;

use daicho_eventlog::evidence::root_at;
use daicho_eventlog::{
    Append, EventLog, ExpectedVersion, MemoryLog, NewEvent, RecordedEvent, StreamName,
};
use daicho_projections::{Snapshot, fold};
use daicho_testkit::TestApp;

#[tokio::main]
async fn main() {
    let copies: u128 = std::env::args()
        .nth(1)
        .map_or(10, |copies| copies.parse().unwrap());
    let (service, _) = TestApp::sample_city().await;
    let city = service.events().await;
    let log = MemoryLog::new();
    for copy in 0..copies {
        append_copy(&log, &city, copy).await;
    }
    let start = Instant::now();
    let models = fold(&log, |_| true).await.unwrap();
    let events = models.next_position();
    println!("{events} events");
    println!("fold    {:>8.1?}", start.elapsed());

    let start = Instant::now();
    let digest = models.digest();
    println!("digest  {:>8.1?}", start.elapsed());

    let folder = tempfile::tempdir().unwrap();
    let root = root_at(&log, events).await.unwrap();
    let start = Instant::now();
    let snapshot = Snapshot::write(folder.path(), &models, root).unwrap();
    println!(
        "write   {:>8.1?}  {} bytes, {} per event",
        start.elapsed(),
        snapshot.bytes,
        snapshot.bytes / events
    );
    let start = Instant::now();
    let loaded = Snapshot::load_newest(folder.path(), &log).await.unwrap();
    println!("load    {:>8.1?}", start.elapsed());
    assert_eq!(loaded.models.unwrap().digest(), digest);
}

/// The city once more, under other ids.
async fn append_copy(log: &MemoryLog, city: &[RecordedEvent], copy: u128) {
    let mut ids = HashMap::new();
    for command in city.chunk_by(|one, next| one.metadata.command_id == next.metadata.command_id) {
        let events: Vec<NewEvent> = command
            .iter()
            .map(|event| {
                let text = String::from_utf8(event.to_stored_bytes().unwrap()).unwrap();
                let text = with_other_ids(&text, copy, &mut ids);
                let event = RecordedEvent::from_stored_bytes(text.as_bytes()).unwrap();
                NewEvent {
                    stream: event.stream,
                    event_type: event.event_type,
                    data: event.data,
                    metadata: event.metadata,
                }
            })
            .collect();
        let mut expected: Vec<(StreamName, ExpectedVersion)> = Vec::new();
        for event in &events {
            if expected.iter().all(|(stream, _)| *stream != event.stream) {
                let version = log.stream_version(&event.stream).await.unwrap();
                expected.push((event.stream.clone(), ExpectedVersion::still(version)));
            }
        }
        log.append(Append { expected, events }).await.unwrap();
    }
}

const UUID_CHARACTERS: usize = 36;

fn with_other_ids(text: &str, copy: u128, ids: &mut HashMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dash) = rest.find('-') {
        // The first dash of an id stands after eight characters.
        let id = dash
            .checked_sub(8)
            .and_then(|start| rest.get(start..start + UUID_CHARACTERS))
            .filter(|id| uuid::Uuid::parse_str(id).is_ok());
        match id {
            Some(id) => {
                out.push_str(&rest[..dash - 8]);
                let other = ids.entry(id.to_owned()).or_insert_with(|| {
                    let id = uuid::Uuid::parse_str(id).unwrap().as_u128();
                    uuid::Uuid::from_u128(id ^ copy).to_string()
                });
                out.push_str(other);
                rest = &rest[dash - 8 + UUID_CHARACTERS..];
            }
            None => {
                out.push_str(&rest[..=dash]);
                rest = &rest[dash + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}
