//! Evidence for people who do not trust the service: signed heads of the log's tree, tiles,
//! countersignatures by witnesses, and the proof of one figure.
//!
//! What is proven is the log's; here is who signs when, who may fetch what, and what a figure's
//! proof has to hold.

mod countersigning;
mod figure_proof;
mod issuing;
mod log_keys;
mod publication_proof;
mod rederivation;
mod tiles;
mod witness;

pub use countersigning::Countersigned;
pub use figure_proof::{
    ActOnFigure, CheckedFigure, Claims, EventRole, FIGURE_PROOF_FORMAT, FigureProof, ProofFault,
    ProvenEvent, PublicationClaim, StepClaim,
};
pub use log_keys::{LogKeys, Witnesses};
pub use publication_proof::{Countersignature, LogProof};
pub use rederivation::{Against, EvidenceFindings};
pub use tiles::{NotATile, TileAddress};
pub use witness::{AddCheckpoint, NotARequest, WitnessRefusal, countersign};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use daicho_eventlog::evidence::{Checkpoint, CheckpointError, EvidenceError};

use crate::app::App;
use crate::error::AppError;

/// Countersignatures by the size of the checkpoint that they stand under.
type CountersignaturesBySize = BTreeMap<u64, Vec<Countersignature>>;

/// What a service needs to give evidence.
#[derive(Default)]
pub(crate) struct Evidence {
    keys: RwLock<Option<Arc<LogKeys>>>,
    /// Held while a checkpoint is signed or added to: there is one of each size.
    keeping: tokio::sync::Mutex<()>,
    /// Read from the kept checkpoints when it is first asked for.
    countersigned: tokio::sync::Mutex<Option<CountersignaturesBySize>>,
    /// The smallest checkpoint from a size on, where it was looked for: what stands under a
    /// published sheet stays readable while the log is not.
    covering: Mutex<BTreeMap<u64, Checkpoint>>,
}

impl App {
    /// Gives the service the keys with which it signs heads of its log. Until then, and without,
    /// it signs nothing. Given again, they replace those before.
    pub async fn set_log_keys(&self, keys: LogKeys) {
        *self
            .evidence
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
        // Other witnesses may count now.
        self.read_countersignatures_again().await;
    }

    /// Reads the countersignatures from the log again when they are next asked for: another node
    /// may have added some.
    pub async fn read_countersignatures_again(&self) {
        *self.evidence.countersigned.lock().await = None;
    }

    /// The keys of the log, where it was given some.
    pub fn log_keys(&self) -> Option<Arc<LogKeys>> {
        self.evidence
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl From<EvidenceError> for AppError {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Log(error) => error.into(),
            EvidenceError::Beyond { .. } => Self::BadFile(error.to_string()),
            EvidenceError::DoesNotHold | EvidenceError::Contradiction(_) => {
                Self::Damaged(error.to_string())
            }
        }
    }
}

impl From<CheckpointError> for AppError {
    fn from(error: CheckpointError) -> Self {
        let cause = std::error::Error::source(&error)
            .map_or_else(String::new, |source| format!(": {source}"));
        Self::BadFile(format!("{error}{cause}"))
    }
}
