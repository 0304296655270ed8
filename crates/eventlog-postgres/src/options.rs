use std::{path::PathBuf, time::Duration};

/// Where the server is and how long to wait for it.
#[derive(Clone)]
pub struct Options {
    /// Connection string (`postgresql://user:password@host1:5432,host2:5432/database`), for
    /// the log the service's role, for [`crate::migrate`] the owner's. Of several hosts the one that takes
    /// writes is used.
    pub url: String,
    /// File with the certificates (PEM) of the authorities that may vouch for the server.
    /// With it every connection is encrypted and the host's name is checked; without it
    /// connections are not encrypted.
    pub root_certificates: Option<PathBuf>,
    /// Refuse to append while `synchronous_standby_names` is empty, as it is for a moment
    /// after a failover in Patroni's non-strict mode: what is acknowledged then exists once.
    pub require_standby: bool,
    /// Appends that may wait for the writer before callers have to.
    pub queue_length: usize,
    /// Connections for reading; writing and listening have one each beside them.
    pub read_connections: usize,
    /// How long one host may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long the server may take to answer before the connection is given up: for a
    /// commit, which waits for the standby, too.
    pub answer_timeout: Duration,
    /// How long a read goes on trying while the server cannot be reached.
    pub read_patience: Duration,
    /// How often the head is read although no notification came.
    pub poll_interval: Duration,
}

impl Options {
    /// The server at `url`, with the default times.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            root_certificates: None,
            require_standby: false,
            queue_length: 1024,
            read_connections: 8,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(30),
            read_patience: Duration::from_secs(10),
            poll_interval: Duration::from_secs(2),
        }
    }
}

/// Without the connection string, which holds a password.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("root_certificates", &self.root_certificates)
            .field("require_standby", &self.require_standby)
            .field("queue_length", &self.queue_length)
            .field("read_connections", &self.read_connections)
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .field("read_patience", &self.read_patience)
            .field("poll_interval", &self.poll_interval)
            .finish_non_exhaustive()
    }
}
