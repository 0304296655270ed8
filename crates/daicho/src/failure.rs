//! What goes wrong on the command line: the cause, the next step, the exit status.

use std::fmt;
use std::io::ErrorKind;

use daicho_app::AppError;
use daicho_eventlog::LogError;
use daicho_eventlog_sled::OpenError;
use miette::Diagnostic;
use serde::{Deserialize, Serialize};

/// Exit status of anything that failed.
pub const EXIT_FAILED: u8 = 1;
/// Exit status of an import that errors in the sheet keep from being done; also of a command
/// line that cannot be understood.
pub const EXIT_BLOCKED: u8 = 2;
/// Exit status of a verification that found something.
pub const EXIT_DISCREPANCY: u8 = 3;

/// A failure with its next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The cause.
    pub message: String,
    /// The next step, where the cause does not say it already.
    pub help: Option<String>,
    /// The exit status.
    pub exit: u8,
    /// Whether what is stored contradicts itself.
    pub is_damage: bool,
}

impl Failure {
    /// A failure.
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            help: None,
            exit: EXIT_FAILED,
            is_damage: false,
        }
    }

    /// With what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With another exit status.
    #[must_use]
    pub fn exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

/// An error with everything that led to it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let is_damage = matches!(error, AppError::Damaged(_));
        Self {
            is_damage,
            ..Self::new(with_causes(&error))
        }
    }
}

/// The next step where the system refused a file of the data folder for a reason that an operator
/// can remove.
fn advice(error: &LogError) -> Option<&'static str> {
    let LogError::Io { source, .. } = error else {
        return None;
    };
    match source.kind() {
        ErrorKind::ReadOnlyFilesystem => Some(
            "the file system is read-only: mount it for writing (the kernel's messages, dmesg, say why it is not), \
             or copy the data folder to where it can be written and name the copy with --data",
        ),
        ErrorKind::PermissionDenied => Some(
            "the data folder and everything in it has to belong to the service's user, and that user has to be able to write it: \
             run the command as that user, for example with sudo -u daicho, or put it right with chown -R and chmod -R u+w",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(
            "the disk is full: free some space there and try again; what was acknowledged is kept",
        ),
        _ => None,
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let failure = Self::new(with_causes(&error));
        match advice(&error) {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let help = match &error {
            OpenError::Locked { .. } => Some(
                "once that service is ready, commands that take --data reach it through its socket by themselves; \
                 a second 'serve' needs a data folder of its own",
            ),
            OpenError::Log(LogError::Damaged { .. }) => {
                Some("copy the data folder before anything else is tried")
            }
            OpenError::Log(error) => advice(error),
        };
        let is_damage = matches!(error, OpenError::Log(LogError::Damaged { .. }));
        let failure = Self {
            is_damage,
            ..Self::new(with_causes(&error))
        };
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_keeps_the_folder_from_being_written_comes_with_the_next_step() {
        for (kind, step) in [
            (ErrorKind::ReadOnlyFilesystem, "mount it for writing"),
            (ErrorKind::PermissionDenied, "chown -R"),
            (ErrorKind::StorageFull, "free some space"),
        ] {
            let error = LogError::io("open /records/log/lock", kind.into());
            let failure = Failure::from(OpenError::Log(error.clone()));
            assert!(failure.message.contains("/records/log/lock"), "{failure}");
            let help = failure.help.unwrap_or_default();
            assert!(help.contains(step), "{help}");
            assert_eq!(Failure::from(error).help.unwrap_or_default(), help);
        }
    }
}
