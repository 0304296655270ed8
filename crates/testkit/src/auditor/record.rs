//! An event as its stored bytes say it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::Finding;

/// The accounts behind an act: whoever did it, and whom they stood in for.
pub(super) type People = BTreeSet<String>;

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub position: u64,
    pub stream: String,
    pub stream_position: u64,
    pub kind: String,
    pub event_id: String,
    pub command: String,
    pub digest: Option<String>,
    pub cause: Option<String>,
    pub account: String,
    pub role: String,
    pub grant: Option<String>,
    pub behalf: Option<String>,
    pub at: Timestamp,
    pub data: Value,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl Record {
    fn read(bytes: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(bytes).ok()?;
        let metadata = &event["metadata"];
        let actor = &metadata["actor"];
        Some(Self {
            position: event["global_position"].as_u64()?,
            stream: text(&event["stream"])?,
            stream_position: event["stream_position"].as_u64()?,
            kind: text(&event["type"])?,
            event_id: text(&metadata["event_id"])?,
            command: text(&metadata["command_id"])?,
            digest: text(&metadata["command_digest"]),
            cause: text(&metadata["causation_id"]),
            account: text(&actor["account"])?,
            role: text(&actor["role"])?,
            grant: text(&actor["grant"]),
            behalf: text(&actor["on_behalf_of"]),
            at: metadata["recorded_at"].as_str()?.parse().ok()?,
            data: event["data"].clone(),
        })
    }

    /// The part of the stream's name behind its category.
    pub fn subject(&self) -> &str {
        self.stream.split_once('-').map_or("", |(_, id)| id)
    }

    pub fn people(&self) -> People {
        let who = (!self.account.starts_with("operator:")).then(|| self.account.clone());
        who.into_iter().chain(self.behalf.clone()).collect()
    }

    /// The field of the event's data, as text.
    pub fn text(&self, field: &str) -> &str {
        self.data[field].as_str().unwrap_or_default()
    }

    pub fn number(&self, field: &str) -> i64 {
        self.data[field].as_i64().unwrap_or(-1)
    }

    /// The node that recorded it: the simulator's nodes end their ids with their number.
    pub fn node(&self) -> Option<usize> {
        self.event_id.get(34..)?.parse().ok()
    }
}

pub(super) fn read_all(stored: &[Vec<u8>]) -> Result<Vec<Record>, Finding> {
    let read = |(position, bytes): (usize, &Vec<u8>)| {
        Record::read(bytes).ok_or_else(|| Finding::OutOfOrder {
            position: position as u64,
            what: "the stored bytes are no event document".into(),
        })
    };
    stored.iter().enumerate().map(read).collect()
}

/// Positions without gaps, no event twice, one digest and one unbroken run for each command.
pub(super) fn are_in_order(records: &[Record]) -> Result<(), Finding> {
    let mut event_ids: BTreeMap<&str, u64> = BTreeMap::new();
    let mut next_in_stream: BTreeMap<&str, u64> = BTreeMap::new();
    let mut commands: BTreeMap<&str, &Record> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let position = at as u64;
        let wrong = |what: String| Err(Finding::OutOfOrder { position, what });
        if record.position != position {
            return wrong(format!("the event says that it is at {}", record.position));
        }
        if let Some(first) = event_ids.insert(&record.event_id, position) {
            return Err(Finding::RecordedTwice {
                event_id: record.event_id.clone(),
                first,
                second: position,
            });
        }
        let next = next_in_stream.entry(&record.stream).or_default();
        if record.stream_position != *next {
            return wrong(format!(
                "{} of stream {}, where {next} comes next",
                record.stream_position, record.stream
            ));
        }
        *next += 1;
        if let Some(before) = commands.insert(&record.command, record) {
            if before.position + 1 != position {
                return wrong(format!(
                    "command {} goes on after a gap; it had ended at {}",
                    record.command, before.position
                ));
            }
            if before.digest != record.digest {
                return wrong(format!("command {} has two digests", record.command));
            }
        }
    }
    Ok(())
}
