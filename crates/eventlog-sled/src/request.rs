use daicho_eventlog::{AppendOutcome, EncodedAppend, LogError, evidence::Checkpoint};
use tokio::sync::oneshot;

/// What an append comes to.
pub(crate) type Answer = Result<AppendOutcome, LogError>;

/// What waits for the writer.
#[derive(Debug)]
pub(crate) enum Request {
    /// Record this and answer there.
    Append(EncodedAppend, oneshot::Sender<Answer>),
    /// Record these exactly as another log stored them.
    Stored(Vec<Vec<u8>>, oneshot::Sender<Result<(), LogError>>),
    /// Keep this signed head.
    Keep(Box<Checkpoint>, oneshot::Sender<Result<(), LogError>>),
    /// What was given to the journal is durable, or could not be made so.
    Synced,
    /// Look whether it is time to stop, or whether writing can go on.
    Wake,
}
