//! The store in a schema of PostgreSQL that several nodes share.
//!
//! Callers are synchronous and may be on any thread, so the connections live on a runtime of
//! the store's own: a caller hands it one question at a time and waits for the answer without
//! touching the runtime that it is itself on, if any.
//!
//! As in SQLite, one transaction writes at a time, among all nodes: each begins by taking a
//! lock that it holds until it has ended, and each of its statements then sees everything
//! that was done before. What is decided in a transaction is therefore decided once (which
//! node made the first key, which of two uses of a refresh token came first), without
//! anything that may fail for having been done at the same time. These transactions are
//! short, and nothing is hashed within them.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

use crate::schema::TABLES;
use crate::store_error::StoreError;

mod connector;
mod lane;
mod migration;
mod said;
mod session;
mod settings;
mod statement;

use connector::Connector;
use lane::{Lane, Lease};
pub use said::PostgresSaid;
use said::Trouble;
pub use settings::PostgresSettings;
use statement::{PostgresTransaction, Reader};

/// Begins each transaction that writes. The lock's number is "daichoid" in ASCII.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                     SELECT pg_advisory_xact_lock(x'64616963686f6964'::bigint)";

/// How often a transaction is begun, or a question asked, before its trouble is the caller's.
const TRIES_MAX: u32 = 5;

/// The pause before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a caller waits that can do without the answer.
const SOON: Duration = Duration::from_secs(1);

/// A server, or several of which one takes writes, and the connections to it.
pub(crate) struct PostgresServer {
    /// Taken when dropped.
    runtime: Option<Runtime>,
    connector: Arc<Connector>,
    /// One connection: only one transaction writes at a time.
    writing: Lane,
    reading: Lane,
    answer_timeout: Duration,
    patience: Duration,
}

/// What came of one try.
enum Tried<T, E> {
    Done(Result<T, E>),
    /// Nothing of it was kept; the error is for when there is no further try.
    Again(E),
}

