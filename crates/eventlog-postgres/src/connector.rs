//! Makes sessions with the primary: with durable commits, and behind a fence.

use std::{io, sync::Arc, time::Duration};

use daicho_eventlog::LogError;
use daicho_postgres::{
    Connection, ConnectionSettings, HOW_TO_WRITE, Hosts, SettingsError, whole_story,
};
use tokio::{runtime::Handle, sync::Mutex, time::timeout};
use tokio_postgres::Client;

use crate::{Options, session::Session};

/// A node that hangs in the middle of an append loses its transaction, and with it the lock
/// of the head row, after this time.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// Makes sessions. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    hosts: Hosts,
    answer_timeout: Duration,
    runtime: Handle,
    turn: Arc<Mutex<()>>,
}

impl Connector {
    /// Tasks will run on `runtime`, which needs I/O and time.
    pub(crate) fn new(options: &Options, runtime: Handle) -> Result<Self, LogError> {
        let settings = ConnectionSettings {
            url: &options.url,
            root_certificates: options.root_certificates.as_deref(),
            application_name: "daicho",
            connect_timeout: options.connect_timeout,
        };
        Ok(Self(Arc::new(Inner {
            hosts: Hosts::new(&settings).map_err(unusable)?,
            answer_timeout: options.answer_timeout,
            runtime,
            turn: Arc::default(),
        })))
    }

    /// The runtime on which the connections live.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// The hosts, for messages.
    pub(crate) fn server(&self) -> &str {
        self.0.hosts.names()
    }

    /// "`what` on PostgreSQL at …".
    pub(crate) fn doing(&self, what: &str) -> String {
        format!("{what} on PostgreSQL at {}", self.server())
    }

    /// A session behind the fence: everything that it can read is where the server's commits
    /// have to be, on the standby too.
    ///
    /// The fence is waited for in a task of its own and one at a time: it must not be
    /// cancelled, and a node that gives up and tries again must not leave a waiting process
    /// on the server each time.
    pub(crate) async fn connect(&self) -> Result<Session, LogError> {
        let waited_for = || {
            LogError::io(
                self.doing("connect to the log"),
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the server does not confirm a write; if it replicates synchronously, its standby is perhaps away",
                ),
            )
        };
        let fenced = async {
            let turn = Arc::clone(&self.0.turn).lock_owned().await;
            let connector = self.clone();
            let task = self.0.runtime.spawn(async move {
                let _turn = turn;
                let session = connector.connect_unfenced().await?;
                connector.check_durable(&session).await?;
                connector.fence(&session).await?;
                Ok(session)
            });
            task.await.unwrap_or_else(|_| {
                Err(LogError::io(
                    self.doing("connect to the log"),
                    io::Error::other("the runtime is shutting down"),
                ))
            })
        };
        match timeout(self.0.answer_timeout, fenced).await {
            Ok(session) => session,
            Err(_) => Err(waited_for()),
        }
    }

    /// A session with the primary, without a fence.
    pub(crate) async fn connect_unfenced(&self) -> Result<Session, LogError> {
        let start = |client, connection| self.start(client, connection);
        self.0.hosts.connect(start).await.map_err(|refusals| {
            let told: Vec<_> = refusals
                .iter()
                .map(|refusal| refusal.told_with(whole_story))
                .collect();
            LogError::io(
                self.doing("connect to the log"),
                io::Error::new(io::ErrorKind::NotConnected, told.join("; ")),
            )
        })
    }

    async fn start(
        &self,
        client: Client,
        connection: Connection,
    ) -> Result<Session, tokio_postgres::Error> {
        let session = Session::start(client, connection, &self.0.runtime);
        // A statement timeout would cancel a commit's wait for the standby; hidden warnings
        // would hide that; and the queries behind the head's lock need a snapshot each.
        let settings = format!(
            "SET statement_timeout = 0; \
             SET client_min_messages = warning; \
             SET default_transaction_isolation = 'read committed'; \
             SET idle_in_transaction_session_timeout = {}; \
             SET lock_timeout = {}",
            IDLE_IN_TRANSACTION.as_millis(),
            self.0.answer_timeout.as_millis(),
        );
        session.client.batch_execute(&settings).await?;
        Ok(session)
    }

    async fn check_durable(&self, session: &Session) -> Result<(), LogError> {
        let doing = || self.doing("connect to the log");
        let asked = session.query(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync')",
            &[],
        );
        let answer = timeout(self.0.answer_timeout, asked)
            .await
            .map_err(|_| LogError::io(doing(), io::ErrorKind::TimedOut.into()))?
            .map_err(|error| LogError::io(doing(), io::Error::other(whole_story(&error))))?;
        for row in answer {
            let synchronous_commit: &str = row.get(0);
            let fsync: &str = row.get(1);
            let fault = match (synchronous_commit, fsync) {
                ("on" | "remote_apply", "on") => continue,
                (_, "on") => format!(
                    "synchronous_commit is {synchronous_commit}, so an acknowledged event could be lost; \
                     set it to on for this role (ALTER ROLE … SET synchronous_commit = on)"
                ),
                _ => "fsync is off, so a power cut could destroy the database; switch it on"
                    .to_owned(),
            };
            return Err(LogError::io(
                doing(),
                io::Error::new(io::ErrorKind::Unsupported, fault),
            ));
        }
        Ok(())
    }

    async fn fence(&self, session: &Session) -> Result<(), LogError> {
        let doing = self.doing("connect to the log");
        session.forget_warning();
        session
            .query(WRITE_WAL, &[])
            .await
            .map_err(|error| LogError::io(&doing, io::Error::other(whole_story(&error))))?;
        session.check_no_warning(&doing)
    }
}

/// Writes a WAL record that nobody reads; the transaction's commit has to wait for it.
pub(crate) const WRITE_WAL: &str = "SELECT pg_logical_emit_message(true, 'daicho', '')";

/// Says nothing of the connection string, which holds a password.
fn unusable(error: SettingsError) -> LogError {
    match error {
        SettingsError::ConnectionString { detail } => LogError::io(
            "read the connection string of the PostgreSQL log",
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{detail}; {HOW_TO_WRITE}"),
            ),
        ),
        SettingsError::Certificates { path, source } => LogError::io(
            format!("read the certificates in {}", path.display()),
            source,
        ),
    }
}
