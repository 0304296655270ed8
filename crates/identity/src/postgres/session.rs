//! One connection.

use std::sync::Arc;

use daicho_postgres::Connection;
use tokio::task::AbortHandle;
use tokio_postgres::Client;

/// A connection to the primary. Dropping it says goodbye; [`Session::close_at_once`] does not
/// wait for what the server is doing.
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    driver: AbortHandle,
}

impl Session {
    /// Drives the connection on the current runtime.
    pub(crate) fn start(client: Client, mut connection: Connection) -> Self {
        let driver = tokio::spawn(async move {
            // How it ended is what the next question hears.
            while let Some(Ok(_)) = connection.next_message().await {}
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
