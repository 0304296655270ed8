//! Which events a command led to, for every command ever recorded: sorted runs that no longer
//! change, and a table of the newest.

use foldhash::HashMap;
use std::sync::Arc;

use uuid::Uuid;

/// First position and number of events of a command.
pub(crate) type Outcome = (u64, u16);

/// An odd factor spreads identifiers over all 128 bits (they often begin with the time) and maps
/// no two to the same key.
const SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

fn key_of(command_id: Uuid) -> u128 {
    command_id.as_u128().wrapping_mul(SPREAD)
}

/// Commands sorted by key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct CommandRun {
    keys: Vec<u128>,
    /// Position of the first event, counted from the run's `base`.
    firsts: Vec<u32>,
    counts: Vec<u16>,
    base: u64,
}

impl CommandRun {
    fn of(base: u64, mut entries: Vec<(u128, Outcome)>) -> Self {
        entries.sort_unstable_by_key(|(key, _)| *key);
        let mut run = Self::with_capacity(base, entries.len());
        for (key, outcome) in entries {
            run.push(key, outcome);
        }
        run
    }

    fn with_capacity(base: u64, commands: usize) -> Self {
        Self {
            keys: Vec::with_capacity(commands),
            firsts: Vec::with_capacity(commands),
            counts: Vec::with_capacity(commands),
            base,
        }
    }

    fn push(&mut self, key: u128, (first, count): Outcome) {
        self.keys.push(key);
        let offset = first - self.base;
        self.firsts
            .push(u32::try_from(offset).expect("a run covers fewer than 2^32 events"));
        self.counts.push(count);
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    fn at(&self, place: usize) -> Outcome {
        (
            self.base + u64::from(self.firsts[place]),
            self.counts[place],
        )
    }

    fn get(&self, key: u128) -> Option<Outcome> {
        let length = self.keys.len();
        if length == 0 {
            return None;
        }
        // The keys are spread evenly, so one is about where its size says.
        let share = (key >> 64) * length as u128;
        let guess = usize::try_from(share >> 64)
            .unwrap_or(length - 1)
            .min(length - 1);
        let (mut low, mut high) = (guess, guess + 1);
        let mut step = 8;
        while low > 0 && self.keys[low] > key {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 8;
        while high < length && self.keys[high - 1] < key {
            high = (high + step).min(length);
            step *= 2;
        }
        let found = self.keys[low..high].binary_search(&key).ok()?;
        Some(self.at(low + found))
    }

    /// One run with all that these hold; they cover positions one behind the other.
    pub(crate) fn merge(runs: &[&Self]) -> Self {
        let base = runs.iter().map(|run| run.base).min().unwrap_or(0);
        let mut merged = Self::with_capacity(base, runs.iter().map(|run| run.len()).sum());
        let mut next = vec![0; runs.len()];
        loop {
            let smallest = runs
                .iter()
                .enumerate()
                .filter_map(|(run, of)| Some((of.keys.get(next[run]).copied()?, run)))
                .min();
            let Some((key, run)) = smallest else {
                return merged;
            };
            merged.push(key, runs[run].at(next[run]));
            next[run] += 1;
        }
    }

    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend((self.len() as u64).to_le_bytes());
        bytes.extend(self.keys.iter().flat_map(|key| key.to_le_bytes()));
        bytes.extend(self.firsts.iter().flat_map(|first| first.to_le_bytes()));
        bytes.extend(self.counts.iter().flat_map(|count| count.to_le_bytes()));
    }

    /// Reads what [`Self::encode`] wrote at the beginning of `bytes`; also what follows it.
    pub(crate) fn decode(base: u64, bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (keys, rest) = rest.split_at_checked(length.checked_mul(16)?)?;
        let (firsts, rest) = rest.split_at_checked(length * 4)?;
        let (counts, rest) = rest.split_at_checked(length * 2)?;
        let run = Self {
            keys: keys
                .as_chunks()
                .0
                .iter()
                .map(|key| u128::from_le_bytes(*key))
                .collect(),
            firsts: firsts
                .as_chunks()
                .0
                .iter()
                .map(|first| u32::from_le_bytes(*first))
                .collect(),
            counts: counts
                .as_chunks()
                .0
                .iter()
                .map(|count| u16::from_le_bytes(*count))
                .collect(),
            base,
        };
        run.keys.is_sorted().then_some((run, rest))
    }
}

/// All commands.
#[derive(Debug, Default)]
pub(crate) struct CommandIndex {
    runs: Vec<Arc<CommandRun>>,
    live: HashMap<Uuid, Outcome>,
}

impl CommandIndex {
    pub(crate) fn get(&self, command_id: Uuid) -> Option<Outcome> {
        if let Some(outcome) = self.live.get(&command_id) {
            return Some(*outcome);
        }
        let key = key_of(command_id);
        self.runs.iter().rev().find_map(|run| run.get(key))
    }

