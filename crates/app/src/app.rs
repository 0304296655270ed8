//! The service.

use std::sync::Arc;
use std::time::Duration;

use daicho_access::{Access, Caller};
use daicho_domain::{Action, DepartmentId, MunicipalityId, Rejection, Scope};
use daicho_eventlog::{EventLog, LogError};
use daicho_projections::{ProjectionError, Projector, ReadModels};
use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Surroundings;
use crate::error::AppError;
use crate::evidence::Evidence;
use crate::position::Position;
use crate::snapshots::{SnapshotKeeper, Snapshots};

/// The service: one log, its read models, the policies.
pub struct App {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) projector: Projector,
    pub(crate) access: Access,
    pub(crate) snapshots: Option<SnapshotKeeper>,
    pub(crate) evidence: Evidence,
    surroundings: Surroundings,
}

/// How long the service waits before it reads a log again that could not be read.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl App {
    /// Opens the service on `log` and brings the read models up by folding all of it;
    /// `progress` is told how far that is (events folded, events in the log).
    ///
    /// A log with an event that cannot be understood, or that does not fit those before it, is
    /// opened all the same: what comes before it can be read, commands are refused, and
    /// [`App::projection_health`] says why.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] or [`AppError::Damaged`] where the log cannot be read.
    pub async fn open(
        log: Arc<dyn EventLog>,
        access: Access,
        surroundings: Surroundings,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Self, AppError> {
        Self::open_with(log, access, surroundings, None, progress).await
    }

    /// As [`App::open`], but the read models start from the newest snapshot that is of this log,
    /// and snapshots are written while the service [follows](App::follow) and when it is
    /// [closed](App::close).
    ///
    /// # Errors
    /// As [`App::open`]. Snapshots that cannot be read or written are reported in the service's
    /// log only: they are a cache.
    pub async fn open_with(
        log: Arc<dyn EventLog>,
        access: Access,
        surroundings: Surroundings,
        snapshots: Option<Snapshots>,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Self, AppError> {
        let snapshots = snapshots.map(SnapshotKeeper::new);
        let from_snapshot = match &snapshots {
            Some(keeper) => keeper.load(log.as_ref()).await,
            None => None,
        };
        let is_from_snapshot = from_snapshot.is_some();
        let mut projector = from_snapshot.map_or_else(Projector::default, Projector::starting_from);
        let mut caught_up = projector.catch_up(log.as_ref(), &mut progress).await;
        if let Err(error) = &caught_up
            && error.is_lasting()
            && is_from_snapshot
        {
            tracing::warn!(%error, "the log does not go on from the snapshot; it is folded from its beginning");
            projector = Projector::default();
            caught_up = projector.catch_up(log.as_ref(), &mut progress).await;
            if caught_up.is_ok()
                && let Some(keeper) = &snapshots
            {
                keeper.discard().await;
            }
        }
        match caught_up {
            Ok(_) => {}
            Err(error) if error.is_lasting() => {
                tracing::error!(%error, "the read models are stuck; what they have can be read, commands are refused");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            log,
            projector,
            access,
            snapshots,
            evidence: Evidence::default(),
            surroundings,
        })
    }

    /// Follows the log for as long as it is open, so that other writers' events show, and keeps
    /// snapshots of the read models.
    pub async fn follow(&self) {
        let mut heads = self.log.subscribe_all();
        let mut reported = None;
        loop {
            match self.projector.catch_up(self.log.as_ref(), |_, _| {}).await {
                Ok(models) => {
                    reported = None;
                    if let Some(keeper) = &self.snapshots {
                        keeper.keep_if_due(&self.log, models);
                    }
                }
                Err(ProjectionError::Log(LogError::Closed)) => return,
                Err(error) if error.is_lasting() => {
                    let stuck = self.projector.stuck().map(|stuck| stuck.position);
                    if reported != stuck {
                        tracing::error!(%error, "the read models cannot follow the log");
                        reported = stuck;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the log could not be followed; trying again");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    continue;
                }
            }
            if heads.changed().await.is_err() {
                return;
            }
        }
    }

    /// Keeps a last snapshot, signs a last checkpoint, makes everything durable and lets go of the
    /// log.
    ///
    /// # Errors
    /// What the storage said; everything acknowledged is durable all the same.
    pub async fn close(&self) -> Result<(), AppError> {
        if let Some(keeper) = &self.snapshots {
            keeper.keep_last(&self.log, self.models()).await;
        }
        self.try_to_issue().await;
        Ok(self.log.close().await?)
    }

    /// Now (UTC), by the service's clock.
    pub fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    /// A new identifier.
    pub fn new_id(&self) -> Uuid {
        self.surroundings.ids.new_id(self.now())
    }

    /// How far the read models are; none for an empty log.
    pub fn position(&self) -> Option<Position> {
        self.projector.current().position.map(Position::new)
    }

    /// Why nothing can be written, where a write has failed; none where all is well.
    pub fn read_only_reason(&self) -> Option<String> {
        self.log.read_only_reason()
    }

    /// Whether the log was made by the demo.
    pub fn is_demo(&self) -> bool {
        self.projector.current().is_demo
    }

    pub(crate) fn models(&self) -> Arc<ReadModels> {
        self.projector.current()
    }

    /// Refuses unless `caller` may do `action` in the scope given.
    pub(crate) fn must(
        &self,
        models: &ReadModels,
        caller: &Caller,
        action: Action,
        municipality: MunicipalityId,
        department: Option<DepartmentId>,
    ) -> Result<(), Rejection> {
        let scope = Scope {
            municipality: Some(municipality),
            department,
        };
        self.access
            .may(caller, action, scope, &models.world.view(), self.now())
            .map(|_| ())
    }

    /// Whether `caller` may do `action` in the scope given.
    pub(crate) fn may(
        &self,
        models: &ReadModels,
        caller: &Caller,
        action: Action,
        municipality: MunicipalityId,
        department: Option<DepartmentId>,
    ) -> bool {
        self.must(models, caller, action, municipality, department)
            .is_ok()
    }
}
