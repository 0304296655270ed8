//! Opening storage anew while the log is in use.

use std::{path::Path, sync::Arc};

use daicho_eventlog::LogError;

use super::{
    Found, OpenReport,
    cache::Cache,
    finish,
    signed_heads::signed_heads,
    sled_folder::{compare_ends, journal_ends_before, open_sled},
};
use crate::{
    Options,
    feeder::Feeder,
    index_sealer::IndexSealer,
    journal::scan::{Range, Scan, ScannedBlock},
    sled_store,
    storage::Storage,
    visible::Visible,
};

/// Opens storage anew under readers who go on, after a write has failed. What the journal has
/// beyond what is visible, whole but never acknowledged, becomes visible.
pub(crate) fn reopen(
    folder: &Path,
    options: &Options,
    visible: &Arc<Visible>,
) -> Result<Storage, LogError> {
    let journal_folder = folder.join("journal");
    let (cache, _) = Cache::load(folder)?;
    let tree = visible.contents().tree.clone();
    let known = tree.size();
    let range = Range {
        from: known,
        until: None,
    };
    let mut beyond = Vec::new();
    let collect = |scanned: ScannedBlock<'_>| {
        beyond.push((scanned.first, scanned.block));
        Ok(())
    };
    let scan = Scan::run(&journal_folder, range, Some(tree), collect, &mut |_, _| {})?;
    if scan.next < known {
        return Err(journal_ends_before(known, "the acknowledged events", &scan));
    }
    let sled_folder = folder.join("sled");
    let mut report = OpenReport::of_journal(&scan, known, false);
    report.removed_snapshots = sled_store::remove_unfinished_snapshots(&sled_folder)?;
    let (store, stored_next, set_aside) = open_sled(&sled_folder, options, &scan)?;
    report.set_aside = set_aside;
    compare_ends(&scan, stored_next)?;
    let held = signed_heads(folder, &store, &scan)?;
    let opened = finish(
        Found {
            folder,
            options,
            cache: &cache,
            scan: &scan,
            held: &held,
            stored_next,
        },
        store,
        &mut report,
        &mut |_, _, _| {},
    )?;
    // No caller gets the report.
    tracing::warn!(
        ?report,
        "storage had failed and was opened anew, while the log is in use"
    );
    {
        let mut contents = visible.contents_mut();
        for (first, block) in &beyond {
            contents.add(*first, block)?;
        }
        if let Some(tree) = &scan.tree {
            contents.tree = tree.clone();
        }
    }
    visible.stored_all();
    let sealed_blocks = visible.contents().sealed_blocks();
    let feeder = Feeder::start(visible, &opened.kept.store, cache.folder);
    Ok(Storage {
        kept: opened.kept,
        journal: opened.journal,
        checkpoints: opened.checkpoints,
        feeder,
        index: IndexSealer::new(options.index_segment_events, sealed_blocks),
    })
}
