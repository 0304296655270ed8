//! Requests on their way: gathered into a group, sent, answered.

use std::sync::Arc;

use daicho_eventlog::{Append, LogError, evidence::Tree};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::group::Answer;

/// Appends in one group.
const GROUP_APPENDS_MAX: usize = 1024;
/// A group is closed once its events have about this many bytes. One append may be larger.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// What an event's document has beside its data, roughly.
const AROUND_EVENT_BYTES: usize = 600;

/// What is to be recorded.
pub(crate) enum Wanted {
    Append(Append),
    /// Events of another log, as they are.
    Stored(Vec<Vec<u8>>),
}

/// What is to be recorded, and where to answer.
pub(crate) type Request = (Wanted, oneshot::Sender<Answer>);
pub(crate) type Receivers = Vec<oneshot::Sender<Answer>>;

/// Appends that will be recorded together.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) appends: Vec<Append>,
    pub(crate) receivers: Receivers,
    bytes: usize,
}

impl Gathered {
    pub(crate) fn push(&mut self, append: Append, receiver: oneshot::Sender<Answer>) {
        let events = append.events.iter();
        self.bytes += events
            .map(|event| event.data.get().len() + AROUND_EVENT_BYTES)
            .sum::<usize>();
        self.appends.push(append);
        self.receivers.push(receiver);
    }

    pub(crate) fn len(&self) -> usize {
        self.appends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.appends.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= GROUP_APPENDS_MAX || self.bytes >= GROUP_BYTES_MAX
    }
}

/// A group that has been sent in the belief that the head is where the group before it left it.
pub(crate) struct Flight {
    /// In case that it has to be judged again.
    pub(crate) appends: Vec<Append>,
    pub(crate) receivers: Receivers,
    /// What the callers are told once it is recorded.
    pub(crate) answers: Vec<Answer>,
    pub(crate) before: Arc<Tree>,
    pub(crate) after: Arc<Tree>,
    /// Whether it was recorded.
    pub(crate) recording: BoxFuture<'static, Result<bool, LogError>>,
}

impl Flight {
    pub(crate) fn len(&self) -> usize {
        self.appends.len()
    }
}

pub(crate) fn too_late(doing: &str, step: &str) -> LogError {
    let text = format!("no answer in time while {step}");
    LogError::io(
        doing,
        std::io::Error::new(std::io::ErrorKind::TimedOut, text),
    )
}

pub(crate) fn refuse(receivers: Receivers, error: &LogError) {
    for receiver in receivers {
        let _ = receiver.send(Err(error.clone()));
    }
}
