//! Reading a sheet into the records.

use async_graphql::{Context, InputObject, Json, Object, SimpleObject, Union};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daicho_app::{AppError, CommandId, ImportOutcome, ImportRequest};
use daicho_domain::PlanId;
use uuid::Uuid;

use crate::refusal::{CommandRefusal, Invalid};
use crate::request::Asked;
use crate::scalar::{Id, Position};

/// Reading sheets.
#[derive(Default)]
pub(crate) struct ImportMutation;

/// A sheet to be read (TSV, CSV, XLSX).
#[derive(InputObject)]
struct ImportSheetInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Name of the file as given.
    file_name: String,
    /// The file, as Base64 (RFC 4648 §4).
    content_base64: String,
    /// The plan file (TOML); needed for anything but a dry run.
    plan_file: Option<String>,
    /// Only say what would be done; nothing is recorded.
    #[graphql(default)]
    dry_run: bool,
    /// Whether results that the sheet holds are adopted; without them only the plan is.
    #[graphql(default = true)]
    with_results: bool,
}

/// A sheet that was read.
#[derive(SimpleObject)]
pub(crate) struct ImportDone {
    /// Whether errors keep the sheet from being imported; nothing was recorded then.
    pub is_blocked: bool,
    /// The report, as `import --json` prints it.
    pub report: Json<serde_json::Value>,
    /// The report as lines for people.
    pub lines: Vec<String>,
    /// Events that were, or in a dry run would be, recorded.
    pub events: Vec<EventCount>,
    /// The plan that was adopted.
    pub plan: Option<Id<PlanId>>,
    /// Everything up to here contains it.
    pub position: Option<Position>,
}

/// Number of events of one kind.
#[derive(SimpleObject)]
pub(crate) struct EventCount {
    /// Pinned name of the event.
    pub event: &'static str,
    /// How many.
    pub count: usize,
}

impl From<ImportOutcome> for ImportDone {
    fn from(outcome: ImportOutcome) -> Self {
        Self {
            is_blocked: outcome.is_blocked,
            report: Json(outcome.report),
            lines: outcome.lines,
            events: outcome
                .events
                .into_iter()
                .map(|(event, count)| EventCount { event, count })
                .collect(),
            plan: outcome.plan.map(Id),
            position: outcome.position.map(Position::from),
        }
    }
}

/// What came of an import.
#[derive(Union)]
pub(crate) enum ImportResult {
    /// The sheet was read.
    Done(ImportDone),
    /// It was refused.
    #[graphql(flatten)]
    Refused(CommandRefusal),
}

#[Object]
impl ImportMutation {
    /// Reads a sheet into the records, or says what reading it would do.
    #[graphql(complexity = "500 + child_complexity")]
    async fn import_sheet(&self, ctx: &Context<'_>, input: ImportSheetInput) -> ImportResult {
        let Ok(bytes) = STANDARD.decode(input.content_base64.trim()) else {
            let refusal = Invalid::new(
                "content_base64",
                "is not Base64; encode the file's bytes with the standard alphabet and padding",
                "ファイルの内容を読み取れません。もう一度ファイルを選んでください。",
            );
            return CommandRefusal::from(refusal).into();
        };
        let request = ImportRequest {
            file_name: input.file_name,
            bytes,
            plan_file: input.plan_file,
            dry_run: input.dry_run,
            with_results: input.with_results,
        };
        let outcome: Result<ImportOutcome, AppError> = ctx
            .app()
            .import(&ctx.caller(), request, CommandId(input.command_id))
            .await;
        match outcome {
            Ok(outcome) => ImportDone::from(outcome).into(),
            Err(error) => CommandRefusal::of(ctx, error).await.into(),
        }
    }
}
