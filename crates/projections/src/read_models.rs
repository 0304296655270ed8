//! Everything that queries are answered from.

use std::sync::Arc;

use daicho_domain::{Event, FiscalYear, IndicatorId, PlanId, StreamId, World};
use daicho_eventlog::RecordedEvent;
use imbl::{OrdMap, Vector};

use crate::decode::{Decoded, decode};
use crate::history::{HistoryEntry, HistoryKind};
use crate::projector::ProjectionError;
use crate::publication::PublishedSheet;
use crate::refusal::Refusal;

/// The read models after some position of the log. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadModels {
    /// Position of the last event that is folded in; none for an empty log.
    pub position: Option<u64>,
    /// The state of every stream.
    pub world: World,
    /// Whether the log was made by the demo.
    pub is_demo: bool,
    pub(crate) histories: OrdMap<IndicatorId, Vector<Arc<HistoryEntry>>>,
    pub(crate) period_histories: OrdMap<(PlanId, FiscalYear), Vector<Arc<HistoryEntry>>>,
    pub(crate) refusals: Vector<Arc<Refusal>>,
    pub(crate) publications: OrdMap<(PlanId, FiscalYear), Vector<Arc<PublishedSheet>>>,
}

impl ReadModels {
    /// Position of the event that comes next, which is the number of events folded in.
    pub fn next_position(&self) -> u64 {
        self.position.map_or(0, |position| position + 1)
    }

    /// Folds one event in.
    ///
    /// # Errors
    /// When the event is not the next one, cannot be understood, or does not fit what came
    /// before it.
    pub fn apply(&mut self, recorded: &RecordedEvent) -> Result<(), ProjectionError> {
        let expected = self.next_position();
        if recorded.global_position.0 != expected {
            return Err(ProjectionError::Gap {
                expected,
                found: recorded.global_position.0,
            });
        }
        let decoded = decode(recorded)?;
        self.world
            .apply(decoded.stream, &decoded.event, &decoded.provenance)?;
        self.position = Some(expected);
        self.record(&decoded);
        Ok(())
    }

    fn record(&mut self, decoded: &Decoded) {
        match decoded.stream {
            StreamId::Indicator(indicator) => {
                if let Some(mut entry) = HistoryEntry::of(decoded) {
                    self.name_departments(&mut entry);
                    self.histories
                        .entry(indicator)
                        .or_default()
                        .push_back(Arc::new(entry));
                }
            }
            StreamId::Period(plan, year) => {
                if let Some(mut entry) = HistoryEntry::of(decoded) {
                    entry.fiscal_year = Some(year);
                    self.period_histories
                        .entry((plan, year))
                        .or_default()
                        .push_back(Arc::new(entry));
                }
                self.publish(plan, year, decoded);
            }
            StreamId::Activity(_) => {
                if let Some(refusal) = Refusal::of(decoded) {
                    self.refusals.push_back(Arc::new(refusal));
                }
            }
            _ => {}
        }
        if let Event::MunicipalityRegistered { demo: true, .. } = decoded.event {
            self.is_demo = true;
        }
    }

    /// An assignment says which department by its name on that day.
    fn name_departments(&self, entry: &mut HistoryEntry) {
        if entry.kind != HistoryKind::Assigned {
            return;
        }
        for side in [&mut entry.from, &mut entry.to].into_iter().flatten() {
            let department = side.parse().ok().and_then(|id| self.world.department(id));
            if let Some(department) = department {
                side.clone_from(&department.name);
            }
        }
    }

    fn publish(&mut self, plan: PlanId, fiscal_year: FiscalYear, decoded: &Decoded) {
        let (number, reason) = match &decoded.event {
            Event::SheetPublished { number, .. } => (*number, None),
            Event::CorrectionPublished { number, reason, .. } => (*number, Some(reason.clone())),
            _ => return,
        };
        self.publications
            .entry((plan, fiscal_year))
            .or_default()
            .push_back(Arc::new(PublishedSheet {
                plan,
                fiscal_year,
                number,
                at: decoded.provenance.at,
                position: decoded.provenance.position,
                reason,
                world: self.world.clone(),
            }));
    }

    /// Everything that happened to an indicator, oldest first.
    pub fn history(&self, indicator: IndicatorId) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.histories.get(&indicator).into_iter().flatten()
    }

    /// Everything that happened to a plan's fiscal year as a whole, oldest first.
    pub fn period_history(
        &self,
        plan: PlanId,
        year: FiscalYear,
    ) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.period_histories
            .get(&(plan, year))
            .into_iter()
            .flatten()
    }

    /// Everything that happened to one figure, oldest first: what concerns its indicator in
    /// `year` or in all years, the year as a whole and, where asked for, refused commands.
    pub fn figure_history(
        &self,
        plan: PlanId,
        indicator: IndicatorId,
        year: FiscalYear,
        with_refusals: bool,
    ) -> Vec<Arc<HistoryEntry>> {
        let own = self
            .history(indicator)
            .filter(|entry| entry.fiscal_year.is_none_or(|of| of == year))
            .cloned();
        let period = self.period_history(plan, year).cloned();
        let refused = self
            .refusals
            .iter()
            .filter(|refusal| {
                with_refusals
                    && refusal.subject.indicator == Some(indicator)
                    && refusal.subject.fiscal_year.is_none_or(|of| of == year)
            })
            .map(|refusal| Arc::new(refusal.as_history()));
        let mut entries: Vec<_> = own.chain(period).chain(refused).collect();
        entries.sort_by_key(|entry| entry.position);
        entries
    }

    /// All refusals, oldest first.
    pub fn refusals(&self) -> &Vector<Arc<Refusal>> {
        &self.refusals
    }

    /// All publications of a plan's fiscal year, the first one first.
    pub fn publications(
        &self,
        plan: PlanId,
        year: FiscalYear,
    ) -> impl DoubleEndedIterator<Item = &Arc<PublishedSheet>> {
        self.publications.get(&(plan, year)).into_iter().flatten()
    }

    /// Every plan's fiscal year that was published at least once.
    pub fn published_years(&self) -> impl Iterator<Item = (PlanId, FiscalYear)> + '_ {
        self.publications.keys().copied()
    }
}
