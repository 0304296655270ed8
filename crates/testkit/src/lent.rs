//! Several services over one log, with one clock and no identifier given twice.

use std::sync::Arc;

use daicho_app::{App, Clock, IdSource, Surroundings};
use jiff::Timestamp;
use uuid::Uuid;

use crate::TestApp;

struct Lent(Arc<App>);

impl Clock for Lent {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl IdSource for Lent {
    fn new_id(&self, _: Timestamp) -> Uuid {
        self.0.new_id()
    }
}

impl TestApp {
    /// Time and identifiers of this service, for another one over its log.
    pub fn lent_surroundings(&self) -> Surroundings {
        let lent = Arc::new(Lent(Arc::clone(&self.app)));
        Surroundings {
            clock: Arc::clone(&lent) as Arc<_>,
            ids: lent,
        }
    }
}
