use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use daicho_eventlog::{
    Append, AppendOutcome, EventLog, GlobalPosition, LogError, RecordedEvent, RestoreLog,
    StreamName, StreamPosition,
    evidence::{Checkpoint, HashTile, TILE_WIDTH, Tree, TreeHead, leaf_hash},
};
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use crate::{
    Options,
    connector::{Connector, WRITE_WAL},
    flight::{Request, Wanted},
    group::Answer,
    migration,
    reading::Reading,
    session::Parameter,
    state::{State, last},
    transaction::{Appending, NEW_TERM},
    tree::{self, HEAD, TILES, damaged, head_of, signed, unsigned},
    watcher::Watcher,
    writer::Writer,
};

const COMMAND: &str = "SELECT global_position, global_position + command_events - 1 \
     FROM daicho_log.events WHERE command_id = $1 AND command_events IS NOT NULL";
const VERSION: &str = "SELECT max(stream_position) FROM daicho_log.events WHERE stream = $1";
const KEEP_CHECKPOINT: &str = "INSERT INTO daicho_log.checkpoints (size, note) VALUES ($1, $2)";
const CHECKPOINTS: &str = "SELECT DISTINCT ON (size) note FROM daicho_log.checkpoints \
     WHERE size >= $1 ORDER BY size, kept DESC LIMIT $2";
const LATEST_CHECKPOINT: &str =
    "SELECT note FROM daicho_log.checkpoints ORDER BY size DESC, kept DESC LIMIT 1";
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The shared log on PostgreSQL, as one node sees it. Dropping it closes it in the background.
pub struct PostgresLog {
    connector: Connector,
    state: Arc<State>,
    reading: Reading,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    closed: AtomicBool,
    stop: watch::Sender<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresLog")
            .field("server", &self.connector.server())
            .field("events", &self.state.published())
            .finish_non_exhaustive()
    }
}

impl PostgresLog {
    /// Opens the log that [`crate::migrate`] has set up, in the service's role. Its tasks run
    /// on the tokio runtime that this is called on, which needs I/O and time.
    ///
    /// # Errors
    /// [`LogError::Io`] if the server cannot be reached, if it would acknowledge what is not
    /// durable, or if the schema is missing or another version's; [`LogError::Damaged`] if
    /// the recorded root is not the one over the recorded events.
    pub async fn open(options: &Options) -> Result<Self, LogError> {
        let connector = Connector::new(options, Handle::current())?;
        let doing = connector.doing("open the log");
        let session = connector.connect().await?;
        let opening = async {
            migration::check(&connector, &session).await?;
            let tree = tree::resume(&session, &doing).await?;
            let appending = Appending::begin(session, options.require_standby, &doing).await?;
            Ok((tree, appending))
        };
        let (tree, appending) = timeout(options.answer_timeout, opening)
            .await
            .map_err(|_| LogError::io(&doing, io::ErrorKind::TimedOut.into()))??;
        let state = Arc::new(State::new(tree));
        let reading = Reading::new(connector.clone(), options)?;
        let (queue, waiting) = mpsc::channel(options.queue_length.max(1));
        let writer = Writer::new(
            waiting,
            Arc::clone(&state),
            connector.clone(),
            appending,
            options,
        );
        let (stop, stopped) = watch::channel(());
        let watcher = Watcher {
            state: Arc::clone(&state),
            connector: connector.clone(),
            poll_interval: options.poll_interval,
            answer_timeout: options.answer_timeout,
            stop: stopped,
        };
        let runtime = connector.runtime();
        let tasks = vec![runtime.spawn(writer.run()), runtime.spawn(watcher.run())];
        Ok(Self {
            connector,
            state,
            reading,
            queue: Mutex::new(Some(queue)),
            closed: AtomicBool::new(false),
            stop,
            tasks: Mutex::new(tasks),
        })
    }

    fn check_open(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        Ok(())
    }

