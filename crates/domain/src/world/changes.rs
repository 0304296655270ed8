//! What became of the streams between two worlds: how worlds that share most of their states
//! are written down without writing the shared ones twice.

use imbl::ordmap::DiffItem;
use serde::{Deserialize, Serialize};

use super::{Versioned, World};
use crate::stream::StreamId;

/// The streams that differ between an earlier world and a later one, with their later states.
/// From an empty world, it is the whole later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorldChanges(Vec<(StreamId, Option<Versioned>)>);

impl WorldChanges {
    /// The streams that differ, in the order of stream ids.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = StreamId> + '_ {
        self.0.iter().map(|(stream, _)| *stream)
    }
}

impl World {
    /// What turns `earlier` into this world. Where this world grew from `earlier`, only what
    /// was changed in between is looked at.
    pub fn changes_since(&self, earlier: &Self) -> WorldChanges {
        WorldChanges(
            earlier
                .streams
                .diff(&self.streams)
                .map(|difference| match difference {
                    DiffItem::Add(stream, now)
                    | DiffItem::Update {
                        new: (stream, now), ..
                    } => (*stream, Some(now.clone())),
                    DiffItem::Remove(stream, _) => (*stream, None),
                })
                .collect(),
        )
    }

    /// Takes over `changes`: the inverse of [`World::changes_since`]. What is not in them stays
    /// shared with the clones that this world has.
    pub fn take_over(&mut self, changes: WorldChanges) {
        for (stream, now) in changes.0 {
            match now {
                Some(now) => self.streams.insert(stream, now),
                None => self.streams.remove(&stream),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::super::StreamState;
    use super::*;
    use crate::id::AccountId;

    fn world(streams: impl IntoIterator<Item = (u128, u64)>) -> World {
        let versioned = |(id, version)| {
            let state = Arc::new(StreamState::Activity);
            let stream = StreamId::Activity(AccountId(Uuid::from_u128(id)));
            (stream, Versioned { version, state })
        };
        World {
            streams: streams.into_iter().map(versioned).collect(),
        }
    }

    #[test]
    fn changes_turn_the_earlier_world_into_the_later_one() {
        let earlier = world((0..1_000).map(|id| (id, 0)));
        let later = world((5..1_010).map(|id| (id, u64::from(id % 100 == 7))));
        let changes = later.changes_since(&earlier);
        assert_eq!(changes.streams().len(), 5 + 10 + 10);
        let mut grown = earlier.clone();
        grown.take_over(changes);
        assert_eq!(grown, later);
    }

    #[test]
    fn a_world_did_not_change_since_itself() {
        let same = world((0..100).map(|id| (id, 3)));
        assert_eq!(same.changes_since(&same.clone()), WorldChanges::default());
        assert_eq!(same.changes_since(&World::default()).streams().len(), 100);
    }
}
