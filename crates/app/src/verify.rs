//! Checks the records against themselves.

use daicho_projections::{ProjectionError, fold};
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
    /// Folds the whole log anew, from its events alone and never from a snapshot, and compares
    /// the result with the read models that answers come from. The log's own storage is checked
    /// by its backend.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where the log cannot be read.
    pub async fn verify(&self) -> Result<Verification, AppError> {
        let mut discrepancies = Vec::new();
        match self.catch_up().await {
            Ok(_) => {}
            Err(error @ AppError::Stuck { .. }) => discrepancies.push(Discrepancy {
                check: "read models".into(),
                found: found(&error),
                what_to_do: "use the version of daicho that wrote the event; if it did, restore the newest verified backup into a new folder".into(),
            }),
            Err(error) => return Err(error),
        }
        let live = self.models();
        let events = live.next_position();
        let fresh = fold(self.log.as_ref(), |event| {
            Some(event.global_position.0) <= live.position
        })
        .await;
        match fresh {
            Ok(fresh) => {
                if let (_, Some(difference)) = live.compare_with(fresh).await? {
                    discrepancies.push(Discrepancy {
                        check: "read models".into(),
                        found: format!(
                            "a fresh fold of {events} events differs from the read models in use: {difference}"
                        ),
                        what_to_do: "run 'daicho rebuild', which puts a fresh fold in use; if it happens again, report it with the log".into(),
                    });
                }
            }
            Err(ProjectionError::Log(error)) => return Err(error.into()),
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

/// An error with what led to it.
fn found(error: &AppError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
