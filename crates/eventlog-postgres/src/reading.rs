//! Reading from the primary: a pool of sessions, bounded pages, patience while it is away.

use std::{io, time::Duration};

use daicho_eventlog::{GlobalPosition, LogError, RecordedEvent, StreamName, StreamPosition};
use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Row, error::SqlState, types::Type};

use crate::{
    Options,
    connector::Connector,
    session::{Parameter, Session},
    tree::{EVENTS, PAGE, damaged, event_of, io_error, missing, signed},
};

const STREAM: &str = "SELECT stream_position, stored FROM daicho_log.events \
     WHERE stream = $1 AND stream_position >= $2 ORDER BY stream_position LIMIT $3";

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the pool makes sessions with.
struct Sessions(Connector);

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = LogError;

    async fn create(&self) -> Result<Session, LogError> {
        self.0.connect().await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<LogError> {
        if session.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        Ok(())
    }
}

/// A session in use. Unless it is given back, it is thrown away: somebody else's query must
/// not wait behind one that nobody waits for any more.
struct Lent(Option<Object<Sessions>>);

impl Lent {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            Object::take(session).abandon();
        }
    }
}

/// Why a query failed, and whether another connection may do better.
struct Failure {
    error: LogError,
    passing: bool,
}

pub(crate) struct Reading {
    pool: Pool<Sessions>,
    connector: Connector,
    patience: Duration,
}

impl Reading {
    pub(crate) fn new(connector: Connector, options: &Options) -> Result<Self, LogError> {
        let pool = Pool::builder(Sessions(connector.clone()))
            .max_size(options.read_connections.max(1))
            .build()
            .map_err(|error| {
                LogError::io(
                    connector.doing("open the log"),
                    io::Error::other(error.to_string()),
                )
            })?;
        Ok(Self {
            pool,
            connector,
            patience: options.read_patience,
        })
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    /// Runs a statement, again if the server was away, until patience is at its end. It must
    /// do no harm to run it twice.
    pub(crate) async fn query(
        &self,
        what: &str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, LogError> {
        let doing = self.connector.doing(what);
        let mut last = None;
        let attempts = async {
            let mut pause = SHORTEST_PAUSE;
            loop {
                match self.query_once(&doing, sql, parameters).await {
                    Ok(rows) => return Ok(rows),
                    Err(failure) if failure.passing => last = Some(failure.error),
                    Err(failure) => return Err(failure.error),
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        match timeout(self.patience, attempts).await {
            Ok(result) => result,
            Err(_) => Err(last.unwrap_or_else(|| {
                LogError::io(
                    doing,
                    io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"),
                )
            })),
        }
    }

    async fn query_once(
        &self,
        doing: &str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let lent = match self.pool.get().await {
            Ok(session) => Lent(Some(session)),
            Err(error) => {
                let passing = matches!(error, PoolError::Backend(_));
                let error = match error {
                    PoolError::Backend(error) => error,
                    PoolError::Closed => LogError::Closed,
                    other => LogError::io(doing, io::Error::other(other.to_string())),
                };
                return Err(Failure { error, passing });
            }
        };
        let session = lent
            .0
            .as_ref()
            .expect("a session is there until it is given back");
        session.forget_warning();
        let rows = session
            .query(sql, parameters)
            .await
            .map_err(|error| Failure {
                passing: is_passing(&error),
                error: io_error(doing, &error),
            })?;
        session.check_no_warning(doing).map_err(|error| Failure {
            error,
            passing: true,
        })?;
        lent.give_back();
        Ok(rows)
    }

    /// Stored bytes of at most `max` events from `from` on.
    pub(crate) async fn stored(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        loop {
            let next = from.0.saturating_add(all.len() as u64);
            let page = page_of(max - all.len());
            let parameters: [Parameter<'_>; 2] = [(&signed(next), Type::INT8), (&page, Type::INT8)];
            let rows = self.query("read the log", EVENTS, &parameters).await?;
            for (row, expected) in rows.iter().zip(signed(next)..) {
                let (position, stored) = event_of(row);
                if position != expected {
                    return Err(missing(expected));
                }
                all.push(stored.to_vec());
            }
            if all.len() >= max || (rows.len() as i64) < page {
                return Ok(all);
            }
        }
    }

    pub(crate) async fn events(
        &self,
        from: GlobalPosition,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let stored = self.stored(from, max).await?;
        let decoded = stored.iter().zip(from.0..);
        decoded
            .map(|(bytes, position)| {
                decode(bytes, |event| event.global_position.0 == position)
                    .ok_or_else(|| not_itself(&format!("the event at position {position}")))
            })
            .collect()
    }

    pub(crate) async fn stream(
        &self,
        stream: &StreamName,
        from: StreamPosition,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let mut all = Vec::new();
        loop {
            let next = from.0.saturating_add(all.len() as u64);
            let page = page_of(max - all.len());
            let parameters: [Parameter<'_>; 3] = [
                (&stream.as_str(), Type::TEXT),
                (&signed(next), Type::INT8),
                (&page, Type::INT8),
            ];
            let rows = self.query("read a stream", STREAM, &parameters).await?;
            for (row, expected) in rows.iter().zip(next..) {
                let event = decode(row.get(1), |event| {
                    event.stream == *stream && event.stream_position.0 == expected
                });
                all.push(event.ok_or_else(|| {
                    not_itself(&format!("event {expected} of the stream {stream}"))
                })?);
            }
            if all.len() >= max || (rows.len() as i64) < page {
                return Ok(all);
            }
        }
    }
}

fn page_of(wanted: usize) -> i64 {
    i64::try_from(wanted).unwrap_or(i64::MAX).min(PAGE)
}

fn decode(bytes: &[u8], fits: impl FnOnce(&RecordedEvent) -> bool) -> Option<RecordedEvent> {
    RecordedEvent::from_stored_bytes(bytes).ok().filter(fits)
}

fn not_itself(which: &str) -> LogError {
    damaged(format!("{which} is not stored as it was written"))
}

/// Whether the server or the way to it is what failed, and not the statement.
fn is_passing(error: &tokio_postgres::Error) -> bool {
    // Connection exceptions, shutdowns, too many connections, locks and transactions.
    const CLASSES: [&str; 5] = ["08", "57", "53", "55", "40"];
    match error.code() {
        None => true,
        Some(code) => {
            *code == SqlState::READ_ONLY_SQL_TRANSACTION
                || CLASSES.iter().any(|class| code.code().starts_with(class))
        }
    }
}
