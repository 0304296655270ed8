//! Where a service's records live: in a folder of its own, or in a database that several nodes
//! share.

use std::fmt;
use std::path::PathBuf;

use daicho_eventlog_postgres::Options;
use daicho_identity::PostgresSettings;

/// Where the records live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a data folder, which one process holds at a time.
    Folder(PathBuf),
    /// In PostgreSQL, which several nodes share.
    Database(Database),
}

/// How a PostgreSQL server is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// Connection string of the log's role.
    pub url: String,
    /// Connection string of the role that holds people and secrets; the log's otherwise.
    pub identity_url: Option<String>,
    /// Certificates of the authorities that may vouch for the server; without them connections
    /// are not encrypted.
    pub certificates: Option<PathBuf>,
    /// Whether nothing is written while no standby confirms it.
    pub require_standby: bool,
}

impl Database {
    /// What the log is opened with.
    pub fn log(&self) -> Options {
        Options {
            root_certificates: self.certificates.clone(),
            require_standby: self.require_standby,
            ..Options::new(&self.url)
        }
    }

    /// What the register of people is opened with.
    pub fn identity(&self) -> PostgresSettings {
        let url = self.identity_url.as_ref().unwrap_or(&self.url);
        PostgresSettings {
            root_certificates: self.certificates.clone(),
            ..PostgresSettings::new(url)
        }
    }
}

/// Without the connection strings, which hold passwords.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("certificates", &self.certificates)
            .field("require_standby", &self.require_standby)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Database(_) => f.write_str("the database"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(identity_url: Option<&str>) -> Database {
        Database {
            url: "postgresql://daicho:geheim@localhost/daicho".into(),
            identity_url: identity_url.map(Into::into),
            certificates: Some("/etc/daicho/ca.pem".into()),
            require_standby: true,
        }
    }

    #[test]
    fn the_register_of_people_can_have_a_role_of_its_own() {
        let own = "postgresql://people:ander@localhost/daicho";
        assert_eq!(database(Some(own)).identity().url, own);
        assert_eq!(database(None).identity().url, database(None).url);
        assert!(database(None).log().require_standby);
        assert!(database(None).identity().root_certificates.is_some());
    }

    #[test]
    fn nothing_that_is_printed_has_a_password() {
        let place = Place::Database(database(Some("postgresql://people:ander@localhost/daicho")));
        let printed = format!("{place} {place:?}");
        assert!(
            !printed.contains("geheim") && !printed.contains("ander"),
            "{printed}"
        );
    }
}
