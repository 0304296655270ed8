//! Everything that can be asked.

use async_graphql::{Context, Object, Union};
use daicho_domain::{IndicatorId, MunicipalityId, PlanId};

use crate::account::{Account, Viewer};
use crate::cell::Cell;
use crate::failure::Failure;
use crate::history::{HistoryEntry, RecordedRefusal};
use crate::people::{Department, Departments, Municipality};
use crate::plan::{Plan, Publication};
use crate::refusal::{CommandRefusal, Invalid};
use crate::report::Report;
use crate::request::Asked;
use crate::scalar::{FiscalYear, Id, Position};
use crate::service::{Choices, Service};
use crate::sheet::{PublishedSheet, Sheet};
use crate::work::{Inbox, Progress};

/// The most refusals that one answer lists.
const REFUSALS_MAX: usize = 200;

/// What can be asked. A question that is refused is answered with null and an error whose
/// `extensions` hold `code` and `messageJa`.
pub struct Query;

/// What a typed figure is understood as.
#[derive(Union)]
enum InterpretedCell {
    /// A number or a reason.
    Cell(Cell),
    /// It is not understood.
    Invalid(Invalid),
}

#[Object]
impl Query {
    /// The service itself. Public.
    async fn service(&self, ctx: &Context<'_>) -> Service {
        Service::of(ctx)
    }

    /// What forms offer. Public.
    async fn choices(&self) -> Choices {
        Choices::all()
    }

