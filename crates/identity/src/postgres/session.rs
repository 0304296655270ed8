//! One connection.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Connection, Socket};

/// A connection to the primary. Dropping it says goodbye; [`Session::close_at_once`] does not
/// wait for what the server is doing.
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    driver: AbortHandle,
}

impl Session {
    /// Drives the connection on the current runtime.
    pub(crate) fn start<S>(client: Client, connection: Connection<Socket, S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let driver = tokio::spawn(async move {
            // How it ended is what the next question hears.
            let _ = connection.await;
        });
        Self {
            client: Arc::new(client),
            driver: driver.abort_handle(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Closes the socket without cancelling what the server is doing: a commit that waits for
    /// the standby goes on waiting there.
    pub(crate) fn close_at_once(self) {
        self.driver.abort();
    }
}
