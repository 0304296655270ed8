//! Reading a sheet into the records.

use std::collections::BTreeMap;

use daicho_access::Caller;
use daicho_domain::command::{AdoptPlan, Subject};
use daicho_domain::municipality::MunicipalityState;
use daicho_domain::plan::PlanDraft;
use daicho_domain::{Action, Cell, DepartmentId, PlanId, Rejection};
use daicho_sheets::{
    DraftOptions, ParseHints, ParsedSheet, PlanFile, SheetReport, draft, of_parsed, parse,
};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::app::App;
use crate::error::AppError;
use crate::handle::CommandId;
use crate::position::Position;

/// A sheet to be read.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// Name of the file as given.
    pub file_name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// The plan file (TOML); needed for anything but a dry run.
    pub plan_file: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Whether results that the sheet holds are adopted; without them only the plan is.
    pub with_results: bool,
}

/// What was read, and what came of it.
#[derive(Clone, Debug)]
pub struct ImportOutcome {
    /// The report for scripts (`import --json`).
    pub report: serde_json::Value,
    /// The report for people, line by line.
    pub lines: Vec<String>,
    /// Whether errors keep the sheet from being imported.
    pub is_blocked: bool,
    /// Events that were, or in a dry run would be, appended, by name.
    pub events: BTreeMap<&'static str, usize>,
    /// The plan that was adopted.
    pub plan: Option<PlanId>,
    /// Everything up to here contains it.
    pub position: Option<Position>,
}

/// What a clerk typed for a figure, understood.
///
/// # Errors
/// [`Rejection::Invalid`] with what can be typed, where it is not understood.
pub fn read_entry(text: &str) -> Result<Cell, Rejection> {
    daicho_sheets::read_entry(text)
        .map_err(|error| Rejection::invalid("value", error.to_string(), error.ja()))
}

/// Reads a sheet without any records: what `import --dry-run` says.
///
/// # Errors
/// [`AppError::BadFile`] where the file is no text or the plan file cannot be understood.
pub fn read_sheet(request: &ImportRequest) -> Result<ImportOutcome, AppError> {
    Ok(Reading::of(request)?.outcome())
}

/// A sheet that was read.
struct Reading {
    sheet: ParsedSheet,
    plan_file: Option<PlanFile>,
    report: SheetReport,
}

impl Reading {
    fn of(request: &ImportRequest) -> Result<Self, AppError> {
        let bad = |error: &dyn std::error::Error| {
            AppError::BadFile(format!("{}: {error}", request.file_name))
        };
        let plan_file = request
            .plan_file
            .as_deref()
            .map(PlanFile::read)
            .transpose()
            .map_err(|error| AppError::BadFile(format!("the plan file cannot be used: {error}")))?;
        let hints = plan_file
            .as_ref()
            .map_or_else(ParseHints::default, PlanFile::hints);
        let sheet = parse(&request.bytes, hints).map_err(|error| bad(&error))?;
        let report = of_parsed(&sheet, plan_file.as_ref());
        Ok(Self {
            sheet,
            plan_file,
            report,
        })
    }

    fn outcome(&self) -> ImportOutcome {
        ImportOutcome {
            // A report of texts, numbers and lists: it always has a JSON form.
            report: serde_json::to_value(&self.report).unwrap_or_default(),
            lines: lines(&self.report),
            is_blocked: self.report.is_blocked(),
            events: BTreeMap::new(),
            plan: None,
            position: None,
        }
    }

    /// The plan to adopt. Its ids follow from the command's, so that a repeated command is the
    /// same one.
    fn draft(
        &self,
        app: &App,
        request: &ImportRequest,
        id: CommandId,
    ) -> Result<PlanDraft, AppError> {
        let file = self.plan_file.as_ref().ok_or_else(|| {
            AppError::BadFile(
                "a sheet says neither whose it is nor for which years; give a plan file with municipality, title and term (see crates/sheets/README.md)"
                    .into(),
            )
        })?;
        let municipality = app.municipality_with_code(&file.municipality_code).ok_or_else(|| {
            AppError::BadFile(format!(
                "the plan file names {} ({}), which is not registered here; correct municipality_code, or register it with 'daicho init'",
                file.municipality, file.municipality_code
            ))
        })?;
        let departments: BTreeMap<String, DepartmentId> = app
            .departments(municipality.id)
            .into_iter()
            .filter(|department| department.valid_to.is_none())
            .map(|department| (department.name, department.id))
            .collect();
        let options = DraftOptions {
            file_name: &request.file_name,
            municipality: municipality.id,
            departments: &departments,
            with_results: request.with_results,
        };
        let mut ids = ids_from(id);
        draft(&self.sheet, file, options, &mut ids)
            .map_err(|error| AppError::BadFile(error.to_string()))
    }
}

