//! What is asked of the writer, and the way to it.

use std::sync::Arc;

use daicho_eventlog::{AppendOutcome, EncodedAppend, LogError, evidence::Checkpoint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

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

/// A request and the room that it takes while it waits.
#[derive(Debug)]
struct Waiting {
    request: Request,
    _room: Option<OwnedSemaphorePermit>,
}

/// Where requests are put. Cloning is cheap.
///
/// How many wait is bounded apart from the channel: room in a bounded channel belongs to callers
/// before they have put anything there, so that it can be full and empty at once, and a message
/// that must not be lost finds no room.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Waiting>,
}

/// Where the writer takes them from.
#[derive(Debug)]
pub(crate) struct Inbox {
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedReceiver<Waiting>,
}

/// Tells the writer something, as long as anybody could ask something of it.
#[derive(Debug, Clone)]
pub(crate) struct Teller(mpsc::WeakUnboundedSender<Waiting>);

/// A way to a writer at which `most` may wait.
pub(crate) fn way_to_the_writer(most: usize) -> (Requests, Inbox) {
    let room = Arc::new(Semaphore::new(most.max(1)));
    let (sender, receiver) = mpsc::unbounded_channel();
    let requests = Requests {
        room: Arc::clone(&room),
        queue: sender,
    };
    let inbox = Inbox {
        room,
        queue: receiver,
    };
    (requests, inbox)
}

impl Requests {
    /// Puts a request there, when there is room. `false` if the writer takes no more.
    pub(crate) async fn send(&self, request: Request) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else {
            return false;
        };
        let waiting = Waiting {
            request,
            _room: Some(room),
        };
        self.queue.send(waiting).is_ok()
    }

    /// Tells the writer something, which needs no room.
    pub(crate) fn tell(&self, request: Request) {
        // A writer that has ended need not be told.
        let _ = self.queue.send(Waiting {
            request,
            _room: None,
        });
    }

    pub(crate) fn teller(&self) -> Teller {
        Teller(self.queue.downgrade())
    }
}

impl Teller {
    /// As [`Requests::tell`]. `false` if nobody can ask anything any more.
    pub(crate) fn tell(&self, request: Request) -> bool {
        let queue = self.0.upgrade();
        queue.is_some_and(|queue| {
            let waiting = Waiting {
                request,
                _room: None,
            };
            queue.send(waiting).is_ok()
        })
    }
}

impl Inbox {
    /// The next request, waiting for it; none when nothing can come any more.
    pub(crate) fn wait(&mut self) -> Option<Request> {
        self.queue.blocking_recv().map(|waiting| waiting.request)
    }

    /// The next request, if one is there.
    pub(crate) fn next(&mut self) -> Option<Request> {
        self.queue.try_recv().ok().map(|waiting| waiting.request)
    }

    /// How many are there.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes no more; what is there can still be taken.
    pub(crate) fn close(&mut self) {
        self.room.close();
        self.queue.close();
    }
}
