//! Asking witnesses to countersign, and taking their signatures.

use daicho_eventlog::evidence::{Checkpoint, VerifierKey, prove_consistency};

use super::publication_proof::{Pages, countersignatures};
use super::witness::AddCheckpoint;
use crate::app::App;
use crate::error::AppError;
use crate::position::Position;

/// A signature of a witness that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countersigned {
    /// The witness.
    pub witness: String,
    /// Number of events of the head that it countersigned.
    pub size: u64,
}

impl App {
    /// The request that a witness countersign the newest head; `old_size` is the number of events of the
    /// head that it has seen. None for an empty log.
    ///
    /// # Errors
    /// [`AppError::BadFile`] where the log never had so many events, and as
    /// [`App::issue_checkpoint`].
    pub async fn witness_request(&self, old_size: u64) -> Result<Option<AddCheckpoint>, AppError> {
        let Some(checkpoint) = self.issue_checkpoint().await? else {
            return Ok(None);
        };
        let size = checkpoint.head.size;
        if old_size > size {
            return Err(AppError::BadFile(format!(
                "the witness has seen {old_size} events, but the log has only {size}; it was rolled back, or the witness means another log"
            )));
        }
        let proof = match old_size == size {
            // A tree needs no proof that it begins with itself.
            true => Vec::new(),
            false => prove_consistency(self.log.as_ref(), old_size, size).await?,
        };
        Ok(Some(AddCheckpoint {
            old_size,
            proof,
            checkpoint,
        }))
    }

    /// Number of events of the largest head that `witness` has countersigned; 0 for none.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn size_seen_by(&self, witness: &VerifierKey) -> Result<u64, AppError> {
        let Some(keys) = self.log_keys() else {
            return Ok(0);
        };
        let mut seen = 0;
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            for checkpoint in page {
                let by =
                    countersignatures(&checkpoint, keys.verifiers(), std::slice::from_ref(witness));
                if !by.is_empty() {
                    seen = checkpoint.head.size;
                }
            }
        }
        Ok(seen)
    }

    /// Position of the newest publication of any sheet.
    pub fn newest_publication(&self) -> Option<Position> {
        let models = self.models();
        models
            .published_years()
            .filter_map(|(plan, year)| models.publications(plan, year).next_back())
            .map(|published| Position::new(published.position))
            .max()
    }

    /// Adds the signature lines of witnesses to the checkpoints that they stand for; each line is
    /// verified with a key of `witnesses` first. Lines that are no signatures are left aside.
    ///
    /// # Errors
    /// [`AppError::BadFile`] where a line does not hold for any kept checkpoint (nothing is added
    /// then), and what the storage says.
    pub async fn add_countersignatures(
        &self,
        text: &str,
        witnesses: &[VerifierKey],
    ) -> Result<Vec<Countersigned>, AppError> {
        let keys = self
            .log_keys()
            .ok_or_else(|| AppError::BadFile("this log has no key yet".to_owned()))?;
        let origin = format!("— {} ", keys.origin());
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| line.starts_with("— ") && !line.starts_with(&origin))
            .collect();
        if lines.is_empty() {
            return Err(AppError::BadFile(
                "there is no signature line of a witness in it; such a line begins with '— '"
                    .to_owned(),
            ));
        }
        let _one_at_a_time = self.evidence.keeping.lock().await;
        let mut added = Vec::new();
        for line in lines {
            let Some((checkpoint, witness)) =
                self.signed_by(line, keys.verifiers(), witnesses).await?
            else {
                return Err(AppError::BadFile(format!(
                    "the line '{line}' is of no known witness, or of no checkpoint of this log; name the witness's key, and send it the newest request"
                )));
            };
            added.push((checkpoint, witness));
        }
        let mut countersigned = Vec::new();
        for (checkpoint, witness) in added {
            // Read anew: another line may have been added to it just now.
            let size = checkpoint.head.size;
            let line = checkpoint.text().lines().last().unwrap_or_default();
            let kept = self.log.checkpoints(size, 1).await?.into_iter().next();
            let both = kept
                .unwrap_or_else(|| checkpoint.clone())
                .with_signatures(line)?;
            self.log.keep_checkpoint(both.clone()).await?;
            self.note_countersignatures(&both).await;
            countersigned.push(Countersigned { witness, size });
        }
        Ok(countersigned)
    }

    /// The kept checkpoint that `line` signs, with the line added, and the witness's name.
    async fn signed_by(
        &self,
        line: &str,
        logs: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<Option<(Checkpoint, String)>, AppError> {
        let holds = |checkpoint: &Checkpoint| {
            let alone = signed_by_log_alone(checkpoint)?;
            let with = alone.with_signatures(line).ok()?;
            let by = countersignatures(&with, logs, witnesses);
            by.into_iter().next().map(|by| (with, by.witness))
        };
        // Nearly always it is the newest one.
        if let Some(found) = self.log.latest_checkpoint().await?.as_ref().and_then(holds) {
            return Ok(Some(found));
        }
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            if let Some(found) = page.iter().find_map(holds) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The checkpoint without the lines of others, so that a line that is there already is seen too.
fn signed_by_log_alone(checkpoint: &Checkpoint) -> Option<Checkpoint> {
    let own = format!("— {} ", checkpoint.origin);
    let (body, signatures) = checkpoint.text().split_once("\n\n")?;
    let lines: String = signatures
        .lines()
        .filter(|line| line.starts_with(&own))
        .map(|line| format!("{line}\n"))
        .collect();
    Checkpoint::parse(format!("{body}\n\n{lines}").as_bytes()).ok()
}
