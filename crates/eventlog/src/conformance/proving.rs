//! The tree over the log, its tiles, its proofs and the heads that were kept.

use std::sync::Arc;

use super::{Backend, append, at, exact, no_stream};
use crate::evidence::{
    Hash, HashTile, LogKey, Tree, check_consistency, check_inclusion, leaf_hash, prove_consistency,
    prove_inclusion, root_at, sign_checkpoint,
};
use crate::{EventLog, LogError};

/// Enough for a full tile of level 0 and some more.
const EVENTS: u64 = 600;

async fn fill(log: &dyn EventLog, from: u64, until: u64) {
    for number in from..until {
        let version = number.checked_sub(1).map_or_else(no_stream, exact);
        log.append(append(number, &[("a", version)])).await.unwrap();
    }
}

async fn leaves(log: &dyn EventLog) -> Vec<Hash> {
    let stored = log.read_stored(at(0), usize::MAX).await.unwrap();
    stored.iter().map(|bytes| leaf_hash(bytes)).collect()
}

fn tree_of(leaves: &[Hash]) -> Tree {
    let mut tree = Tree::default();
    for leaf in leaves {
        tree.push(*leaf, &mut Vec::new());
    }
    tree
}

/// See the name.
pub async fn the_tree_is_over_the_stored_bytes_of_every_event<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    assert_eq!(log.tree_head().await.unwrap(), Tree::default().head());
    fill(&*log, 0, 20).await;
    let stored = log.read_stored(at(0), usize::MAX).await.unwrap();
    let events = log.read_all(at(0), usize::MAX).await.unwrap();
    let encoded: Vec<_> = events
        .iter()
        .map(|event| event.to_stored_bytes().unwrap())
        .collect();
    assert_eq!(stored, encoded);
    assert_eq!(log.read_stored(at(7), 2).await.unwrap(), stored[7..9]);
    let expected = tree_of(&leaves(&*log).await).head();
    assert_eq!(log.tree_head().await.unwrap(), expected);
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(log.tree_head().await.unwrap(), expected);
}

/// See the name.
pub async fn tiles_hold_the_hashes_that_lead_to_the_root<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 0, 300).await;
    drop(log);
    let log = backend.reopen().await;
    fill(&*log, 300, EVENTS).await;
    let leaves = leaves(&*log).await;
    let bytes = |range: std::ops::Range<usize>| -> Vec<u8> {
        leaves[range].iter().flat_map(|leaf| leaf.0).collect()
    };
    let tile = |level, index, width| HashTile {
        level,
        index,
        width,
    };
    for (tile, expected) in [
        (tile(0, 0, 256), bytes(0..256)),
        (tile(0, 1, 256), bytes(256..512)),
        (tile(0, 1, 40), bytes(256..296)),
        (tile(0, 2, 88), bytes(512..600)),
        (tile(0, 2, 1), bytes(512..513)),
    ] {
        assert_eq!(log.hash_tile(tile).await.unwrap(), expected, "{tile:?}");
    }
    let above: Vec<u8> = [0..256, 256..512]
        .into_iter()
        .flat_map(|range| tree_of(&leaves[range]).head().root.0)
        .collect();
    assert_eq!(log.hash_tile(tile(1, 0, 2)).await.unwrap(), above);
}

/// See the name.
pub async fn every_event_is_proven_in_every_later_tree<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 0, EVENTS).await;
    let leaves = leaves(&*log).await;
    for size in [1, 2, 3, 255, 256, 257, 511, 512, 600] {
        let root = root_at(&*log, size).await.unwrap();
        assert_eq!(
            root,
            tree_of(&leaves[..size as usize]).head().root,
            "{size}"
        );
        for position in [0, 1, size / 2, size - 1].into_iter().filter(|p| *p < size) {
            let proof = prove_inclusion(&*log, at(position), size).await.unwrap();
            let leaf = leaves[position as usize];
            check_inclusion(&proof, size, root, position, leaf).unwrap();
            let other = leaves[(position as usize + 1) % 600];
            assert!(check_inclusion(&proof, size, root, position, other).is_err());
        }
    }
    assert!(prove_inclusion(&*log, at(600), 600).await.is_err());
    assert!(root_at(&*log, 601).await.is_err());
}

/// See the name.
pub async fn a_tree_is_the_beginning_of_every_later_tree<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 0, EVENTS).await;
    for (old, new) in [
        (0, 1),
        (1, 600),
        (255, 256),
        (256, 600),
        (300, 512),
        (600, 600),
    ] {
        let roots = (
            root_at(&*log, old).await.unwrap(),
            root_at(&*log, new).await.unwrap(),
        );
        let proof = prove_consistency(&*log, old, new).await.unwrap();
        check_consistency(&proof, (new, roots.1), (old, roots.0)).unwrap();
        if old > 0 {
            let another = leaf_hash(b"another log");
            assert!(check_consistency(&proof, (new, roots.1), (old, another)).is_err());
        }
    }
    assert!(prove_consistency(&*log, 601, 600).await.is_err());
}

/// See the name.
pub async fn a_tile_that_is_not_there_yet_is_refused<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    fill(&*log, 0, 3).await;
    for (level, index, width) in [
        (0, 0, 4),
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (0, 0, 257),
        (63, 0, 1),
    ] {
        let tile = HashTile {
            level,
            index,
            width,
        };
        let refused = log.hash_tile(tile).await;
        assert!(
            matches!(refused, Err(LogError::NoSuchTile { .. })),
            "{tile:?}: {refused:?}"
        );
    }
    // Right behind a tile that has just become full, which may not be stored yet.
    fill(&*log, 3, 256).await;
    for width in [257, 300, u16::MAX] {
        let tile = HashTile {
            level: 0,
            index: 0,
            width,
        };
        let refused = log.hash_tile(tile).await;
        assert!(
            matches!(refused, Err(LogError::NoSuchTile { .. })),
            "{tile:?}: {refused:?}"
        );
    }
}

/// See the name.
pub async fn kept_checkpoints_outlive_the_process<B: Backend>(backend: Arc<B>) {
    let log = backend.open().await;
    let key = LogKey::from_seed("log.example", &[1; 32]).unwrap();
    assert_eq!(log.latest_checkpoint().await.unwrap(), None);
    let mut kept = Vec::new();
    for until in [1, 5, 9] {
        let from = kept
            .last()
            .map_or(0, |checkpoint: &crate::evidence::Checkpoint| {
                checkpoint.head.size
            });
        fill(&*log, from, until).await;
        let checkpoint = sign_checkpoint(&key, log.tree_head().await.unwrap()).unwrap();
        log.keep_checkpoint(checkpoint.clone()).await.unwrap();
        log.keep_checkpoint(checkpoint.clone()).await.unwrap();
        kept.push(checkpoint);
    }
    let witness = crate::evidence::Cosigner::from_seed("audit.example", &[2; 32]).unwrap();
    let line = crate::evidence::cosign(&kept[1], &witness, 1).unwrap();
    kept[1] = kept[1].with_signatures(&line).unwrap();
    log.keep_checkpoint(kept[1].clone()).await.unwrap();
    drop(log);
    let log = backend.reopen().await;
    assert_eq!(log.checkpoints(0, usize::MAX).await.unwrap(), kept);
    assert_eq!(log.checkpoints(2, 1).await.unwrap(), kept[1..2]);
    assert_eq!(log.latest_checkpoint().await.unwrap().as_ref(), kept.last());
}
