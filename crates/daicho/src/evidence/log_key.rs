//! Giving a service the keys of its log.

use daicho_app::{LogKeys, Witnesses};
use daicho_eventlog::evidence::LogKey;

use super::key_place::KeyPlace;
use crate::failure::Failure;
use crate::service::Service;
use crate::surroundings;

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

/// Gives the service its keys. A log that was never signed gets its first key, once
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
    let place = KeyPlace::of(service);
    let keys = match place.read()? {
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
                place.signing()
            ))
            .help("put the keys back from where they are kept; without it, what was signed cannot be told from what was not"));
        }
        None if making == Making::Never => return Ok(()),
        None => match settings.origin.or_else(|| default_origin(service)) {
            Some(origin) => {
                let signing = new_key(&origin)?;
                let verifiers = vec![signing.verifier().clone()];
                let (signing, verifiers) = place.keep(signing, verifiers)?;
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
/// Where there is none yet, or it cannot be kept.
pub async fn rotate(service: &Service) -> Result<LogKeys, Failure> {
    let old = service.app.log_keys().ok_or_else(|| {
        Failure::new("this log has no key yet").help("the first start of the service makes one")
    })?;
    let signing = new_key(old.origin())?;
    let mut verifiers = vec![signing.verifier().clone()];
    verifiers.extend_from_slice(old.verifiers());
    let (signing, verifiers) = KeyPlace::of(service).keep(signing, verifiers)?;
    let keys = LogKeys::new(signing, verifiers, old.witnesses().clone());
    service.app.sign_with_new_key(keys.clone()).await?;
    Ok(keys)
}

fn new_key(origin: &str) -> Result<LogKey, Failure> {
    LogKey::from_seed(origin, &surroundings::random_seed()).map_err(|error| {
        Failure::new(error).help("name the log with --log-origin, e.g. daicho.city.example.jp/log")
    })
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
