//! Filling the index and the tree from what is stored.

use std::path::Path;

use daicho_eventlog::{LogError, LogIndex, StoredEventHead, evidence::leaf_hash};

use super::{OpenProgress, OpenStage, contradicts, damaged_sled};
use crate::{
    block::Block,
    journal::scan::{Range, Scan},
    sled_store::SledStore,
    visible::Contents,
};

impl Contents {
    /// Adds what the journal has behind what is known; if it begins only behind that, nothing is
    /// added, and it is only looked at.
    pub(super) fn read_journal(
        &mut self,
        folder: &Path,
        journal_first: u64,
        progress: OpenProgress<'_>,
    ) -> Result<Scan, LogError> {
        let known = self.tree.size();
        let reaches = known >= journal_first;
        let tree = reaches.then(|| self.tree.clone());
        let range = Range {
            from: known,
            until: None,
        };
        let scan = Scan::run(
            folder,
            range,
            tree,
            |scanned| {
                if reaches {
                    self.add(scanned.first, &scanned.block)
                } else {
                    Ok(())
                }
            },
            &mut |done, total| progress(OpenStage::Journal, done, total),
        )?;
        if let Some(tree) = &scan.tree {
            self.tree = tree.clone();
        }
        Ok(scan)
    }

    /// Adds what only sled has, up to where the journal begins.
    pub(super) fn read_trimmed(
        &mut self,
        store: &SledStore,
        journal_first: u64,
    ) -> Result<(), LogError> {
        for entry in store.blocks_from(self.tree.size()) {
            let (first, bytes) = entry?;
            if first >= journal_first {
                break;
            }
            let block = Block::decode(&bytes).map_err(|error| damaged_sled(error.to_string()))?;
            self.add(first, &block)?;
            for event in block.events() {
                self.tree.push(leaf_hash(event), &mut Vec::new());
            }
        }
        Ok(())
    }

    /// Adds the next block while the log is opened.
    pub(super) fn add(&mut self, first: u64, block: &Block) -> Result<(), LogError> {
        index_block(&mut self.index, block)?;
        self.block_starts.push(first);
        Ok(())
    }

    /// How many blocks the index files have.
    pub(super) fn sealed_blocks(&self) -> usize {
        let sealed = self.index.sealed_until().0;
        self.block_starts.partition_point(|first| *first < sealed)
    }
}

fn index_block(index: &mut LogIndex, block: &Block) -> Result<(), LogError> {
    for event in block.events() {
        let next = index.next_position();
        let head = StoredEventHead::from_stored_bytes(event).map_err(|error| {
            contradicts(format!(
                "the event at position {next} cannot be read: {error}"
            ))
        })?;
        index
            .add(head)
            .map_err(|error| contradicts(error.to_string()))?;
    }
    Ok(())
}
