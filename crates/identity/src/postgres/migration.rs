//! The schema in PostgreSQL, made and changed by whoever has the right to.

use super::statement::PostgresTransaction;
use crate::database::{Reading as _, Writing as _, values};
use crate::schema::{self, STEPS, TABLES};
use crate::store_error::StoreError;

const LOOK: &str = "look at its version";
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";

/// Who is connected, and what is there.
struct Scene {
    role: String,
    database: String,
    database_owner: String,
    /// The owner of the schema, where it exists.
    owner: Option<String>,
    /// Whether the role may look into the schema.
    may_use: bool,
    /// Whether the role may make tables in the schema; without one, the schema.
    may_create: bool,
    tables: i64,
    /// Whether one of them tells the version.
    versioned: bool,
}

/// Brings the schema to the newest version, wholly or not at all, if it is not there yet and
/// the role may; then lets `service_role` read and change rows.
pub(crate) fn run(
    tx: &PostgresTransaction<'_>,
    service_role: Option<&str>,
) -> Result<(), StoreError> {
    refuse_without_fsync(tx)?;
    let scene = look(tx)?;
    let version = match version(tx, &scene)? {
        Some(version) => version,
        None => {
            make_schema(tx, &scene)?;
            0
        }
    };
    let known = STEPS.len();
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    if found > known {
        return Err(StoreError::NewerVersion { found, known });
    }
    if found < known {
        refuse_unless_owned(tx, &scene)?;
    }
    for step in STEPS.iter().skip(found) {
        tx.batch("bring its tables up to date", &schema::in_postgres(step))?;
    }
    if found < known {
        tx.execute(
            "record its version",
            "UPDATE store_version SET version = ?1",
            values![i64::try_from(known).unwrap_or(i64::MAX)],
        )?;
    }
    match service_role {
        Some(service_role) => tx.batch("let the service's role in", &grants(service_role)),
        None => refuse_without_rights(tx, &scene),
    }
}

fn refuse_without_fsync(tx: &PostgresTransaction<'_>) -> Result<(), StoreError> {
    let durable = tx.is_true(LOOK, "SELECT current_setting('fsync') = 'on'", values![])?;
    if durable {
        Ok(())
    } else {
        Err(StoreError::NotDurable {
            server: tx.hosts().to_owned(),
        })
    }
}

fn look(tx: &PostgresTransaction<'_>) -> Result<Scene, StoreError> {
    // The catalogue tells everybody everything; asking for a table by its name would fail
    // where the schema may not be used.
    let row = tx
        .first(
            LOOK,
            "SELECT current_user::text, current_database()::text,
                    pg_get_userbyid(datdba)::text,
                    CASE WHEN schema.oid IS NOT NULL
                         THEN pg_get_userbyid(schema.nspowner)::text END,
                    coalesce(has_schema_privilege(schema.oid, 'USAGE'), false),
                    coalesce(has_schema_privilege(schema.oid, 'CREATE'),
                             has_database_privilege(database.oid, 'CREATE')),
                    (SELECT count(*) FROM pg_class
                     WHERE relnamespace = schema.oid AND relkind IN ('r', 'p', 'v', 'm', 'f')),
                    EXISTS (SELECT 1 FROM pg_class
                            WHERE relnamespace = schema.oid AND relname = 'store_version')
             FROM pg_database AS database
             LEFT JOIN pg_namespace AS schema ON schema.nspname = 'daicho_identity'
             WHERE database.datname = current_database()",
            values![],
        )?
        .ok_or_else(|| StoreError::Damaged {
            detail: "its database is not in the catalogue".to_owned(),
        })?;
    Ok(Scene {
        role: row.get(0)?,
        database: row.get(1)?,
        database_owner: row.get(2)?,
        owner: row.get(3)?,
        may_use: row.get(4)?,
        may_create: row.get(5)?,
        tables: row.get(6)?,
        versioned: row.get(7)?,
    })
}

