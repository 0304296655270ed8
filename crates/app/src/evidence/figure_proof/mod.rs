//! The proof of one figure: what it says, and every event that made it so, each with its own
//! inclusion proof, in one JSON document that can be checked without the service.

mod checking;
mod claims;
mod making;

pub use checking::{CheckedFigure, ProofFault};
pub use claims::{ActOnFigure, Claims, EventRole, PublicationClaim, StepClaim};

use serde::{Deserialize, Serialize};

/// The name of the document's format.
pub const FIGURE_PROOF_FORMAT: &str = "daicho-figure-proof.v1";

/// The proof of one figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureProof {
    /// [`FIGURE_PROOF_FORMAT`].
    pub format: String,
    /// What the events say, in short; worth nothing until it is derived from them again.
    pub manifest: Claims,
    /// The events, in the order of the log.
    pub events: Vec<ProvenEvent>,
}

/// One event with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenEvent {
    /// The part that it plays.
    pub role: EventRole,
    /// Position in the log.
    pub position: u64,
    /// Its stored bytes in base64: the leaf of the tree.
    pub stored: String,
    /// The text of its `.tlog-proof` file.
    pub proof: String,
}
