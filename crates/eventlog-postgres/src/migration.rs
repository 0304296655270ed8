//! The schema, made and changed by the owner's role; the service's role is only let in.

use std::io;

use daicho_eventlog::LogError;
use daicho_postgres::whole_story;
use tokio::runtime::Handle;
use tokio_postgres::types::Type;

use crate::{Options, connector::Connector, session::Session};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Keeps two nodes that are started together from migrating together ("daicho", in ASCII).
const ADVISORY_LOCK: i64 = 0x6461_6963_686f;

/// Makes the schema `daicho_log`, or brings it up to date, and gives the role `service_role` what the
/// log needs and no more: it may read and add, and move the head. Doing it again does nothing.
///
/// `options.url` names the owner's role, which needs `CREATE` on the database when the
/// schema is not there yet. The service's role has to exist.
///
/// # Errors
/// [`LogError::Io`] with what the server said. It can be tried again.
pub async fn migrate(options: &Options, service_role: &str) -> Result<(), LogError> {
    let connector = Connector::new(options, Handle::current())?;
    let doing = connector.doing("set up the log");
    let session = connector.connect_unfenced().await?;
    set_up(session, service_role)
        .await
        .map_err(|reason| LogError::io(doing, io::Error::other(reason)))
}

async fn set_up(mut session: Session, service_role: &str) -> Result<(), String> {
    let said = |error: tokio_postgres::Error| whole_story(&error);
    session
        .query(
            "SELECT pg_advisory_lock($1)",
            &[(&ADVISORY_LOCK, Type::INT8)],
        )
        .await
        .map_err(said)?;
    let there = session
        .query(
            "SELECT 1 FROM pg_namespace WHERE nspname = 'daicho_log'",
            &[],
        )
        .await
        .map_err(said)?;
    if there.is_empty() {
        session
            .client
            .batch_execute("CREATE SCHEMA daicho_log")
            .await
            .map_err(said)?;
    }
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name("daicho_log.schema_history");
    runner
        .run_async(&mut session.client)
        .await
        .map_err(|error| format!("{error:#}"))?;
    session
        .client
        .batch_execute(&grants(service_role))
        .await
        .map_err(said)
}

fn grants(service_role: &str) -> String {
    let role = format!("\"{}\"", service_role.replace('"', "\"\""));
    format!(
        "GRANT USAGE ON SCHEMA daicho_log TO {role};
         GRANT SELECT ON daicho_log.schema_history TO {role};
         GRANT SELECT, INSERT ON daicho_log.events, daicho_log.tiles, daicho_log.checkpoints TO {role};
         GRANT SELECT, UPDATE (size, root, term) ON daicho_log.head TO {role}"
    )
}

/// Whether the schema is the one that this version of the log works with, and whether the
/// role may do more than it should.
pub(crate) async fn check(connector: &Connector, session: &Session) -> Result<(), LogError> {
    let doing = || connector.doing("open the log");
    let failed =
        |error: tokio_postgres::Error| LogError::io(doing(), io::Error::other(whole_story(&error)));
    let there = session
        .query(
            "SELECT to_regclass('daicho_log.schema_history') IS NOT NULL",
            &[],
        )
        .await
        .map_err(failed)?;
    if !there.first().is_some_and(|row| row.get(0)) {
        return Err(LogError::io(
            doing(),
            io::Error::new(
                io::ErrorKind::NotFound,
                "this database holds no log; have the owner's role set it up first",
            ),
        ));
    }
    let rows = session
        .query(
            "SELECT (SELECT max(version) FROM daicho_log.schema_history), \
             has_table_privilege('daicho_log.events', 'UPDATE, DELETE, TRUNCATE')",
            &[],
        )
        .await
        .map_err(failed)?;
    let wanted = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max();
    for row in rows {
        let found: Option<i32> = row.get(0);
        if found != wanted {
            return Err(LogError::io(
                doing(),
                io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!(
                        "its schema has version {found:?}, this program works with {wanted:?}; \
                         have the owner's role migrate it, or use the program that fits"
                    ),
                ),
            ));
        }
        if row.get(1) {
            tracing::warn!(
                "this role may change recorded events; give the service a role of its own that may not"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_with_quotes_in_its_name_stays_one_name() {
        assert!(grants(r#"a" TO public; --"#).contains(r#"TO "a"" TO public; --";"#));
    }
}
