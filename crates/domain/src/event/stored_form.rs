//! How an event's data is stored: as JSON, with its name beside it.

use serde::{Deserialize, Serialize};

use super::Event;

impl Event {
    /// Decodes the data of the event called `name`.
    ///
    /// # Errors
    /// When the name is unknown to this version or the data does not fit it.
    pub fn decode(
        name: &str,
        data: &serde_json::value::RawValue,
    ) -> Result<Self, serde_json::Error> {
        #[derive(Serialize)]
        struct Tagged<'a> {
            r#type: &'a str,
            data: &'a serde_json::value::RawValue,
        }
        serde_json::from_str(&serde_json::to_string(&Tagged { r#type: name, data })?)
    }

    /// The event's data without its name, as JSON.
    ///
    /// # Errors
    /// Never for an event made by this crate; the type is serde's.
    pub fn encode_data(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Tagged {
            data: Box<serde_json::value::RawValue>,
        }
        let json = serde_json::to_string(self)?;
        serde_json::from_str::<Tagged>(&json).map(|tagged| tagged.data)
    }
}
