//! The witness's part: what it is asked, what it checks, what it signs
//! ([c2sp.org/tlog-witness](https://c2sp.org/tlog-witness)).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_eventlog::evidence::{
    Checkpoint, CheckpointError, Cosigner, Hash, VerifierKey, check_consistency, cosign,
};
use jiff::Timestamp;

/// More hashes than a proof between two trees can have.
const PROOF_HASHES_MAX: usize = 63;

/// What a witness is sent (`add-checkpoint`): a head, and what shows that it continues the head
/// that the witness has seen.
#[derive(Clone, Debug, PartialEq)]
pub struct AddCheckpoint {
    /// Number of events of the head that the witness has seen; 0 for none.
    pub old_size: u64,
    /// The consistency proof; empty for an old size of 0.
    pub proof: Vec<Hash>,
    /// The new head.
    pub checkpoint: Checkpoint,
}

/// A text that is no request to a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no request to a witness ({0}); 'daicho witness request' writes one")]
pub struct NotARequest(&'static str);

impl AddCheckpoint {
    /// The body of the request.
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(self.checkpoint.text());
        text
    }

    /// Reads a request; whether it holds is another question.
    ///
    /// # Errors
    /// [`NotARequest`].
    pub fn parse(text: &str) -> Result<Self, NotARequest> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(NotARequest(
            "the empty line in front of the checkpoint is missing",
        ))?;
        let mut lines = head.lines();
        let old_size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(|size| size.parse().ok())
            .ok_or(NotARequest("its first line does not say the old size"))?;
        let mut proof = Vec::new();
        for line in lines {
            let hash = BASE64
                .decode(line)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
                .ok_or(NotARequest("a line of the proof is not a hash"))?;
            proof.push(Hash(hash));
        }
        if proof.len() > PROOF_HASHES_MAX {
            return Err(NotARequest("its proof is too long"));
        }
        let checkpoint = Checkpoint::parse(checkpoint.as_bytes())
            .map_err(|_| NotARequest("what follows is not a checkpoint"))?;
        Ok(Self {
            old_size,
            proof,
            checkpoint,
        })
    }
}

/// Why a witness does not countersign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessRefusal {
    /// The head is not the log's, or not signed by it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The head that the witness has seen is of another log.
    #[error(
        "the state is of the log '{seen}', the request of '{asked}'; use one state file per log"
    )]
    OtherState {
        /// The log in the state.
        seen: String,
        /// The log in the request.
        asked: String,
    },
    /// The request begins at another head than the one seen.
    #[error(
        "the request begins at {asked} events, but {seen} were seen here last; ask for one that begins at {seen} (daicho witness request --old-size {seen})"
    )]
    OldSize {
        /// Where the request begins.
        asked: u64,
        /// What was seen last.
        seen: u64,
    },
    /// The head is smaller than the one seen.
    #[error(
        "ROLLED BACK: the log shows {shown} events, but {seen} were seen here before. Sign nothing; tell the audit office and keep both checkpoints"
    )]
    RolledBack {
        /// Events in the new head.
        shown: u64,
        /// Events in the head that was seen.
        seen: u64,
    },
    /// The head does not continue the one seen.
    #[error(
        "REWRITTEN: the log's {shown} events do not begin with the {seen} that were seen here before. Sign nothing; tell the audit office and keep both checkpoints"
    )]
    Rewritten {
        /// Events in the new head.
        shown: u64,
        /// Events in the head that was seen.
        seen: u64,
    },
}

/// Countersigns the head in `request`, if the log signed it with one of `log_keys` and it
/// continues `seen`, the head that this witness countersigned last. What comes back is the
/// signature's line; the caller keeps the request's checkpoint as the one seen, before it gives the
/// line to anybody.
///
/// # Errors
/// [`WitnessRefusal`].
pub fn countersign(
    request: &AddCheckpoint,
    seen: Option<&Checkpoint>,
    log_keys: &[VerifierKey],
    cosigner: &Cosigner,
    now: Timestamp,
) -> Result<String, WitnessRefusal> {
    let new = &request.checkpoint;
    new.verify(log_keys)?;
    let (seen_size, seen_root) = match seen {
        Some(seen) if seen.origin != new.origin => {
            return Err(WitnessRefusal::OtherState {
                seen: seen.origin.clone(),
                asked: new.origin.clone(),
            });
        }
        Some(seen) => (seen.head.size, seen.head.root),
        None => (0, daicho_eventlog::evidence::TreeHead::EMPTY.root),
    };
    let shown = new.head.size;
    if shown < seen_size {
        return Err(WitnessRefusal::RolledBack {
            shown,
            seen: seen_size,
        });
    }
    if request.old_size != seen_size {
        return Err(WitnessRefusal::OldSize {
            asked: request.old_size,
            seen: seen_size,
        });
    }
    check_consistency(
        &request.proof,
        (shown, new.head.root),
        (seen_size, seen_root),
    )
    .map_err(|_| WitnessRefusal::Rewritten {
        shown,
        seen: seen_size,
    })?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    Ok(cosign(new, cosigner, seconds)?)
}
