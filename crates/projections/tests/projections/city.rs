//! The sample city's log: two years, R3 published and corrected.

use std::sync::Arc;

use daicho_eventlog::{
    Append, EventActor, EventLog, ExpectedVersion, GlobalPosition, MemoryLog, Metadata, NewEvent,
    RecordedEvent, StreamName,
};
use daicho_projections::{ReadModels, fold};
use daicho_testkit::{Played, TestApp};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use uuid::Uuid;

pub struct City {
    pub played: Played,
    pub events: Vec<RecordedEvent>,
}

static CITY: OnceCell<City> = OnceCell::const_new();

/// The city, played once for all tests of a process.
pub async fn city() -> &'static City {
    CITY.get_or_init(|| async {
        let (service, played) = TestApp::sample_city().await;
        let events = service.events().await;
        City { played, events }
    })
    .await
}

/// A log of its own with `events`, command by command.
pub async fn log_of(events: &[RecordedEvent]) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::new());
    for command in events.chunk_by(|one, next| one.metadata.command_id == next.metadata.command_id)
    {
        let mut expected: Vec<(StreamName, ExpectedVersion)> = Vec::new();
        for event in command {
            if expected.iter().all(|(stream, _)| *stream != event.stream) {
                let version = log.stream_version(&event.stream).await.unwrap();
                expected.push((event.stream.clone(), ExpectedVersion::still(version)));
            }
        }
        let events = command.iter().cloned().map(as_new).collect();
        log.append(Append { expected, events }).await.unwrap();
    }
    log
}

fn as_new(event: RecordedEvent) -> NewEvent {
    NewEvent {
        stream: event.stream,
        event_type: event.event_type,
        data: event.data,
        metadata: event.metadata,
    }
}

/// The read models after the first `events` events.
pub async fn folded(log: &MemoryLog, events: usize) -> ReadModels {
    fold(log, |event| event.global_position.0 < events as u64)
        .await
        .unwrap()
}

/// Read models that claim a position and know nothing of what led to it.
pub fn nothing_at(position: Option<u64>) -> ReadModels {
    let mut models = ReadModels::default();
    models.position = position;
    models
}

/// Appends an event that `daicho` did not write.
pub async fn append(log: &MemoryLog, stream: &StreamName, event_type: &str, data: &str) -> u64 {
    let version = log.stream_version(stream).await.unwrap();
    let head = log.head().await.unwrap().map_or(0, |head| head.0 + 1);
    let id = Uuid::from_u64_pair(0xf0, head);
    let metadata = Metadata {
        event_id: id,
        command_id: id,
        command_digest: None,
        correlation_id: id,
        causation_id: None,
        actor: EventActor {
            account: "operator:somebody".to_owned(),
            role: "operator".to_owned(),
            grant: None,
            on_behalf_of: None,
        },
        municipality: None,
        reason: None,
        recorded_at: "2024-05-01T00:00:00Z".parse().unwrap(),
    };
    let appended = log
        .append(Append {
            expected: vec![(stream.clone(), ExpectedVersion::still(version))],
            events: vec![NewEvent {
                stream: stream.clone(),
                event_type: event_type.to_owned(),
                data: RawValue::from_string(data.to_owned()).unwrap(),
                metadata,
            }],
        })
        .await
        .unwrap();
    appended.last.0
}

/// Everything that the log has.
pub async fn all(log: &MemoryLog) -> Vec<RecordedEvent> {
    log.read_all(GlobalPosition(0), usize::MAX).await.unwrap()
}
