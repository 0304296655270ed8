//! The transaction of a group, in two round trips: lock and look, then record and commit.

use std::collections::{HashMap, HashSet};

use daicho_eventlog::{
    Append, GlobalPosition, LogError, StreamName, StreamPosition,
    evidence::{FullTile, Tree, TreeHead, leaf_hash},
};
use tokio_postgres::{
    Statement,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    connector::WRITE_WAL,
    judging::{Admitted, Judgement},
    session::{CHANNEL, Session},
    tree::{self, EVENTS, PAGE, damaged, head_of, io_error, signed, unsigned},
};

const LOCK_HEAD: &str = "SELECT size, root, current_setting('synchronous_standby_names') <> '' \
     FROM daicho_log.head FOR UPDATE";
const VERSIONS: &str = "SELECT (SELECT max(e.stream_position) FROM daicho_log.events e WHERE e.stream = s.name) \
     FROM unnest($1::text[]) WITH ORDINALITY AS s (name, at) ORDER BY s.at";
const COMMANDS: &str = "SELECT command_id, min(global_position), max(global_position) \
     FROM daicho_log.events WHERE command_id = ANY ($1) GROUP BY command_id";
const ADD_EVENTS: &str = "INSERT INTO daicho_log.events \
     (global_position, stream, stream_position, command_id, stored) \
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::bytea[])";
const ADD_TILES: &str = "INSERT INTO daicho_log.tiles (level, index, hashes) \
     SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])";
const MOVE_HEAD: &str = "UPDATE daicho_log.head SET size = $1, root = $2";
const NEW_EVENTS: [Type; 5] = [
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::BYTEA_ARRAY,
];
const NEW_TILES: [Type; 3] = [Type::INT2_ARRAY, Type::INT8_ARRAY, Type::BYTEA_ARRAY];
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// A parameter of a prepared statement.
type Value<'a> = &'a (dyn ToSql + Sync);

/// A session for appending: with its statements parsed and planned once.
pub(crate) struct Appending {
    pub(crate) session: Session,
    lock_head: Statement,
    versions: Statement,
    commands: Statement,
    events: Statement,
    add_events: Statement,
    add_tiles: Statement,
    move_head: Statement,
    notify: Statement,
}

impl Appending {
    pub(crate) async fn prepare(session: Session, doing: &str) -> Result<Self, LogError> {
        // Plans are kept, and those made for a log of ten events must do for ten million. Without
        // sequential scans even the one-row head has a cost at which JIT would set in.
        let settings =
            "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off";
        let client = &session.client;
        let prepared = tokio::try_join!(
            biased;
            client.batch_execute(settings),
            client.prepare_typed(LOCK_HEAD, &[]),
            client.prepare_typed(VERSIONS, &[Type::TEXT_ARRAY]),
            client.prepare_typed(COMMANDS, &[Type::UUID_ARRAY]),
            client.prepare_typed(EVENTS, &[Type::INT8, Type::INT8]),
            client.prepare_typed(ADD_EVENTS, &NEW_EVENTS),
            client.prepare_typed(ADD_TILES, &NEW_TILES),
            client.prepare_typed(MOVE_HEAD, &[Type::INT8, Type::BYTEA]),
            client.prepare_typed(NOTIFY, &[Type::TEXT, Type::TEXT]),
        )
        .map_err(|error| io_error(doing, &error))?;
        let ((), lock_head, versions, commands, events, add_events, add_tiles, move_head, notify) =
            prepared;
        Ok(Self {
            session,
            lock_head,
            versions,
            commands,
            events,
            add_events,
            add_tiles,
            move_head,
            notify,
        })
    }
}

/// A transaction that holds the head's lock.
pub(crate) struct Locked {
    /// The tree over all that is recorded.
    pub(crate) tree: Tree,
    pub(crate) judgement: Judgement,
    /// Whether a synchronous standby is configured.
    pub(crate) has_standby: bool,
}

