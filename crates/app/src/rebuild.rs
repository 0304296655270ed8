//! Making the read models anew while the service runs.

use daicho_projections::Rebuilt;
use serde::Serialize;

use crate::app::App;
use crate::error::AppError;

/// What came of a rebuild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rebuild {
    /// Events in the read models that are in use now.
    pub events: u64,
    /// Events that both had when the fresh read models were compared with those in use.
    pub compared_events: u64,
    /// Whether they were equal.
    pub was_equal: bool,
    /// Where they differed first, by read model and stream or indicator; none where they were
    /// equal.
    pub difference: Option<String>,
    /// SHA-256 of the fresh read models when they were compared, hexadecimal.
    pub digest: String,
}

impl App {
    /// Folds the whole log into fresh read models while the service goes on with those it has,
    /// compares the two, and puts the fresh ones in use. `progress` is told how far that is
    /// (events folded, events in the log). Where they differed, all snapshots are removed.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read, [`AppError::Damaged`] where an
    /// event does not fit; the read models in use then stay in use.
    pub async fn rebuild_read_models(
        &self,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Rebuild, AppError> {
        let Rebuilt {
            events,
            compared_events,
            digest,
            difference,
        } = self.projector.rebuild(self.log.as_ref(), progress).await?;
        match &difference {
            None => tracing::info!(events, %digest, "read models rebuilt; they were equal"),
            Some(difference) => {
                tracing::error!(events, %digest, %difference, "read models rebuilt; those that were in use differed from the log");
                if let Some(keeper) = &self.snapshots {
                    keeper.discard().await;
                }
            }
        }
        Ok(Rebuild {
            events,
            compared_events,
            was_equal: difference.is_none(),
            difference: difference.map(|difference| difference.to_string()),
            digest: digest.to_string(),
        })
    }
}
