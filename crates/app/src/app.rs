//! The service.

use std::sync::Arc;

use daicho_access::{Access, Caller};
use daicho_domain::{Action, DepartmentId, MunicipalityId, Rejection, Scope};
use daicho_eventlog::EventLog;
use daicho_projections::{Projector, ReadModels};
use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Surroundings;
use crate::error::AppError;
use crate::position::Position;

/// The service: one log, its read models, the policies.
pub struct App {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) projector: Projector,
    pub(crate) access: Access,
    surroundings: Surroundings,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl App {
    /// Opens the service on `log` and brings the read models up; `progress` is told how far
    /// that is (events folded, events in the log).
    ///
    /// # Errors
    /// [`AppError::Unavailable`] or [`AppError::Damaged`] where the log cannot be read or
    /// understood.
    pub async fn open(
        log: Arc<dyn EventLog>,
        access: Access,
        surroundings: Surroundings,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Self, AppError> {
        let app = Self {
            log,
            projector: Projector::default(),
            access,
            surroundings,
        };
        app.projector.catch_up(app.log.as_ref(), progress).await?;
        Ok(app)
    }

    /// Follows the log for as long as it is open, so that other writers' events show.
    pub async fn follow(&self) {
        let mut heads = self.log.subscribe_all();
        while heads.changed().await.is_ok() {
            if let Err(error) = self.projector.catch_up(self.log.as_ref(), |_, _| {}).await {
                tracing::error!(%error, "the read models cannot follow the log");
                return;
            }
        }
    }

    /// Makes everything durable and lets go of the log.
    ///
    /// # Errors
    /// What the storage said; everything acknowledged is durable all the same.
    pub async fn close(&self) -> Result<(), AppError> {
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

    /// Number of events in the log that the read models do not have yet.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be asked.
    pub async fn lag(&self) -> Result<u64, AppError> {
        let head = self.log.head().await?.map_or(0, |head| head.0 + 1);
        let folded = self
            .projector
            .current()
            .position
            .map_or(0, |position| position + 1);
        Ok(head.saturating_sub(folded))
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
