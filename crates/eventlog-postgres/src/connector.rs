//! Finds the primary and makes sessions with it: with durable commits, and behind a fence.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use daicho_eventlog::LogError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{runtime::Handle, sync::Mutex, time::timeout};
use tokio_postgres::{
    Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Options, session::Session};

/// A node that hangs in the middle of an append loses its transaction, and with it the lock
/// of the head row, after this time.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// A connection on which nothing comes back for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;

/// Makes sessions. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    /// Each host with what is needed to connect to it alone: a host that accepts and then
    /// hangs must not use up the time of the next one.
    hosts: Vec<(String, Config)>,
    /// The host that was the primary last.
    preferred: AtomicUsize,
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
    answer_timeout: Duration,
    runtime: Handle,
    turn: Arc<Mutex<()>>,
}

impl Connector {
    /// Tasks will run on `runtime`, which needs I/O and time.
    pub(crate) fn new(options: &Options, runtime: Handle) -> Result<Self, LogError> {
        let invalid = |source: tokio_postgres::Error| {
            LogError::io(
                "read the connection string of the PostgreSQL log",
                io::Error::new(io::ErrorKind::InvalidInput, source),
            )
        };
        let whole: Config = options.url.parse().map_err(invalid)?;
        let tls = match &options.root_certificates {
            None => None,
            Some(file) => Some(trusting(file)?),
        };
        let hosts = single_hosts(&whole, options, tls.is_some());
        if hosts.is_empty() {
            return Err(LogError::io(
                "read the connection string of the PostgreSQL log",
                io::Error::new(io::ErrorKind::InvalidInput, "it names no host"),
            ));
        }
        Ok(Self(Arc::new(Inner {
            hosts,
            preferred: AtomicUsize::new(0),
            tls,
            connect_timeout: options.connect_timeout,
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
    pub(crate) fn server(&self) -> String {
        let names: Vec<_> = self.0.hosts.iter().map(|(name, _)| name.as_str()).collect();
        names.join(",")
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
        let start = self.0.preferred.load(Ordering::Relaxed);
        let hosts = &self.0.hosts;
        let mut refusals = Vec::new();
        for at in (start..start + hosts.len()).map(|at| at % hosts.len()) {
            let (name, config) = &hosts[at];
            match timeout(self.0.connect_timeout, self.connect_to(config)).await {
                Ok(Ok(session)) => {
                    self.0.preferred.store(at, Ordering::Relaxed);
                    return Ok(session);
                }
                Ok(Err(error)) => refusals.push(format!("{name}: {}", whole_story(&error))),
                Err(_) => refusals.push(format!("{name}: no answer in time")),
            }
        }
        Err(LogError::io(
            self.doing("connect to the log"),
            io::Error::new(io::ErrorKind::NotConnected, refusals.join("; ")),
        ))
    }

    async fn connect_to(&self, config: &Config) -> Result<Session, tokio_postgres::Error> {
        let runtime = &self.0.runtime;
        let session = match &self.0.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                Session::start(client, connection, runtime)
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                Session::start(client, connection, runtime)
            }
        };
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

/// The error with its causes in one line: tokio-postgres says only "db error" by itself.
pub(crate) fn whole_story(error: &tokio_postgres::Error) -> String {
    let mut story = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !story.contains(&text) {
            story = format!("{story}: {text}");
        }
        cause = error.source();
    }
    story
}

fn single_hosts(whole: &Config, options: &Options, encrypted: bool) -> Vec<(String, Config)> {
    let addresses = whole.get_hostaddrs();
    let count = whole.get_hosts().len().max(addresses.len());
    let mut hosts = Vec::with_capacity(count);
    for at in 0..count {
        let ports = whole.get_ports();
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let mut config = Config::new();
        let mut name = String::new();
        if let Some(address) = addresses.get(at) {
            config.hostaddr(*address);
            name = address.to_string();
        }
        match whole.get_hosts().get(at) {
            Some(Host::Tcp(host)) => {
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
        config
            .port(port)
            .application_name(whole.get_application_name().unwrap_or("daicho"))
            .ssl_mode(if encrypted {
                SslMode::Require
            } else {
                whole.get_ssl_mode()
            })
            .ssl_negotiation(whole.get_ssl_negotiation())
            .channel_binding(whole.get_channel_binding())
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(options.connect_timeout)
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
        if let Some(settings) = whole.get_options() {
            config.options(settings);
        }
        hosts.push((format!("{name}:{port}"), config));
    }
    hosts
}

fn trusting(file: &Path) -> Result<MakeRustlsConnect, LogError> {
    let doing = || format!("read the certificates in {}", file.display());
    let unreadable =
        |text: String| LogError::io(doing(), io::Error::new(io::ErrorKind::InvalidData, text));
    let pem = std::fs::read(file).map_err(|error| LogError::io(doing(), error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there is none in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_tried_by_itself_with_its_own_port() {
        let url = "postgresql://u:secret@one:5433,two:5434/log?connect_timeout=9";
        let options = Options::new(url);
        let hosts = single_hosts(&url.parse().unwrap(), &options, false);
        let names: Vec<_> = hosts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one:5433", "two:5434"]);
        for (_, config) in &hosts {
            assert_eq!(config.get_hosts().len(), 1);
            assert_eq!(config.get_dbname(), Some("log"));
            assert_eq!(
                config.get_target_session_attrs(),
                TargetSessionAttrs::ReadWrite
            );
        }
        let shown = format!("{options:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}
