//! Where the server is, and how long to wait for it.

use std::path::PathBuf;
use std::time::Duration;

/// Where the server of a store in PostgreSQL is and how long to wait for it.
#[derive(Clone)]
pub struct PostgresSettings {
    /// Connection string (`postgresql://role:password@host1:5432,host2:5432/database`) of the
    /// service's role, for [`crate::IdentityStore::migrate_postgres`] the owner's. Of several
    /// hosts the one that takes writes is used.
    pub url: String,
    /// File with the certificates (PEM) of the authorities that may vouch for the server.
    /// With it every connection is encrypted and the host's name is checked; without it
    /// connections are not encrypted.
    pub root_certificates: Option<PathBuf>,
    /// Connections for reading at most; one for writing comes on top.
    pub read_connections: usize,
    /// How long one host may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long the server may take to answer before the connection is given up.
    pub answer_timeout: Duration,
    /// How long a call waits for a connection, be it that the server cannot be reached or
    /// that all connections are in use.
    pub patience: Duration,
}

impl PostgresSettings {
    /// The server at `url`, with the default times.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            root_certificates: None,
            read_connections: 4,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

/// Without the connection string, which holds a password.
impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("root_certificates", &self.root_certificates)
            .field("read_connections", &self.read_connections)
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
