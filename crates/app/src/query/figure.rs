//! The history of figures, refusals, and what waits for whom.

use std::sync::Arc;

use daicho_access::Caller;
use daicho_domain::{Action, FiscalYear, IndicatorId, MunicipalityId, PlanId, Rejection};
use daicho_projections::{HistoryEntry, Inbox, Refusal};

use crate::app::App;
use crate::error::AppError;

impl App {
    /// Everything that happened to one figure, oldest first. Those who may read refusals see
    /// the refused commands among it.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read it.
    pub fn figure_history(
        &self,
        caller: &Caller,
        plan: PlanId,
        indicator: IndicatorId,
        year: FiscalYear,
    ) -> Result<Vec<Arc<HistoryEntry>>, AppError> {
        let models = self.models();
        let view = models.world.view();
        let municipality = view.plan(plan)?.municipality;
        let department = view.indicator(plan, indicator)?.department;
        self.must(
            &models,
            caller,
            Action::ReadHistory,
            municipality,
            department,
        )?;
        let with_refusals = self.may(&models, caller, Action::ReadRefusals, municipality, None);
        Ok(models.figure_history(plan, indicator, year, with_refusals))
    }

    /// The refused commands of a municipality's accounts, newest first, at most `max`.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read them.
    pub fn refusals(
        &self,
        caller: &Caller,
        municipality: MunicipalityId,
        max: usize,
    ) -> Result<Vec<Arc<Refusal>>, AppError> {
        let models = self.models();
        self.must(&models, caller, Action::ReadRefusals, municipality, None)?;
        let is_of = |refusal: &Refusal| {
            refusal
                .actor
                .who
                .account()
                .and_then(|account| models.world.account(account))
                .is_some_and(|account| account.municipality == municipality)
        };
        Ok(models
            .refusals()
            .iter()
            .rev()
            .filter(|refusal| is_of(refusal))
            .take(max)
            .cloned()
            .collect())
    }

    /// What waits for the caller.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who are not signed in or hold nothing today.
    pub fn inbox(&self, caller: &Caller) -> Result<Inbox, AppError> {
        let models = self.models();
        let Some(viewer) = self.viewer(caller) else {
            return Err(Rejection::Forbidden {
                action: Action::ReadInbox.name().to_owned(),
                hint: "sign in first".to_owned(),
            }
            .into());
        };
        let grants: Vec<_> = viewer
            .grants
            .into_iter()
            .filter(|grant| {
                self.may(
                    &models,
                    caller,
                    Action::ReadInbox,
                    grant.municipality,
                    grant.department,
                )
            })
            .collect();
        Ok(Inbox::of(&models.world, &grants, self.now()))
    }
}
