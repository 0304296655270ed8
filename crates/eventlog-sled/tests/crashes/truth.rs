//! What a log must hold, known without it: from what its writers were told and what they sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use daicho_eventlog::{
    AppendOutcome, EventLog, RecordedEvent, StreamPosition,
    conformance::{append, at, command, no_stream, stream},
    evidence::{Hash, HashTile, TILE_HEIGHT, TILE_WIDTH, TreeHead},
};
use daicho_eventlog_sled::SledLog;
use futures::FutureExt;
use sha2::{Digest, Sha256};

use crate::load::{checkpoint_of, events_of};

/// Numbers of commands that are sent while checking, far from those of the load.
const PROBES: u64 = 1 << 40;

/// Acknowledged appends and checkpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// First and last position by number of the command.
    pub(crate) acknowledged: BTreeMap<u64, (u64, u64)>,
    /// Sizes of the trees whose heads have been kept.
    pub(crate) kept: BTreeSet<u64>,
}

impl Truth {
    /// Takes over what a writing process was told.
    pub(crate) fn learn<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            // The test runner may have begun the first line.
            if let Some((_, facts)) = line.split_once("ack ") {
                let facts: Vec<u64> = facts
                    .split_whitespace()
                    .map(|n| n.parse().unwrap())
                    .collect();
                self.acknowledged.insert(facts[0], (facts[1], facts[2]));
            } else if let Some((_, size)) = line.split_once("kept ") {
                self.kept.insert(size.trim().parse().unwrap());
            }
        }
    }

    /// The position after the last acknowledged event.
    pub(crate) fn next(&self) -> u64 {
        let ends = self.acknowledged.values().map(|(_, last)| last + 1);
        ends.max().unwrap_or(0)
    }

    /// What is left if everything from `position` on has been lost.
    pub(crate) fn before(&self, position: u64) -> Self {
        let mut left = self.clone();
        left.acknowledged.retain(|_, (_, last)| *last < position);
        left.kept.retain(|size| *size <= position);
        left
    }

    /// Reads everything that the log has in every way there is: all of it must be right, nothing
    /// acknowledged may be missing, nothing may be there twice or half. Returns the number of
    /// events.
    pub(crate) fn compare(&self, log: &SledLog) -> Result<u64, String> {
        let stored = log
            .read_stored(at(0), usize::MAX)
            .now_or_never()
            .unwrap()
            .map_err(|error| format!("unreadable: {error}"))?;
        let places = places_of(&stored)?;
        for (number, place) in &self.acknowledged {
            match places.get(number) {
                None => {
                    return Err(format!(
                        "LOST: the acknowledged command {number} at {place:?}; the log has {} events",
                        stored.len()
                    ));
                }
                Some(found) if found != place => {
                    return Err(format!(
                        "command {number} is at {found:?}, was at {place:?}"
                    ));
                }
                Some(_) => {}
            }
        }
        let tree = Subtrees::over(&stored);
        self.compare_tree(log, &tree)?;
        self.compare_checkpoints(log, &tree)?;
        compare_reading(log, &stored, &places)?;
        Ok(stored.len() as u64)
    }

    fn compare_tree(&self, log: &SledLog, tree: &Subtrees) -> Result<(), String> {
        let head = log.tree_head().now_or_never().unwrap();
        let head = head.map_err(|error| error.to_string())?;
        let expected = tree.head(tree.size());
        if head != expected {
            return Err(format!(
                "the tree's head is {head:?}, should be {expected:?}"
            ));
        }
        for level in 0..3_u8 {
            let hashes = tree.levels.get(usize::from(level * TILE_HEIGHT));
            for (index, expected) in hashes
                .map_or(&[][..], Vec::as_slice)
                .chunks(TILE_WIDTH)
                .enumerate()
            {
                let tile = HashTile {
                    level,
                    index: index as u64,
                    width: expected.len() as u16,
                };
                let found = log.hash_tile(tile).now_or_never().unwrap();
                let found = found.map_err(|error| format!("{tile:?}: {error}"))?;
                if found != expected.concat() {
                    return Err(format!("{tile:?} is wrong"));
                }
            }
        }
        Ok(())
    }

    fn compare_checkpoints(&self, log: &SledLog, tree: &Subtrees) -> Result<(), String> {
        let found = log.checkpoints(0, usize::MAX).now_or_never().unwrap();
        let found = found.map_err(|error| format!("checkpoints: {error}"))?;
        let mut sizes = BTreeSet::new();
        for checkpoint in &found {
            let size = checkpoint.head.size;
            if size > tree.size() || *checkpoint != checkpoint_of(tree.head(size)) {
                return Err(format!(
                    "the checkpoint of {size} events is not what was signed"
                ));
            }
            sizes.insert(size);
        }
        let missing: Vec<_> = self.kept.difference(&sizes).collect();
        if !missing.is_empty() {
            return Err(format!("LOST CHECKPOINTS: {missing:?}"));
        }
        let latest = log.latest_checkpoint().now_or_never().unwrap();
        let latest = latest.map_err(|error| format!("latest checkpoint: {error}"))?;
        if latest.as_ref() != found.last() {
            return Err("the latest checkpoint is another than the last".to_owned());
        }
        Ok(())
    }
}

