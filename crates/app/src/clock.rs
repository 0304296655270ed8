//! Time and identifiers come from outside, so that a year can be played in a second and a
//! test twice the same.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now (UTC).
    fn now(&self) -> Timestamp;
}

/// Makes identifiers that nobody else makes.
pub trait IdSource: Send + Sync {
    /// A new UUIDv7 for something that begins at `now`.
    fn new_id(&self, now: Timestamp) -> Uuid;
}

/// What the service takes from its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn IdSource>,
}
