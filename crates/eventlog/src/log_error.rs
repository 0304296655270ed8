use std::{io, sync::Arc};

use crate::evidence::HashTile;
use crate::{InvalidAppend, WrongExpectedVersion};

/// Why the log did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Cause: a stream moved on between reading and appending. The caller reads it
    /// again, decides anew and appends with the new version. Retriable only that way.
    #[error(transparent)]
    WrongExpectedVersion(WrongExpectedVersion),

    /// Cause: the append breaks a rule of the contract, whatever the log holds. The
    /// caller has a fault to mend. Not retriable.
    #[error(transparent)]
    InvalidAppend(InvalidAppend),

    /// Cause: an event or an append above its limit. The caller splits it. Not
    /// retriable as it is.
    #[error("{what} takes {bytes} bytes, the limit is {limit_bytes}; split it")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// The largest that is accepted.
        limit_bytes: usize,
    },

    /// Cause: an earlier write failed, so the log takes no more until it has been
    /// reopened; reading still works. Whether an append under way at that moment was
    /// recorded shows after reopening: the caller asks for its command's outcome, or
    /// sends it again with the same command id. Retriable after reopening.
    #[error("the log can only be read for now: {reason}")]
    ReadOnly {
        /// The failure that made it so.
        reason: String,
    },

    /// Cause: the log has been closed, this append was not recorded. Retriable once
    /// the service is up again.
    #[error("the log is closed; try again when the service has started")]
    Closed,

    /// Cause: the tree has not grown so far, or the tile has no such width. The caller asks for
    /// what a checkpoint says is there. Retriable once the tree has grown.
    #[error("the tree has no tile {index} of {width} hashes at level {level}")]
    NoSuchTile {
        /// Level, counted in tiles.
        level: u8,
        /// Which tile of the level.
        index: u64,
        /// How many hashes were asked for.
        width: u16,
    },

    /// Cause: the operating system or the network refused. The caller shows the
    /// operator what was being done. Retriable when the cause is gone.
    #[error("could not {doing}")]
    Io {
        /// What was being done, and to which file or server.
        doing: String,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },

    /// Cause: what is stored contradicts itself. Nobody can go on before the operator
    /// has done what the error says. Not retriable.
    #[error("the log is damaged: {what}. {what_to_do}")]
    Damaged {
        /// What was found, and where.
        what: String,
        /// The way out.
        what_to_do: String,
    },
}

impl LogError {
    /// The operating system refused `doing` (a verb phrase, as in "open /data/x").
    #[must_use]
    pub fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            doing: doing.into(),
            source: Arc::new(source),
        }
    }

    /// The tree has no such hashes.
    #[must_use]
    pub fn no_such_tile(tile: HashTile) -> Self {
        Self::NoSuchTile {
            level: tile.level,
            index: tile.index,
            width: tile.width,
        }
    }

    /// Whether the same call can succeed later without the caller changing it.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::ReadOnly { .. } | Self::Closed | Self::Io { .. })
    }
}
