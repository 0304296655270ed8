//! Keys and checkpoints as people name them: as a text, or as a file.

use std::io::Read;
use std::path::Path;

use daicho_app::Against;
use daicho_eventlog::evidence::{Checkpoint, VerifierKey};

use super::operation::AgainstFile;
use crate::failure::{EXIT_BLOCKED, Failure, with_causes};

/// The largest file of text that is taken; keys, checkpoints and requests have some kilobytes, the proof
/// of a figure some hundreds.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The text in `file`.
///
/// # Errors
/// Where it cannot be read, is too large, or is no text.
pub fn text_of(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| {
            Failure::new(format!("{} cannot be read: {error}", file.display()))
                .help("check the name of the file and its permissions")
        })?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(Failure::new(format!(
            "{} is larger than {} MiB; is it the right file?",
            file.display(),
            TEXT_BYTES_MAX / 1024 / 1024
        )));
    }
    Ok(text)
}

/// Public keys, each named by its text or by a file that holds one a line.
///
/// # Errors
/// Where one is no key.
pub fn keys_in(named: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    let mut keys = Vec::new();
    for name in named {
        let file = Path::new(name);
        let text = if file.is_file() {
            text_of(file)?
        } else {
            name.clone()
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines {
            let key = VerifierKey::parse(line).map_err(|error| {
                Failure::new(format!("'{name}' names no key: {error}"))
                    .help("name a public key (NAME+HASH+BASE64) or a file with keys, one a line; 'daicho log-key show' prints them")
                    .exit(EXIT_BLOCKED)
            })?;
            keys.push(key);
        }
    }
    Ok(keys)
}

/// As [`keys_in`], but the keys' texts, to be sent to the service that holds the log.
///
/// # Errors
/// As [`keys_in`].
pub fn key_texts(named: &[String]) -> Result<Vec<String>, Failure> {
    let keys = keys_in(named)?;
    Ok(keys.iter().map(ToString::to_string).collect())
}

/// The checkpoint in `file`, to be sent to the service that holds the log.
///
/// # Errors
/// Where the file cannot be read.
pub fn owned_checkpoint(file: &Path) -> Result<AgainstFile, Failure> {
    Ok(AgainstFile {
        name: file.display().to_string(),
        text: text_of(file)?,
    })
}

impl AgainstFile {
    /// The checkpoint.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn into_against(self) -> Result<Against, Failure> {
        let checkpoint = Checkpoint::parse(self.text.as_bytes()).map_err(|error| {
            Failure::new(format!("{}: {}", self.name, with_causes(&error))).help(
                "keep what /log/checkpoint serves, byte for byte; an editor may have changed it",
            )
        })?;
        Ok(Against {
            name: self.name,
            checkpoint,
        })
    }
}
