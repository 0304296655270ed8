//! When heads of the tree are signed: at every publication, at most once a second while the
//! log grows, and when the service ends.

use std::time::Duration;

use daicho_eventlog::evidence::{Checkpoint, TreeHead, root_at, sign_checkpoint};

use super::LogKeys;
use crate::app::App;
use crate::error::AppError;

/// The shortest time between two checkpoints that no publication asked for.
const PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// Signs the log's head as it is now and keeps it; the one that is kept already where the
    /// head has not moved. None for an empty log, and without a key.
    ///
    /// # Errors
    /// [`AppError::Damaged`] where the log no longer contains what was signed before: nothing is
    /// signed then. [`AppError::ReadOnly`] and [`AppError::Unavailable`] where it cannot be kept.
    pub async fn issue_checkpoint(&self) -> Result<Option<Checkpoint>, AppError> {
        let Some(keys) = self.log_keys() else {
            return Ok(None);
        };
        let _one_at_a_time = self.evidence.keeping.lock().await;
        // In this order: between the two another node may sign a head that is larger than this one.
        let latest = self.log.latest_checkpoint().await?;
        let head = self.log.tree_head().await?;
        if head.size == 0 {
            return Ok(None);
        }
        if let Some(latest) = latest {
            self.must_continue(&latest, head).await?;
            if latest.head.size == head.size {
                return Ok(Some(latest));
            }
        }
        Ok(Some(self.sign_and_keep(&keys, head).await?))
    }

    /// Adds the signature of a new key to the newest checkpoint, so that who has only the new
    /// key can check it too.
    ///
    /// # Errors
    /// As [`App::issue_checkpoint`].
    pub async fn sign_with_new_key(&self, keys: LogKeys) -> Result<(), AppError> {
        self.issue_checkpoint().await?;
        self.set_log_keys(keys.clone()).await;
        let _one_at_a_time = self.evidence.keeping.lock().await;
        let Some(latest) = self.log.latest_checkpoint().await? else {
            return Ok(());
        };
        let again = sign_checkpoint(keys.signing(), latest.head)?;
        let line = again.text().lines().last().unwrap_or_default();
        let both = latest.with_signatures(line)?;
        Ok(self.log.keep_checkpoint(both).await?)
    }

    async fn sign_and_keep(&self, keys: &LogKeys, head: TreeHead) -> Result<Checkpoint, AppError> {
        let checkpoint = sign_checkpoint(keys.signing(), head)?;
        self.log.keep_checkpoint(checkpoint.clone()).await?;
        Ok(checkpoint)
    }

    /// A log that signed two histories could never be believed again.
    async fn must_continue(&self, signed: &Checkpoint, head: TreeHead) -> Result<(), AppError> {
        let signed = signed.head;
        if signed.size > head.size {
            return Err(AppError::Damaged(format!(
                "a checkpoint over {} events was signed, but the log has {}; it was rolled back: run 'daicho verify'",
                signed.size, head.size
            )));
        }
        if root_at(self.log.as_ref(), signed.size).await? != signed.root {
            return Err(AppError::Damaged(format!(
                "the first {} events are not those that were signed; they were rewritten: run 'daicho verify'",
                signed.size
            )));
        }
        Ok(())
    }

    /// Signs the head whenever it has moved, at most once a second, for as long as the log is
    /// open.
    pub async fn keep_issuing(&self) {
        let mut heads = self.log.subscribe_all();
        loop {
            heads.mark_unchanged();
            self.try_to_issue().await;
            tokio::time::sleep(PAUSE).await;
            if heads.changed().await.is_err() {
                return;
            }
        }
    }

    /// Signs the head; where that fails, what was recorded stays recorded, and the next head
    /// will cover it.
    pub(crate) async fn try_to_issue(&self) {
        if let Err(error) = self.issue_checkpoint().await {
            tracing::error!(%error, "no checkpoint could be signed");
        }
    }

    /// The newest signed head with its countersignatures, as `/log/checkpoint` serves it.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn latest_checkpoint(&self) -> Result<Option<String>, AppError> {
        let latest = self.log.latest_checkpoint().await?;
        Ok(latest.map(|checkpoint| checkpoint.text().to_owned()))
    }
}
