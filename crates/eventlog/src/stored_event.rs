//! The stored bytes of one event: one self-contained JSON document, fields in a fixed
//! order, no white space outside `data`:
//!
//! ```json
//! {"global_position":0,"stream":"plan-a","stream_position":0,"type":"plan-drafted.v1","metadata":{…},"data":{…}}
//! ```
//!
//! These bytes are the leaves of the Merkle tree and what an auditor reads: decoding
//! and encoding again gives the same bytes.

use serde::Deserialize;
use uuid::Uuid;

use crate::{GlobalPosition, LogError, RecordedEvent, StreamName, StreamPosition};

/// Largest stored event, in bytes of its JSON document: what an entry bundle's length field
/// can say.
pub const MAX_EVENT_BYTES: usize = 64 * 1024 - 1;

/// Stored bytes that are no event.
#[derive(Debug, thiserror::Error)]
#[error("the stored bytes are not an event document")]
pub struct UnreadableEvent {
    /// What the JSON reader found.
    #[source]
    pub source: serde_json::Error,
}

impl RecordedEvent {
    /// The bytes that a log stores for this event.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] above [`MAX_EVENT_BYTES`].
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn to_stored_bytes(&self) -> Result<Vec<u8>, LogError> {
        let bytes = serde_json::to_vec(self).expect("every field of an event has a JSON form");
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(LogError::TooLarge {
                what: format!("the event {} for stream {}", self.event_type, self.stream),
                bytes: bytes.len(),
                limit_bytes: MAX_EVENT_BYTES,
            });
        }
        Ok(bytes)
    }

    /// The event that `bytes` hold.
    ///
    /// # Errors
    /// [`UnreadableEvent`] if they are not one event document.
    pub fn from_stored_bytes(bytes: &[u8]) -> Result<Self, UnreadableEvent> {
        serde_json::from_slice(bytes).map_err(|source| UnreadableEvent { source })
    }
}

/// The part of a stored event that an index needs; reading it skips the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEventHead {
    /// Place in the whole log.
    pub global_position: GlobalPosition,
    /// The stream that it belongs to.
    pub stream: StreamName,
    /// Place in that stream.
    pub stream_position: StreamPosition,
    /// The command that caused it.
    pub command_id: Uuid,
}

