//! Where the keys of the log are: in a data folder as files, `keys/log-key` that signs and is secret and
//! `keys/log-keys.pub` with the public keys of all that ever signed, newest first; where several
//! nodes share a database, in the register of people and secrets that they share.

use std::path::{Path, PathBuf};

use daicho_eventlog::evidence::{LogKey, VerifierKey};
use daicho_identity::IdentityStore;

use super::key_file;
use crate::failure::{Failure, with_causes};
use crate::place::Place;
use crate::service::Service;

const KEYS_FOLDER: &str = "keys";
const SIGNING_FILE: &str = "log-key";
const PUBLIC_FILE: &str = "log-keys.pub";
/// Begins the names of the secrets; what follows counts the keys.
const SECRET_PREFIX: &str = "log-key/";

/// The key that signs, and the public keys of all that ever did.
pub type Kept = (LogKey, Vec<VerifierKey>);

/// Where the keys are.
#[derive(Debug, Clone)]
pub enum KeyPlace<'a> {
    /// In this folder.
    Folder(PathBuf),
    /// In the register that the nodes share.
    Shared(&'a IdentityStore),
}

impl<'a> KeyPlace<'a> {
    /// Where the keys of `service` are.
    pub fn of(service: &'a Service) -> Self {
        Self::at(&service.place, &service.identity)
    }

    /// Where the keys of a service in `place` are.
    pub fn at(place: &Place, identity: &'a IdentityStore) -> Self {
        match place {
            Place::Folder(folder) => Self::Folder(folder.join(KEYS_FOLDER)),
            Place::Database(_) => Self::Shared(identity),
        }
    }

    /// What people call the key that signs.
    pub fn signing(&self) -> String {
        match self {
            Self::Folder(folder) => folder.join(SIGNING_FILE).display().to_string(),
            Self::Shared(_) => {
                "the key that signs the log (in the database's register of people)".into()
            }
        }
    }

    /// The keys; none where none was made.
    ///
    /// # Errors
    /// Where they cannot be read, or others can read them.
    pub fn read(&self) -> Result<Option<Kept>, Failure> {
        match self {
            Self::Folder(folder) => in_folder(folder),
            Self::Shared(identity) => Ok(newest(identity)?.map(|(_, kept)| kept)),
        }
    }

    /// Keeps a key that signs from now on; `verifiers` are the public keys of all that ever did, its
    /// own among them. What comes back is what is kept: another node may have been first.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn keep(&self, signing: LogKey, verifiers: Vec<VerifierKey>) -> Result<Kept, Failure> {
        let public: String = verifiers.iter().map(|key| format!("{key}\n")).collect();
        let secret = format!("{}\n", signing.to_secret_text());
        match self {
            Self::Folder(folder) => {
                key_file::make_folder(folder)?;
                // The public keys first: one that has signed nothing yet does no harm, a signature
                // that nobody can verify would.
                key_file::replace(&folder.join(PUBLIC_FILE), &public)?;
                key_file::replace(&folder.join(SIGNING_FILE), &secret)?;
                Ok((signing, verifiers))
            }
            Self::Shared(identity) => {
                let number = newest(identity)?.map_or(1, |(number, _)| number + 1);
                let name = format!("{SECRET_PREFIX}{number:06}");
                let failed = |error| Failure::new(with_causes(&error));
                let kept = identity
                    .keep_secret(&name, format!("{secret}{public}").as_bytes())
                    .map_err(failed)?;
                // What signed before needs its public key alone, which is among the new one's.
                for older in 1..number {
                    identity
                        .forget_secret(&format!("{SECRET_PREFIX}{older:06}"))
                        .map_err(failed)?;
                }
                parsed(&name, &kept)
            }
        }
    }
}

fn damaged(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Failure {
    Failure::new(format!("{what} cannot be used: {why}"))
        .help("put it back from where the keys are kept")
}

fn in_folder(folder: &Path) -> Result<Option<Kept>, Failure> {
    let file = folder.join(SIGNING_FILE);
    let Some(text) = key_file::read(&file)? else {
        return Ok(None);
    };
    let signing = LogKey::parse(&text).map_err(|error| damaged(file.display(), error))?;
    let public = folder.join(PUBLIC_FILE);
    let lines = key_file::read(&public)?.ok_or_else(|| {
        damaged(
            public.display(),
            "it is missing, so older signatures cannot be verified",
        )
    })?;
    let verifiers = verifiers(&lines).map_err(|error| damaged(public.display(), error))?;
    Ok(Some((signing, verifiers)))
}

fn newest(identity: &IdentityStore) -> Result<Option<(u32, Kept)>, Failure> {
    let secrets = identity
        .secrets_beginning_with(SECRET_PREFIX)
        .map_err(|error| Failure::new(with_causes(&error)))?;
    let Some((name, secret)) = secrets.last_key_value() else {
        return Ok(None);
    };
    let number = name[SECRET_PREFIX.len()..]
        .parse()
        .map_err(|error| damaged(name, error))?;
    Ok(Some((number, parsed(name, secret)?)))
}

fn parsed(name: &str, secret: &[u8]) -> Result<Kept, Failure> {
    let text = std::str::from_utf8(secret).map_err(|error| damaged(name, error))?;
    let (signing, public) = text.split_once('\n').unwrap_or((text, ""));
    let signing = LogKey::parse(signing).map_err(|error| damaged(name, error))?;
    let verifiers = verifiers(public).map_err(|error| damaged(name, error))?;
    Ok((signing, verifiers))
}

fn verifiers(lines: &str) -> Result<Vec<VerifierKey>, daicho_eventlog::evidence::LogKeyError> {
    lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(VerifierKey::parse)
        .collect()
}
