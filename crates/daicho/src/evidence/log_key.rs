//! The keys of the log in the data folder: `keys/log-key` signs and is secret, `keys/log-keys.pub`
//! has the public keys of all that ever signed, newest first.

use std::path::{Path, PathBuf};

use daicho_app::{LogKeys, Witnesses};
use daicho_eventlog::evidence::{LogKey, VerifierKey};

use super::key_file;
use crate::failure::Failure;
use crate::service::Service;
use crate::surroundings;

const KEYS_FOLDER: &str = "keys";
const SIGNING_FILE: &str = "log-key";
const PUBLIC_FILE: &str = "log-keys.pub";

/// What a service is told about its evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvidenceSettings {
    /// The log's name, for its first key; made from the municipality's code otherwise.
    pub origin: Option<String>,
    /// Who countersigns.
    pub witnesses: Witnesses,
}

/// Whether a key may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// A log without a key gets one.
    IfMissing,
    /// A log without a key signs nothing: for looking only.
    Never,
}

/// Gives the service the keys in its folder. A log that was never signed gets its first key, once
/// it is known whose it is.
///
/// # Errors
/// Where the keys cannot be read or made, belong to a log of another name, or are lost: a log that
/// was signed before is not given another key silently.
pub async fn equip(
    service: &Service,
    settings: EvidenceSettings,
    making: Making,
) -> Result<(), Failure> {
    let folder = service.folder.join(KEYS_FOLDER);
    let keys = match stored(&folder)? {
        Some((signing, verifiers)) => {
            if let Some(origin) = &settings.origin
                && origin != signing.origin()
            {
                return Err(Failure::new(format!(
                    "the log is called '{}' since its first key was made, not '{origin}'",
                    signing.origin()
                ))
                .help("a log keeps its name; take log_origin out of the configuration, or give it this name"));
            }
            LogKeys::new(signing, verifiers, settings.witnesses)
        }
        None if service.app.latest_checkpoint().await?.is_some() => {
            return Err(Failure::new(format!(
                "{} is missing, but the log was signed before",
                folder.join(SIGNING_FILE).display()
            ))
            .help("put the folder keys/ back from where it is kept; without it, what was signed cannot be told from what was not"));
        }
        None if making == Making::Never => return Ok(()),
        None => match settings.origin.or_else(|| default_origin(service)) {
            Some(origin) => {
                let signing = new_key(&origin)?;
                let verifiers = vec![signing.verifier().clone()];
                keep(&folder, &signing, &verifiers)?;
                LogKeys::new(signing, verifiers, settings.witnesses)
            }
            // Nobody's yet: `init` asks again when it has said whose.
            None => return Ok(()),
        },
    };
    service.app.set_log_keys(keys).await;
    Ok(())
}

/// Makes a new key that signs from now on.
///
/// # Errors
/// Where there is none yet, or the files cannot be written.
pub async fn rotate(service: &Service) -> Result<LogKeys, Failure> {
    let old = service.app.log_keys().ok_or_else(|| {
        Failure::new("this log has no key yet").help("the first start of the service makes one")
    })?;
    let signing = new_key(old.origin())?;
    let mut verifiers = vec![signing.verifier().clone()];
    verifiers.extend_from_slice(old.verifiers());
    keep(&service.folder.join(KEYS_FOLDER), &signing, &verifiers)?;
    let keys = LogKeys::new(signing, verifiers, old.witnesses().clone());
    service.app.sign_with_new_key(keys.clone()).await?;
    Ok(keys)
}

fn new_key(origin: &str) -> Result<LogKey, Failure> {
    LogKey::from_seed(origin, &surroundings::random_seed()).map_err(|error| {
        Failure::new(error).help("name the log with --log-origin, e.g. daicho.city.example.jp/log")
    })
}

/// The public keys are written first: one that has signed nothing yet does no harm, a signature
/// that nobody can verify would.
fn keep(folder: &Path, signing: &LogKey, verifiers: &[VerifierKey]) -> Result<(), Failure> {
    key_file::make_folder(folder)?;
    let public: String = verifiers.iter().map(|key| format!("{key}\n")).collect();
    key_file::replace(&folder.join(PUBLIC_FILE), &public)?;
    key_file::replace(
        &folder.join(SIGNING_FILE),
        &format!("{}\n", signing.to_secret_text()),
    )
}

fn stored(folder: &Path) -> Result<Option<(LogKey, Vec<VerifierKey>)>, Failure> {
    let file: PathBuf = folder.join(SIGNING_FILE);
    let Some(text) = key_file::read(&file)? else {
        return Ok(None);
    };
    let damaged = |file: &Path, why: String| {
        Failure::new(format!("{} cannot be used: {why}", file.display()))
            .help("put the file back from where the keys are kept")
    };
    let signing = LogKey::parse(&text).map_err(|error| damaged(&file, error.to_string()))?;
    let public = folder.join(PUBLIC_FILE);
    let lines = key_file::read(&public)?.ok_or_else(|| {
        damaged(
            &public,
            "it is missing, so older signatures cannot be verified".into(),
        )
    })?;
    let mut verifiers = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let key = VerifierKey::parse(line).map_err(|error| damaged(&public, error.to_string()))?;
        verifiers.push(key);
    }
    Ok(Some((signing, verifiers)))
}

/// The log's name where nobody gives it another.
fn default_origin(service: &Service) -> Option<String> {
    if service.app.is_demo() {
        return Some(DEMO_ORIGIN.to_owned());
    }
    let municipality = service.app.municipalities().into_iter().next()?;
    Some(format!("daicho-{}.local/log", municipality.local_gov_code))
}

/// Name of the log of every demo.
pub const DEMO_ORIGIN: &str = "daicho-demo/log";
