//! Giving sled what it lacks.

use daicho_eventlog::LogError;

use super::{Found, OpenProgress, OpenStage, refused};
use crate::{
    journal::{
        self,
        scan::{Range, Scan, ScannedBlock},
    },
    sled_store::{REBUILD, SledStore},
};

/// Compares the end of sled with the journal and replays what sled lacks, blocks and full tiles.
/// Returns how many events that were.
pub(super) fn catch_up(
    found: &Found<'_>,
    store: &SledStore,
    progress: OpenProgress<'_>,
) -> Result<u64, LogError> {
    let stored_next = found.stored_next;
    let lacking = found.scan.next - stored_next;
    let mut replayed = 0;
    let tree = found.cache.tree_before(stored_next);
    let from = tree.size();
    let journal_first = journal::files(&found.folder.join("journal"))?
        .first()
        .map_or(0, |file| file.first);
    let range = Range {
        from,
        until: Some(found.scan.next),
    };
    let same = |scanned: &ScannedBlock<'_>| {
        let stored = store.get(scanned.first)?;
        if stored.is_some_and(|stored| stored == scanned.bytes) {
            Ok(())
        } else {
            Err(differs(scanned.first))
        }
    };
    if let Some(last) = stored_next
        .checked_sub(1)
        .filter(|last| *last >= journal_first)
    {
        let end = Range {
            from: last,
            until: Some(stored_next),
        };
        let visit = |scanned: ScannedBlock<'_>| {
            let after = scanned.first + scanned.block.len() as u64;
            if after < stored_next {
                return Ok(());
            }
            same(&scanned)
        };
        Scan::run(
            &found.folder.join("journal"),
            end,
            None,
            visit,
            &mut |_, _| {},
        )?;
    }
    let visit = |scanned: ScannedBlock<'_>| {
        if scanned.first < stored_next {
            same(&scanned)?;
        } else {
            if replayed == 0 && scanned.first != stored_next {
                return Err(differs(stored_next));
            }
            store
                .insert(scanned.first, scanned.bytes)
                .map_err(refused)?;
            replayed += scanned.block.len() as u64;
            progress(OpenStage::Replay, replayed, lacking);
        }
        for tile in &scanned.full {
            let stored = store.tile(tile.level, tile.index)?;
            if stored.is_none_or(|hashes| hashes != tile.hashes) {
                store.insert_tile(tile).map_err(refused)?;
            }
        }
        Ok(())
    };
    // Tiles of what has been trimmed are in sled or are derived when they are asked for.
    let tree = (tree.size() >= journal_first).then_some(tree);
    Scan::run(
        &found.folder.join("journal"),
        range,
        tree,
        visit,
        &mut |_, _| {},
    )?;
    Ok(replayed)
}

fn differs(position: u64) -> LogError {
    LogError::Damaged {
        what: format!("sled and the journal differ at position {position}"),
        what_to_do: REBUILD.to_owned(),
    }
}
