//! How far something is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A point in the order of everything that happened: returned by every command, and what a
/// reader can ask to be at least at. A token for clients; only its order means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    pub(crate) const fn new(position: u64) -> Self {
        Self(position)
    }

    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no position; use one that an answer gave")]
pub struct NotAPosition(String);

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        text.parse()
            .map(Self)
            .map_err(|_| NotAPosition(text.to_owned()))
    }
}
