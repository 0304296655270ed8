//! What the server says, without what it says about values.

use daicho_postgres::whole_story;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// What PostgreSQL, or the way to it, said. Without the detail that the server adds, in which
/// it may repeat names, hashes and keys.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text}")]
pub struct PostgresSaid {
    text: String,
    code: Option<String>,
}

impl PostgresSaid {
    /// The server's code for the error (SQLSTATE); `None` if the server said nothing.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn words(text: String) -> Self {
        Self { text, code: None }
    }

    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            let code = said.code().code();
            return Self {
                text: format!("{} {code}: {}", said.severity(), said.message()),
                code: Some(code.to_owned()),
            };
        }
        Self::words(whole_story(error))
    }
}

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection, or this server's leading role, is gone.
    Lost(PostgresSaid),
    /// No answer came in time.
    Silent(PostgresSaid),
    /// The server undid the transaction because of another one.
    Conflict(PostgresSaid),
    /// The server refuses it, and would again.
    Refused(PostgresSaid),
}

impl Trouble {
    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        let said = PostgresSaid::of(error);
        match error.code() {
            None => Self::Lost(said),
            Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE => Self::Conflict(said),
            Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED => Self::Conflict(said),
            // The server shuts down or starts, was made a standby, or has dropped us.
            Some(code)
                if code.code().starts_with("08")
                    || matches!(
                        code.code(),
                        "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03"
                    ) =>
            {
                Self::Lost(said)
            }
            Some(_) => Self::Refused(said),
        }
    }

    /// Whether it may go well the next time.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Conflict(_))
    }

    pub(crate) fn said(&self) -> &PostgresSaid {
        match self {
            Self::Lost(said) | Self::Silent(said) | Self::Conflict(said) | Self::Refused(said) => {
                said
            }
        }
    }

    pub(crate) fn into_said(self) -> PostgresSaid {
        match self {
            Self::Lost(said) | Self::Silent(said) | Self::Conflict(said) | Self::Refused(said) => {
                said
            }
        }
    }
}
