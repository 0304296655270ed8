//! How a group is recorded: with one statement that does it only if the head is where the node
//! believes it to be, or in two round trips: lock and look, then record and commit.

use std::{sync::Arc, time::Duration};

use daicho_eventlog::{
    Admission, AdmittedEvent, GlobalPosition, LogError, StreamName, StreamPosition,
    evidence::TreeHead,
};
use tokio::time::timeout;
use tokio_postgres::{
    Row, Statement,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    connector::WRITE_WAL,
    flight::too_late,
    known::{Commands, Grown, Known},
    session::Session,
    tree::{self, PAGE, damaged, head_of, io_error, signed, unsigned},
};

/// Begins a new term: what earlier connections of this node still have under way ends before, or
/// does nothing any more.
pub(crate) const NEW_TERM: &str = "UPDATE daicho_log.head SET term = term + 1 RETURNING size";
const LOCK_HEAD: &str = "SELECT size, root, term, current_setting('synchronous_standby_names') <> '' \
     FROM daicho_log.head FOR UPDATE";
const VERSIONS: &str = "SELECT (SELECT max(e.stream_position) FROM daicho_log.events e WHERE e.stream = s.name) \
     FROM unnest($1::text[]) WITH ORDINALITY AS s (name, at) ORDER BY s.at";
const COMMANDS: &str = "SELECT command_id, global_position, global_position + command_events - 1 \
     FROM daicho_log.events WHERE command_id = ANY ($1) AND command_events IS NOT NULL";
/// What others recorded, with what has to be remembered of it.
const READ_ON: &str = "SELECT global_position, stored, stream, stream_position FROM daicho_log.events \
     WHERE global_position >= $1 ORDER BY global_position LIMIT $2";
/// Moves the head and records what it moves over, or does nothing if the head is not where it is
/// believed to be. A head that somebody else is moving is waited for and then looked at again.
const RECORD: &str = "WITH moved AS ( \
         UPDATE daicho_log.head SET size = $4, root = $5 \
         WHERE size = $1 AND root = $2 AND term = $3 \
             AND ($6 OR current_setting('synchronous_standby_names') <> '') \
         RETURNING size \
     ), events AS ( \
         INSERT INTO daicho_log.events \
             (global_position, stream, stream_position, command_id, command_events, stored) \
         SELECT $1 + event.place - 1, event.stream, event.stream_position, event.command_id, \
             event.command_events, event.stored \
         FROM moved, ROWS FROM (unnest($7::text[], $8::bigint[], $9::uuid[], $10::integer[], $11::bytea[])) \
             WITH ORDINALITY AS event (stream, stream_position, command_id, command_events, stored, place) \
     )";
/// The end of [`RECORD`], and with it where tiles became full.
const RECORDED: &str = " SELECT size FROM moved";
const RECORD_TILES: &str = ", tiles AS ( \
         INSERT INTO daicho_log.tiles (level, index, hashes) \
         SELECT tile.* FROM moved, unnest($12::smallint[], $13::bigint[], $14::bytea[]) AS tile \
     )";
/// Parameters of [`RECORD`] that come before those of [`RECORD_TILES`].
const WITHOUT_TILES: usize = 11;
const PARAMETERS: [Type; 14] = [
    Type::INT8,
    Type::BYTEA,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::BOOL,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::INT4_ARRAY,
    Type::BYTEA_ARRAY,
    Type::INT2_ARRAY,
    Type::INT8_ARRAY,
    Type::BYTEA_ARRAY,
];

/// What a commit is doing when no answer comes.
pub(crate) const COMMITTING: &str = "committing; its outcome is unknown";

/// Where the node believes the head to be, and in which term.
pub(crate) type Believed = (TreeHead, i64);

/// A parameter of a prepared statement.
type Value<'a> = &'a (dyn ToSql + Sync);

/// A session for appending: in a term of its own, with its statements parsed and planned once.
pub(crate) struct Appending {
    pub(crate) session: Session,
    lock_head: Statement,
    versions: Statement,
    commands: Statement,
    read_on: Statement,
    record: Statement,
    record_with_tiles: Statement,
    require_standby: bool,
}

