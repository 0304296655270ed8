//! The keys of a log: the one that signs, all that ever did, and the witnesses'.

use daicho_eventlog::evidence::{LogKey, VerifierKey};

/// The offices that countersign the log's heads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// Their keys.
    pub keys: Vec<VerifierKey>,
    /// How many of them a published sheet needs before it says that it is countersigned.
    pub required_for_publication: usize,
}

/// The keys of a log.
#[derive(Clone, Debug)]
pub struct LogKeys {
    signing: LogKey,
    verifiers: Vec<VerifierKey>,
    witnesses: Witnesses,
}

impl LogKeys {
    /// `signing` signs from now on; `verifiers` are the public keys of all keys that ever did,
    /// newest first. The one of `signing` is added where it is missing.
    pub fn new(signing: LogKey, mut verifiers: Vec<VerifierKey>, witnesses: Witnesses) -> Self {
        if !verifiers.contains(signing.verifier()) {
            verifiers.insert(0, signing.verifier().clone());
        }
        Self {
            signing,
            verifiers,
            witnesses,
        }
    }

    /// The key that signs.
    pub fn signing(&self) -> &LogKey {
        &self.signing
    }

    /// Public keys of all keys that ever signed, newest first.
    pub fn verifiers(&self) -> &[VerifierKey] {
        &self.verifiers
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &Witnesses {
        &self.witnesses
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.signing.origin()
    }
}
