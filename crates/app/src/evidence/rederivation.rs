//! Deriving the tree anew from the events and comparing every head that was ever signed.

use std::collections::BTreeMap;

use daicho_eventlog::GlobalPosition;
use daicho_eventlog::evidence::{Checkpoint, Hash, Tree, VerifierKey, leaf_hash, root_at};

use super::publication_proof::Pages;
use crate::app::App;
use crate::error::AppError;
use crate::verify::Discrepancy;

/// Events read at a time.
const PAGE_EVENTS: usize = 512;

/// A checkpoint that somebody kept elsewhere.
#[derive(Clone, Debug)]
pub struct Against {
    /// What people call it: the name of its file.
    pub name: String,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

/// What was checked of the evidence, and what does not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceFindings {
    /// The checks that were made, in words.
    pub checks: Vec<String>,
    /// What does not agree.
    pub discrepancies: Vec<Discrepancy>,
}

impl App {
    /// Derives the tree anew from every stored event and compares it with the log's own head,
    /// with every checkpoint that was kept, and with those given. `keys` replace the log's own
    /// keys for the checkpoints given.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn verify_evidence(
        &self,
        against: &[Against],
        keys: &[VerifierKey],
    ) -> Result<EvidenceFindings, AppError> {
        let own = self
            .log_keys()
            .map(|keys| keys.verifiers().to_vec())
            .unwrap_or_default();
        let head = self.log.tree_head().await?;
        let mut kept: Vec<Checkpoint> = Vec::new();
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            // A head that was signed since is the next verification's.
            kept.extend(page);
        }
        let mut roots: BTreeMap<u64, Option<Hash>> = kept
            .iter()
            .map(|checkpoint| checkpoint.head.size)
            .chain(against.iter().map(|against| against.checkpoint.head.size))
            .chain([head.size])
            .map(|size| (size, None))
            .collect();
        let size = self.derive_roots(&mut roots).await?;

        let mut findings = EvidenceFindings::default();
        findings.checks.push(format!(
            "the tree over {} events derived anew from their stored bytes; its root compared with the log's",
            head.size
        ));
        if roots.get(&head.size).copied().flatten() != Some(head.root) {
            findings.discrepancies.push(Discrepancy {
                check: "tree".into(),
                found: format!(
                    "the root over {} events is not the one that the log keeps",
                    head.size
                ),
                what_to_do:
                    "copy the data folder, then restore the newest verified backup into a new one"
                        .into(),
            });
        }
        findings.checks.push(format!(
            "{} signed checkpoints compared with the tree, signatures included",
            kept.len()
        ));
        for checkpoint in &kept {
            let name = format!("checkpoint of {} events", checkpoint.head.size);
            findings.discrepancies.extend(compare(
                &name,
                checkpoint,
                &own,
                size,
                roots.get(&checkpoint.head.size).copied().flatten(),
            ));
        }
        for against in against {
            let name = format!("checkpoint {}", against.name);
            findings.checks.push(format!(
                "{name} ({} events) compared with the tree, signature included",
                against.checkpoint.head.size
            ));
            let keys = if keys.is_empty() { &own } else { keys };
            findings.discrepancies.extend(compare(
                &name,
                &against.checkpoint,
                keys,
                size,
                roots.get(&against.checkpoint.head.size).copied().flatten(),
            ));
        }
        Ok(findings)
    }

    /// Fills in the roots at the sizes asked for. Returns the number of events.
    async fn derive_roots(&self, roots: &mut BTreeMap<u64, Option<Hash>>) -> Result<u64, AppError> {
        let mut tree = Tree::default();
        let mut full_tiles = Vec::new();
        loop {
            if let Some(root) = roots.get_mut(&tree.size()) {
                *root = Some(tree.head().root);
            }
            let page = self
                .log
                .read_stored(GlobalPosition(tree.size()), PAGE_EVENTS)
                .await?;
            for stored in &page {
                tree.push(leaf_hash(stored), &mut full_tiles);
                full_tiles.clear();
                if let Some(root) = roots.get_mut(&tree.size()) {
                    *root = Some(tree.head().root);
                }
            }
            if page.len() < PAGE_EVENTS {
                return Ok(tree.size());
            }
        }
    }

    /// Compares one checkpoint from elsewhere with the log's tree, without reading every event.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn contains_checkpoint(
        &self,
        against: &Against,
    ) -> Result<Option<Discrepancy>, AppError> {
        let own = self
            .log_keys()
            .map(|keys| keys.verifiers().to_vec())
            .unwrap_or_default();
        let size = self.log.tree_head().await?.size;
        let asked = against.checkpoint.head.size;
        let root = match asked <= size {
            true => Some(root_at(self.log.as_ref(), asked).await?),
            false => None,
        };
        let name = format!("checkpoint {}", against.name);
        Ok(compare(&name, &against.checkpoint, &own, size, root))
    }
}

/// What does not agree between a checkpoint and a log of `size` events, whose root was `root` when
/// it had as many as the checkpoint says.
fn compare(
    name: &str,
    checkpoint: &Checkpoint,
    keys: &[VerifierKey],
    size: u64,
    root: Option<Hash>,
) -> Option<Discrepancy> {
    let discrepancy = |found: String, what_to_do: &str| {
        Some(Discrepancy {
            check: name.to_owned(),
            found,
            what_to_do: what_to_do.to_owned(),
        })
    };
    if !keys.is_empty()
        && let Err(error) = checkpoint.verify(keys)
    {
        return discrepancy(
            error.to_string(),
            "find out where the checkpoint comes from; if its key was rotated away, name that key with --key",
        );
    }
    let signed = checkpoint.head.size;
    if signed > size {
        return discrepancy(
            format!(
                "ROLLED BACK: {signed} events were signed, this log has only {size}; the last {} are gone",
                signed - size
            ),
            "do not go on with this folder: keep it, find the newer one or its backup, and tell the audit office",
        );
    }
    if root != Some(checkpoint.head.root) {
        return discrepancy(
            format!(
                "REWRITTEN: the first {signed} events of this log are not those that were signed"
            ),
            "do not go on with this folder: keep it and the checkpoint, restore the newest backup that contains the checkpoint, and tell the audit office",
        );
    }
    None
}