    /// Adds a command's events, or one more event to the newest command.
    pub(crate) fn set(&mut self, command_id: Uuid, outcome: Outcome) {
        self.live.insert(command_id, outcome);
    }

    /// Turns the newest commands into a run that never changes again.
    pub(crate) fn seal(&mut self, base: u64) -> Arc<CommandRun> {
        let entries = self.live.drain().map(|(id, outcome)| (key_of(id), outcome));
        let run = Arc::new(CommandRun::of(base, entries.collect()));
        self.runs.push(Arc::clone(&run));
        run
    }

    pub(crate) fn push_run(&mut self, run: Arc<CommandRun>) {
        self.runs.push(run);
    }

    /// Puts one run in the place of those that cover the same positions.
    pub(crate) fn replace(&mut self, merged: Arc<CommandRun>, until: u64) {
        let from = merged.base;
        let place = self.runs.iter().position(|run| run.base >= from);
        self.runs.retain(|run| run.base < from || run.base >= until);
        self.runs.insert(place.unwrap_or(self.runs.len()), merged);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::HashMap;

    use super::*;

    proptest! {
        #[test]
        fn every_command_is_found_and_no_other(
            ids in prop::collection::btree_set(any::<u128>(), 1..400),
            other in any::<u128>(),
            // Version 7 identifiers of one moment share their first half.
            shared in any::<bool>(),
            sealed_at in 0..400_usize,
        ) {
            let ids: Vec<_> = ids
                .into_iter()
                .map(|id| Uuid::from_u128(if shared { id >> 64 } else { id }))
                .collect();
            let mut index = CommandIndex::default();
            for (at, id) in ids.iter().enumerate() {
                index.set(*id, (1000 + at as u64, 1));
                if at == sealed_at || at == sealed_at / 2 {
                    index.seal(1000);
                }
            }
            let last: HashMap<_, _> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
            for (id, at) in &last {
                prop_assert_eq!(index.get(*id), Some((1000 + *at as u64, 1)));
            }
            let other = Uuid::from_u128(other);
            prop_assert_eq!(index.get(other).is_some(), last.contains_key(&other));
        }

        #[test]
        fn a_run_comes_back_and_merging_keeps_everything(
            ids in prop::collection::btree_set(any::<u128>(), 0..200),
            parts in 1..5_usize,
        ) {
            let entries: Vec<_> = ids.into_iter().map(Uuid::from_u128).zip(10_u64..).collect();
            let runs: Vec<_> = entries
                .chunks(entries.len() / parts + 1)
                .map(|part| {
                    let base = part[0].1;
                    CommandRun::of(base, part.iter().map(|(id, at)| (key_of(*id), (*at, 2))).collect())
                })
                .collect();
            let merged = CommandRun::merge(&runs.iter().collect::<Vec<_>>());
            let mut bytes = Vec::new();
            merged.encode(&mut bytes);
            bytes.extend(b"rest");
            let base = if entries.is_empty() { 0 } else { 10 };
            let (read, rest) = CommandRun::decode(base, &bytes).unwrap();
            prop_assert_eq!(&read, &merged);
            prop_assert_eq!(rest, b"rest");
            for (id, at) in entries {
                prop_assert_eq!(read.get(key_of(id)), Some((at, 2)));
            }
        }
    }

    #[test]
    fn a_cut_run_is_not_read() {
        let run = CommandRun::of(0, vec![(5, (0, 1)), (9, (1, 1))]);
        let mut bytes = Vec::new();
        run.encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(
                CommandRun::decode(0, &bytes[..length]).is_none(),
                "{length}"
            );
        }
    }
}
