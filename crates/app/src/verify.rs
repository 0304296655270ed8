//! Checks the records against themselves.

use daicho_projections::fold;
use serde::Serialize;

use crate::app::App;
use crate::error::AppError;

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discrepancy {
    /// What was compared.
    pub check: String,
    /// What was found.
    pub found: String,
    /// What to do.
    pub what_to_do: String,
}

/// What was checked and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Events in the log.
    pub events: u64,
    /// The checks that were made, in words.
    pub checks: Vec<String>,
    /// What does not agree; empty where all is well.
    pub discrepancies: Vec<Discrepancy>,
}

impl App {
    /// Folds the whole log anew and compares the result with the read models that answers come
    /// from. The log's own storage is checked by its backend.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn verify(&self) -> Result<Verification, AppError> {
        let current = self
            .projector
            .catch_up(self.log.as_ref(), |_, _| {})
            .await?;
        let events = current.position.map_or(0, |position| position + 1);
        let mut discrepancies = Vec::new();
        match fold(self.log.as_ref(), |event| Some(event.global_position.0) <= current.position).await {
            Ok(fresh) if fresh == *current => {}
            Ok(_) => discrepancies.push(Discrepancy {
                check: "read models".into(),
                found: format!("a fresh fold of {events} events differs from the read models in use"),
                what_to_do: "restart the service, which folds anew; if it happens again, report it with the log".into(),
            }),
            Err(error) => discrepancies.push(Discrepancy {
                check: "read models".into(),
                found: error.to_string(),
                what_to_do: "restore the newest verified backup into a new folder".into(),
            }),
        }
        Ok(Verification {
            events,
            checks: vec![format!(
                "{events} events folded anew; the result compared with every read model"
            )],
            discrepancies,
        })
    }
}