impl App {
    /// Reads a sheet and adopts its plan, all of it or nothing; a dry run only says what would
    /// be done.
    ///
    /// # Errors
    /// [`AppError::BadFile`] where file or plan file cannot be used, [`AppError::Refused`] for
    /// those who may not adopt a plan, and as [`App::handle`].
    pub async fn import(
        &self,
        caller: &Caller,
        request: ImportRequest,
        id: CommandId,
    ) -> Result<ImportOutcome, AppError> {
        self.must_adopt_plans(caller, id).await?;
        // Reading a large sheet takes a while and never waits for anything.
        let (reading, request) =
            tokio::task::spawn_blocking(move || (Reading::of(&request), request))
                .await
                .map_err(|_| AppError::Unavailable("reading the sheet was interrupted".into()))?;
        let reading = reading?;
        let mut outcome = reading.outcome();
        if outcome.is_blocked || (request.dry_run && reading.plan_file.is_none()) {
            return Ok(outcome);
        }
        let plan = reading.draft(self, &request, id)?;
        let plan_id = plan.id;
        let command = AdoptPlan { plan };
        if request.dry_run {
            for fact in self.preview(caller, command)? {
                *outcome.events.entry(fact.event.name()).or_default() += 1;
            }
            outcome.lines.push(format!(
                "would append {} events",
                outcome.events.values().sum::<usize>()
            ));
            return Ok(outcome);
        }
        if self.log.command_outcome(id.0).await?.is_none() {
            self.must_be_a_new_document(&command.plan)?;
        }
        let done = self.handle(caller, command, id).await?;
        outcome.plan = Some(plan_id);
        outcome.position = Some(done.position);
        outcome.lines.push(format!(
            "imported as plan {plan_id}: {} events, position {}",
            done.events, done.position
        ));
        Ok(outcome)
    }

    /// Asked before the file is looked at: reading one costs time that strangers may not have.
    async fn must_adopt_plans(&self, caller: &Caller, id: CommandId) -> Result<(), AppError> {
        let models = self.models();
        let asked = match self.viewer(caller) {
            Some(viewer) => self.must(
                &models,
                caller,
                Action::AdoptPlan,
                viewer.municipality,
                None,
            ),
            None => Err(Rejection::Forbidden {
                action: Action::AdoptPlan.name().to_owned(),
                hint: "sign in with an account of the planning office".to_owned(),
            }),
        };
        if let Err(rejection) = asked {
            self.record_refusal(
                caller,
                Action::AdoptPlan,
                Subject::default(),
                id,
                &rejection,
            )
            .await;
            return Err(rejection.into());
        }
        Ok(())
    }

    /// The same file twice would be the same plan twice.
    fn must_be_a_new_document(&self, plan: &PlanDraft) -> Result<(), AppError> {
        let Some(document) = &plan.document else {
            return Ok(());
        };
        let models = self.models();
        let known = models
            .world
            .plans()
            .filter(|known| known.municipality == plan.municipality)
            .find(|known| {
                known
                    .documents
                    .values()
                    .any(|earlier| earlier.sha256 == document.sha256)
            });
        match known {
            None => Ok(()),
            Some(known) => Err(AppError::BadFile(format!(
                "this very file was imported before, as plan {} ({}); 'daicho plans' lists it",
                known.id, known.title
            ))),
        }
    }

    fn municipality_with_code(&self, code: &str) -> Option<MunicipalityState> {
        self.municipalities()
            .into_iter()
            .find(|municipality| municipality.local_gov_code == code)
    }
}

/// Identifiers that follow from a command's id (UUID version 8: SHA-256 of id and number).
fn ids_from(id: CommandId) -> impl FnMut() -> Uuid {
    let mut number = 0_u64;
    move || {
        number += 1;
        let digest = Sha256::new()
            .chain_update(id.0.as_bytes())
            .chain_update(number.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// The report as people read it on a terminal.
fn lines(report: &SheetReport) -> Vec<String> {
    let counts = &report.counts;
    let mut lines = vec![format!(
        "{} goals, {} policies, {} measures, {} projects, {} KPIs, {} monitor-only, {} projects without KPI, {} numeric goals",
        counts.goals,
        counts.policies,
        counts.measures,
        counts.projects,
        counts.kpis,
        counts.monitor_only,
        counts.projects_without_kpi,
        counts.numeric_goals
    )];
    for subtotal in &report.subtotals {
        let printed = subtotal.printed.as_ref().map_or_else(
            || "nothing that can be read".to_owned(),
            |printed| format!("{} projects, {} KPIs", printed.projects, printed.kpis),
        );
        let verdict = if subtotal.ok { "agrees" } else { "DIFFERS" };
        let computed = &subtotal.computed;
        let line = subtotal
            .line
            .map_or_else(|| "document".to_owned(), |line| format!("line {line}"));
        lines.push(format!(
            "{line}: printed {printed}; counted {}, {}: {verdict}",
            computed.projects, computed.kpis
        ));
    }
    for issue in &report.issues {
        let line = issue
            .line
            .map_or_else(|| "document".to_owned(), |line| format!("line {line}"));
        lines.push(format!(
            "{} {} {line}: {}",
            issue.code, issue.severity, issue.message
        ));
    }
    if report.is_blocked() {
        lines.push("nothing was imported: mend the errors above first".into());
    }
    lines
}
