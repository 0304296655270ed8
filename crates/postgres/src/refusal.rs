//! Why there is no connection.

use tokio_postgres::Error;

/// Why a host is not connected to.
#[derive(Debug)]
pub struct Refusal {
    /// The host, with its port.
    pub host: String,
    /// What went wrong; `None` if no answer came in time.
    pub error: Option<Error>,
}

impl Refusal {
    /// The host and why, in the words that `story` has for an error.
    #[must_use]
    pub fn told_with(&self, story: impl FnOnce(&Error) -> String) -> String {
        let why = match &self.error {
            Some(error) => story(error),
            None => "no answer in time".to_owned(),
        };
        format!("{}: {why}", self.host)
    }
}

/// The error with its causes in one line: tokio-postgres says only "db error" by itself. What
/// the server adds as detail, in which it may repeat rows, is among them.
#[must_use]
pub fn whole_story(error: &Error) -> String {
    let mut story = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !story.contains(&text) {
            story = format!("{story}: {text}");
        }
        cause = error.source();
    }
    story
}
