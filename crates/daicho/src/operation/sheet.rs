//! `plans`, `import` and `export`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_app::{
    Caller, CommandId, ExportFormat, ExportRequest, ImportOutcome, ImportRequest, PlanInfo,
    Position,
};
use daicho_domain::{FiscalYear, PlanId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Outcome, account_called, acting_as};
use crate::arguments::Format;
use crate::failure::{EXIT_BLOCKED, Failure};
use crate::service::Service;

/// What `import` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportOperation {
    /// Name of the file.
    pub file_name: String,
    /// The file, in base64.
    pub bytes: String,
    /// The plan file.
    pub plan_file: Option<String>,
    /// Append nothing.
    pub dry_run: bool,
    /// Print one JSON document.
    pub json: bool,
    /// Who imports.
    pub acting: Option<String>,
}

/// What `export` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportOperation {
    /// The plan; the only one where there is one.
    pub plan: Option<PlanId>,
    /// The format.
    pub format: Format,
    /// The fiscal year.
    pub fiscal_year: Option<FiscalYear>,
    /// As it stood then.
    pub as_of: Option<Timestamp>,
    /// As it stood there.
    pub at_position: Option<Position>,
    /// Who exports; the operator without it.
    pub acting: Option<String>,
}

impl ImportOperation {
    fn request(&self) -> Result<ImportRequest, Failure> {
        Ok(ImportRequest {
            file_name: self.file_name.clone(),
            bytes: BASE64.decode(&self.bytes).map_err(Failure::new)?,
            plan_file: self.plan_file.clone(),
            dry_run: self.dry_run,
            with_results: true,
        })
    }
}

/// A dry run where there are no records: reading the sheet needs none.
///
/// # Errors
/// Where the file cannot be read as a sheet.
pub fn dry_run_without_records(operation: &ImportOperation) -> Result<Outcome, Failure> {
    outcome(&daicho_app::read_sheet(&operation.request()?)?, operation)
}

pub(super) async fn import(
    service: &Service,
    operation: ImportOperation,
) -> Result<Outcome, Failure> {
    let request = operation.request()?;
    if operation.dry_run && operation.acting.is_none() {
        return outcome(&daicho_app::read_sheet(&request)?, &operation);
    }
    let name = operation.acting.as_deref().ok_or_else(|| {
        Failure::new("an import needs to know who does it")
            .help("name an account of the planning office with --as")
    })?;
    let caller = Caller::Account(account_called(service, name)?);
    let id = CommandId(service.app.new_id());
    outcome(&service.app.import(&caller, request, id).await?, &operation)
}

fn outcome(imported: &ImportOutcome, operation: &ImportOperation) -> Result<Outcome, Failure> {
    let printed = if operation.json {
        Outcome::json(&imported.report)?
    } else {
        Outcome::lines(imported.lines.iter().cloned())
    };
    Ok(Outcome {
        exit: if imported.is_blocked { EXIT_BLOCKED } else { 0 },
        ..printed
    })
}

pub(super) fn plans(service: &Service, operator: &str) -> Outcome {
    let caller = Caller::Operator(operator.to_owned());
    let mut lines = Vec::new();
    for plan in service.app.plans(&caller) {
        lines.push(format!(
            "{}  {}  {}–{}",
            plan.plan, plan.title, plan.term_from, plan.term_to
        ));
        if let Some(year) = plan.adopted_year {
            lines.push(format!("    {year}  imported"));
        }
        for period in &plan.periods {
            let state = match period.latest_publication() {
                Some(publication) => format!("published, number {}", publication.number),
                None => format!("{:?}, due {}", period.stage, period.due).to_lowercase(),
            };
            lines.push(format!("    {}  {state}", period.fiscal_year));
        }
    }
    Outcome::lines(lines)
}

/// The plan asked for, or the only one.
pub(crate) fn plan_asked_for(
    plans: &[PlanInfo],
    asked: Option<PlanId>,
) -> Result<&PlanInfo, Failure> {
    match (asked, plans) {
        (Some(id), plans) => plans.iter().find(|plan| plan.plan == id).ok_or_else(|| {
            Failure::new(format!("there is no plan {id}")).help("see 'daicho plans' for the plans")
        }),
        (None, [only]) => Ok(only),
        (None, []) => {
            Err(Failure::new("there is no plan yet").help("read one in with 'daicho import'"))
        }
        (None, _) => Err(Failure::new("there are several plans")
            .help("name one with --plan; 'daicho plans' lists them")),
    }
}

pub(super) async fn export(
    service: &Service,
    operation: ExportOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    let caller = acting_as(service, operation.acting.as_deref(), operator)?;
    let plans = service.app.plans(&caller);
    let plan = plan_asked_for(&plans, operation.plan)?;
    let newest_published = plan
        .periods
        .iter()
        .rev()
        .find(|period| !period.publications.is_empty())
        .map(|period| period.fiscal_year);
    let fiscal_year = operation
        .fiscal_year
        .or(newest_published)
        .or(plan.adopted_year)
        .unwrap_or(plan.term_from);
    let request = ExportRequest {
        plan: plan.plan,
        fiscal_year,
        format: match operation.format {
            Format::Tsv => ExportFormat::Tsv,
            Format::Json => ExportFormat::Json,
        },
        as_of: operation.as_of,
        at_position: operation.at_position,
    };
    let export = service.app.export(&caller, &request).await?;
    Ok(Outcome {
        file: Some(BASE64.encode(&export.bytes)),
        ..Outcome::default()
    })
}
