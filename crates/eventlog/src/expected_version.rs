use std::fmt;

use crate::{StreamName, StreamPosition};

/// What the writer saw of a stream when it decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpectedVersion {
    /// The stream had no event.
    NoStream,
    /// The stream's last event was at this position.
    Exact(StreamPosition),
}

impl ExpectedVersion {
    /// The expectation that a stream is still as `version` says
    /// (as [`crate::EventLog::stream_version`] returns it).
    #[must_use]
    pub fn still(version: Option<StreamPosition>) -> Self {
        version.map_or(Self::NoStream, Self::Exact)
    }

    /// Whether a stream whose last event is at `actual` is as expected.
    #[must_use]
    pub fn holds_for(self, actual: Option<StreamPosition>) -> bool {
        self == Self::still(actual)
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream => f.write_str("no event"),
            Self::Exact(position) => write!(f, "last event at {position}"),
        }
    }
}

/// A stream was not as the append expected; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "stream {stream} has {}, but the append expected {expected}; read the stream again and decide anew",
    ExpectedVersion::still(*actual)
)]
pub struct WrongExpectedVersion {
    /// The first stream of the append's list that was not as expected.
    pub stream: StreamName,
    /// What the append expected.
    pub expected: ExpectedVersion,
    /// Position of the stream's last event; `None` if it has none.
    pub actual: Option<StreamPosition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_holds_only_for_exactly_that_version() {
        let third = StreamPosition(3);
        assert!(ExpectedVersion::NoStream.holds_for(None));
        assert!(!ExpectedVersion::NoStream.holds_for(Some(StreamPosition(0))));
        assert!(ExpectedVersion::Exact(third).holds_for(Some(third)));
        assert!(!ExpectedVersion::Exact(third).holds_for(Some(StreamPosition(4))));
        assert!(!ExpectedVersion::Exact(third).holds_for(None));
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let refusal = WrongExpectedVersion {
            stream: StreamName::new("plan", "a").unwrap(),
            expected: ExpectedVersion::Exact(StreamPosition(1)),
            actual: None,
        };
        assert_eq!(
            refusal.to_string(),
            "stream plan-a has no event, but the append expected last event at 1; \
             read the stream again and decide anew"
        );
    }
}
