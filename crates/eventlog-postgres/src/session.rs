//! One connection, driven so that nothing the server says is overheard.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use daicho_eventlog::LogError;
use daicho_postgres::Connection;
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};
use tokio_postgres::{
    AsyncMessage, Client, Row,
    error::Severity,
    types::{ToSql, Type},
};

/// Channel on which nodes tell each other the new head.
pub(crate) const CHANNEL: &str = "daicho_log";

/// A parameter of a query and its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection to the primary. Dropping it says goodbye once running queries have ended;
/// [`Session::abandon`] does not wait for them.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The newest head that another node's notification named, as number of events.
    pub(crate) heard: watch::Receiver<u64>,
    warning: Arc<Mutex<Option<String>>>,
    driver: AbortHandle,
}

impl Session {
    pub(crate) fn start(client: Client, connection: Connection, runtime: &Handle) -> Self {
        let warning = Arc::default();
        let (hear, heard) = watch::channel(0);
        let driver = runtime
            .spawn(drive(connection, hear, Arc::clone(&warning)))
            .abort_handle();
        Self {
            client,
            heard,
            warning,
            driver,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Closes the socket at once, without cancelling what the server is doing: a commit
    /// that waits for the standby goes on waiting there.
    pub(crate) fn abandon(&self) {
        self.driver.abort();
    }

    /// Forgets warnings of what was done before.
    pub(crate) fn forget_warning(&self) {
        self.warning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// A warning since then means that a commit perhaps did not wait for the standby.
    pub(crate) fn check_no_warning(&self, doing: &str) -> Result<(), LogError> {
        let mut warning = self.warning.lock().unwrap_or_else(PoisonError::into_inner);
        match warning.take() {
            None => Ok(()),
            Some(text) => Err(LogError::io(
                doing,
                io::Error::other(format!(
                    "the server warned, so the outcome is unknown: {text}"
                )),
            )),
        }
    }

    /// Runs one statement in one round trip.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client.query_typed(sql, parameters).await
    }
}

async fn drive(
    mut connection: Connection,
    hear: watch::Sender<u64>,
    warning: Arc<Mutex<Option<String>>>,
) {
    while let Some(message) = connection.next_message().await {
        match message {
            // Read before the answer to the commit that it belongs to is passed on.
            Ok(AsyncMessage::Notice(notice)) => {
                if notice.parsed_severity() == Some(Severity::Warning) {
                    tracing::warn!(%notice, "the PostgreSQL server warns");
                    *warning.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(notice.to_string());
                }
            }
            Ok(AsyncMessage::Notification(notification)) if notification.channel() == CHANNEL => {
                if let Ok(size) = notification.payload().parse::<u64>() {
                    hear.send_if_modified(|known| {
                        let newer = size > *known;
                        *known = size.max(*known);
                        newer
                    });
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a connection to the PostgreSQL server ended");
                return;
            }
        }
    }
}
