//! Connects to the host that takes writes.

use std::time::Duration;

use daicho_postgres::{Connection, ConnectionSettings, Hosts, Refusal, SettingsError};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use super::said::PostgresSaid;
use super::session::Session;
use super::settings::PostgresSettings;
use crate::store_error::StoreError;

/// A node that hangs in the middle of a transaction loses it, and with it the right to write,
/// after this time.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// The pause after all hosts were tried in vain.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes connections.
pub(crate) struct Connector {
    hosts: Hosts,
    lock_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let to_connect = ConnectionSettings {
            url: &settings.url,
            root_certificates: settings.root_certificates.as_deref(),
            application_name: "daicho identity",
            connect_timeout: settings.connect_timeout,
        };
        Ok(Self {
            hosts: Hosts::new(&to_connect).map_err(|error| match error {
                SettingsError::ConnectionString { detail } => {
                    StoreError::ConnectionString { detail }
                }
                SettingsError::Certificates { path, source } => {
                    StoreError::Certificates { path, source }
                }
            })?,
            // Before the caller gives up, so that it hears why.
            lock_timeout: settings.answer_timeout / 2,
        })
    }

    /// The hosts, for messages.
    pub(crate) fn hosts(&self) -> &str {
        self.hosts.names()
    }

    /// A connection to the host that takes writes; tries for as long as `patience` lasts.
    pub(crate) async fn connect(&self, patience: Duration) -> Result<Session, PostgresSaid> {
        let mut heard = String::new();
        let trying = async {
            loop {
                let start = |client, connection| self.start(client, connection);
                let refusals = match self.hosts.connect(start).await {
                    Ok(session) => return Ok(session),
                    Err(refusals) => refusals,
                };
                let told: Vec<_> = refusals
                    .iter()
                    .map(|refusal| refusal.told_with(|error| PostgresSaid::of(error).to_string()))
                    .collect();
                heard = told.join("; ");
                if refusals.iter().all(is_lasting) {
                    return Err(heard.clone());
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

    async fn start(
        &self,
        client: Client,
        connection: Connection,
    ) -> Result<Session, tokio_postgres::Error> {
        let session = Session::start(client, connection);
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
        session.client.batch_execute(&settings).await?;
        Ok(session)
    }
}

/// Whether the server is there and says no, and will say no again: a wrong role or password, no
/// such database, or no right to connect to it.
fn is_lasting(refusal: &Refusal) -> bool {
    let code = refusal.error.as_ref().and_then(|error| error.code());
    code.is_some_and(|code| {
        code.code().starts_with("28") || matches!(code.code(), "3D000" | "42501")
    })
}
