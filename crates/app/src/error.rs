//! Why the service did not do what it was asked.

use daicho_domain::Rejection;
use daicho_eventlog::LogError;
use daicho_projections::ProjectionError;

use crate::position::Position;

/// Why an event cannot be taken into the read models.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StuckReason(pub String);

/// What can go wrong in a use case.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It was refused; the caller can read why and what to do.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The command id was used before with another content. The caller makes a new id.
    #[error("this command id was used before for something else; make a new one for each command")]
    CommandIdReused,
    /// Others kept changing what the command relies on. The caller tries again.
    #[error("others are changing the same records right now; try again in a moment")]
    Busy,
    /// The log does not take or give anything now. The caller tries again later; whether the
    /// command was recorded shows by sending it again with the same command id.
    #[error(
        "the records cannot be reached or written right now ({0}); try again later with the same command id"
    )]
    Unavailable(String),
    /// Nothing can be written; reading works. The operator mends the cause (usually a full disk), and
    /// writing goes on by itself.
    #[error(
        "the records can only be read until the operator has mended the cause: {0}; send the command again then, with the same command id"
    )]
    ReadOnly(String),
    /// The log holds an event that the read models cannot get past, so nothing is decided from
    /// them. The operator acts; the caller tries again later with the same command id.
    #[error(
        "the records cannot be followed beyond event {position}, so nothing can be recorded now; tell the administrator, and send the command again later with the same command id"
    )]
    Stuck {
        /// Position of the event.
        position: u64,
        /// Why it cannot be taken in; for operators.
        #[source]
        reason: StuckReason,
    },
    /// Answers are not as new as the reader asked for. The caller tries again, or asks for what
    /// there is.
    #[error(
        "the records are not at position {0} yet; try again in a moment, or ask without a position"
    )]
    NotReached(Position),
    /// What is stored contradicts itself. The operator acts.
    #[error("the records are damaged: {0}")]
    Damaged(String),
    /// A file given to the service cannot be used.
    #[error("{0}")]
    BadFile(String),
}

impl AppError {
    /// The stable code given to API clients.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(rejection) => rejection.code(),
            Self::CommandIdReused => "command_id_reused",
            Self::Busy => "busy",
            // For clients it is the same: try again later.
            Self::Unavailable(_) | Self::Stuck { .. } => "unavailable",
            Self::NotReached(_) => "position_not_reached",
            Self::ReadOnly(_) => "read_only",
            Self::Damaged(_) => "damaged",
            Self::BadFile(_) => "bad_file",
        }
    }

    /// The error in Japanese, with what to do.
    pub fn ja(&self) -> String {
        match self {
            Self::Refused(rejection) => rejection.ja(),
            Self::CommandIdReused => "同じ操作番号が別の内容で使われています。画面を開き直してからもう一度操作してください。".into(),
            Self::Busy => "ほかの人が同じ記録を更新しています。少し待ってからもう一度操作してください。".into(),
            Self::Unavailable(_) => "現在、記録を読み書きできません。入力した内容を控えて、少し待ってからもう一度操作してください。".into(),
            Self::ReadOnly(_) => "現在、記録は閲覧だけができます(書き込めないため)。入力した内容を控えて、システム管理者に連絡してください。".into(),
            Self::Stuck { .. } => "記録の反映が止まっているため、現在、新しい操作は記録できません。入力した内容を控えて、システム管理者に連絡してください。".into(),
            Self::NotReached(_) => "記録がまだその時点まで届いていません。少し待ってからもう一度読み込んでください。".into(),
            Self::Damaged(_) => "記録に矛盾が見つかりました。システム管理者に連絡してください。".into(),
            Self::BadFile(message) => message.clone(),
        }
    }
}

impl From<LogError> for AppError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Damaged { what, what_to_do } => {
                Self::Damaged(format!("{what}. {what_to_do}"))
            }
            LogError::WrongExpectedVersion(_) => Self::Busy,
            LogError::ReadOnly { reason } => Self::ReadOnly(reason),
            LogError::TooLarge { .. } | LogError::InvalidAppend(_) => {
                Self::BadFile(error.to_string())
            }
            LogError::Io {
                ref doing,
                ref source,
            } => Self::Unavailable(format!("could not {doing}: {source}")),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<ProjectionError> for AppError {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Log(error) => error.into(),
            ProjectionError::CutOff => Self::Unavailable(error.to_string()),
            other => Self::Damaged(other.to_string()),
        }
    }
}