impl Appending {
    /// Prepares everything and begins a new term, which may have to wait for what is under way.
    pub(crate) async fn begin(
        session: Session,
        require_standby: bool,
        doing: &str,
    ) -> Result<Self, LogError> {
        // Plans are kept, and those made for a log of ten events must do for ten million. Without
        // sequential scans even the one-row head has a cost at which JIT would set in.
        let settings =
            "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off";
        let without_tiles = format!("{RECORD}{RECORDED}");
        let with_tiles = format!("{RECORD}{RECORD_TILES}{RECORDED}");
        let client = &session.client;
        session.forget_warning();
        let (_, lock_head, versions, commands, read_on, record, record_with_tiles, _) =
            tokio::try_join!(
                biased;
                client.batch_execute(settings),
                client.prepare_typed(LOCK_HEAD, &[]),
                client.prepare_typed(VERSIONS, &[Type::TEXT_ARRAY]),
                client.prepare_typed(COMMANDS, &[Type::UUID_ARRAY]),
                client.prepare_typed(READ_ON, &[Type::INT8, Type::INT8]),
                client.prepare_typed(&without_tiles, &PARAMETERS[..WITHOUT_TILES]),
                client.prepare_typed(&with_tiles, &PARAMETERS),
                session.query(NEW_TERM, &[]),
            )
            .map_err(|error| io_error(doing, &error))?;
        session.check_no_warning(doing)?;
        Ok(Self {
            session,
            lock_head,
            versions,
            commands,
            read_on,
            record,
            record_with_tiles,
            require_standby,
        })
    }

