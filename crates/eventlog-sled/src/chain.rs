//! The hash chain that ties each journal record to all before it.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 over the chain before and the stored events of a record. It is no Merkle
/// root and proves nothing to anybody else: it only shows the log itself that a record
/// stands where it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 32]);

impl Chain {
    /// Before the first event.
    pub(crate) const START: Self = Self([0; 32]);

    /// The chain after `events`.
    pub(crate) fn after<'a>(self, events: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        for event in events {
            hasher.update((event.len() as u64).to_le_bytes());
            hasher.update(event);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}
