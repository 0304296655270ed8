//! Signed heads, which are in sled and in a file of their own.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use daicho_eventlog::{LogError, evidence::Checkpoint};

use super::{SetAside, refused, sled_folder::journal_ends_before};
use crate::{
    checkpoint_file::{self, KeptCheckpoints},
    journal::scan::Scan,
    sled_store::SledStore,
};

/// The checkpoints in their file. A head is signed of what has been acknowledged, so one that goes
/// further than the journal, here or in sled, is damage.
pub(super) fn signed_heads(
    folder: &Path,
    store: &SledStore,
    scan: &Scan,
) -> Result<KeptCheckpoints, LogError> {
    let held = checkpoint_file::read(folder)
        .map_err(|source| LogError::io("read the file of checkpoints", source))?;
    let newest = store.latest_checkpoint()?;
    let sizes = held
        .kept
        .iter()
        .chain(&newest)
        .map(|signed| signed.head.size);
    match sizes.max() {
        Some(size) if size > scan.next => Err(journal_ends_before(size, "the signed heads", scan)),
        _ => Ok(held),
    }
}

/// Gives sled the checkpoints that only their file has, and the file those that only sled has.
/// Says how many sled lacked, and where a file that was not whole is kept.
pub(super) fn reconcile_checkpoints(
    folder: &Path,
    store: &SledStore,
    held: &KeptCheckpoints,
) -> Result<(usize, Option<SetAside>), LogError> {
    let is_whole = held.unreadable.is_empty() && !held.is_cut;
    if is_whole && held.kept.last() == store.latest_checkpoint()?.as_ref() {
        return Ok((0, None));
    }
    let stored = store.checkpoints(0, usize::MAX)?;
    let mut newest = BTreeMap::new();
    for checkpoint in stored.iter().chain(&held.kept) {
        let known = newest.entry(checkpoint.head.size).or_insert(checkpoint);
        // Signatures are only ever added. The file got it first.
        if checkpoint.text().len() >= known.text().len() {
            *known = checkpoint;
        }
    }
    let mut replayed = 0;
    for checkpoint in newest.values() {
        let place = stored.binary_search_by_key(&checkpoint.head.size, |other| other.head.size);
        if place.is_ok_and(|place| stored[place] == **checkpoint) {
            continue;
        }
        store.insert_checkpoint(checkpoint).map_err(refused)?;
        replayed += 1;
    }
    let in_file: HashSet<_> = held.kept.iter().map(Checkpoint::text).collect();
    let has_all = newest
        .values()
        .all(|checkpoint| in_file.contains(checkpoint.text()));
    if is_whole && has_all {
        return Ok((replayed, None));
    }
    let failed = |source| LogError::io("mend the file of checkpoints", source);
    let set_aside = match held.unreadable.first() {
        None => None,
        Some(line) => Some(SetAside {
            path: checkpoint_file::set_aside(folder).map_err(failed)?,
            reason: format!(
                "line {line} cannot be read (if it is the last one, its writing may have been interrupted)"
            ),
        }),
    };
    checkpoint_file::replace(folder, newest.into_values()).map_err(failed)?;
    Ok((replayed, set_aside))
}
