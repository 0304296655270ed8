//! What makes the log provable to strangers: one RFC 6962 tree over the stored bytes of
//! every event, signed heads, tiles, proofs.
//!
//! The formats are public ones, so that other people's tools can check them:
//! [c2sp.org/tlog-tiles](https://c2sp.org/tlog-tiles),
//! [c2sp.org/tlog-checkpoint](https://c2sp.org/tlog-checkpoint),
//! [c2sp.org/signed-note](https://c2sp.org/signed-note),
//! [c2sp.org/tlog-cosignature](https://c2sp.org/tlog-cosignature),
//! [c2sp.org/tlog-proof](https://c2sp.org/tlog-proof).
//! Hashing, proofs and notes are done by the crates `tlog_tiles` and `signed_note`; here is
//! what they lack.

mod checkpoint;
mod cosignature;
mod entry_bundle;
mod inclusion;
mod tile;
mod tlog_proof;
mod tree;

pub use checkpoint::{
    Checkpoint, CheckpointError, LogKey, LogKeyError, VerifierKey, sign_checkpoint,
};
pub use cosignature::{Cosigner, cosign, witness_key};
pub use entry_bundle::{BundleError, decode_bundle, encode_bundle};
pub use inclusion::{
    EvidenceError, check_consistency, check_inclusion, prove_consistency, prove_inclusion, root_at,
};
pub use tile::{HashTile, TILE_HEIGHT, TILE_WIDTH};
pub use tlog_proof::{MalformedProof, NotProven, TlogProof};
pub use tlog_tiles::Hash;
pub use tree::{FullTile, ResumeError, Tree, TreeHead};

/// The leaf of an event: RFC 6962's hash of its stored bytes.
#[must_use]
pub fn leaf_hash(stored: &[u8]) -> Hash {
    tlog_tiles::record_hash(stored)
}