impl StoredEventHead {
    /// The head of the event that `bytes` hold.
    ///
    /// # Errors
    /// [`UnreadableEvent`] if they are not one event document.
    pub fn from_stored_bytes(bytes: &[u8]) -> Result<Self, UnreadableEvent> {
        #[derive(Deserialize)]
        struct Head {
            global_position: GlobalPosition,
            stream: StreamName,
            stream_position: StreamPosition,
            metadata: CommandOnly,
        }
        #[derive(Deserialize)]
        struct CommandOnly {
            command_id: Uuid,
        }
        let head: Head =
            serde_json::from_slice(bytes).map_err(|source| UnreadableEvent { source })?;
        Ok(Self {
            global_position: head.global_position,
            stream: head.stream,
            stream_position: head.stream_position,
            command_id: head.metadata.command_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::{Append, EventActor, ExpectedVersion, Metadata, NewEvent};

    fn event(data: &str) -> RecordedEvent {
        RecordedEvent {
            global_position: GlobalPosition(7),
            stream: StreamName::new("indicator", "a").unwrap(),
            stream_position: StreamPosition(2),
            event_type: "actual-revised.v1".to_owned(),
            metadata: Metadata {
                event_id: Uuid::from_u128(1),
                command_id: Uuid::from_u128(2),
                command_digest: None,
                correlation_id: Uuid::from_u128(3),
                causation_id: None,
                actor: EventActor {
                    account: "staff.河川課".to_owned(),
                    role: "staff".to_owned(),
                    grant: Some(Uuid::from_u128(4)),
                    on_behalf_of: None,
                },
                municipality: None,
                reason: Some("転記誤り".to_owned()),
                recorded_at: "2026-04-01T00:00:00.5Z".parse().unwrap(),
            },
            data: RawValue::from_string(data.to_owned()).unwrap(),
        }
    }

    #[test]
    fn the_document_is_written_in_one_pinned_form() {
        let bytes = event(r#"{"value":"100.0", "n":1.50}"#)
            .to_stored_bytes()
            .unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            concat!(
                r#"{"global_position":7,"stream":"indicator-a","stream_position":2,"#,
                r#""type":"actual-revised.v1","metadata":{"#,
                r#""event_id":"00000000-0000-0000-0000-000000000001","#,
                r#""command_id":"00000000-0000-0000-0000-000000000002","#,
                r#""command_digest":null,"correlation_id":"00000000-0000-0000-0000-000000000003","#,
                r#""causation_id":null,"actor":{"account":"staff.河川課","role":"staff","#,
                r#""grant":"00000000-0000-0000-0000-000000000004","on_behalf_of":null},"#,
                r#""municipality":null,"reason":"転記誤り","#,
                r#""recorded_at":"2026-04-01T00:00:00.5Z"},"#,
                r#""data":{"value":"100.0", "n":1.50}}"#,
            )
        );
    }

    #[test]
    fn an_event_above_64_kib_is_refused_and_one_at_the_limit_is_not() {
        let around = event(r#""""#).to_stored_bytes().unwrap().len();
        let fill = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - around));
        assert_eq!(
            event(&fill(MAX_EVENT_BYTES))
                .to_stored_bytes()
                .unwrap()
                .len(),
            MAX_EVENT_BYTES
        );
        let error = event(&fill(MAX_EVENT_BYTES + 1))
            .to_stored_bytes()
            .unwrap_err();
        assert!(
            matches!(error, LogError::TooLarge { bytes, limit_bytes: MAX_EVENT_BYTES, .. } if bytes == MAX_EVENT_BYTES + 1),
            "{error:?}"
        );
    }

    #[test]
    fn a_document_with_a_field_nobody_knows_is_no_event() {
        let text = String::from_utf8(event("1").to_stored_bytes().unwrap()).unwrap();
        let extra = text.replacen('{', r#"{"extra":1,"#, 1);
        assert!(RecordedEvent::from_stored_bytes(extra.as_bytes()).is_err());
        assert!(RecordedEvent::from_stored_bytes(&text.as_bytes()[1..]).is_err());
    }

    fn encoded_in_two_steps(event: &RecordedEvent) -> Vec<u8> {
        let append = Append {
            expected: vec![(event.stream.clone(), ExpectedVersion::NoStream)],
            events: vec![NewEvent {
                stream: event.stream.clone(),
                event_type: event.event_type.clone(),
                data: event.data.clone(),
                metadata: event.metadata.clone(),
            }],
        };
        let encoded = append.encode().unwrap();
        encoded.events[0]
            .stored_at(event.global_position, event.stream_position)
            .unwrap()
    }

    fn any_uuid() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    prop_compose! {
        fn any_metadata()(
            ids in (any_uuid(), any_uuid(), any_uuid(), prop::option::of(any_uuid())),
            account in any::<String>(),
            role in any::<String>(),
            grant in prop::option::of(any_uuid()),
            on_behalf_of in prop::option::of(any::<String>()),
            municipality in prop::option::of(any_uuid()),
            reason in prop::option::of(any::<String>()),
            second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000i32,
        ) -> Metadata {
            Metadata {
                event_id: ids.0,
                command_id: ids.1,
                command_digest: None,
                correlation_id: ids.2,
                causation_id: ids.3,
                actor: EventActor { account, role, grant, on_behalf_of },
                municipality,
                reason,
                recorded_at: Timestamp::new(second, nanosecond).unwrap(),
            }
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_the_event_back_and_encoding_again_the_bytes(
            global in any::<u64>(),
            position in any::<u64>(),
            category in "[a-z][a-z0-9_]{0,10}",
            id in "[A-Za-z0-9_.:@~+-]{1,40}",
            event_type in any::<String>(),
            metadata in any_metadata(),
            data in any_json(),
            pretty in any::<bool>(),
        ) {
            let text = if pretty {
                serde_json::to_string_pretty(&data).unwrap()
            } else {
                data.to_string()
            };
            let event = RecordedEvent {
                global_position: GlobalPosition(global),
                stream: StreamName::new(&category, &id).unwrap(),
                stream_position: StreamPosition(position),
                event_type,
                metadata,
                data: RawValue::from_string(text).unwrap(),
            };
            let bytes = event.to_stored_bytes().unwrap();
            prop_assert_eq!(&encoded_in_two_steps(&event), &bytes);
            let decoded = RecordedEvent::from_stored_bytes(&bytes).unwrap();
            prop_assert_eq!(&decoded, &event);
            prop_assert_eq!(decoded.to_stored_bytes().unwrap(), bytes.clone());
            let head = StoredEventHead::from_stored_bytes(&bytes).unwrap();
            prop_assert_eq!(head.global_position, event.global_position);
            prop_assert_eq!(head.stream, event.stream);
            prop_assert_eq!(head.stream_position, event.stream_position);
            prop_assert_eq!(head.command_id, event.metadata.command_id);
        }
    }
}
