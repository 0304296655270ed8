//! What the command line has to do with evidence: the log's key, witnesses, proofs of figures,
//! checkpoints that are kept elsewhere.

mod arguments;
mod key_file;
mod key_place;
mod key_text;
mod log_key;
mod offline;
mod operation;
mod witness_client;

pub use arguments::{LogKeyCommand, Proof, VerifyProof, WitnessCommand};
pub use key_place::KeyPlace;
pub use key_text::{key_texts, keys_in, owned_checkpoint, text_of};
pub use log_key::{DEMO_ORIGIN, EvidenceSettings, Making, equip};
pub use offline::{new_witness_key, verify_proof, witness_cosign};
pub use operation::{AgainstFile, EvidenceOperation, ProofOperation, findings, run};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daicho_app::{App, LogKeys};
use daicho_identity::IdentityStore;
use tokio::task::JoinHandle;

use crate::failure::{EXIT_DISCREPANCY, Failure};
use crate::place::Place;
use crate::service::Service;

/// How often a node looks whether another one has made a new key for the log, or was given
/// countersignatures.
const KEYS_POLL: Duration = Duration::from_secs(10);

/// What goes on beside a running service; it ends when this is dropped.
pub struct Running(Vec<JoinHandle<()>>);

impl Running {
    /// Signs the log's heads as they move, and asks the witnesses at `urls` to countersign after
    /// every publication.
    ///
    /// # Errors
    /// Where no connections can be made at all.
    pub fn start(service: &Service, urls: &[String]) -> Result<Self, Failure> {
        let app = &service.app;
        let issuing = Arc::clone(app);
        let mut tasks = vec![tokio::spawn(async move { issuing.keep_issuing().await })];
        for url in urls {
            let client = witness_client::WitnessClient::new(Arc::clone(app), url)?;
            tasks.push(tokio::spawn(client.run()));
        }
        if let Place::Database(_) = service.place {
            let (app, identity) = (Arc::clone(app), Arc::clone(&service.identity));
            tasks.push(tokio::spawn(follow_keys(app, identity)));
        }
        Ok(Self(tasks))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Takes over keys that another node has made, and countersignatures that it was given.
async fn follow_keys(app: Arc<App>, identity: Arc<IdentityStore>) {
    loop {
        tokio::time::sleep(KEYS_POLL).await;
        app.read_countersignatures_again().await;
        let register = Arc::clone(&identity);
        let read = move || KeyPlace::Shared(&register).read();
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some((signing, verifiers)))) => {
                let own = app.log_keys();
                if own
                    .as_ref()
                    .is_none_or(|own| own.signing().verifier() != signing.verifier())
                {
                    let witnesses = own.map(|own| own.witnesses().clone()).unwrap_or_default();
                    app.set_log_keys(LogKeys::new(signing, verifiers, witnesses))
                        .await;
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the log's keys could not be looked at"),
            Ok(Ok(None)) | Err(_) => {}
        }
    }
}

/// Refuses a log that does not contain the checkpoint in `file`.
///
/// # Errors
/// What does not agree, with exit status 3, or that the file is no checkpoint.
pub async fn must_contain(service: &Service, file: &Path) -> Result<(), Failure> {
    let against = owned_checkpoint(file)?.into_against()?;
    match service.app.contains_checkpoint(&against).await? {
        None => Ok(()),
        Some(discrepancy) => Err(Failure::new(format!(
            "the log does not contain {}: {}",
            discrepancy.check, discrepancy.found
        ))
        .help(discrepancy.what_to_do)
        .exit(EXIT_DISCREPANCY)),
    }
}
