//! The one way in which read models are written down: what snapshots hold and digests are
//! taken of. The same read models always give the same bytes, however they came to be.
//!
//! MessagePack with field names. The names cannot be left out: cells, commentary and the layout
//! of documents omit fields that hold their default and have an enum whose tag is a field, which
//! only a self-describing format can read again.
//!
//! A publication keeps the world that it was made in, nearly all of which it shares with the
//! worlds before and after it. So worlds are written as a chain, in the order of the
//! publications, the present one last: of each, only the streams that are not as they were in
//! the one before. Read back, they share again what they shared.

use std::io::Write;
use std::sync::Arc;

use daicho_domain::world::WorldChanges;
use daicho_domain::{FiscalYear, IndicatorId, PlanId, World};
use imbl::{OrdMap, Vector};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::history::HistoryEntry;
use crate::publication::PublishedSheet;
use crate::read_models::ReadModels;
use crate::refusal::Refusal;

/// A map as a list: not every format has maps with such keys.
type Listed<K, V> = Vec<(K, Vector<Arc<V>>)>;

/// Read models without anything shared.
#[derive(Serialize, Deserialize)]
struct Plain {
    position: Option<u64>,
    is_demo: bool,
    publications: Vec<PlainPublication>,
    /// What changed since the last publication's world.
    world: WorldChanges,
    histories: Listed<IndicatorId, HistoryEntry>,
    period_histories: Listed<(PlanId, FiscalYear), HistoryEntry>,
    refusals: Vector<Arc<Refusal>>,
}

#[derive(Serialize, Deserialize)]
struct PlainPublication {
    plan: PlanId,
    fiscal_year: FiscalYear,
    number: u32,
    at: Timestamp,
    position: u64,
    reason: Option<String>,
    /// What changed since the world of the publication before it.
    world: WorldChanges,
}

impl Plain {
    fn of(models: &ReadModels) -> Self {
        let mut sheets: Vec<_> = models.publications.values().flatten().collect();
        sheets.sort_by_key(|sheet| sheet.position);
        let empty = World::default();
        let mut before = &empty;
        let mut publications = Vec::with_capacity(sheets.len());
        for sheet in sheets {
            publications.push(PlainPublication {
                plan: sheet.plan,
                fiscal_year: sheet.fiscal_year,
                number: sheet.number,
                at: sheet.at,
                position: sheet.position,
                reason: sheet.reason.clone(),
                world: sheet.world.changes_since(before),
            });
            before = &sheet.world;
        }
        Self {
            position: models.position,
            is_demo: models.is_demo,
            publications,
            world: models.world.changes_since(before),
            histories: listed(&models.histories),
            period_histories: listed(&models.period_histories),
            refusals: models.refusals.clone(),
        }
    }

    fn into_read_models(self) -> ReadModels {
        let mut world = World::default();
        let mut publications: OrdMap<_, Vector<_>> = OrdMap::new();
        for publication in self.publications {
            world.take_over(publication.world);
            let (plan, fiscal_year) = (publication.plan, publication.fiscal_year);
            publications
                .entry((plan, fiscal_year))
                .or_default()
                .push_back(Arc::new(PublishedSheet {
                    plan,
                    fiscal_year,
                    number: publication.number,
                    at: publication.at,
                    position: publication.position,
                    reason: publication.reason,
                    world: world.clone(),
                }));
        }
        world.take_over(self.world);
        ReadModels {
            position: self.position,
            world,
            is_demo: self.is_demo,
            histories: self.histories.into_iter().collect(),
            period_histories: self.period_histories.into_iter().collect(),
            refusals: self.refusals,
            publications,
        }
    }
}

fn listed<K: Ord + Clone, V: Clone>(map: &OrdMap<K, V>) -> Vec<(K, V)> {
    map.iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Writes `models` to `out`.
///
/// # Errors
/// What `out` said; read models themselves can always be written.
pub(crate) fn write(
    models: &ReadModels,
    out: &mut impl Write,
) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write_named(out, &Plain::of(models))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// When the bytes are no read models of this version.
pub(crate) fn read(bytes: &[u8]) -> Result<ReadModels, rmp_serde::decode::Error> {
    rmp_serde::from_slice::<Plain>(bytes).map(Plain::into_read_models)
}
