//! Plans, sheets and publications.

use std::sync::Arc;

use daicho_access::Caller;
use daicho_domain::period::PeriodState;
use daicho_domain::plan::PlanState;
use daicho_domain::sheet::{Audience, Sheet};
use daicho_domain::{
    Action, DepartmentId, FiscalYear, IndicatorId, MunicipalityId, PlanId, Rejection,
};
use daicho_projections::{Progress, PublishedSheet, ReadModels};
use jiff::Timestamp;

use crate::app::App;
use crate::error::AppError;
use crate::position::Position;

/// A plan as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanInfo {
    /// The plan.
    pub plan: PlanId,
    /// Whose.
    pub municipality: MunicipalityId,
    /// 計画名.
    pub title: String,
    /// First fiscal year.
    pub term_from: FiscalYear,
    /// Last fiscal year.
    pub term_to: FiscalYear,
    /// Years that were opened, oldest first; for the public, years that were published.
    pub periods: Vec<PeriodState>,
    /// The fiscal year that an imported document evaluates, where there is one.
    pub adopted_year: Option<FiscalYear>,
}

/// A publication as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationInfo {
    /// 1 for the first publication.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Position of the publishing event.
    pub position: Position,
    /// Why, for a correction.
    pub reason: Option<String>,
    /// Indicators that differ from the publication before.
    pub corrected: Vec<IndicatorId>,
}

/// A published sheet.
#[derive(Clone, Debug)]
pub struct Published {
    /// The sheet as published.
    pub sheet: Sheet,
    /// Which publication it is.
    pub publication: PublicationInfo,
    /// All publications of the year, the first one first.
    pub all: Vec<PublicationInfo>,
}

impl App {
    /// The plan, if the caller may know that it exists.
    pub(crate) fn plan_for<'m>(
        &self,
        models: &'m ReadModels,
        caller: &Caller,
        plan: PlanId,
    ) -> Result<&'m PlanState, Rejection> {
        let state = models
            .world
            .plan(plan)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        let is_public = models
            .published_years()
            .any(|(published, _)| published == plan);
        if is_public || self.may(models, caller, Action::ReadSheet, state.municipality, None) {
            Ok(state)
        } else {
            Err(Rejection::not_found("plan"))
        }
    }

    /// The plans that the caller may know of: the municipality's own, and for everyone else
    /// those of which something is published.
    pub fn plans(&self, caller: &Caller) -> Vec<PlanInfo> {
        let models = self.models();
        models
            .world
            .plans()
            .filter(|plan| self.plan_for(&models, caller, plan.id).is_ok())
            .map(|plan| self.info(&models, caller, plan))
            .collect()
    }

    /// One plan.
    ///
    /// # Errors
    /// [`AppError::Refused`] where the caller may not know of it.
    pub fn plan(&self, caller: &Caller, plan: PlanId) -> Result<PlanInfo, AppError> {
        let models = self.models();
        let state = self.plan_for(&models, caller, plan)?;
        Ok(self.info(&models, caller, state))
    }

    fn info(&self, models: &ReadModels, caller: &Caller, plan: &PlanState) -> PlanInfo {
        let is_inside = self.may(models, caller, Action::ReadSheet, plan.municipality, None);
        PlanInfo {
            plan: plan.id,
            municipality: plan.municipality,
            title: plan.title.clone(),
            term_from: plan.term_from,
            term_to: plan.term_to,
            periods: models
                .world
                .periods(plan.id)
                .filter(|period| is_inside || !period.publications.is_empty())
                .cloned()
                .collect(),
            adopted_year: plan
                .documents
                .values()
                .map(|document| document.evaluated_year)
                .max()
                .filter(|_| is_inside),
        }
    }

    /// The plan's structure, placements, route and documents.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read the working sheet.
    pub fn plan_state(&self, caller: &Caller, plan: PlanId) -> Result<PlanState, AppError> {
        let models = self.models();
        let state = models
            .world
            .plan(plan)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        self.must(&models, caller, Action::ReadSheet, state.municipality, None)?;
        Ok(state.clone())
    }

    /// The working sheet. Content that a department has not submitted is left out for those who
    /// may not read its drafts.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read it.
    pub fn sheet(
        &self,
        caller: &Caller,
        plan: PlanId,
        year: FiscalYear,
    ) -> Result<Sheet, AppError> {
        let models = self.models();
        Ok(self.sheet_in(&models, caller, plan, year)?)
    }

    /// The working sheet as it stood in `content`; who may read what is judged by the grants of
    /// today.
    pub(crate) fn sheet_in(
        &self,
        content: &ReadModels,
        caller: &Caller,
        plan: PlanId,
        year: FiscalYear,
    ) -> Result<Sheet, Rejection> {
        let today = self.models();
        let state = content
            .world
            .plan(plan)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        self.must(&today, caller, Action::ReadSheet, state.municipality, None)?;
        must_be_in_term(state, year)?;
        let sees_drafts = |department: Option<DepartmentId>| {
            self.may(
                &today,
                caller,
                Action::ReadDraft,
                state.municipality,
                department,
            )
        };
        Sheet::derive(&content.world, state, year, Audience::Inside(&sees_drafts))
            .ok_or_else(|| Rejection::not_found("indicator of the plan"))
    }

    /// A published sheet: the newest publication, or the one asked for.
    ///
    /// # Errors
    /// [`AppError::Refused`] where there is no such publication.
    pub fn published_sheet(
        &self,
        plan: PlanId,
        year: FiscalYear,
        number: Option<u32>,
    ) -> Result<Published, AppError> {
        Ok(published_in(&self.models(), plan, year, number)?)
    }

    /// All publications of a plan's fiscal year, the first one first.
    pub fn publications(&self, plan: PlanId, year: FiscalYear) -> Vec<PublicationInfo> {
        publications(&self.models(), plan, year)
    }

    /// How far each department is.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read it.
    pub fn progress(
        &self,
        caller: &Caller,
        plan: PlanId,
        year: FiscalYear,
    ) -> Result<Progress, AppError> {
        let models = self.models();
        let state = models
            .world
            .plan(plan)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        must_be_in_term(state, year)?;
        let today = daicho_domain::command::local_date(self.now());
        let mut progress = Progress::of(&models.world, plan, year, today)
            .ok_or_else(|| Rejection::not_found("plan"))?;
        if self
            .must(
                &models,
                caller,
                Action::ReadProgress,
                state.municipality,
                None,
            )
            .is_ok()
        {
            return Ok(progress);
        }
        let mut refusal = None;
        progress.departments.retain(|department| {
            match self.must(
                &models,
                caller,
                Action::ReadProgress,
                state.municipality,
                department.department,
            ) {
                Ok(()) => true,
                Err(rejection) => {
                    refusal.get_or_insert(rejection);
                    false
                }
            }
        });
        match refusal {
            Some(rejection) if progress.departments.is_empty() => Err(rejection.into()),
            _ => Ok(progress),
        }
    }
}

