//! The story's own time and identifiers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use daicho_app::{Clock, IdSource};
use jiff::{SignedDuration, Timestamp};
use uuid::{Builder, Uuid};

use crate::numbers::SplitMix;

/// A clock that goes as the story wants. It never goes back.
#[derive(Debug)]
pub struct StoryClock(AtomicI64);

impl StoryClock {
    /// A clock that shows `start`.
    pub fn starting(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }

    /// Goes on to `moment`, unless it is past it already.
    pub fn go_to(&self, moment: Timestamp) {
        self.0.fetch_max(moment.as_millisecond(), Ordering::SeqCst);
    }

    /// Goes on by `time`.
    pub fn pass(&self, time: SignedDuration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or_default();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Identifiers that depend on the seed alone.
#[derive(Debug)]
pub struct SeededIds(Mutex<SplitMix>);

impl SeededIds {
    /// Identifiers from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(SplitMix::new(seed)))
    }
}

impl IdSource for SeededIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0; 10];
        let mut numbers = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let number = numbers.next().to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
