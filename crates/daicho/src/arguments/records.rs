//! Naming the place of the records: a data folder or a database.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::{EXIT_BLOCKED, Failure};
use crate::place::{Database, Place};

/// Where the records of a service are.
#[derive(Debug, Clone, Args)]
pub struct Records {
    // Global arguments cannot be required, so `Self::place` is what asks for one.
    /// The data folder. Where a running service holds it, the command is carried out by that
    /// service, through an owner-only socket in the folder.
    #[arg(long, env = "DAICHO_DATA", value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// The PostgreSQL database, where several nodes share one.
    #[command(flatten)]
    pub database: DatabaseArguments,
}

/// How a PostgreSQL server is reached.
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseArguments {
    /// Connection string of the PostgreSQL database with the records, instead of --data:
    /// postgresql://ROLE:PASSWORD@HOST1,HOST2/NAME. Other users of this machine see what is written on a
    /// command line; the variable keeps it from them.
    #[arg(
        long,
        env = "DAICHO_DATABASE_URL",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// Connection string of the role that holds people and secrets; the same role otherwise.
    #[arg(
        long,
        env = "DAICHO_IDENTITY_URL",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub identity_url: Option<String>,
    /// Certificates (PEM) of the authorities that may vouch for the server: connections are
    /// encrypted then, and the host's name is checked.
    #[arg(long, env = "DAICHO_DATABASE_CA", value_name = "FILE", global = true)]
    pub database_ca: Option<PathBuf>,
    /// Write nothing while no standby of the database confirms it.
    #[arg(
        long,
        env = "DAICHO_REQUIRE_STANDBY",
        value_name = "BOOL",
        global = true
    )]
    pub require_standby: Option<bool>,
}

impl DatabaseArguments {
    /// The database, where one is named.
    pub fn database(&self) -> Option<Database> {
        self.database_url.as_ref().map(|url| Database {
            url: url.clone(),
            identity_url: self.identity_url.clone(),
            certificates: self.database_ca.clone(),
            require_standby: self.require_standby.unwrap_or(false),
        })
    }
}

impl Records {
    /// Where the records are; none where nothing is named.
    ///
    /// # Errors
    /// Where both a folder and a database are named.
    pub fn named(&self) -> Result<Option<Place>, Failure> {
        only_place(self.data.as_deref(), self.database.database())
    }

    /// Where the records are.
    ///
    /// # Errors
    /// Where nothing is named, or both a folder and a database.
    pub fn place(&self) -> Result<Place, Failure> {
        self.named()?.ok_or_else(no_place)
    }
}

/// The one of a folder and a database that is named.
///
/// # Errors
/// Where both are.
pub fn only_place(
    folder: Option<&Path>,
    database: Option<Database>,
) -> Result<Option<Place>, Failure> {
    match (folder, database) {
        (Some(_), Some(_)) => Err(Failure::new("both a data folder and a database are named")
            .help("leave out --data (DAICHO_DATA) or --database-url (DAICHO_DATABASE_URL)")
            .exit(EXIT_BLOCKED)),
        (Some(folder), None) => Ok(Some(Place::Folder(folder.to_owned()))),
        (None, database) => Ok(database.map(Place::Database)),
    }
}

/// The failure where no place is named.
pub fn no_place() -> Failure {
    Failure::new("no data folder is named")
        .help("name one with --data or DAICHO_DATA, or a database with --database-url or DAICHO_DATABASE_URL")
        .exit(EXIT_BLOCKED)
}
