//! Where a server is, as an operator says it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How a connection string has to be written, to stand behind what is wrong with one.
pub const HOW_TO_WRITE: &str = "write postgresql://ROLE:PASSWORD@HOST:5432/DATABASE with %40 for @, \
                                %2F for / and %3F for ? in the password";

/// A connection on which nothing comes back for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;

/// Where a server is and how to connect to it.
#[derive(Clone, Copy)]
pub struct ConnectionSettings<'a> {
    /// Connection string (`postgresql://role:password@host1:5432,host2:5432/database`).
    pub url: &'a str,
    /// File with the certificates (PEM) of the authorities that may vouch for the server.
    /// With it every connection is encrypted and the host's name is checked; without it
    /// connections are not encrypted.
    pub root_certificates: Option<&'a Path>,
    /// How the server calls the connections, unless the connection string says otherwise.
    pub application_name: &'a str,
    /// How long one host may take to accept a connection.
    pub connect_timeout: Duration,
}

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The connection string. It is not shown, for it holds a password.
    #[error("the connection string cannot be used ({detail}); {HOW_TO_WRITE}")]
    ConnectionString {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The authorities' certificates.
    #[error(
        "the certificates in {} cannot be used; name a file with those (PEM) of the authority \
         that vouches for the PostgreSQL server",
        path.display()
    )]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl ConnectionSettings<'_> {
    /// Each host's name, with its port, and what is needed to connect to it alone.
    pub(crate) fn single_hosts(&self) -> Result<Vec<(String, Config)>, SettingsError> {
        // The parser takes the first @ for the one in front of the host. If it was the password's,
        // the rest of the password would be taken for a host or a database, and shown as that.
        let is_url = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| self.url.starts_with(scheme));
        if is_url && self.url.matches('@').count() > 1 {
            return Err(unusable("there is more than one @ in it"));
        }
        // What the parser says may repeat a part of the password.
        let whole: Config = self.url.parse().map_err(|_| unusable("it is not one"))?;
        let (hosts, addresses) = (whole.get_hosts(), whole.get_hostaddrs());
        let count = hosts.len().max(addresses.len());
        if count == 0 {
            return Err(unusable("it names no host"));
        }
        let mut single = Vec::with_capacity(count);
        for at in 0..count {
            let ports = whole.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            let mut config = self.without_host(&whole);
            config.port(port);
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
            single.push((format!("{name}:{port}"), config));
        }
        Ok(single)
    }

    /// What all hosts have in common.
    fn without_host(&self, whole: &Config) -> Config {
        let ssl_mode = match self.root_certificates {
            Some(_) => SslMode::Require,
            None => whole.get_ssl_mode(),
        };
        let application_name = whole.get_application_name();
        let mut config = Config::new();
        config
            .application_name(application_name.unwrap_or(self.application_name))
            .ssl_mode(ssl_mode)
            .ssl_negotiation(whole.get_ssl_negotiation())
            .channel_binding(whole.get_channel_binding())
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(self.connect_timeout)
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
        config
    }
}

fn unusable(detail: &'static str) -> SettingsError {
    SettingsError::ConnectionString { detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single_hosts(url: &str) -> Result<Vec<(String, Config)>, SettingsError> {
        let settings = ConnectionSettings {
            url,
            root_certificates: None,
            application_name: "tests",
            connect_timeout: Duration::from_secs(3),
        };
        settings.single_hosts()
    }

    #[test]
    fn every_host_is_tried_by_itself_with_its_own_port() {
        let url = "postgresql://u:secret@one:5433,two:5434/log?connect_timeout=9";
        let hosts = single_hosts(url).unwrap();
        let names: Vec<_> = hosts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one:5433", "two:5434"]);
        for (_, config) in &hosts {
            assert_eq!(config.get_hosts().len(), 1);
            assert_eq!(config.get_dbname(), Some("log"));
            assert_eq!(config.get_application_name(), Some("tests"));
            assert_eq!(
                config.get_target_session_attrs(),
                TargetSessionAttrs::ReadWrite
            );
        }
    }

    #[test]
    fn the_connection_string_may_name_the_application_itself() {
        let hosts = single_hosts("host=one application_name=mine").unwrap();
        assert_eq!(hosts[0].1.get_application_name(), Some("mine"));
    }

    #[test]
    fn a_string_in_which_a_password_may_be_taken_for_something_else_is_not_used() {
        for (url, expected) in [
            ("postgresql://u:pa55@w0rd@host/log", "more than one @"),
            ("postgresql://u:pa55@w0rd/x@host/log", "more than one @"),
            ("postgresql://u:pa55@%2Fw0rd@host/log", "more than one @"),
            (
                "postgresql://u:pa55@w0rd?application_name=x@host/log",
                "more than one @",
            ),
            ("postgresql://u:pa55@host:w0rd/log", "not one"),
            ("host=there w0rd=5", "not one"),
            ("host=there@w0rd", "no name"),
            ("postgresql://u:pa55@host%40w0rd/log", "no name"),
            ("postgresql://", "no host"),
            ("", "no host"),
        ] {
            let error = single_hosts(url).unwrap_err();
            assert!(error.to_string().contains(expected), "{url}: {error}");
            assert!(error.to_string().contains(HOW_TO_WRITE), "{url}: {error}");
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains("w0rd"), "{printed}");
        }
    }

    #[test]
    fn a_password_may_hold_anything_that_is_written_as_it_should() {
        let hosts = single_hosts("postgresql://u:pa%40ss%2Fwo%3Frd@host/lo%40g").unwrap();
        let [(name, config)] = &hosts[..] else {
            panic!("{hosts:?}");
        };
        assert_eq!(name, "host:5432");
        assert_eq!(config.get_password(), Some(&b"pa@ss/wo?rd"[..]));
        assert_eq!(config.get_dbname(), Some("lo@g"));
    }
}