impl Scene {
    fn missing(&self, owner: &str, command: String) -> StoreError {
        StoreError::RightsMissing {
            role: self.role.clone(),
            database: self.database.clone(),
            owner: owner.to_owned(),
            command,
        }
    }
}

/// The version, `None` if there are no tables yet; refuses what the role may not see.
fn version(tx: &PostgresTransaction<'_>, scene: &Scene) -> Result<Option<i64>, StoreError> {
    let Some(owner) = &scene.owner else {
        return if scene.may_create {
            Ok(None)
        } else {
            let role = quoted(&scene.role);
            let command = format!("CREATE SCHEMA daicho_identity AUTHORIZATION {role};");
            Err(scene.missing(&scene.database_owner, command))
        };
    };
    if !scene.versioned {
        return if scene.tables > 0 {
            Err(StoreError::NotAnIdentityStore)
        } else if scene.may_use && scene.may_create {
            Ok(None)
        } else {
            let role = quoted(&scene.role);
            let command = format!("GRANT USAGE, CREATE ON SCHEMA daicho_identity TO {role};");
            Err(scene.missing(owner, command))
        };
    }
    let readable = scene.may_use
        && tx.is_true(
            LOOK,
            "SELECT has_table_privilege('daicho_identity.store_version', 'SELECT')",
            values![],
        )?;
    if !readable {
        return Err(scene.missing(owner, grants(&scene.role)));
    }
    tx.first(LOOK, "SELECT version FROM store_version", values![])?
        .map(|row| row.get(0))
        .transpose()
}

fn make_schema(tx: &PostgresTransaction<'_>, scene: &Scene) -> Result<(), StoreError> {
    const DOING: &str = "make its schema";
    if scene.owner.is_none() {
        tx.batch(DOING, "CREATE SCHEMA daicho_identity")?;
    }
    tx.batch(
        DOING,
        "CREATE TABLE store_version (
             the_only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (the_only_row),
             version      BIGINT NOT NULL
         );
         INSERT INTO store_version (version) VALUES (0)",
    )
}

/// Only who owns a table may change it.
fn refuse_unless_owned(tx: &PostgresTransaction<'_>, scene: &Scene) -> Result<(), StoreError> {
    let strangers = tx.first(
        LOOK,
        "SELECT pg_get_userbyid(relowner)::text
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE nspname = 'daicho_identity' AND relkind = 'r'
           AND NOT pg_has_role(relowner, 'USAGE')",
        values![],
    )?;
    match strangers {
        None => Ok(()),
        Some(row) => {
            let owner: String = row.get(0)?;
            Err(scene.missing(
                &owner,
                "the migration of the identity store, which brings its tables up to date"
                    .to_owned(),
            ))
        }
    }
}

/// Whether the role may do with the tables what the store does.
fn refuse_without_rights(tx: &PostgresTransaction<'_>, scene: &Scene) -> Result<(), StoreError> {
    let lacking = tx.is_true(
        LOOK,
        "SELECT EXISTS (
             SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = 'daicho_identity' AND relkind = 'r' AND relname <> 'store_version'
               AND NOT (has_table_privilege(pg_class.oid, 'SELECT')
                        AND has_table_privilege(pg_class.oid, 'INSERT')
                        AND has_table_privilege(pg_class.oid, 'UPDATE')
                        AND has_table_privilege(pg_class.oid, 'DELETE'))
         )",
        values![],
    )?;
    if lacking {
        let owner = scene.owner.as_deref().unwrap_or(&scene.database_owner);
        Err(scene.missing(owner, grants(&scene.role)))
    } else {
        Ok(())
    }
}

fn grants(role: &str) -> String {
    let role = quoted(role);
    let tables: Vec<String> = TABLES
        .iter()
        .map(|(table, _)| format!("daicho_identity.{table}"))
        .collect();
    format!(
        "GRANT USAGE ON SCHEMA daicho_identity TO {role}; \
         GRANT SELECT ON daicho_identity.store_version TO {role}; \
         GRANT {RIGHTS} ON {} TO {role};",
        tables.join(", ")
    )
}

/// A role's name as SQL takes it, whatever is in it.
fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}
