//! Puts the index away, part by part, beside the writer.

use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use crate::{
    index_file::{IndexFile, IndexFolder},
    journal::Journal,
    sled_store::SledStore,
    visible::Visible,
};

/// Index files that may wait to be written.
const WAITING_MAX: usize = 4;

/// The thread that writes index files.
#[derive(Debug)]
pub(crate) struct IndexKeeper {
    queue: mpsc::SyncSender<IndexFile>,
    writing: JoinHandle<()>,
    segment_events: usize,
    /// Number of block starts that are in index files.
    sealed_blocks: usize,
}

impl IndexKeeper {
    /// `sealed_blocks` says how many of the blocks the files in `folder` have.
    pub(crate) fn start(
        folder: IndexFolder,
        visible: Arc<Visible>,
        store: Arc<SledStore>,
        segment_events: usize,
        sealed_blocks: usize,
    ) -> Self {
        let (queue, files) = mpsc::sync_channel(WAITING_MAX);
        let writing = thread::spawn(move || write(folder, &visible, &store, &files));
        Self {
            queue,
            writing,
            segment_events,
            sealed_blocks,
        }
    }

    /// Puts the index away if enough has come together since the last time.
    pub(crate) fn after_commit(&mut self, visible: &Visible, journal: &mut Journal) {
        if visible.contents().index.unsealed_events() >= self.segment_events {
            self.seal(visible, journal);
        }
    }

    /// Puts away what is not yet in files.
    pub(crate) fn seal(&mut self, visible: &Visible, journal: &mut Journal) {
        let mut contents = visible.contents_mut();
        if contents.index.unsealed_events() == 0 {
            return;
        }
        let file = IndexFile {
            segment: contents.index.seal(),
            block_starts: contents.block_starts[self.sealed_blocks..].to_vec(),
            tree: contents.tree.clone(),
            finished: journal.take_finished(),
        };
        self.sealed_blocks = contents.block_starts.len();
        drop(contents);
        // If the thread has ended, the index is derived anew at the next start.
        let _ = self.queue.send(file);
    }

    /// Waits until everything is written.
    pub(crate) fn end(self) {
        drop(self.queue);
        let _ = self.writing.join();
    }
}

fn write(
    mut folder: IndexFolder,
    visible: &Visible,
    store: &SledStore,
    files: &mpsc::Receiver<IndexFile>,
) {
    for file in files {
        // sled has been given these events; when it has them for good, opening need not look at
        // them again.
        let written = store
            .wait_durable()
            .map_err(std::io::Error::other)
            .and_then(|()| folder.add(file));
        match written {
            Ok(Some(merged)) => visible.contents_mut().index.replace(&merged),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the index could not be put away; it is derived anew at the next start");
                return;
            }
        }
    }
}
