//! A node's copy of the Merkle tree: taken up from the database at the start, grown with what
//! other nodes add.

use std::{collections::HashMap, io};

use daicho_eventlog::{
    LogError,
    evidence::{Hash, TILE_WIDTH, Tree, TreeHead, leaf_hash},
};
use daicho_postgres::whole_story;
use tokio_postgres::{Row, types::Type};

use crate::session::Session;

/// Events read in one page.
pub(crate) const PAGE: i64 = 256;

/// The head's row.
pub(crate) const HEAD: &str = "SELECT size, root FROM daicho_log.head";
/// Positions and stored bytes of a page of events.
pub(crate) const EVENTS: &str = "SELECT global_position, stored FROM daicho_log.events \
     WHERE global_position >= $1 ORDER BY global_position LIMIT $2";
/// Hashes of the full tiles of a level, from one index to another.
pub(crate) const TILES: &str = "SELECT index, hashes FROM daicho_log.tiles \
     WHERE level = $1 AND index >= $2 AND index < $3 ORDER BY index";

/// The tree over everything that the database holds, if its root is the recorded one.
pub(crate) async fn resume(session: &Session, doing: &str) -> Result<Tree, LogError> {
    let said = |error: tokio_postgres::Error| io_error(doing, &error);
    let rows = session.query(HEAD, &[]).await.map_err(said)?;
    let head = head_of(rows.first())?;
    let first = signed(head.size - head.size % TILE_WIDTH as u64);
    let rows = session
        .query(EVENTS, &[(&first, Type::INT8), (&PAGE, Type::INT8)])
        .await
        .map_err(said)?;
    let mut tail = Vec::with_capacity(rows.len());
    for (row, expected) in rows.iter().zip(first..signed(head.size)) {
        let (position, stored) = event_of(row);
        if position != expected {
            return Err(missing(expected));
        }
        tail.push(leaf_hash(stored));
    }
    let tiles = edge_tiles(session, head.size).await.map_err(said)?;
    let tree = Tree::resume(head.size, &tail, |level, index| {
        tiles.get(&(level, index)).cloned().ok_or(NoTile)
    })
    .map_err(|error| damaged(format!("its tree cannot be taken up: {error}")))?;
    check_root(&tree, head)?;
    Ok(tree)
}

#[derive(Debug, thiserror::Error)]
#[error("it is missing")]
struct NoTile;

/// The full tiles whose roots are in the tiles above them that are not full yet.
async fn edge_tiles(
    session: &Session,
    size: u64,
) -> Result<HashMap<(u8, u64), Vec<u8>>, tokio_postgres::Error> {
    let mut tiles = HashMap::new();
    let width = TILE_WIDTH as u64;
    let mut full = size / width;
    let mut level = 0_u8;
    while full > 0 {
        let from = signed(full - full % width);
        let rows = session
            .query(
                TILES,
                &[
                    (&i16::from(level), Type::INT2),
                    (&from, Type::INT8),
                    (&signed(full), Type::INT8),
                ],
            )
            .await?;
        for row in rows {
            tiles.insert((level, unsigned(row.get(0))), row.get(1));
        }
        full /= width;
        level += 1;
    }
    Ok(tiles)
}

/// Adds a page of events to the tree, which they must continue.
pub(crate) fn grow(tree: &mut Tree, rows: &[Row]) -> Result<(), LogError> {
    // Whoever added the events stored the full tiles too.
    let mut stored_already = Vec::new();
    for row in rows {
        let (position, stored) = event_of(row);
        if position != signed(tree.size()) {
            return Err(missing(signed(tree.size())));
        }
        tree.push(leaf_hash(stored), &mut stored_already);
    }
    Ok(())
}

/// Whether the tree is the one that the database says it has.
pub(crate) fn check_root(tree: &Tree, head: TreeHead) -> Result<(), LogError> {
    let grown = tree.head();
    if grown.size > head.size {
        return Err(went_back(grown.size, head.size));
    }
    if grown != head {
        return Err(damaged(format!(
            "the root over its {} events is not the recorded one",
            head.size
        )));
    }
    Ok(())
}

/// The database has fewer events than this node has seen committed.
pub(crate) fn went_back(seen: u64, found: u64) -> LogError {
    LogError::Damaged {
        what: format!(
            "PostgreSQL has {found} events where this node has seen {seen}: acknowledged events were lost, \
             perhaps in a failover without synchronous replication or by restoring an old backup"
        ),
        what_to_do:
            "Find the server or the backup that has them; restart every node only when you \
                     have decided to go on without them"
                .to_owned(),
    }
}

pub(crate) fn missing(position: i64) -> LogError {
    damaged(format!("the event at position {position} is missing"))
}

pub(crate) fn damaged(what: String) -> LogError {
    LogError::Damaged {
        what: format!("{what} (PostgreSQL, schema daicho_log)"),
        what_to_do: "Stop the nodes and restore the database from a verified backup".to_owned(),
    }
}

pub(crate) fn io_error(doing: &str, error: &tokio_postgres::Error) -> LogError {
    LogError::io(doing, io::Error::other(whole_story(error)))
}

/// Size and root from the first two columns of the head's row.
pub(crate) fn head_of(row: Option<&Row>) -> Result<TreeHead, LogError> {
    let row = row.ok_or_else(|| damaged("the head row is missing".to_owned()))?;
    let root: &[u8] = row.get(1);
    let root = root
        .try_into()
        .map_err(|_| damaged("the recorded root has not 32 bytes".to_owned()))?;
    Ok(TreeHead {
        size: unsigned(row.get(0)),
        root: Hash(root),
    })
}

pub(crate) fn event_of(row: &Row) -> (i64, &[u8]) {
    (row.get(0), row.get(1))
}

/// A position as the database has it; one that it cannot have is beyond all that it has.
pub(crate) fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// The schema keeps positions from being negative.
pub(crate) fn unsigned(position: i64) -> u64 {
    position.max(0).unsigned_abs()
}
