//! What stands under a publication: the signed head of the log that covers it.

use async_graphql::SimpleObject;
use daicho_app::LogProof;

use crate::scalar::{DateTime, Position};

/// Characters of a root that people compare.
const SHORT_ROOT: usize = 12;

/// The signed head of the log (checkpoint) that covers an event.
#[derive(SimpleObject)]
pub(crate) struct Proof {
    /// Position of the event.
    pub position: Position,
    /// Number of events under the head, in decimal.
    pub size: String,
    /// Root of the tree over them (RFC 6962), in base64.
    pub root: String,
    /// The root's first characters, for people to compare.
    pub root_short: String,
    /// The checkpoint (c2sp.org/tlog-checkpoint): a signed note for any tool that verifies one.
    /// The log's public keys are at /log/keys.
    pub checkpoint: String,
    /// Witnesses that countersigned this head or a later one.
    pub countersignatures: Vec<Countersignature>,
    /// How many countersignatures this service asks for.
    pub required: u32,
    /// Whether there are as many.
    pub is_countersigned: bool,
}

/// A witness's word that this history continues every one that it has seen.
#[derive(SimpleObject)]
pub(crate) struct Countersignature {
    /// Name of the witness.
    pub witness: String,
    /// When, by the witness's clock.
    pub at: DateTime,
}

impl From<LogProof> for Proof {
    fn from(proof: LogProof) -> Self {
        Self {
            is_countersigned: proof.is_countersigned(),
            position: proof.position.into(),
            size: proof.size.to_string(),
            root_short: proof.root.chars().take(SHORT_ROOT).collect(),
            root: proof.root,
            checkpoint: proof.checkpoint,
            countersignatures: proof
                .countersignatures
                .into_iter()
                .map(|given| Countersignature {
                    witness: given.witness,
                    at: given.at.into(),
                })
                .collect(),
            required: u32::try_from(proof.required).unwrap_or(u32::MAX),
        }
    }
}
