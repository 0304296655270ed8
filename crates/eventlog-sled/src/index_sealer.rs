//! When the index is put away, and what of it.

use crate::{
    feeder::{Fed, Feeder},
    index_file::IndexFile,
    journal::Journal,
    visible::Visible,
};

/// Remembers how much of the index has been put away.
#[derive(Debug)]
pub(crate) struct IndexSealer {
    segment_events: usize,
    /// Number of block starts that are in index files.
    sealed_blocks: usize,
}

impl IndexSealer {
    /// `sealed_blocks` says how many of the blocks the index files have.
    pub(crate) fn new(segment_events: usize, sealed_blocks: usize) -> Self {
        Self {
            segment_events,
            sealed_blocks,
        }
    }

    /// Puts the index away if enough has come together since the last time.
    pub(crate) fn after_commit(
        &mut self,
        visible: &Visible,
        journal: &mut Journal,
        feeder: &Feeder,
    ) -> Result<(), String> {
        if visible.contents().index.unsealed_events() < self.segment_events {
            return Ok(());
        }
        self.seal(visible, journal, feeder)
    }

    /// Puts away what is not yet in files.
    pub(crate) fn seal(
        &mut self,
        visible: &Visible,
        journal: &mut Journal,
        feeder: &Feeder,
    ) -> Result<(), String> {
        let mut contents = visible.contents_mut();
        if contents.index.unsealed_events() == 0 {
            return Ok(());
        }
        let file = IndexFile {
            segment: contents.index.seal(),
            block_starts: contents.block_starts[self.sealed_blocks..].to_vec(),
            tree: contents.tree.clone(),
            finished: journal.take_finished(),
        };
        self.sealed_blocks = contents.block_starts.len();
        drop(contents);
        feeder.send(Fed::Index(Box::new(file)))
    }
}