    fn sender(&self) -> Result<mpsc::Sender<Request>, LogError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clone().ok_or(LogError::Closed)
    }

    async fn send(&self, wanted: Wanted) -> Answer {
        let stopped = || LogError::ReadOnly {
            reason: "the writer stopped unexpectedly".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let queue = self.sender()?;
        let sent = queue.send((wanted, answer)).await;
        sent.map_err(|_| stopped())?;
        // Closing waits until nobody can send any more.
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn query(
        &self,
        what: &str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, LogError> {
        self.check_open()?;
        self.reading.query(what, sql, parameters).await
    }

    async fn recorded_head(&self) -> Result<TreeHead, LogError> {
        let rows = self.query("read the head", HEAD, &[]).await?;
        head_of(rows.first())
    }

    async fn outcome(
        &self,
        command_id: Uuid,
    ) -> Result<Option<(GlobalPosition, GlobalPosition)>, LogError> {
        let what = "look a command up";
        let parameters: [Parameter<'_>; 1] = [(&command_id, Type::UUID)];
        let uncertain = self.state.is_uncertain();
        let mut rows = self.query(what, COMMAND, &parameters).await?;
        if rows.is_empty() && uncertain {
            // A commit whose answer was lost can still be waiting for the standby, unseen
            // until it is through; it holds the head's lock. A statement that has not got so far
            // finds itself in an old term.
            self.query(what, NEW_TERM, &[]).await?;
            rows = self.query(what, COMMAND, &parameters).await?;
        }
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        // Says that the command is recorded, so it has to be sure that it stays so.
        self.query(what, WRITE_WAL, &[]).await?;
        let place = |column| GlobalPosition(unsigned(row.get(column)));
        Ok(Some((place(0), place(1))))
    }

    async fn tile(&self, tile: HashTile) -> Result<Vec<u8>, LogError> {
        self.check_open()?;
        if let Some(hashes) = self.state.tree().partial_tile(tile) {
            return Ok(hashes);
        }
        if !tile.is_in(self.recorded_head().await?.size) {
            return Err(LogError::no_such_tile(tile));
        }
        let width = usize::from(tile.width);
        let stored = self.full_tiles(tile.level, tile.index, 1).await?;
        if let Some(hashes) = stored.first() {
            return Ok(hashes[..width * HASH_BYTES].to_vec());
        }
        // Not full: from what is below it.
        let first = tile.index * TILE_WIDTH as u64;
        let hashes: Vec<u8> = match tile.level.checked_sub(1) {
            None => {
                let leaves = self.reading.stored(GlobalPosition(first), width).await?;
                leaves.iter().flat_map(|leaf| leaf_hash(leaf).0).collect()
            }
            Some(below) => {
                let below = self.full_tiles(below, first, width).await?;
                below
                    .iter()
                    .flat_map(|hashes| root_of_tile(hashes))
                    .collect()
            }
        };
        if hashes.len() != width * HASH_BYTES {
            return Err(damaged(format!(
                "what tile {} of level {} is made of is not all there",
                tile.index, tile.level
            )));
        }
        Ok(hashes)
    }

    /// The full tiles of a level from `first` on, at most `count`.
    async fn full_tiles(
        &self,
        level: u8,
        first: u64,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let end = first.saturating_add(count as u64);
        let parameters: [Parameter<'_>; 3] = [
            (&i16::from(level), Type::INT2),
            (&signed(first), Type::INT8),
            (&signed(end), Type::INT8),
        ];
        let rows = self.query("read the tree", TILES, &parameters).await?;
        Ok(rows.iter().map(|row| row.get(1)).collect())
    }

    async fn close_now(&self) -> Result<(), LogError> {
        self.closed.store(true, Ordering::Release);
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(queue);
        let tasks: Vec<_> = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect();
        // The watcher; the writer ends when it has answered everybody.
        let _ = self.stop.send(());
        let mut failed = false;
        for task in tasks {
            failed |= task.await.is_err();
        }
        self.reading.close();
        if failed {
            return Err(LogError::ReadOnly {
                reason: "a task of the log stopped unexpectedly".to_owned(),
            });
        }
        Ok(())
    }
}

/// The hash of the tree over a full tile, which is a leaf of the level above.
fn root_of_tile(hashes: &[u8]) -> [u8; HASH_BYTES] {
    let mut tree = Tree::default();
    let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
    for hash in hashes {
        tree.push(daicho_eventlog::evidence::Hash(*hash), &mut Vec::new());
    }
    tree.head().root.0
}

fn checkpoint_of(row: &Row) -> Result<Checkpoint, LogError> {
    let note: &str = row.get(0);
    Checkpoint::parse(note.as_bytes())
        .map_err(|error| damaged(format!("a kept checkpoint cannot be read: {error}")))
}

impl EventLog for PostgresLog {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<AppendOutcome, LogError>> {
        async move {
            // Breaks a rule whatever the log holds, so nothing has to be waited for.
            append.command_id().map_err(LogError::InvalidAppend)?;
            self.send(Wanted::Append(append)).await
        }
        .boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: StreamPosition,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        async move {
            self.check_open()?;
            self.reading.stream(stream, from, max).await
        }
        .boxed()
    }

    fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, LogError>> {
        async move {
            self.check_open()?;
            self.reading.events(from, max).await
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<GlobalPosition>, LogError>> {
        async move { Ok(last(self.recorded_head().await?.size)) }.boxed()
    }

    fn stream_version<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<StreamPosition>, LogError>> {
        async move {
            let parameters: [Parameter<'_>; 1] = [(&stream.as_str(), Type::TEXT)];
            let rows = self.query("read a stream", VERSION, &parameters).await?;
            let version: Option<i64> = rows.first().and_then(|row| row.get(0));
            Ok(version.map(|version| StreamPosition(unsigned(version))))
        }
        .boxed()
    }

    fn command_outcome(
        &self,
        command_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<(GlobalPosition, GlobalPosition)>, LogError>> {
        self.outcome(command_id).boxed()
    }

    fn subscribe_all(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.state.subscribe()
    }

    fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, LogError>> {
        async move {
            self.check_open()?;
            self.reading.stored(from, max).await
        }
        .boxed()
    }

    fn tree_head(&self) -> BoxFuture<'_, Result<TreeHead, LogError>> {
        self.recorded_head().boxed()
    }

    fn hash_tile(&self, tile: HashTile) -> BoxFuture<'_, Result<Vec<u8>, LogError>> {
        self.tile(tile).boxed()
    }

    fn keep_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            let size = signed(checkpoint.head.size);
            let parameters: [Parameter<'_>; 2] =
                [(&size, Type::INT8), (&checkpoint.text(), Type::TEXT)];
            // Tried again after a lost answer it may be there twice, with one text.
            self.query("keep a checkpoint", KEEP_CHECKPOINT, &parameters)
                .await?;
            Ok(())
        }
        .boxed()
    }

    fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Checkpoint>, LogError>> {
        async move {
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            let parameters: [Parameter<'_>; 2] =
                [(&signed(from_size), Type::INT8), (&max, Type::INT8)];
            let rows = self
                .query("read the checkpoints", CHECKPOINTS, &parameters)
                .await?;
            rows.iter().map(checkpoint_of).collect()
        }
        .boxed()
    }

    fn latest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Checkpoint>, LogError>> {
        async move {
            let rows = self
                .query("read the checkpoints", LATEST_CHECKPOINT, &[])
                .await?;
            rows.first().map(checkpoint_of).transpose()
        }
        .boxed()
    }

    fn read_only_reason(&self) -> Option<String> {
        self.state.read_only_reason()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.close_now().boxed()
    }
}

impl RestoreLog for PostgresLog {
    fn append_stored(&self, events: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            self.check_open()?;
            if !events.is_empty() {
                self.send(Wanted::Stored(events)).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
