//! How a question fails: a GraphQL error with a stable code and both languages.

use std::fmt::Display;

use async_graphql::ErrorExtensions;
use daicho_app::AppError;
use daicho_identity::StoreError;

/// Why a question is not answered. It has no `Display` on purpose: GraphQL's own error takes
/// over anything that has one, and with it what only operators may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Stable code for clients.
    pub(crate) code: &'static str,
    /// In English, with what to do.
    pub(crate) message: String,
    /// In Japanese, with what to do.
    pub(crate) message_ja: String,
}

impl Failure {
    /// Something that is nobody's business outside: the details go to the service's own log.
    pub(crate) fn internal(error: impl Display) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self {
            code: "unavailable",
            message: "the service cannot do this right now; try again later with the same command id".to_owned(),
            message_ja: "現在、処理できません。入力した内容を控えて、少し待ってからもう一度操作してください。".to_owned(),
        }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let message = match &error {
            // What is said of these names files and internals.
            AppError::Unavailable(_) => {
                tracing::error!(%error, "the records cannot be reached");
                "the records cannot be reached or written right now; try again later with the same command id".to_owned()
            }
            AppError::ReadOnly(_) => {
                tracing::error!(%error, "the records are read-only");
                AppError::ReadOnly("nothing can be written at the moment".to_owned()).to_string()
            }
            AppError::Damaged(_) => {
                tracing::error!(%error, "the records are damaged");
                "the records contradict themselves; tell the administrator".to_owned()
            }
            _ => error.to_string(),
        };
        Self {
            code: error.code(),
            message,
            message_ja: error.ja(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.message).extend_with(|_, extensions| {
            extensions.set("code", failure.code);
            extensions.set("messageJa", failure.message_ja.clone());
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_operators_may_read_does_not_leave_the_service() {
        let secret = "/var/lib/daicho/journal-000001";
        for error in [
            AppError::Unavailable(secret.into()),
            AppError::ReadOnly(secret.into()),
            AppError::Damaged(secret.into()),
        ] {
            let failure = Failure::from(error);
            assert!(!format!("{failure:?}").contains(secret), "{failure:?}");
        }
    }

    #[test]
    fn read_only_records_are_said_to_be_read_only() {
        let failure = Failure::from(AppError::ReadOnly("disk full".into()));
        assert_eq!(failure.code, "read_only");
        assert!(failure.message.contains("can only be read"), "{failure:?}");
        assert!(failure.message.contains("has mended"), "{failure:?}");
        assert!(!failure.message.contains("disk full"), "{failure:?}");
        assert!(failure.message_ja.contains("閲覧だけ"), "{failure:?}");
    }
}