/// Begins, locks the head and reads what the group is judged by. `tree` is what the node knows
/// of the tree.
pub(crate) async fn lock(
    appending: &Appending,
    group: &[&Append],
    tree: &Tree,
    doing: &str,
) -> Result<Locked, LogError> {
    let streams: HashSet<&StreamName> = group
        .iter()
        .flat_map(|append| append.expected.iter().map(|(stream, _)| stream))
        .collect();
    let streams: Vec<&StreamName> = streams.into_iter().collect();
    let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
    let commands: Vec<Uuid> = group
        .iter()
        .filter_map(|append| append.events.first())
        .map(|event| event.metadata.command_id)
        .collect();

    let client = &appending.session.client;
    let known = signed(tree.size());
    let of_streams: [Value<'_>; 1] = [&names];
    let of_commands: [Value<'_>; 1] = [&commands];
    let of_events: [Value<'_>; 2] = [&known, &PAGE];
    // Sent in this order without waiting in between. Each statement behind the lock has a
    // snapshot of its own, so it sees what the lock's holder before committed.
    let (_, head, versions, commands, newer) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.query(&appending.lock_head, &[]),
        client.query(&appending.versions, &of_streams),
        client.query(&appending.commands, &of_commands),
        client.query(&appending.events, &of_events),
    )
    .map_err(|error| io_error(doing, &error))?;

    let row = head.first();
    let head = head_of(row)?;
    let has_standby = row.is_some_and(|row| row.get(2));
    if tree.size() > head.size {
        return Err(tree::went_back(tree.size(), head.size));
    }
    let mut grown = tree.clone();
    tree::grow(&mut grown, &newer)?;
    tree::grow_to(&mut grown, head, &appending.session, doing).await?;

    let versions = streams
        .into_iter()
        .cloned()
        .zip(versions.iter().map(|row| {
            let version: Option<i64> = row.get(0);
            version.map(|version| StreamPosition(unsigned(version)))
        }))
        .collect::<HashMap<_, _>>();
    let commands = commands
        .iter()
        .map(|row| {
            let place = |column| GlobalPosition(unsigned(row.get(column)));
            (row.get(0), (place(1), place(2)))
        })
        .collect();
    Ok(Locked {
        judgement: Judgement::new(GlobalPosition(head.size), versions, commands),
        tree: grown,
        has_standby,
    })
}

/// Records what was admitted and commits; adds it to `tree`. Any error means that the outcome
/// is unknown.
pub(crate) async fn record(
    appending: &Appending,
    admitted: &[Admitted],
    tree: &mut Tree,
    doing: &str,
) -> Result<(), LogError> {
    let mut full = Vec::new();
    for event in admitted {
        tree.push(leaf_hash(&event.stored), &mut full);
    }
    let TreeHead { size, root } = tree.head();

    let positions: Vec<i64> = admitted
        .iter()
        .map(|event| signed(event.global_position.0))
        .collect();
    let streams: Vec<&str> = admitted.iter().map(|event| event.stream.as_str()).collect();
    let places: Vec<i64> = admitted
        .iter()
        .map(|event| signed(event.stream_position.0))
        .collect();
    let commands: Vec<Uuid> = admitted.iter().map(|event| event.command_id).collect();
    let stored: Vec<&[u8]> = admitted
        .iter()
        .map(|event| event.stored.as_slice())
        .collect();
    let root = root.0.as_slice();
    let size = signed(size);
    let payload = size.to_string();

    let Appending {
        session,
        add_events,
        move_head,
        notify,
        ..
    } = appending;
    let client = &session.client;
    let new_events: [Value<'_>; 5] = [&positions, &streams, &places, &commands, &stored];
    let new_head: [Value<'_>; 2] = [&size, &root];
    let news: [Value<'_>; 2] = [&CHANNEL, &payload];
    session.forget_warning();
    tokio::try_join!(
        biased;
        client.execute(add_events, &new_events),
        add_tiles(appending, &full),
        client.execute(move_head, &new_head),
        client.query(notify, &news),
        client.batch_execute("COMMIT"),
    )
    .map_err(|error| failed(doing, &error))?;
    session.check_no_warning(doing)
}

async fn add_tiles(appending: &Appending, full: &[FullTile]) -> Result<(), tokio_postgres::Error> {
    if full.is_empty() {
        return Ok(());
    }
    let levels: Vec<i16> = full.iter().map(|tile| i16::from(tile.level)).collect();
    let indices: Vec<i64> = full.iter().map(|tile| signed(tile.index)).collect();
    let hashes: Vec<&[u8]> = full.iter().map(|tile| tile.hashes.as_slice()).collect();
    let client = &appending.session.client;
    client
        .execute(&appending.add_tiles, &[&levels, &indices, &hashes])
        .await?;
    Ok(())
}

/// Ends a transaction that records nothing, but waits until everything recorded before is
/// where a commit has to be: a command found in the database was perhaps never replicated,
/// and PostgreSQL waits only for transactions that wrote something.
pub(crate) async fn confirm(session: &Session, doing: &str) -> Result<(), LogError> {
    session.forget_warning();
    tokio::try_join!(
        biased;
        session.query(WRITE_WAL, &[]),
        session.client.batch_execute("COMMIT"),
    )
    .map_err(|error| failed(doing, &error))?;
    session.check_no_warning(doing)
}

/// Ends a transaction in which nothing was admitted and nothing replayed.
pub(crate) async fn give_up(session: &Session, doing: &str) -> Result<(), LogError> {
    let ended = session.client.batch_execute("ROLLBACK").await;
    ended.map_err(|error| io_error(doing, &error))
}

fn failed(doing: &str, error: &tokio_postgres::Error) -> LogError {
    // Behind the head's lock nobody else can have taken a position.
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return damaged(format!(
            "it holds rows that its head does not know of: {}",
            crate::connector::whole_story(error)
        ));
    }
    io_error(doing, error)
}
