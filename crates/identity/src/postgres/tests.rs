//! What only PostgreSQL can do, and what can only be done to PostgreSQL.

use super::*;
use crate::IdentityStore;
use crate::fixture::{Admin, Server, at, quick, seeded, server_available};

mod nodes;
mod outages;
mod rights;
mod secrecy;

const ROLE: &str = "CREATE ROLE daicho_identity LOGIN PASSWORD 'only-for-tests'";
const SCHEMA: &str = "CREATE SCHEMA daicho_identity AUTHORIZATION daicho_identity";

/// A server with a role for the service.
fn started() -> Option<(Server, Admin)> {
    server_available().then(|| {
        let server = Server::start();
        let admin = Admin::connect(&server.url("postgres"));
        admin.run(ROLE);
        (server, admin)
    })
}

/// With a schema for the role, too.
fn prepared() -> Option<(Server, Admin)> {
    started().inspect(|(_, admin)| {
        admin.run(SCHEMA);
    })
}

fn open_with(settings: &PostgresSettings, seed: u64) -> Result<IdentityStore, StoreError> {
    IdentityStore::open_postgres(settings, quick(), seeded(seed), at(0))
}

fn open_as(server: &Server, role: &str, seed: u64) -> Result<IdentityStore, StoreError> {
    open_with(&PostgresSettings::new(server.url(role)), seed)
}

fn node(server: &Server, seed: u64) -> IdentityStore {
    open_as(server, "daicho_identity", seed).unwrap()
}