impl PostgresServer {
    /// Reads the settings; connections are made when they are needed.
    pub(crate) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let connector = Arc::new(Connector::new(settings)?);
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("daicho-identity")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| StoreError::Unreachable {
                server: connector.hosts().to_owned(),
                source: PostgresSaid::words(format!("no thread for its connections: {error}")),
            })?;
        Ok(Self {
            runtime: Some(runtime),
            connector,
            writing: Lane::new(1),
            reading: Lane::new(settings.read_connections.max(1)),
            answer_timeout: settings.answer_timeout,
            patience: settings.patience,
        })
    }

    /// The hosts, for messages.
    pub(crate) fn hosts(&self) -> &str {
        self.connector.hosts()
    }

    /// Brings the tables up to date where this role may; lets `service_role` use them.
    pub(crate) fn migrate(&self, service_role: Option<&str>) -> Result<(), StoreError> {
        self.write(|tx| migration::run(tx, service_role))
    }

    /// Asks single questions.
    pub(crate) fn reading(&self) -> Reader<'_> {
        Reader::new(self, self.patience, self.answer_timeout)
    }

    /// As [`PostgresServer::reading`], but gives up soon.
    pub(crate) fn reading_soon(&self) -> Reader<'_> {
        Reader::new(self, SOON.min(self.patience), SOON.min(self.answer_timeout))
    }

    /// Runs `work` in one transaction, kept if it returns `Ok`; again, a few times, if the
    /// connection was lost before the commit or the server ended the transaction to resolve a
    /// conflict.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&PostgresTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut pause = PAUSE;
        for _ in 1..TRIES_MAX {
            match self.try_to_write(&mut work) {
                Tried::Done(result) => return result,
                Tried::Again(_) => thread::sleep(pause),
            }
            pause *= 2;
        }
        match self.try_to_write(&mut work) {
            Tried::Done(result) => result,
            Tried::Again(error) => Err(error),
        }
    }

    fn try_to_write<T, E: From<StoreError>>(
        &self,
        work: &mut impl FnMut(&PostgresTransaction<'_>) -> Result<T, E>,
    ) -> Tried<T, E> {
        let lease = match self.lease(&self.writing, self.patience) {
            Ok(lease) => lease,
            Err(error) => return Tried::Done(Err(error.into())),
        };
        // A connection that is not kept is closed, and the server undoes what was begun on it.
        if let Err(trouble) = self.batch(&lease, BEGIN) {
            return self.judge(trouble, "begin a change", |error| error);
        }
        let tx = PostgresTransaction::new(self, &lease);
        let done = work(&tx);
        match (done, tx.into_trouble()) {
            (Ok(done), None) => match self.batch(&lease, "COMMIT") {
                Ok(()) => {
                    lease.keep();
                    Tried::Done(Ok(done))
                }
                Err(Trouble::Lost(source) | Trouble::Silent(source)) => {
                    Tried::Done(Err(StoreError::OutcomeUnknown {
                        server: self.hosts().to_owned(),
                        source,
                    }
                    .into()))
                }
                Err(trouble) => self.judge(trouble, "make a change durable", |error| error),
            },
            (Err(error), None) => {
                if self.batch(&lease, "ROLLBACK").is_ok() {
                    lease.keep();
                }
                Tried::Done(Err(error))
            }
            (Err(error), Some(trouble)) => self.judge(trouble, "make a change", |_| error),
            // Work that went on after a failed statement has not done its work.
            (Ok(_), Some(trouble)) => self.judge(trouble, "make a change", |error| error),
        }
    }

    fn judge<T, E: From<StoreError>, F: Into<E>>(
        &self,
        trouble: Trouble,
        doing: &'static str,
        error: impl FnOnce(StoreError) -> F,
    ) -> Tried<T, E> {
        let may_pass = trouble.may_pass();
        let error = error(self.failure(doing, trouble)).into();
        if may_pass {
            Tried::Again(error)
        } else {
            Tried::Done(Err(error))
        }
    }

    /// Lets the server reuse the place of deleted rows, where this role owns the tables. It
    /// does so by itself in time, so that nothing depends on this.
    pub(crate) fn vacuum(&self) {
        let tables: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        if let Ok(lease) = self.lease(&self.reading, SOON) {
            // A table that is being vacuumed already is passed over rather than waited for.
            let statement = format!("VACUUM (SKIP_LOCKED) {}", tables.join(", "));
            if self.batch(&lease, &statement).is_ok() {
                lease.keep();
            }
        }
    }

    /// A connection of the lane, made if none is idle.
    fn lease<'a>(&self, lane: &'a Lane, patience: Duration) -> Result<Lease<'a>, StoreError> {
        let place = lane.place(patience).ok_or_else(|| StoreError::Busy {
            server: self.hosts().to_owned(),
        })?;
        place.or_connect(|| {
            let connector = Arc::clone(&self.connector);
            self.wait_for(async move { connector.connect(patience).await })
                .and_then(|answer| answer)
                .map_err(|source| StoreError::Unreachable {
                    server: self.hosts().to_owned(),
                    source,
                })
        })
    }

    /// Runs statements without parameters.
    fn batch(&self, lease: &Lease<'_>, statements: &str) -> Result<(), Trouble> {
        let client = lease.client();
        let statements = statements.to_owned();
        self.ask(self.answer_timeout, async move {
            client.batch_execute(&statements).await
        })
    }

    /// Waits for the answer to a question, but no longer than `within`.
    fn ask<T: Send + 'static>(
        &self,
        within: Duration,
        question: impl Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    ) -> Result<T, Trouble> {
        match self.wait_for(async move { timeout(within, question).await }) {
            Ok(Ok(answer)) => answer.map_err(|error| Trouble::of(&error)),
            Ok(Err(_)) => Err(Trouble::Silent(PostgresSaid::words(
                "nothing in time; if it replicates synchronously, its standby is perhaps away"
                    .to_owned(),
            ))),
            Err(said) => Err(Trouble::Lost(said)),
        }
    }

    /// Runs a future on the connections' runtime and blocks this thread until it is done.
    fn wait_for<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, PostgresSaid> {
        let gone = || PostgresSaid::words("the connections' thread has ended".to_owned());
        let runtime = self.runtime.as_ref().ok_or_else(gone)?;
        // One place, so that the answer is never waited with.
        let (answer, answered) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Nobody listens any more if the caller has panicked.
            let _ = answer.send(future.await);
        });
        answered.recv().map_err(|_| gone())
    }

    fn failure(&self, doing: &'static str, trouble: Trouble) -> StoreError {
        StoreError::Postgres {
            doing,
            server: self.hosts().to_owned(),
            source: trouble.into_said(),
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // A runtime that is simply dropped would panic on a thread of another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
