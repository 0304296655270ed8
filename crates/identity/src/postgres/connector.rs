//! Finds the host that takes writes and connects to it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::said::PostgresSaid;
use super::session::Session;
use super::settings::PostgresSettings;
use crate::store_error::StoreError;

/// A node that hangs in the middle of a transaction loses it, and with it the right to write,
/// after this time.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// A connection on which nothing comes back for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;
/// The pause after all hosts were tried in vain.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes connections.
pub(crate) struct Connector {
    /// Each host with what is needed to connect to it alone: a host that accepts and then
    /// hangs must not use up the time of the next one.
    hosts: Vec<(String, Config)>,
    names: String,
    /// The host that took writes last.
    preferred: AtomicUsize,
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
    lock_timeout: Duration,
}

/// Why a host is not connected to.
struct Refusal {
    text: String,
    /// The server is there and says no; it will say no again.
    lasting: bool,
}

impl Connector {
    pub(crate) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        // What the parser says may repeat a part of the password.
        let whole: Config = settings
            .url
            .parse()
            .map_err(|_| unusable("it is not one"))?;
        let tls = match &settings.root_certificates {
            None => None,
            Some(file) => Some(trusting(file).map_err(|source| StoreError::Certificates {
                path: file.clone(),
                source,
            })?),
        };
        let hosts = single_hosts(&whole, settings, tls.is_some())?;
        let names: Vec<&str> = hosts.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Self {
            names: names.join(","),
            hosts,
            preferred: AtomicUsize::new(0),
            tls,
            connect_timeout: settings.connect_timeout,
            // Before the caller gives up, so that it hears why.
            lock_timeout: settings.answer_timeout / 2,
        })
    }

    /// The hosts, for messages.
    pub(crate) fn hosts(&self) -> &str {
        &self.names
    }

    /// A connection to the host that takes writes; tries for as long as `patience` lasts.
    pub(crate) async fn connect(&self, patience: Duration) -> Result<Session, PostgresSaid> {
        let mut heard = String::new();
        let trying = async {
            loop {
                match self.try_hosts().await {
                    Ok(session) => return Ok(session),
                    Err(refusal) if refusal.lasting => return Err(refusal.text),
                    Err(refusal) => heard = refusal.text,
                }
                sleep(PAUSE).await;
            }
        };
        match timeout(patience, trying).await {
            Ok(outcome) => outcome.map_err(PostgresSaid::words),
            Err(_) if heard.is_empty() => Err(PostgresSaid::words("no answer in time".to_owned())),
            Err(_) => Err(PostgresSaid::words(heard)),
        }
    }

    async fn try_hosts(&self) -> Result<Session, Refusal> {
        let start = self.preferred.load(Ordering::Relaxed);
        let mut texts = Vec::new();
        let mut lasting = true;
        for at in (start..start + self.hosts.len()).map(|at| at % self.hosts.len()) {
            let (name, config) = &self.hosts[at];
            let refusal = match timeout(self.connect_timeout, self.connect_to(config)).await {
                Ok(Ok(session)) => {
                    self.preferred.store(at, Ordering::Relaxed);
                    return Ok(session);
                }
                Ok(Err(refusal)) => refusal,
                Err(_) => Refusal {
                    text: "no answer in time".to_owned(),
                    lasting: false,
                },
            };
            lasting &= refusal.lasting;
            texts.push(format!("{name}: {}", refusal.text));
        }
        Err(Refusal {
            text: texts.join("; "),
            lasting,
        })
    }

    async fn connect_to(&self, config: &Config) -> Result<Session, Refusal> {
        let refusal = |error: tokio_postgres::Error| {
            let said = PostgresSaid::of(&error);
            Refusal {
                // A wrong role or password, no such database, or no right to connect to it.
                lasting: said.code().is_some_and(|code| {
                    code.starts_with("28") || matches!(code, "3D000" | "42501")
                }),
                text: said.to_string(),
            }
        };
        let session = match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(refusal)?;
                Session::start(client, connection)
            }
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(refusal)?;
                Session::start(client, connection)
            }
        };
        // A statement timeout would cancel a commit's wait for the standby. What a role or
        // database has set otherwise must not make a confirmed change less than durable.
        let settings = format!(
            "SET search_path = daicho_identity, pg_temp; \
             SET statement_timeout = 0; \
             SET client_min_messages = warning; \
             SET idle_in_transaction_session_timeout = {}; \
             SET lock_timeout = {}; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
            IDLE_IN_TRANSACTION.as_millis(),
            self.lock_timeout.as_millis().max(1),
        );
        session
            .client
            .batch_execute(&settings)
            .await
            .map_err(refusal)?;
        Ok(session)
    }
}

fn unusable(detail: &'static str) -> StoreError {
    StoreError::ConnectionString { detail }
}

/// Each host with a configuration of its own.
fn single_hosts(
    whole: &Config,
    settings: &PostgresSettings,
    encrypted: bool,
) -> Result<Vec<(String, Config)>, StoreError> {
    let (hosts, addresses, ports) = (whole.get_hosts(), whole.get_hostaddrs(), whole.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err(unusable("it names no host"));
    }
    // A password with an @ in it would be taken for a part of these, and shown.
    if whole.get_dbname().is_some_and(|name| name.contains('@')) {
        return Err(unusable("there is an @ behind the host"));
    }
    let mut single = Vec::with_capacity(count);
    for at in 0..count {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let mut config = Config::new();
        let mut name = String::new();
        if let Some(address) = addresses.get(at) {
            config.hostaddr(*address);
            name = address.to_string();
        }
        match hosts.get(at) {
            Some(Host::Tcp(host)) => {
                let allowed = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
                if !host.chars().all(allowed) {
                    return Err(unusable("a host's name holds what no name does"));
                }
                config.host(host);
                name.clone_from(host);
            }
            #[cfg(unix)]
            Some(Host::Unix(path)) => {
                config.host_path(path);
                name = path.display().to_string();
            }
            None => {}
        }
        let ssl_mode = if encrypted {
            SslMode::Require
        } else {
            whole.get_ssl_mode()
        };
        config
            .port(port)
            .application_name(whole.get_application_name().unwrap_or("daicho identity"))
            .ssl_mode(ssl_mode)
            .ssl_negotiation(whole.get_ssl_negotiation())
            .channel_binding(whole.get_channel_binding())
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(settings.connect_timeout)
            .tcp_user_timeout(DEAD_AFTER)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        if let Some(user) = whole.get_user() {
            config.user(user);
        }
        if let Some(password) = whole.get_password() {
            config.password(password);
        }
        if let Some(database) = whole.get_dbname() {
            config.dbname(database);
        }
        if let Some(options) = whole.get_options() {
            config.options(options);
        }
        single.push((format!("{name}:{port}"), config));
    }
    Ok(single)
}

/// Speaks to servers that an authority in this file vouches for.
fn trusting(file: &Path) -> io::Result<MakeRustlsConnect> {
    let invalid = |error: &dyn std::error::Error| {
        io::Error::new(io::ErrorKind::InvalidData, error.to_string())
    };
    let pem = std::fs::read(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| invalid(&error))?;
        roots.add(certificate).map_err(|error| invalid(&error))?;
    }
    if roots.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "there is no certificate in it",
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
