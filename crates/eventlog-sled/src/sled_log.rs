use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use daicho_eventlog::{
    Append, AppendOutcome, EventLog, GlobalPosition, LogError, RecordedEvent, StreamName,
    StreamPosition,
};
use futures::{FutureExt, future, future::BoxFuture};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::{
    OpenError, OpenReport, OpenStage, Options, Verification,
    folder_lock::FolderLock,
    open,
    sled_store::{self, SledStore},
    verification,
    visible::Visible,
    writer::{Request, Writer},
};

/// The embedded log. Dropping it closes it.
///
/// Reading and looking up answer at once on the calling thread, mostly from memory;
/// readers who want very many events take them in pages.
#[derive(Debug)]
pub struct SledLog {
    folder: PathBuf,
    options: Options,
    visible: Arc<Visible>,
    queue: mpsc::Sender<Request>,
    stopping: Arc<AtomicBool>,
    running: Mutex<Option<Running>>,
}

/// What ends when the log is closed.
#[derive(Debug)]
pub(crate) struct Running {
    writer: JoinHandle<()>,
    keeping_durable: JoinHandle<Result<(), String>>,
    store: Arc<SledStore>,
    lock: FolderLock,
}

impl Running {
    pub(crate) fn start(
        writer: Writer,
        keeping_durable: JoinHandle<Result<(), String>>,
        store: Arc<SledStore>,
        lock: FolderLock,
    ) -> Self {
        Self {
            writer: thread::spawn(move || writer.run()),
            keeping_durable,
            store,
            lock,
        }
    }
}
