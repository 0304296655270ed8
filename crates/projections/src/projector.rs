//! Keeps the read models up with the log.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use daicho_domain::world::Unfitting;
use daicho_eventlog::{EventLog, LogError};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::decode::Undecodable;
use crate::digest::{Difference, ReadModelsDigest};
use crate::fold::fold_on;
use crate::read_models::ReadModels;

/// Why the read models could not follow the log.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// An event is missing between two others.
    #[error(
        "the log goes from position {expected} to {found}; events between them are missing: run 'daicho verify'"
    )]
    Gap {
        /// The position that should have come.
        expected: u64,
        /// The position that came.
        found: u64,
    },
    /// An event cannot be understood.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// An event does not fit what came before it.
    #[error(transparent)]
    Unfitting(#[from] Unfitting),
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[source] LogError),
    /// The work was cut off, because the service stops or by a fault of ours.
    #[error("comparing the read models was cut off; start it again")]
    CutOff,
}

impl ProjectionError {
    /// Whether trying again gives the same: it is the log's content that does not fit.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Gap { .. } | Self::Undecodable(_) | Self::Unfitting(_) => true,
            Self::Log(_) | Self::CutOff => false,
        }
    }
}

/// What the read models cannot get past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stuck {
    /// Position of the event that does not fit.
    pub position: u64,
    /// Why it does not, and what to do.
    pub reason: String,
}

/// What came of a rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events in the read models that are in use now.
    pub events: u64,
    /// Events that were in both when they were compared.
    pub compared_events: u64,
    /// Digest of the fresh read models at that point.
    pub digest: ReadModelsDigest,
    /// Where those that were in use differed; none where they were equal.
    pub difference: Option<Difference>,
}

/// The one writer of the read models. Readers take [`Projector::current`] and never wait.
#[derive(Debug, Default)]
pub struct Projector {
    current: ArcSwap<ReadModels>,
    stuck: ArcSwapOption<Stuck>,
    writer: Mutex<()>,
}

/// A rebuild that is fewer events behind than this takes the rest while writers wait.
const REST_EVENTS_MAX: u64 = 512;

impl Projector {
    /// Goes on from `models`.
    pub fn starting_from(models: ReadModels) -> Self {
        Self {
            current: ArcSwap::from_pointee(models),
            ..Self::default()
        }
    }

    /// The read models as they are now.
    pub fn current(&self) -> Arc<ReadModels> {
        self.current.load_full()
    }

    /// What the read models cannot get past; none while they follow the log.
    pub fn stuck(&self) -> Option<Arc<Stuck>> {
        self.stuck.load_full()
    }

    /// Folds everything in that the log has beyond the current position; `progress` is told
    /// how far it is (events folded, events in the log).
    ///
    /// # Errors
    /// When the log cannot be read or an event does not fit; the read models then stay at the
    /// last position that did, and where the error [lasts](ProjectionError::is_lasting),
    /// [`Projector::stuck`] says so until a later call gets past it.
    pub async fn catch_up(
        &self,
        log: &dyn EventLog,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Arc<ReadModels>, ProjectionError> {
        let _writer = self.writer.lock().await;
        let before = self.current();
        let mut models = ReadModels::clone(&before);
        let outcome = fold_on(&mut models, log, |_| true, progress).await;
        let position = models.next_position();
        let models = if models.position == before.position {
            before
        } else {
            let models = Arc::new(models);
            self.current.store(Arc::clone(&models));
            models
        };
        self.note(position, &outcome);
        outcome.map(|()| models)
    }

    /// Keeps in mind whether the read models are stuck.
    fn note(&self, position: u64, outcome: &Result<(), ProjectionError>) {
        match outcome {
            Ok(()) => self.stuck.store(None),
            Err(error) if error.is_lasting() => self.stuck.store(Some(Arc::new(Stuck {
                position,
                reason: error.to_string(),
            }))),
            // Whether the next event fits is not known.
            Err(_) => {}
        }
    }

    /// Folds the whole log into fresh read models beside those in use, which readers and
    /// [`Projector::catch_up`] go on with; compares the two at the same position, and puts the
    /// fresh ones in use, whatever the comparison says: they are what the log says. `progress`
    /// is told how far it is (events folded, events in the log).
    ///
    /// Needs the memory of a second set of read models.
    ///
    /// # Errors
    /// As [`Projector::catch_up`]; those in use then stay in use.
    pub async fn rebuild(
        &self,
        log: &dyn EventLog,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Rebuilt, ProjectionError> {
        let mut fresh = ReadModels::default();
        let live = loop {
            let live = self.current();
            let behind = live.next_position() - fresh.next_position();
            let until = live.position;
            fold_on(
                &mut fresh,
                log,
                |event| Some(event.global_position.0) <= until,
                &mut progress,
            )
            .await?;
            // Those in use moved on meanwhile; the last few events are not worth another round.
            if behind <= REST_EVENTS_MAX {
                break live;
            }
        };
        let (digest, difference) = live.compare_with(fresh.clone()).await?;
        let compared_events = fresh.next_position();

        let _writer = self.writer.lock().await;
        fold_on(&mut fresh, log, |_| true, &mut progress).await?;
        let events = fresh.next_position();
        self.current.store(Arc::new(fresh));
        self.stuck.store(None);
        Ok(Rebuilt {
            events,
            compared_events,
            digest,
            difference,
        })
    }
}
