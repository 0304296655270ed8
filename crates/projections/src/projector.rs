//! Keeps the read models up with the log.

use std::sync::Arc;

use arc_swap::ArcSwap;
use daicho_domain::world::Unfitting;
use daicho_eventlog::{EventLog, GlobalPosition, LogError, RecordedEvent};
use tokio::sync::Mutex;

use crate::decode::Undecodable;
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
}

/// Events read from the log at a time.
const PAGE_EVENTS: usize = 512;

/// The one writer of the read models. Readers take [`Projector::current`] and never wait.
#[derive(Debug, Default)]
pub struct Projector {
    current: ArcSwap<ReadModels>,
    writer: Mutex<()>,
}

impl Projector {
    /// The read models as they are now.
    pub fn current(&self) -> Arc<ReadModels> {
        self.current.load_full()
    }

    /// Folds everything in that the log has beyond the current position; `progress` is told
    /// how far it is (events folded, events in the log).
    ///
    /// # Errors
    /// When the log cannot be read or an event does not fit; the read models then stay at the
    /// last position that did.
    pub async fn catch_up(
        &self,
        log: &dyn EventLog,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Arc<ReadModels>, ProjectionError> {
        let _writer = self.writer.lock().await;
        let mut models = ReadModels::clone(&self.current.load());
        loop {
            let from = models.position.map_or(0, |position| position + 1);
            let page = log
                .read_all(GlobalPosition(from), PAGE_EVENTS)
                .await
                .map_err(ProjectionError::Log)?;
            for event in &page {
                if let Err(error) = models.apply(event) {
                    self.current.store(Arc::new(models));
                    return Err(error);
                }
            }
            let is_last = page.len() < PAGE_EVENTS;
            if !page.is_empty() {
                let folded = models.position.map_or(0, |position| position + 1);
                let head = log
                    .head()
                    .await
                    .map_err(ProjectionError::Log)?
                    .map_or(0, |head| head.0 + 1);
                progress(folded, head);
            }
            if is_last {
                break;
            }
        }
        let models = Arc::new(models);
        self.current.store(Arc::clone(&models));
        Ok(models)
    }
}

/// A fresh fold of the log's events from the first on, for as long as `keeps` says yes: what
/// the read models must equal, and what an earlier moment is read from.
///
/// # Errors
/// As [`Projector::catch_up`].
pub async fn fold(
    log: &dyn EventLog,
    keeps: impl Fn(&RecordedEvent) -> bool + Send,
) -> Result<ReadModels, ProjectionError> {
    let mut models = ReadModels::default();
    loop {
        let from = models.position.map_or(0, |position| position + 1);
        let page = log
            .read_all(GlobalPosition(from), PAGE_EVENTS)
            .await
            .map_err(ProjectionError::Log)?;
        for event in &page {
            if !keeps(event) {
                return Ok(models);
            }
            models.apply(event)?;
        }
        if page.len() < PAGE_EVENTS {
            return Ok(models);
        }
    }
}
