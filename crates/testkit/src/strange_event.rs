//! An event as a newer version might write it.

use daicho_eventlog::{Append, EventLog, ExpectedVersion, NewEvent, StreamName};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::TestApp;

impl TestApp {
    /// Appends, past the service, an event that this version does not understand: as soon as
    /// the service follows the log, it is stuck. Gives back the event's position.
    pub async fn append_what_nobody_understands(&self) -> u64 {
        let last = self.log.head().await.unwrap().unwrap();
        let mut metadata = self.log.read_all(last, 1).await.unwrap().remove(0).metadata;
        metadata.command_id = Uuid::from_u64_pair(0xd, last.0);
        let stream = StreamName::new("department", &metadata.command_id.to_string()).unwrap();
        let event = NewEvent {
            stream: stream.clone(),
            event_type: "department-split.v7".to_owned(),
            data: RawValue::from_string("{}".to_owned()).unwrap(),
            metadata,
        };
        let append = Append {
            expected: vec![(stream, ExpectedVersion::NoStream)],
            events: vec![event],
        };
        self.log.append(append).await.unwrap().last.0
    }
}