pub(crate) fn must_be_in_term(plan: &PlanState, year: FiscalYear) -> Result<(), Rejection> {
    if (plan.term_from..=plan.term_to).contains(&year) {
        return Ok(());
    }
    Err(Rejection::invalid(
        "fiscal_year",
        format!(
            "{year} is outside the plan's term {} to {}",
            plan.term_from, plan.term_to
        ),
        format!("{}は計画期間の外です。", year.ja()),
    ))
}

fn publications(models: &ReadModels, plan: PlanId, year: FiscalYear) -> Vec<PublicationInfo> {
    let mut before: Option<&Arc<PublishedSheet>> = None;
    let mut all = Vec::new();
    for published in models.publications(plan, year) {
        let reports = |of: &Arc<PublishedSheet>| {
            of.world
                .period(plan, year)
                .and_then(|period| period.publications.last())
                .map(|publication| publication.reports.clone())
                .unwrap_or_default()
        };
        let corrected = before.map(reports).map_or_else(Vec::new, |before| {
            reports(published)
                .into_iter()
                .filter(|report| !before.contains(report))
                .map(|report| report.indicator)
                .collect()
        });
        all.push(PublicationInfo {
            number: published.number,
            at: published.at,
            position: Position::new(published.position),
            reason: published.reason.clone(),
            corrected,
        });
        before = Some(published);
    }
    all
}

/// A published sheet as `models` know it.
pub(crate) fn published_in(
    models: &ReadModels,
    plan: PlanId,
    year: FiscalYear,
    number: Option<u32>,
) -> Result<Published, Rejection> {
    let published = match number {
        Some(number) => models
            .publications(plan, year)
            .find(|published| published.number == number),
        None => models.publications(plan, year).next_back(),
    };
    let published = published.ok_or_else(|| Rejection::not_found("publication"))?;
    let state = published
        .world
        .plan(plan)
        .ok_or_else(|| Rejection::not_found("plan"))?;
    let sheet = Sheet::derive(&published.world, state, year, Audience::Public)
        .ok_or_else(|| Rejection::not_found("indicator of the plan"))?;
    let all = publications(models, plan, year);
    let publication = all
        .iter()
        .find(|info| info.number == published.number)
        .cloned()
        .ok_or_else(|| Rejection::not_found("publication"))?;
    Ok(Published {
        sheet,
        publication,
        all,
    })
}
