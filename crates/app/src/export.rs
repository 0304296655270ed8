//! Writing a sheet to a file.

use daicho_access::Caller;
use daicho_domain::plan::Document;
use daicho_domain::sheet::Sheet;
use daicho_domain::{Action, FiscalYear, PlanId, Rejection};
use daicho_projections::{ReadModels, fold};
use daicho_sheets::report::ExportFacts;
use daicho_sheets::{Delimiter, of_sheet, write};
use jiff::Timestamp;

use crate::app::App;
use crate::error::AppError;
use crate::position::Position;
use crate::query::published_in;

/// The formats of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Tab-separated: byte for byte as it was imported where nothing has changed since, in the
    /// usual two-row layout where there is no document.
    Tsv,
    /// The shape of `import --json`.
    Json,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// The plan.
    pub plan: PlanId,
    /// The fiscal year that is evaluated.
    pub fiscal_year: FiscalYear,
    /// The format.
    pub format: ExportFormat,
    /// As it stood at this moment (recorded time).
    pub as_of: Option<Timestamp>,
    /// As it stood at this position.
    pub at_position: Option<Position>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it contains.
    pub bytes: Vec<u8>,
    /// Its type for HTTP.
    pub media_type: &'static str,
    /// A name to save it under.
    pub file_name: String,
}

impl App {
    /// Writes a sheet: the working one for those who may read it, else the published one.
    ///
    /// # Errors
    /// [`AppError::Refused`] where there is nothing that the caller may read,
    /// [`AppError::Stuck`] where the records are newer than what could be written,
    /// [`AppError::BadFile`] where the document's encoding cannot hold what is written now.
    pub async fn export(
        &self,
        caller: &Caller,
        request: &ExportRequest,
    ) -> Result<Export, AppError> {
        let content = self.content_of(request).await?;
        let (plan, year) = (request.plan, request.fiscal_year);
        let state = content
            .world
            .plan(plan)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        let is_inside = self.may(
            &self.models(),
            caller,
            Action::ReadSheet,
            state.municipality,
            None,
        );
        let sheet = if is_inside {
            self.sheet_in(&content, caller, plan, year)?
        } else {
            published_in(&content, plan, year, None)?.sheet
        };
        let document = state.documents.values().next_back();
        let municipality = content.world.municipality(state.municipality);
        let facts = ExportFacts {
            municipality_code: municipality.map(|m| m.local_gov_code.as_str()),
            municipality: municipality.map(|m| m.name.as_str()),
            document,
        };
        let name = format!(
            "{}-{year}",
            municipality.map_or("sheet", |m| m.local_gov_code.as_str())
        );
        match request.format {
            ExportFormat::Tsv => tsv(&sheet, document, &name),
            ExportFormat::Json => {
                let mut bytes = serde_json::to_vec_pretty(&of_sheet(&sheet, facts))
                    .map_err(|error| AppError::BadFile(error.to_string()))?;
                bytes.push(b'\n');
                Ok(Export {
                    bytes,
                    media_type: "application/json",
                    file_name: format!("{name}.json"),
                })
            }
        }
    }

    /// The records as the request wants them: now, or folded up to an earlier moment.
    async fn content_of(
        &self,
        request: &ExportRequest,
    ) -> Result<std::sync::Arc<ReadModels>, AppError> {
        let until = request.at_position.map(Position::value);
        if until.is_none() && request.as_of.is_none() {
            // A file does not say that it is old.
            self.must_follow_the_log()?;
            return Ok(self.models());
        }
        let models = fold(self.log.as_ref(), |event| {
            until.is_none_or(|until| event.global_position.0 <= until)
                && request
                    .as_of
                    .is_none_or(|moment| event.metadata.recorded_at <= moment)
        })
        .await?;
        Ok(std::sync::Arc::new(models))
    }
}

fn tsv(sheet: &Sheet, document: Option<&Document>, name: &str) -> Result<Export, AppError> {
    let bytes = write(sheet, document, Delimiter::Tab).map_err(|error| {
        let cause = std::error::Error::source(&error)
            .map_or_else(String::new, |source| format!(": {source}"));
        AppError::BadFile(format!("{error}{cause}"))
    })?;
    Ok(Export {
        bytes,
        media_type: "text/tab-separated-values",
        file_name: format!("{name}.tsv"),
    })
}