    /// A page of the events that others recorded behind what is known.
    pub(crate) async fn read_on(&self, from: u64, doing: &str) -> Result<Vec<Row>, LogError> {
        let from = signed(from);
        let page: [Value<'_>; 2] = [&from, &PAGE];
        let rows = self.session.client.query(&self.read_on, &page).await;
        rows.map_err(|error| io_error(doing, &error))
    }

    async fn record(
        &self,
        (before, term): Believed,
        admitted: &[AdmittedEvent],
        grown: &Grown,
    ) -> Result<bool, tokio_postgres::Error> {
        let TreeHead { size, root } = grown.tree.head();
        let heads = (signed(before.size), signed(size));
        let roots = (before.root.0.as_slice(), root.0.as_slice());
        let without_standby = !self.require_standby;

        let count = admitted.len();
        let mut streams = Vec::with_capacity(count);
        let mut places = Vec::with_capacity(count);
        let mut commands = Vec::with_capacity(count);
        let mut counts: Vec<Option<i32>> = Vec::with_capacity(count);
        let mut stored = Vec::with_capacity(count);
        for command in admitted.chunk_by(|one, next| one.command_id == next.command_id) {
            counts.push(i32::try_from(command.len()).ok());
            counts.resize(counts.len() + command.len() - 1, None);
            for event in command {
                streams.push(event.stream.as_str());
                places.push(signed(event.stream_position.0));
                commands.push(event.command_id);
                stored.push(event.stored.as_slice());
            }
        }
        let full = &grown.full;
        let levels: Vec<i16> = full.iter().map(|tile| i16::from(tile.level)).collect();
        let indices: Vec<i64> = full.iter().map(|tile| signed(tile.index)).collect();
        let hashes: Vec<&[u8]> = full.iter().map(|tile| tile.hashes.as_slice()).collect();

        let values: [Value<'_>; 14] = [
            &heads.0,
            &roots.0,
            &term,
            &heads.1,
            &roots.1,
            &without_standby,
            &streams,
            &places,
            &commands,
            &counts,
            &stored,
            &levels,
            &indices,
            &hashes,
        ];
        let (statement, values) = if full.is_empty() {
            (&self.record, &values[..WITHOUT_TILES])
        } else {
            (&self.record_with_tiles, &values[..])
        };
        let moved = self.session.client.query(statement, values).await?;
        Ok(!moved.is_empty())
    }
}

/// Records what was admitted if the head is where the node believes it to be, and says whether it was: if
/// not, or if something of it is recorded already, nothing has happened. Any error means that the outcome is
/// unknown.
pub(crate) async fn record_at_once(
    appending: Arc<Appending>,
    believed: Believed,
    admission: Admission,
    grown: Grown,
    doing: String,
    answer_timeout: Duration,
) -> Result<bool, LogError> {
    let session = &appending.session;
    let recording = appending.record(believed, admission.events(), &grown);
    let recorded = timeout(answer_timeout, recording)
        .await
        .map_err(|_| too_late(&doing, COMMITTING))?;
    match recorded {
        Ok(moved) => session.check_no_warning(&doing).map(|()| moved),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
        Err(error) => Err(io_error(&doing, &error)),
    }
}

/// A transaction that holds the head's lock.
pub(crate) struct Locked {
    /// Those of the group's commands that are recorded.
    pub(crate) commands: Commands,
    /// Whether another node has recorded something since this one looked last.
    pub(crate) others_were_here: bool,
}

/// Begins, locks the head, and brings what the node knows up to date for these streams and
/// commands.
pub(crate) async fn lock(
    appending: &Appending,
    (streams, commands): &(Vec<StreamName>, Vec<Uuid>),
    known: &mut Known,
    doing: &str,
) -> Result<Locked, LogError> {
    let names: Vec<&str> = streams.iter().map(StreamName::as_str).collect();
    let client = &appending.session.client;
    let before = known.size();
    let from = signed(before);
    let of_streams: [Value<'_>; 1] = [&names];
    let of_commands: [Value<'_>; 1] = [commands];
    let of_events: [Value<'_>; 2] = [&from, &PAGE];
    // Sent in this order without waiting in between. Each statement behind the lock has a
    // snapshot of its own, so it sees what the lock's holder before committed.
    let (_, head, versions, commands, newer) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.query(&appending.lock_head, &[]),
        client.query(&appending.versions, &of_streams),
        client.query(&appending.commands, &of_commands),
        client.query(&appending.read_on, &of_events),
    )
    .map_err(|error| io_error(doing, &error))?;

    let row = head.first();
    let head = head_of(row)?;
    if before > head.size {
        return Err(tree::went_back(before, head.size));
    }
    let has_standby = row.is_some_and(|row| row.get(3));
    if appending.require_standby && !has_standby {
        return Err(LogError::io(
            doing,
            std::io::Error::other("the server has no synchronous standby at the moment"),
        ));
    }
    known.term = row.map_or(0, |row| row.get(2));
    known.read_on(&newer)?;
    while known.size() < head.size {
        let rows = appending.read_on(known.size(), doing).await?;
        if rows.is_empty() {
            return Err(tree::missing(signed(known.size())));
        }
        known.read_on(&rows)?;
    }
    tree::check_root(known.tree(), head)?;
    for (stream, row) in streams.iter().zip(&versions) {
        let version: Option<i64> = row.get(0);
        known.learn(stream, version.map(|at| StreamPosition(unsigned(at))));
    }
    let commands = commands
        .iter()
        .map(|row| {
            let place = |column| GlobalPosition(unsigned(row.get(column)));
            (row.get(0), (place(1), place(2)))
        })
        .collect();
    Ok(Locked {
        commands,
        others_were_here: head.size > before,
    })
}

/// Records what was admitted behind the lock, and commits. Any error means that the outcome is
/// unknown.
pub(crate) async fn record(
    appending: &Appending,
    believed: Believed,
    admitted: &[AdmittedEvent],
    grown: &Grown,
    doing: &str,
) -> Result<(), LogError> {
    let session = &appending.session;
    session.forget_warning();
    let (moved, ()) = tokio::try_join!(
        biased;
        appending.record(believed, admitted, grown),
        session.client.batch_execute("COMMIT"),
    )
    .map_err(|error| failed(doing, &error))?;
    session.check_no_warning(doing)?;
    if moved {
        return Ok(());
    }
    Err(LogError::io(
        doing,
        std::io::Error::other("the head moved behind its lock, or the standby went away"),
    ))
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
            daicho_postgres::whole_story(error)
        ));
    }
    io_error(doing, error)
}
