//! Finds the host that takes writes.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::certificates::trusting;
use crate::connection::{Carrier, Connection};
use crate::connection_settings::{ConnectionSettings, SettingsError};
use crate::refusal::Refusal;

/// The hosts of a connection string, of which one takes writes.
pub struct Hosts {
    /// Each with what is needed to connect to it alone: a host that accepts and then hangs must
    /// not use up the time of the next one.
    single: Vec<(String, Config)>,
    names: String,
    /// The host that took writes last.
    preferred: AtomicUsize,
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
}

impl Hosts {
    /// Reads the settings; connects to nothing yet.
    ///
    /// # Errors
    /// [`SettingsError`] if the connection string or the certificates cannot be used.
    pub fn new(settings: &ConnectionSettings<'_>) -> Result<Self, SettingsError> {
        let single = settings.single_hosts()?;
        let trusting = |file| {
            trusting(file).map_err(|source| SettingsError::Certificates {
                path: file.to_owned(),
                source,
            })
        };
        let names: Vec<&str> = single.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Self {
            names: names.join(","),
            single,
            preferred: AtomicUsize::new(0),
            tls: settings.root_certificates.map(trusting).transpose()?,
            connect_timeout: settings.connect_timeout,
        })
    }

    /// All hosts with their ports, for messages.
    #[must_use]
    pub fn names(&self) -> &str {
        &self.names
    }

    /// Tries each host once, beginning with the one that took writes last, and returns what
    /// `start` made at the first that does. `start` has to see to it that the connection's
    /// messages are asked for; what it does there is part of the time that a host has. The
    /// current runtime needs I/O and time.
    ///
    /// # Errors
    /// What each host said, or `start` of it, in the order in which they were tried.
    pub async fn connect<S, F>(
        &self,
        start: impl Fn(Client, Connection) -> F,
    ) -> Result<S, Vec<Refusal>>
    where
        F: Future<Output = Result<S, Error>>,
    {
        let first = self.preferred.load(Ordering::Relaxed);
        let count = self.single.len();
        let mut refusals = Vec::new();
        for at in (first..first + count).map(|at| at % count) {
            let (name, config) = &self.single[at];
            let connecting = async {
                let (client, connection) = self.connect_to(config).await?;
                start(client, connection).await
            };
            let error = match timeout(self.connect_timeout, connecting).await {
                Ok(Ok(started)) => {
                    self.preferred.store(at, Ordering::Relaxed);
                    return Ok(started);
                }
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            refusals.push(Refusal {
                host: name.clone(),
                error,
            });
        }
        Err(refusals)
    }

    async fn connect_to(&self, config: &Config) -> Result<(Client, Connection), Error> {
        let (client, carrier) = match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                (client, Carrier::Encrypted(Box::new(connection)))
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, Carrier::Plain(Box::new(connection)))
            }
        };
        Ok((client, Connection::new(carrier)))
    }
}

/// Only the hosts' names: the rest holds a password.
impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hosts").field(&self.names).finish()
    }
}
