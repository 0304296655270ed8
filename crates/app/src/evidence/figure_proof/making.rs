//! Making a figure's proof.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_access::Caller;
use daicho_domain::{Action, FiscalYear, IndicatorId, PlanId, Rejection, StreamId};
use daicho_eventlog::evidence::{Checkpoint, TlogProof, prove_inclusion};
use daicho_eventlog::{GlobalPosition, RecordedEvent, StreamPosition};
use daicho_projections::decode;

use super::claims::{Claims, EventRole, Figure, Placed, claims_of};
use super::{FIGURE_PROOF_FORMAT, FigureProof, ProofFault, ProvenEvent};
use crate::app::App;
use crate::error::AppError;
use crate::evidence::publication_proof::{Pages, countersignatures};
use crate::handle::stream_name;

/// Events of one stream read at a time.
const PAGE_EVENTS: usize = 512;

impl App {
    /// The proof of the figure of `indicator` for `year`, as it stands now, drafts included: for
    /// those who may read its history, and for the operator where it is submitted or adopted.
    /// It leads to the newest checkpoint that covers it, or to the newest countersigned one.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not read it, [`AppError::BadFile`] where the log
    /// has no key.
    pub async fn figure_proof(
        &self,
        caller: &Caller,
        plan: PlanId,
        indicator: IndicatorId,
        year: FiscalYear,
    ) -> Result<FigureProof, AppError> {
        let figure = self.may_be_proven(caller, plan, indicator, year)?;
        let mut recorded = Vec::new();
        let whole = [StreamId::Indicator(indicator), StreamId::Period(plan, year)];
        for stream in whole {
            recorded.extend(self.events_of(stream).await?);
        }
        for stream in [
            StreamId::Municipality(figure.municipality),
            StreamId::Plan(plan),
        ] {
            let name = stream_name(&stream)?;
            let first = self.log.read_stream(&name, StreamPosition(0), 1).await?;
            recorded.extend(first);
        }
        recorded.sort_by_key(|event| event.global_position);

        let mut parts = Vec::new();
        for event in recorded {
            let decoded = decode(&event).map_err(|error| AppError::Damaged(error.to_string()))?;
            if let Some(role) = EventRole::of(&decoded.event, year) {
                let placed = Placed {
                    stream_position: event.stream_position.0,
                    event: decoded,
                };
                parts.push((role, event.global_position, placed));
            }
        }
        let positions: Vec<_> = parts
            .iter()
            .map(|(role, position, _)| (*role, *position))
            .collect();
        let placed: Vec<_> = parts.into_iter().map(|(_, _, placed)| placed).collect();
        let manifest = claims_of(figure, &placed).map_err(not_provable)?;
        let checkpoint = self.checkpoint_for(&manifest).await?;
        let mut events = Vec::with_capacity(positions.len());
        for (role, position) in positions {
            events.push(self.proven(role, position, &checkpoint).await?);
        }
        let proof = FigureProof {
            format: FIGURE_PROOF_FORMAT.to_owned(),
            manifest,
            events,
        };
        let keys = self.log_keys().ok_or_else(no_key)?;
        // What nobody could verify is not handed out.
        proof.check(keys.verifiers(), 0).map_err(not_provable)?;
        Ok(proof)
    }

    fn may_be_proven(
        &self,
        caller: &Caller,
        plan: PlanId,
        indicator: IndicatorId,
        year: FiscalYear,
    ) -> Result<Figure, Rejection> {
        let models = self.models();
        let view = models.world.view();
        let state = view.plan(plan)?;
        let of_plan = view.indicator(plan, indicator)?;
        let municipality = state.municipality;
        if let Caller::Operator(_) = caller {
            self.must(&models, caller, Action::ReadSheet, municipality, None)?;
            let report = of_plan.report(year);
            if report.stage.is_editable() {
                return Err(Rejection::Forbidden {
                    action: Action::ReadHistory.name().to_owned(),
                    hint: "the figure is still the department's draft; name an account that may read it with --as".to_owned(),
                });
            }
        } else {
            let department = of_plan.department;
            self.must(
                &models,
                caller,
                Action::ReadHistory,
                municipality,
                department,
            )?;
        }
        Ok(Figure {
            municipality,
            plan,
            indicator,
            year,
        })
    }

    async fn events_of(&self, stream: StreamId) -> Result<Vec<RecordedEvent>, AppError> {
        let name = stream_name(&stream)?;
        let mut events = Vec::new();
        loop {
            let from = StreamPosition(events.len() as u64);
            let page = self.log.read_stream(&name, from, PAGE_EVENTS).await?;
            let is_last = page.len() < PAGE_EVENTS;
            events.extend(page);
            if is_last {
                return Ok(events);
            }
        }
    }

    /// The newest checkpoint that enough witnesses have countersigned and that covers the figure;
    /// the newest one otherwise.
    async fn checkpoint_for(&self, manifest: &Claims) -> Result<Checkpoint, AppError> {
        let keys = self.log_keys().ok_or_else(no_key)?;
        let newest = self.issue_checkpoint().await?.ok_or_else(no_key)?;
        let witnesses = keys.witnesses();
        if witnesses.keys.is_empty() {
            return Ok(newest);
        }
        let enough = witnesses.required_for_publication.max(1);
        let mut best = newest;
        let mut pages = Pages::from(manifest.last_position.saturating_add(1));
        while let Some(page) = pages.next(self).await? {
            for checkpoint in page {
                let by = countersignatures(&checkpoint, keys.verifiers(), &witnesses.keys);
                if by.len() >= enough {
                    best = checkpoint;
                }
            }
        }
        Ok(best)
    }

    async fn proven(
        &self,
        role: EventRole,
        position: GlobalPosition,
        checkpoint: &Checkpoint,
    ) -> Result<ProvenEvent, AppError> {
        let stored = self.log.read_stored(position, 1).await?;
        let stored = stored.first().ok_or_else(|| {
            AppError::Damaged(format!("the event at position {} is gone", position.0))
        })?;
        let size = checkpoint.head.size;
        let proof = TlogProof {
            index: position.0,
            path: prove_inclusion(self.log.as_ref(), position, size).await?,
            checkpoint: checkpoint.clone(),
            extra: None,
        };
        Ok(ProvenEvent {
            role,
            position: position.0,
            stored: BASE64.encode(stored),
            proof: proof.to_text(),
        })
    }
}

fn no_key() -> AppError {
    AppError::BadFile(
        "this log has no key and no signed head; start the service once with a data folder of its own".to_owned(),
    )
}

fn not_provable(fault: ProofFault) -> AppError {
    AppError::Damaged(format!("the figure cannot be proven: {fault}"))
}