/// Where each command's events are. Every event must be what its command recorded there.
fn places_of(stored: &[Vec<u8>]) -> Result<HashMap<u64, (u64, u64)>, String> {
    let mut places = HashMap::new();
    let mut versions: HashMap<_, u64> = HashMap::new();
    let mut rest = stored;
    while let Some(first) = rest.first() {
        let position = (stored.len() - rest.len()) as u64;
        let head = RecordedEvent::from_stored_bytes(first)
            .map_err(|error| format!("the event at {position}: {error}"))?;
        let number = head.metadata.command_id.as_u64_pair().1;
        let expected = if number < PROBES {
            events_of(number)
        } else {
            append(number, &[(&probed_stream(number), no_stream())]).events
        };
        if rest.len() < expected.len() {
            return Err(format!("HALF of command {number} at {position}"));
        }
        let (found, behind) = rest.split_at(expected.len());
        for (place, (expected, found)) in (position..).zip(expected.into_iter().zip(found)) {
            let version = versions.entry(expected.stream.clone()).or_default();
            let expected = RecordedEvent::at(at(place), StreamPosition(*version), expected);
            *version += 1;
            if expected.to_stored_bytes().unwrap() != *found {
                return Err(format!("WRONG: the event at {place} of command {number}"));
            }
        }
        let place = (position, position + found.len() as u64 - 1);
        if let Some(other) = places.insert(number, place) {
            return Err(format!(
                "DOUBLED: command {number} at {other:?} and {place:?}"
            ));
        }
        rest = behind;
    }
    Ok(places)
}

fn compare_reading(
    log: &SledLog,
    stored: &[Vec<u8>],
    places: &HashMap<u64, (u64, u64)>,
) -> Result<(), String> {
    let all = log
        .read_all_now(at(0), usize::MAX)
        .map_err(|error| format!("unreadable: {error}"))?;
    if all.len() != stored.len() {
        return Err(format!("{} events are read as {}", stored.len(), all.len()));
    }
    let mut streams: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for (event, stored) in all.iter().zip(stored) {
        if event.to_stored_bytes().unwrap() != *stored {
            return Err(format!(
                "the event at {} is read wrong",
                event.global_position
            ));
        }
        let positions = streams.entry(&event.stream).or_default();
        positions.push(event.global_position.0);
    }
    for (stream, expected) in streams {
        let read = log.read_stream(stream, StreamPosition(0), usize::MAX);
        let read = read
            .now_or_never()
            .unwrap()
            .map_err(|error| error.to_string())?;
        let read: Vec<_> = read.iter().map(|event| event.global_position.0).collect();
        if read != expected {
            return Err(format!("stream {stream} is read wrong"));
        }
    }
    for (number, (first, last)) in places {
        let outcome = log
            .command_outcome(command(*number))
            .now_or_never()
            .unwrap();
        if !outcome
            .as_ref()
            .is_ok_and(|outcome| *outcome == Some((at(*first), at(*last))))
        {
            return Err(format!("command {number} has the outcome {outcome:?}"));
        }
    }
    Ok(())
}

fn probed_stream(number: u64) -> String {
    format!("probe{number}")
}

/// Appends something new and something that has been recorded already: the log must go on, and
/// record nothing twice.
pub(crate) fn probe(log: &SledLog, truth: &mut Truth, number: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let send = |sent| -> Result<AppendOutcome, String> {
        runtime
            .block_on(log.append(sent))
            .map_err(|error| format!("the log does not go on: {error}"))
    };
    let number = PROBES + number;
    let stream_id = probed_stream(number);
    let outcome = send(append(number, &[(&stream_id, no_stream())]))?;
    truth
        .acknowledged
        .insert(number, (outcome.first.0, outcome.last.0));
    if let Some((known, place)) = truth.acknowledged.iter().next() {
        let again = append(*known, &[("elsewhere", no_stream())]);
        let outcome = send(again)?;
        if !outcome.replayed || (outcome.first.0, outcome.last.0) != *place {
            return Err(format!(
                "command {known} was recorded once more: {outcome:?}"
            ));
        }
    }
    let version = log
        .stream_version(&stream(&stream_id))
        .now_or_never()
        .unwrap();
    if version.map_err(|error| error.to_string())? != Some(StreamPosition(0)) {
        return Err("what was appended is not there".to_owned());
    }
    Ok(())
}

/// RFC 6962's tree once more, from the standard's text: all complete subtrees by height.
#[derive(Debug)]
struct Subtrees {
    levels: Vec<Vec<[u8; 32]>>,
}

impl Subtrees {
    fn over(entries: &[Vec<u8>]) -> Self {
        let mut level: Vec<_> = entries
            .iter()
            .map(|entry| hash(&[&[0], entry.as_slice()]))
            .collect();
        let mut levels = Vec::new();
        loop {
            let (pairs, _) = level.as_chunks::<2>();
            let above: Vec<_> = pairs
                .iter()
                .map(|[left, right]| hash(&[&[1], left, right]))
                .collect();
            levels.push(level);
            if above.is_empty() {
                return Self { levels };
            }
            level = above;
        }
    }

    fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    fn head(&self, size: u64) -> TreeHead {
        // From right to left: each subtree that ends where the one before it begins.
        let mut root: Option<[u8; 32]> = None;
        for (height, hashes) in self.levels.iter().enumerate() {
            if size >> height & 1 == 1 {
                let subtree = hashes[(size >> height) as usize - 1];
                root = Some(root.map_or(subtree, |right| hash(&[&[1], &subtree, &right])));
            }
        }
        TreeHead {
            size,
            root: Hash(root.unwrap_or_else(|| hash(&[]))),
        }
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