    /// The one who asks; null for those who are not signed in.
    async fn viewer(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Viewer>, Failure> {
        ctx.reach(min_position).await?;
        match ctx.app().viewer(&ctx.caller()) {
            Some(viewer) => Ok(Some(Viewer::of(ctx, viewer).await?)),
            None => Ok(None),
        }
    }

    /// All municipalities of this service. Public.
    async fn municipalities(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Vec<Municipality>, Failure> {
        ctx.reach(min_position).await?;
        let municipalities = ctx.app().municipalities().into_iter();
        Ok(municipalities
            .map(|municipality| Municipality::new(municipality, ctx.caller()))
            .collect())
    }

    /// All departments of a municipality. Public.
    async fn departments(
        &self,
        ctx: &Context<'_>,
        municipality: Id<MunicipalityId>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Vec<Department>, Failure> {
        ctx.reach(min_position).await?;
        let departments = ctx.app().departments(municipality.0).into_iter();
        Ok(departments.map(Department::from).collect())
    }

    /// The plans that the caller may know of: the own municipality's, and those of which
    /// something is published.
    async fn plans(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Vec<Plan>, Failure> {
        ctx.reach(min_position).await?;
        ctx.app()
            .plans(&ctx.caller())
            .into_iter()
            .map(|plan| Plan::of(ctx, plan))
            .collect()
    }

    /// One plan.
    async fn plan(
        &self,
        ctx: &Context<'_>,
        id: Id<PlanId>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Plan>, Failure> {
        ctx.reach(min_position).await?;
        let plan = ctx.app().plan(&ctx.caller(), id.0)?;
        Ok(Some(Plan::of(ctx, plan)?))
    }

    /// The working sheet of a fiscal year, as far as the caller may see it.
    #[graphql(complexity = "100 + child_complexity")]
    async fn sheet(
        &self,
        ctx: &Context<'_>,
        plan: Id<PlanId>,
        fiscal_year: FiscalYear,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Sheet>, Failure> {
        ctx.reach(min_position).await?;
        let sheet = ctx.app().sheet(&ctx.caller(), plan.0, fiscal_year.0)?;
        Ok(Some(Sheet::of(ctx, &sheet)?))
    }

    /// A published sheet: the newest publication, or the one asked for. Public.
    #[graphql(complexity = "100 + child_complexity")]
    async fn published_sheet(
        &self,
        ctx: &Context<'_>,
        plan: Id<PlanId>,
        fiscal_year: FiscalYear,
        #[graphql(desc = "Which publication, counted from 1.")] number: Option<u32>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<PublishedSheet>, Failure> {
        ctx.reach(min_position).await?;
        let published = ctx.app().published_sheet(plan.0, fiscal_year.0, number)?;
        Ok(Some(PublishedSheet {
            sheet: Sheet::of(ctx, &published.sheet)?,
            publication: published.publication.into(),
            publications: published.all.into_iter().map(Publication::from).collect(),
        }))
    }

    /// The report of one indicator for one fiscal year.
    async fn report(
        &self,
        ctx: &Context<'_>,
        plan: Id<PlanId>,
        indicator: Id<IndicatorId>,
        fiscal_year: FiscalYear,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Report>, Failure> {
        ctx.reach(min_position).await?;
        let view = ctx
            .app()
            .report(&ctx.caller(), plan.0, indicator.0, fiscal_year.0)?;
        Ok(Some(Report::of(ctx, view).await?))
    }

    /// Everything that happened to one figure, oldest first; refused commands among it for
    /// those who may read them.
    #[graphql(complexity = "50 + child_complexity")]
    async fn figure_history(
        &self,
        ctx: &Context<'_>,
        plan: Id<PlanId>,
        indicator: Id<IndicatorId>,
        fiscal_year: FiscalYear,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Vec<HistoryEntry>>, Failure> {
        ctx.reach(min_position).await?;
        let (app, caller) = (ctx.app(), ctx.caller());
        let entries = app.figure_history(&caller, plan.0, indicator.0, fiscal_year.0)?;
        let departments = Departments::of(ctx, app.plan(&caller, plan.0)?.municipality);
        Ok(Some(HistoryEntry::list(ctx, &entries, &departments).await?))
    }

    /// What waits for the caller.
    #[graphql(complexity = "100 + child_complexity")]
    async fn inbox(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Inbox>, Failure> {
        ctx.reach(min_position).await?;
        let inbox = ctx.app().inbox(&ctx.caller())?;
        Ok(Some(Inbox::of(ctx, &inbox)?))
    }

    /// How far each department is with a fiscal year.
    #[graphql(complexity = "50 + child_complexity")]
    async fn progress(
        &self,
        ctx: &Context<'_>,
        plan: Id<PlanId>,
        fiscal_year: FiscalYear,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Progress>, Failure> {
        ctx.reach(min_position).await?;
        let (app, caller) = (ctx.app(), ctx.caller());
        let progress = app.progress(&caller, plan.0, fiscal_year.0)?;
        let plan = app.plan(&caller, plan.0)?;
        Ok(Some(Progress::of(
            ctx,
            &progress,
            plan.title,
            plan.municipality,
        )))
    }

    /// The refused commands of a municipality's accounts, newest first.
    #[graphql(complexity = "50 + child_complexity")]
    async fn refusals(
        &self,
        ctx: &Context<'_>,
        municipality: Id<MunicipalityId>,
        #[graphql(desc = "How many, at most 200.", default = 50)] first: usize,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Vec<RecordedRefusal>>, Failure> {
        ctx.reach(min_position).await?;
        let refusals =
            ctx.app()
                .refusals(&ctx.caller(), municipality.0, first.min(REFUSALS_MAX))?;
        Ok(Some(RecordedRefusal::list(ctx, &refusals).await?))
    }

    /// All accounts of a municipality, in the order of what people type to sign in.
    #[graphql(complexity = "50 + child_complexity")]
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        municipality: Id<MunicipalityId>,
        #[graphql(
            desc = "Answer with everything up to this position, which a command gave; the answer waits for it some seconds."
        )]
        min_position: Option<Position>,
    ) -> Result<Option<Vec<Account>>, Failure> {
        ctx.reach(min_position).await?;
        let accounts = ctx.app().accounts(&ctx.caller(), municipality.0)?;
        Ok(Some(Account::list(ctx, &accounts, municipality.0).await?))
    }

    /// What a typed figure is understood as, before it is entered. Public: it reads no records.
    async fn interpret_cell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As typed: `1,638`, `△5.13`, `暫定値 100`, full-width digits too.")] text: String,
    ) -> Result<InterpretedCell, Failure> {
        let rejection = match daicho_app::read_entry(&text) {
            Ok(cell) => return Ok(InterpretedCell::Cell(Cell::from(&cell))),
            Err(rejection) => rejection,
        };
        match CommandRefusal::of(ctx, rejection.into()).await {
            CommandRefusal::Invalid(invalid) => Ok(InterpretedCell::Invalid(invalid)),
            _ => Err(Failure::internal(
                "a typed figure was refused for another reason than its form",
            )),
        }
    }
}
