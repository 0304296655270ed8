//! A node: a service with its own clock, its own ids, its own read models.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use daicho_app::{App, AppError, Clock, IdSource, Surroundings};
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use uuid::{Builder, Uuid};

use super::dice::Dice;
use super::faulty_log::{FaultyLog, Storage};
use crate::access;

/// A clock that goes when it is told to.
#[derive(Debug)]
pub(super) struct NodeClock(AtomicI64);

impl NodeClock {
    pub fn pass(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst))
            .expect("a simulation lasts some months")
    }
}

/// Ids that end with the node's number, so that an auditor sees which node recorded an event.
#[derive(Debug)]
struct NodeIds {
    dice: Mutex<Dice>,
    node: u8,
}

impl IdSource for NodeIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let number = self
            .dice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next();
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[9] = self.node;
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// Whether it runs.
pub(super) enum Life {
    Stopped,
    Opening(LocalBoxFuture<'static, Result<App, AppError>>),
    Up {
        app: Arc<App>,
        /// Follows the log; ends when it cannot any more.
        following: LocalBoxFuture<'static, ()>,
    },
}

pub(super) struct Node {
    number: usize,
    pub clock: Arc<NodeClock>,
    ids: Arc<NodeIds>,
    pub life: Life,
}

impl Node {
    pub fn new(number: usize, starts_at: Timestamp, seed: u64) -> Self {
        let node = u8::try_from(number).unwrap_or_default();
        Self {
            number,
            clock: Arc::new(NodeClock(AtomicI64::new(starts_at.as_millisecond()))),
            ids: Arc::new(NodeIds {
                dice: Mutex::new(Dice::new(seed ^ (u64::from(node) << 32) ^ 0x1D5)),
                node,
            }),
            life: Life::Stopped,
        }
    }

    pub fn start(&mut self, storage: &Arc<Storage>) {
        let log = Arc::new(FaultyLog::new(storage, self.number));
        let surroundings = Surroundings {
            clock: Arc::clone(&self.clock) as Arc<_>,
            ids: Arc::clone(&self.ids) as Arc<_>,
        };
        self.life = Life::Opening(Box::pin(App::open(log, access(), surroundings, |_, _| {})));
    }

    pub fn app(&self) -> Option<&Arc<App>> {
        match &self.life {
            Life::Up { app, .. } => Some(app),
            Life::Stopped | Life::Opening(_) => None,
        }
    }
}
