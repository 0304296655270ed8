//! What a writer writes to.

use std::{sync::Arc, thread::JoinHandle};

use crate::{
    checkpoint_file::CheckpointFile, feeder::Feeder, index_sealer::IndexSealer, journal::Journal,
    named_thread, sled_store::SledStore,
};

/// sled, and the thread that keeps it durable.
#[derive(Debug)]
pub(crate) struct KeptStore {
    pub(crate) store: Arc<SledStore>,
    pub(crate) keeping_durable: JoinHandle<Result<(), String>>,
}

impl KeptStore {
    pub(crate) fn start(store: SledStore) -> Self {
        let store = Arc::new(store);
        let keeping_durable = {
            let store = Arc::clone(&store);
            named_thread::spawn("log-sled", move || store.keep_durable())
        };
        Self {
            store,
            keeping_durable,
        }
    }

    /// Makes everything durable and lets go of sled.
    pub(crate) fn end(self) -> Result<(), String> {
        self.store.stop();
        drop(self.store);
        self.keeping_durable
            .join()
            .unwrap_or_else(|_| Err("the thread that syncs sled stopped unexpectedly".to_owned()))
    }
}

/// What a writer writes to.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) kept: KeptStore,
    pub(crate) journal: Journal,
    pub(crate) checkpoints: CheckpointFile,
    pub(crate) feeder: Feeder,
    pub(crate) index: IndexSealer,
}
