//! What stands under a published sheet: the signed head that covers it, and who countersigned.

use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_eventlog::LogError;
use daicho_eventlog::evidence::{Checkpoint, VerifierKey};
use jiff::Timestamp;

use super::CountersignaturesBySize;
use crate::app::App;
use crate::error::AppError;
use crate::position::Position;

/// How long a reader waits for the log to say what is known already.
const PATIENCE: Duration = Duration::from_millis(500);

/// A witness's word that it saw this head, and that it continues those seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countersignature {
    /// Name of the witness.
    pub witness: String,
    /// When it countersigned, by its own clock.
    pub at: Timestamp,
}

/// The signed head that covers an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Position of the event.
    pub position: Position,
    /// Number of events under the head.
    pub size: u64,
    /// Root of the tree over them, in base64.
    pub root: String,
    /// The checkpoint itself: a signed note, for any tool that verifies one.
    pub checkpoint: String,
    /// Who countersigned this head or a later one, each once, with the earliest time.
    pub countersignatures: Vec<Countersignature>,
    /// How many countersignatures are asked for.
    pub required: usize,
}

impl LogProof {
    /// Whether as many have countersigned as are asked for.
    pub fn is_countersigned(&self) -> bool {
        self.countersignatures.len() >= self.required
    }
}

impl App {
    /// The smallest signed head that covers the event at `position`; none where no head was signed
    /// since.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn checkpoint_covering(
        &self,
        position: Position,
    ) -> Result<Option<LogProof>, AppError> {
        let from = position.value().saturating_add(1);
        let Some(checkpoint) = self.smallest_checkpoint_from(from).await? else {
            return Ok(None);
        };
        let (countersignatures, required) = match self.log_keys() {
            Some(keys) => (
                self.countersignatures_from(from).await?,
                keys.witnesses().required_for_publication,
            ),
            None => (Vec::new(), 0),
        };
        Ok(Some(LogProof {
            position,
            size: checkpoint.head.size,
            root: checkpoint.head.root.to_string(),
            checkpoint: checkpoint.text().to_owned(),
            countersignatures,
            required,
        }))
    }

    /// The one that was found before where the log does not answer soon: only signatures are ever
    /// added to it.
    async fn smallest_checkpoint_from(&self, size: u64) -> Result<Option<Checkpoint>, AppError> {
        let covering = || {
            let covering = self.evidence.covering.lock();
            covering.unwrap_or_else(PoisonError::into_inner)
        };
        let known = covering().get(&size).cloned();
        let reading = self.log.checkpoints(size, 1);
        let read = match &known {
            None => reading.await,
            Some(_) => match tokio::time::timeout(PATIENCE, reading).await {
                Ok(read) => read,
                Err(_) => return Ok(known),
            },
        };
        match read {
            Ok(found) => {
                let found = found.into_iter().next();
                if let Some(found) = &found {
                    covering().insert(size, found.clone());
                }
                Ok(found)
            }
            Err(LogError::Io { .. }) if known.is_some() => Ok(known),
            Err(error) => Err(error.into()),
        }
    }

    /// Every witness that countersigned a head of `size` events or more, with the earliest time.
    async fn countersignatures_from(&self, size: u64) -> Result<Vec<Countersignature>, AppError> {
        let mut by_size = self.evidence.countersigned.lock().await;
        if by_size.is_none() {
            *by_size = Some(self.read_countersignatures().await?);
        }
        let mut found: Vec<Countersignature> = Vec::new();
        for given in by_size.iter().flat_map(|all| all.range(size..)) {
            for countersignature in given.1 {
                match found
                    .iter_mut()
                    .find(|there| there.witness == countersignature.witness)
                {
                    Some(there) => there.at = there.at.min(countersignature.at),
                    None => found.push(countersignature.clone()),
                }
            }
        }
        found.sort_by(|one, other| one.witness.cmp(&other.witness));
        Ok(found)
    }

    async fn read_countersignatures(&self) -> Result<CountersignaturesBySize, AppError> {
        let mut by_size = CountersignaturesBySize::new();
        let Some(keys) = self
            .log_keys()
            .filter(|keys| !keys.witnesses().keys.is_empty())
        else {
            return Ok(by_size);
        };
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            for checkpoint in page {
                let given =
                    countersignatures(&checkpoint, keys.verifiers(), &keys.witnesses().keys);
                if !given.is_empty() {
                    by_size.insert(checkpoint.head.size, given);
                }
            }
        }
        Ok(by_size)
    }

    /// What was read of `checkpoint`'s size before is replaced.
    pub(super) async fn note_countersignatures(&self, checkpoint: &Checkpoint) {
        let Some(keys) = self.log_keys() else { return };
        if let Some(by_size) = self.evidence.countersigned.lock().await.as_mut() {
            let given = countersignatures(checkpoint, keys.verifiers(), &keys.witnesses().keys);
            by_size.insert(checkpoint.head.size, given);
        }
    }
}

/// Checkpoints read from the log at a time.
const PAGE: usize = 512;

/// Every kept checkpoint, page by page, smallest first.
#[derive(Default)]
pub(super) struct Pages {
    from: u64,
    is_over: bool,
}

impl Pages {
    /// Only those of `size` events or more.
    pub(super) fn from(size: u64) -> Self {
        Self {
            from: size,
            is_over: false,
        }
    }

    /// The next page; none behind the last one.
    pub(super) async fn next(&mut self, app: &App) -> Result<Option<Vec<Checkpoint>>, AppError> {
        if self.is_over {
            return Ok(None);
        }
        let page = app.log.checkpoints(self.from, PAGE).await?;
        self.is_over = page.len() < PAGE;
        if let Some(last) = page.last() {
            self.from = last.head.size.saturating_add(1);
        }
        Ok(Some(page))
    }
}

/// The witnesses among `witnesses` that countersigned `checkpoint`. One false signature does not
/// take the others' word away.
pub(super) fn countersignatures(
    checkpoint: &Checkpoint,
    logs: &[VerifierKey],
    witnesses: &[VerifierKey],
) -> Vec<Countersignature> {
    let mut found = Vec::new();
    for witness in witnesses {
        let mut keys = logs.to_vec();
        keys.push(witness.clone());
        let has_signed = checkpoint
            .verify(&keys)
            .is_ok_and(|names| names.iter().any(|name| name == witness.name()));
        if let Some(at) = time_of(checkpoint, witness).filter(|_| has_signed) {
            found.push(Countersignature {
                witness: witness.name().to_owned(),
                at,
            });
        }
    }
    found.sort_by(|one, other| one.witness.cmp(&other.witness));
    found.dedup_by(|one, other| one.witness == other.witness);
    found
}

/// The time in a witness's signature line: behind the key's id, in front of the signature.
fn time_of(checkpoint: &Checkpoint, witness: &VerifierKey) -> Option<Timestamp> {
    let key = witness.to_string();
    let id = key.split('+').nth(1)?.to_owned();
    let prefix = format!("— {} ", witness.name());
    checkpoint
        .text()
        .lines()
        .filter_map(|line| BASE64.decode(line.strip_prefix(&prefix)?).ok())
        .find_map(|bytes| {
            let (key_id, rest) = bytes.split_first_chunk::<4>()?;
            let (seconds, _) = rest.split_first_chunk::<8>()?;
            (hex::encode(key_id) == id).then_some(u64::from_be_bytes(*seconds))
        })
        .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
}
