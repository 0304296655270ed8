//! The hash that binds an approval to exactly what was approved.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Actual, Commentary, Report};
use crate::fiscal_year::FiscalYear;
use crate::id::{IndicatorId, PlacementId};

/// SHA-256 over figure, commentary, target version and rule version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The first 12 hexadecimal digits, enough for people to compare.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// A text that is no content hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a content hash has 64 hexadecimal digits; take it from the report that was read")]
pub struct NotAContentHash;

impl FromStr for ContentHash {
    type Err = NotAContentHash;

    fn from_str(text: &str) -> Result<Self, NotAContentHash> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAContentHash)?;
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What is hashed, as canonical JSON: fields in this order, maps sorted by key.
#[derive(Serialize)]
struct Content<'a> {
    indicator: IndicatorId,
    fiscal_year: FiscalYear,
    actual: Option<&'a Actual>,
    commentary: BTreeMap<PlacementId, &'a Commentary>,
    target_version: Option<u32>,
    rule_version: u32,
}

/// The hash of what an approver of `report` approves: its figure and commentary, the version
/// of the targets it is judged against and the version of the calculation rules.
pub fn content_hash(
    indicator: IndicatorId,
    fiscal_year: FiscalYear,
    report: &Report,
    target_version: Option<u32>,
    rule_version: u32,
) -> ContentHash {
    let content = Content {
        indicator,
        fiscal_year,
        actual: report.actual.as_ref().map(|entered| &entered.content),
        commentary: report
            .commentary
            .iter()
            .map(|(placement, entered)| (*placement, &entered.content))
            .collect(),
        target_version,
        rule_version,
    };
    // Strings, numbers and sorted maps with UUID keys: nothing here can fail to serialise.
    let json = serde_json::to_vec(&content).unwrap_or_default();
    ContentHash(Sha256::digest(&json).into())
}
