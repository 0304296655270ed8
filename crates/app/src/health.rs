//! Whether the read models follow the log, and what happens while they do not.

use std::sync::Arc;
use std::time::Duration;

use daicho_projections::{ReadModels, Stuck};
use serde::Serialize;

use crate::app::App;
use crate::error::{AppError, StuckReason};
use crate::position::Position;

/// How long a reader waits for a position that the log has.
const REACH_PATIENCE: Duration = Duration::from_secs(5);

/// How far the read models are, and what keeps them from going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionHealth {
    /// Position of the last event in the read models; none before the first.
    pub position: Option<Position>,
    /// Position of the last event of the log; none before the first.
    pub head: Option<Position>,
    /// Events in the log that the read models do not have yet.
    pub lag_events: u64,
    /// The event that they cannot get past; none while they only are behind.
    pub stuck: Option<Stuck>,
}

impl ProjectionHealth {
    /// Whether answers are as new as the log.
    pub fn is_well(&self) -> bool {
        self.lag_events == 0 && self.stuck.is_none()
    }
}

impl App {
    /// Whether the read models follow the log.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be asked.
    pub async fn projection_health(&self) -> Result<ProjectionHealth, AppError> {
        let head = self.log.head().await?;
        let models = self.models();
        let events = head.map_or(0, |head| head.0 + 1);
        Ok(ProjectionHealth {
            position: models.position.map(Position::new),
            head: head.map(|head| Position::new(head.0)),
            lag_events: events.saturating_sub(models.next_position()),
            stuck: self.projector.stuck().map(Arc::unwrap_or_clone),
        })
    }

    /// Number of events in the log that the read models do not have yet.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be asked.
    pub async fn lag(&self) -> Result<u64, AppError> {
        Ok(self.projection_health().await?.lag_events)
    }

    /// Whether there is an event that the read models cannot get past: what is read is old, and
    /// commands are refused.
    pub fn is_stuck(&self) -> bool {
        self.projector.stuck().is_some()
    }

    /// Refuses where the read models are not what the log says: nothing is to be decided, and
    /// nothing handed out as the records, from a state that others have changed since.
    pub(crate) fn must_follow_the_log(&self) -> Result<(), AppError> {
        match self.projector.stuck() {
            None => Ok(()),
            Some(stuck) => Err(stuck_at(&stuck)),
        }
    }

    /// Waits until answers have everything up to `position`, which another node of the service may
    /// have just recorded.
    ///
    /// # Errors
    /// [`AppError::NotReached`] where the log has no such position, or some seconds were not
    /// enough; [`AppError::Stuck`] where the read models cannot get there.
    pub async fn reach(&self, position: Position) -> Result<(), AppError> {
        let is_reached = || self.position() >= Some(position);
        if is_reached() {
            return Ok(());
        }
        if self.log.head().await?.map(|head| Position::new(head.0)) < Some(position) {
            return Err(AppError::NotReached(position));
        }
        match tokio::time::timeout(REACH_PATIENCE, self.catch_up()).await {
            Ok(caught_up) => caught_up.map(drop)?,
            Err(_) => return Err(AppError::NotReached(position)),
        }
        if is_reached() {
            Ok(())
        } else {
            Err(AppError::NotReached(position))
        }
    }

    /// Brings the read models up with the log.
    pub(crate) async fn catch_up(&self) -> Result<Arc<ReadModels>, AppError> {
        match self.projector.catch_up(self.log.as_ref(), |_, _| {}).await {
            Ok(models) => Ok(models),
            Err(error) => match self.projector.stuck() {
                Some(stuck) if error.is_lasting() => Err(stuck_at(&stuck)),
                _ => Err(error.into()),
            },
        }
    }
}

fn stuck_at(stuck: &Stuck) -> AppError {
    AppError::Stuck {
        position: stuck.position,
        reason: StuckReason(stuck.reason.clone()),
    }
}
