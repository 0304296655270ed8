use futures::future::BoxFuture;
use tokio::sync::watch;
use uuid::Uuid;

use crate::evidence::{Checkpoint, HashTile, TreeHead};
use crate::{
    Append, AppendOutcome, GlobalPosition, LogError, RecordedEvent, StreamName, StreamPosition,
};

/// An append-only log of events; the crate's documentation says what it promises.
pub trait EventLog: Send + Sync {
    /// Records the events of `append`, all or none, and returns where they are once
    /// they are durable. A command id that is in the log already gives its first
    /// outcome; whether the content is the same is the caller's to compare.
    ///
    /// Dropping the future does not take the append back.
    ///
    /// # Errors
    /// [`LogError::WrongExpectedVersion`], [`LogError::InvalidAppend`],
    /// [`LogError::TooLarge`], [`LogError::ReadOnly`], [`LogError::Closed`], or what
    /// the storage said. Nothing was recorded, except that after `ReadOnly` and `Io`
    /// the command's outcome has to be asked for.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<AppendOutcome, LogError>>;

    /// At most `max` events of one stream, from `from` on, in order. Fewer than `max`
    /// means that the stream ends there.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: StreamPosition,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>>;

    /// At most `max` events of the whole log, from `from` on, in order. Fewer than
    /// `max` means that the log ended there when it was read.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn read_all(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, LogError>>;

    /// Position of the last acknowledged event; `None` if there is none.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn head(&self) -> BoxFuture<'_, Result<Option<GlobalPosition>, LogError>>;

    /// Position of the stream's last event; `None` if it has none.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn stream_version<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Option<StreamPosition>, LogError>>;

    /// First and last position of the events of a command; `None` if it was never
    /// recorded.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn command_outcome(
        &self,
        command_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<(GlobalPosition, GlobalPosition)>, LogError>>;

    /// The head, now and whenever it moves. A projector reads all that is new whenever
    /// the value changes; intermediate values may be skipped, events never are. The
    /// sender goes away when the log is dropped.
    fn subscribe_all(&self) -> watch::Receiver<Option<GlobalPosition>>;

    /// As [`EventLog::read_all`], but the stored bytes of the events, which are the leaves of
    /// the tree.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn read_stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, LogError>>;

    /// Size and root of the tree over all acknowledged events.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn tree_head(&self) -> BoxFuture<'_, Result<TreeHead, LogError>>;

    /// The hashes of `tile`, 32 bytes each.
    ///
    /// # Errors
    /// [`LogError::NoSuchTile`] if the tree has no such hashes (yet), [`LogError::Closed`], or
    /// what the storage said.
    fn hash_tile(&self, tile: HashTile) -> BoxFuture<'_, Result<Vec<u8>, LogError>>;

    /// Keeps a signed head for ever. Of one size the newest text counts, so that cosignatures
    /// can be added.
    ///
    /// # Errors
    /// [`LogError::Closed`], [`LogError::ReadOnly`], or what the storage said.
    fn keep_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), LogError>>;

    /// At most `max` kept heads of `from_size` events or more, smallest first.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn checkpoints(
        &self,
        from_size: u64,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Checkpoint>, LogError>>;

    /// The kept head with most events; `None` if there is none.
    ///
    /// # Errors
    /// [`LogError::Closed`], or what the storage said.
    fn latest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Checkpoint>, LogError>>;

    /// Why the log takes no appends until it has been reopened; `None` while it takes them.
    fn read_only_reason(&self) -> Option<String> {
        None
    }

    /// Takes no more appends, makes durable what was accepted, and lets go of the
    /// storage. Later calls return [`LogError::Closed`]; closing again does nothing.
    ///
    /// # Errors
    /// What the storage said. What was acknowledged is durable all the same.
    fn close(&self) -> BoxFuture<'_, Result<(), LogError>>;
}

/// A log that can take over what another log stored, byte for byte: for restoring a backup and for
/// moving a log to another backend with the same root.
pub trait RestoreLog: EventLog {
    /// Adds events exactly as another log stored them. They must begin where this log ends and be
    /// whole commands. Returns once they are durable.
    ///
    /// # Errors
    /// [`LogError::InvalidAppend`] if they do not continue this log; nothing was then recorded.
    /// Otherwise as [`EventLog::append`].
    fn append_stored(&self, events: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), LogError>>;
}
