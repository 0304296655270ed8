//! The text of one event's proof, as tlog-proof writes it.

use base64::{Engine, prelude::BASE64_STANDARD};
use tlog_tiles::Hash;

use super::{Checkpoint, CheckpointError, EvidenceError, VerifierKey, check_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A text that is no proof.
#[derive(Debug, thiserror::Error)]
#[error("this is no {FIRST_LINE} proof: {0}")]
pub struct MalformedProof(&'static str);

/// That an event is in the log: its index, the audit path and a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct TlogProof {
    /// Position of the event.
    pub index: u64,
    /// The audit path, from the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The head that it leads to.
    pub checkpoint: Checkpoint,
    /// Opaque data that the proof carries; nothing vouches for it.
    pub extra: Option<Vec<u8>>,
}

impl TlogProof {
    /// The proof's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", BASE64_STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(self.checkpoint.text());
        text
    }

    /// Reads a proof's text; whether it holds is another question.
    ///
    /// # Errors
    /// [`MalformedProof`].
    pub fn parse(text: &str) -> Result<Self, MalformedProof> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(MalformedProof(
            "the empty line before the checkpoint is missing",
        ))?;
        let mut lines = head.lines().peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(MalformedProof("its first line says something else"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| BASE64_STANDARD.decode(&line["extra ".len()..]))
            .transpose()
            .map_err(|_| MalformedProof("the extra data is not base64"))?;
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(MalformedProof("the line with the index is missing"))?;
        let number: u64 = index
            .parse()
            .map_err(|_| MalformedProof("the index is not a number"))?;
        if number.to_string() != index {
            return Err(MalformedProof("the index is not written plainly"));
        }
        let path = lines
            .map(Hash::parse_hash)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| MalformedProof("a line of the path is not a hash"))?;
        let checkpoint = Checkpoint::parse(checkpoint.as_bytes())
            .map_err(|_| MalformedProof("what follows is not a checkpoint"))?;
        Ok(Self {
            index: number,
            path,
            checkpoint,
            extra,
        })
    }

    /// Checks the checkpoint's signatures with `keys` and that the event with this `leaf` is in
    /// its tree. Returns the witnesses that have countersigned.
    ///
    /// # Errors
    /// [`NotProven`].
    pub fn verify(&self, keys: &[VerifierKey], leaf: Hash) -> Result<Vec<String>, NotProven> {
        let witnesses = self.checkpoint.verify(keys)?;
        let head = self.checkpoint.head;
        check_inclusion(&self.path, head.size, head.root, self.index, leaf)?;
        Ok(witnesses)
    }
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// Its checkpoint is not believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its path does not lead there.
    #[error(transparent)]
    Path(#[from] EvidenceError),
}
