//! Reading the log page by page into read models.

use daicho_eventlog::{EventLog, GlobalPosition, RecordedEvent};

use crate::projector::ProjectionError;
use crate::read_models::ReadModels;

/// Events read from the log at a time.
const PAGE_EVENTS: usize = 512;

/// Folds into `models` what the log has beyond them, for as long as `keeps` says yes; `progress`
/// is told how far it is (events folded, events in the log). After an error, `models` are as the
/// last event that fitted left them.
pub(crate) async fn fold_on(
    models: &mut ReadModels,
    log: &dyn EventLog,
    keeps: impl Fn(&RecordedEvent) -> bool + Send,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<(), ProjectionError> {
    loop {
        let from = models.next_position();
        let page = log
            .read_all(GlobalPosition(from), PAGE_EVENTS)
            .await
            .map_err(ProjectionError::Log)?;
        for event in &page {
            if !keeps(event) {
                return Ok(());
            }
            models.apply(event)?;
        }
        if !page.is_empty() {
            let head = log.head().await.map_err(ProjectionError::Log)?;
            progress(models.next_position(), head.map_or(0, |head| head.0 + 1));
        }
        if page.len() < PAGE_EVENTS {
            return Ok(());
        }
        // Reading from memory never waits, and others want the thread too.
        tokio::task::yield_now().await;
    }
}

/// A fresh fold of the log's events from the first on, for as long as `keeps` says yes: what
/// the read models must equal, and what an earlier moment is read from.
///
/// # Errors
/// When the log cannot be read or an event does not fit.
pub async fn fold(
    log: &dyn EventLog,
    keeps: impl Fn(&RecordedEvent) -> bool + Send,
) -> Result<ReadModels, ProjectionError> {
    let mut models = ReadModels::default();
    fold_on(&mut models, log, keeps, |_, _| {}).await?;
    Ok(models)
}
