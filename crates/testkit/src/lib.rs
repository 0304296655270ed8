//! What tests across crates share: a service in memory, and the sample city in it; and a
//! simulator that plays people, nodes and a failing storage from a seed, with an auditor that
//! checks what came of it and shares no code with the service.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::allow_attributes,
    reason = "test code; a panic is how a test fails"
)]

pub mod auditor;
mod lent;
mod simulator;
mod strange_event;

pub use simulator::{
    Counts, PlantedBug, SimulationFailure, SimulationReport, simulate, simulate_with,
};

use std::sync::{Arc, OnceLock};

use daicho_access::Access;
use daicho_app::{App, Surroundings};
use daicho_eventlog::{EventLog, GlobalPosition, MemoryLog, RecordedEvent};
pub use daicho_sample::{Played, SHEET_TSV};
use daicho_sample::{SeededIds, StoryClock};
use jiff::Timestamp;

/// A service over a log in memory, with a clock that a test moves.
pub struct TestApp {
    /// The service.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<StoryClock>,
    /// Its log.
    pub log: Arc<MemoryLog>,
}

/// Where the clock of a test starts: 1 March 2021, 00:00 UTC.
pub const BEGINNING: Timestamp = Timestamp::constant(1_614_556_800, 0);

/// The policies of the build, read once for all services of a test.
pub fn access() -> Access {
    static ACCESS: OnceLock<Access> = OnceLock::new();
    ACCESS.get_or_init(|| Access::new().unwrap()).clone()
}

impl TestApp {
    /// An empty service.
    pub async fn empty() -> Self {
        Self::over(Arc::new(MemoryLog::new())).await
    }

    /// A service over `log`, as after a restart.
    pub async fn over(log: Arc<MemoryLog>) -> Self {
        let clock = Arc::new(StoryClock::starting(BEGINNING));
        let surroundings = Surroundings {
            clock: Arc::clone(&clock) as Arc<_>,
            ids: Arc::new(SeededIds::new(7)),
        };
        let app = App::open(
            Arc::clone(&log) as Arc<_>,
            access(),
            surroundings,
            |_, _| {},
        )
        .await
        .unwrap();
        Self {
            app: Arc::new(app),
            clock,
            log,
        }
    }

    /// Every event of the log, as stored.
    pub async fn events(&self) -> Vec<RecordedEvent> {
        self.log
            .read_all(GlobalPosition(0), usize::MAX)
            .await
            .unwrap()
    }

    /// The sample city after its two years.
    pub async fn sample_city() -> (Self, Played) {
        let service = Self::empty().await;
        let played = daicho_sample::play(&service.app, &service.clock, 7, |_, _| {})
            .await
            .unwrap();
        (service, played)
    }
}
