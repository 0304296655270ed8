//! Proofs that an event is in the tree, and that a smaller tree is the beginning of a larger one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tlog_tiles::{Hash, HashReader, Tile};

use super::tile::{HashTile, TILE_HEIGHT, TILE_WIDTH};
use crate::{EventLog, GlobalPosition, LogError};

/// Why something could not be proven, or a proof does not hold.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The tree is smaller than what was asked about.
    #[error("the log has {size} events; {asked} cannot be proven in it yet")]
    Beyond {
        /// Events in the tree.
        size: u64,
        /// What was asked about.
        asked: String,
    },
    /// The proof does not lead to the root.
    #[error(
        "the proof does not lead to the root of the checkpoint: what it shows is not in that log"
    )]
    DoesNotHold,
    /// The stored hashes contradict each other.
    #[error("the stored hashes of the tree contradict each other ({0}); run 'daicho verify'")]
    Contradiction(String),
}

/// The root that the log's tree had when it had `size` events.
///
/// # Errors
/// [`EvidenceError::Beyond`] if it never had so many, or what the log said.
pub async fn root_at(log: &dyn EventLog, size: u64) -> Result<Hash, EvidenceError> {
    within(log, size, size).await?;
    with_hashes(log, size, |reader| tlog_tiles::tree_hash(size, reader)).await
}

/// The audit path from the event at `position` to the root of the tree of `size` events.
///
/// # Errors
/// [`EvidenceError::Beyond`] if the event is not in that tree, or what the log said.
pub async fn prove_inclusion(
    log: &dyn EventLog,
    position: GlobalPosition,
    size: u64,
) -> Result<Vec<Hash>, EvidenceError> {
    within(log, size, size).await?;
    within_tree(size, position.0.saturating_add(1))?;
    with_hashes(log, size, |reader| {
        tlog_tiles::prove_record(size, position.0, reader)
    })
    .await
}

/// What shows that the tree of `old` events is the beginning of the tree of `new` events.
/// Empty for an `old` of 0.
///
/// # Errors
/// [`EvidenceError::Beyond`] if one of them is larger than the log, or what the log said.
pub async fn prove_consistency(
    log: &dyn EventLog,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, EvidenceError> {
    within(log, new, new).await?;
    within_tree(new, old)?;
    if old == 0 {
        return Ok(Vec::new());
    }
    with_hashes(log, new, |reader| tlog_tiles::prove_tree(new, old, reader)).await
}

/// Checks that `leaf` is at `position` of the tree with this size and root.
///
/// # Errors
/// [`EvidenceError::DoesNotHold`].
pub fn check_inclusion(
    proof: &[Hash],
    size: u64,
    root: Hash,
    position: u64,
    leaf: Hash,
) -> Result<(), EvidenceError> {
    // A path through 2^64 leaves has 64 hashes; the library recurses over it.
    if position >= size || proof.len() > 64 {
        return Err(EvidenceError::DoesNotHold);
    }
    tlog_tiles::check_record(&proof.to_vec(), size, root, position, leaf)
        .map_err(|_| EvidenceError::DoesNotHold)
}

/// Checks that the tree of `old` events with `old_root` is the beginning of the one of `new`
/// events with `new_root`.
///
/// # Errors
/// [`EvidenceError::DoesNotHold`].
pub fn check_consistency(
    proof: &[Hash],
    (new, new_root): (u64, Hash),
    (old, old_root): (u64, Hash),
) -> Result<(), EvidenceError> {
    let holds = match old {
        0 => proof.is_empty() && old_root == tlog_tiles::EMPTY_HASH,
        _ if old > new || proof.len() > 128 => false,
        _ => tlog_tiles::check_tree(&proof.to_vec(), new, new_root, old, old_root).is_ok(),
    };
    if holds {
        Ok(())
    } else {
        Err(EvidenceError::DoesNotHold)
    }
}

async fn within(log: &dyn EventLog, asked: u64, size: u64) -> Result<(), EvidenceError> {
    let has = log.tree_head().await?.size;
    if asked.max(size) > has {
        return Err(EvidenceError::Beyond {
            size: has,
            asked: format!("a tree of {asked} events"),
        });
    }
    Ok(())
}

fn within_tree(size: u64, asked: u64) -> Result<(), EvidenceError> {
    if asked > size {
        return Err(EvidenceError::Beyond {
            size,
            asked: format!("event number {asked}"),
        });
    }
    Ok(())
}

/// Reads the hashes that `compute` asks for out of the log's tiles: a first run learns which,
/// a second one gets them.
async fn with_hashes<T>(
    log: &dyn EventLog,
    size: u64,
    compute: impl Fn(&GivenHashes) -> Result<T, tlog_tiles::Error>,
) -> Result<T, EvidenceError> {
    let asking = GivenHashes::default();
    if let Ok(done) = compute(&asking) {
        return Ok(done);
    }
    let wanted = asking.wanted.take();
    let mut tiles = HashMap::new();
    let mut given = HashMap::new();
    for index in wanted {
        let tile = Tile::from_index(TILE_HEIGHT, index);
        let wide = widest(HashTile::of(&tile), size);
        let bytes = match tiles.entry((wide.level, wide.index)) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(log.hash_tile(wide).await?),
        };
        let hash = tile.hash_at_index(bytes, index).map_err(contradiction)?;
        given.insert(index, hash);
    }
    compute(&GivenHashes {
        given,
        wanted: RefCell::default(),
    })
    .map_err(contradiction)
}

/// The same tile with all the hashes that a tree of `size` leaves gives it, so that it is read
/// once whichever of them are needed.
fn widest(tile: HashTile, size: u64) -> HashTile {
    let bits = u32::from(tile.level) * u32::from(TILE_HEIGHT);
    let hashes = size.checked_shr(bits).unwrap_or(0);
    let width = hashes
        .saturating_sub(tile.index * TILE_WIDTH as u64)
        .min(TILE_WIDTH as u64);
    HashTile {
        width: u16::try_from(width).unwrap_or(tile.width),
        ..tile
    }
}

fn contradiction(error: tlog_tiles::Error) -> EvidenceError {
    EvidenceError::Contradiction(error.to_string())
}

/// Hashes by their stored index; remembers what it was asked for and does not have.
#[derive(Default)]
struct GivenHashes {
    given: HashMap<u64, Hash>,
    wanted: RefCell<Vec<u64>>,
}

impl HashReader for GivenHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let found: Option<Vec<_>> = indexes
            .iter()
            .map(|index| self.given.get(index).copied())
            .collect();
        found.ok_or_else(|| {
            self.wanted.borrow_mut().extend_from_slice(indexes);
            tlog_tiles::Error::IndexesNotInTree
        })
    }
}
