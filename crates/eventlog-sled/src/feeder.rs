//! Gives sled what is in the journal, and the index files what is in sled, beside the writer: so
//! that the writer waits for the journal alone.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use daicho_eventlog::evidence::{Checkpoint, FullTile};

use crate::{
    index_file::{IndexFile, IndexFolder},
    named_thread,
    sled_store::SledStore,
    visible::Visible,
};

/// Values that may wait for sled, of at most 64 KiB each. More make the writer wait.
const WAITING_MAX: usize = 256;
/// Index files that may wait to be written.
const INDEX_FILES_MAX: usize = 4;

/// Something for sled, or for the index files once sled has what came before it.
#[derive(Debug)]
pub(crate) enum Fed {
    /// A block and the position of its first event.
    Block(u64, Vec<u8>),
    /// A full tile of the tree.
    Tile(FullTile),
    /// A signed head; told when sled has it, or why it does not take it.
    Checkpoint(Box<Checkpoint>, mpsc::SyncSender<Result<(), String>>),
    /// A part of the index.
    Index(Box<IndexFile>),
}

/// The two threads behind the writer.
#[derive(Debug)]
pub(crate) struct Feeder {
    queue: mpsc::SyncSender<Fed>,
    feeding: JoinHandle<()>,
    indexing: JoinHandle<()>,
}

impl Feeder {
    pub(crate) fn start(
        visible: &Arc<Visible>,
        store: &Arc<SledStore>,
        folder: IndexFolder,
    ) -> Self {
        let (queue, waiting) = mpsc::sync_channel(WAITING_MAX);
        let (index_queue, index_files) = mpsc::sync_channel(INDEX_FILES_MAX);
        let feeding = {
            let (visible, store) = (Arc::clone(visible), Arc::clone(store));
            named_thread::spawn("log-feeder", move || {
                feed(&visible, &store, &waiting, &index_queue)
            })
        };
        let indexing = {
            let (visible, store) = (Arc::clone(visible), Arc::clone(store));
            named_thread::spawn("log-index", move || {
                write_index(folder, &visible, &store, &index_files)
            })
        };
        Self {
            queue,
            feeding,
            indexing,
        }
    }

    /// Hands something over, waiting while too much waits already.
    pub(crate) fn send(&self, fed: Fed) -> Result<(), String> {
        self.queue
            .send(fed)
            .map_err(|_| "the thread that fills sled stopped unexpectedly".to_owned())
    }

    /// Waits until everything handed over has been dealt with.
    pub(crate) fn end(self) {
        drop(self.queue);
        let _ = self.feeding.join();
        let _ = self.indexing.join();
    }
}

fn feed(
    visible: &Visible,
    store: &SledStore,
    waiting: &mpsc::Receiver<Fed>,
    index: &mpsc::SyncSender<Box<IndexFile>>,
) {
    for fed in waiting {
        let result = match fed {
            Fed::Block(first, bytes) => store.insert(first, &bytes).map(|()| visible.stored(first)),
            Fed::Tile(tile) => store
                .insert_tile(&tile)
                .map(|()| visible.stored_tile(&tile)),
            Fed::Checkpoint(checkpoint, answer) => {
                // Twice on the disk before it is acknowledged: an older copy of either is noticed.
                let inserted = store
                    .insert_checkpoint(&checkpoint)
                    .and_then(|()| store.wait_durable());
                let _ = answer.send(inserted.clone());
                inserted
            }
            // Without its thread the index is derived anew at the next start.
            Fed::Index(file) => {
                let _ = index.send(file);
                Ok(())
            }
        };
        if let Err(reason) = result {
            // The journal has everything; the writer opens storage anew.
            store.fail(reason);
        }
    }
}

fn write_index(
    mut folder: IndexFolder,
    visible: &Visible,
    store: &SledStore,
    files: &mpsc::Receiver<Box<IndexFile>>,
) {
    for file in files {
        // sled has been given these events; when it has them for good, opening need not look at
        // them again.
        let written = store
            .wait_durable()
            .map_err(std::io::Error::other)
            .and_then(|()| folder.add(*file));
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
