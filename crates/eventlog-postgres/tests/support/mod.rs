//! A throw-away PostgreSQL on loopback, or an existing one, and fresh databases in it.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each test file uses its part; a test may panic"
)]

pub mod load;

use std::{
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use daicho_eventlog_postgres::{Options, PostgresLog, migrate};
/// For tests that stop the server and so need one of their own.
pub use daicho_postgres::throwaway_server::available as own_server_available;
pub use daicho_postgres::throwaway_server::{
    PROGRAMS, Server, free_port, give_to_server, server_program,
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// Names an existing server instead; its role must be a superuser.
const URL_VARIABLE: &str = "DAICHO_TEST_DATABASE_URL";

/// Connections live here: the conformance suite's own runtime has no I/O.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
});

/// Runs a future on [`RUNTIME`] and waits for it.
pub fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    RUNTIME.block_on(async { tokio::spawn(future).await.unwrap() })
}

/// Whether there is a server to test with; says SKIPPED if not.
pub fn available() -> bool {
    let there =
        std::env::var_os(URL_VARIABLE).is_some() || Path::new(PROGRAMS).join("postgres").exists();
    if !there {
        eprintln!(
            "SKIPPED: {PROGRAMS} has no PostgreSQL server and {URL_VARIABLE} names none; 'cargo xtask test' installs it"
        );
    }
    there
}

/// A connection for the test's own looks.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A fresh database with the log's schema, an owner's and a service's role.
pub struct Database {
    /// In the administrator's, the owner's and the service's role.
    pub admin_url: String,
    pub owner_url: String,
    pub service_url: String,
    existing: Option<(String, String)>,
    server: Option<Server>,
}

impl Database {
    /// In a server of its own, or in the one that the environment names.
    pub fn new() -> Self {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => Self::in_existing(&url),
            Err(_) => Self::on(Server::start()),
        }
    }

    /// In this server, which goes away with the database.
    pub fn on(server: Server) -> Self {
        let url = |user: &str, database: &str| server.url(user, database);
        let urls = [
            url("postgres", "postgres"),
            url("postgres", "daicho"),
            url("daicho_owner", "daicho"),
            url("daicho_service", "daicho"),
        ];
        block_on(async move {
            let [super_url, admin_url, owner_url, service_url] = urls;
            let admin = client(&super_url).await;
            make(&admin, "daicho", "daicho_owner", "daicho_service").await;
            migrate(&Options::new(&owner_url), "daicho_service")
                .await
                .unwrap();
            Self {
                admin_url,
                owner_url,
                service_url,
                existing: None,
                server: Some(server),
            }
        })
    }

    fn in_existing(url: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "daicho_test_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let url = url.to_owned();
        block_on(async move {
            let config: tokio_postgres::Config = url.parse().unwrap();
            let host = match &config.get_hosts()[0] {
                tokio_postgres::config::Host::Tcp(host) => host.clone(),
                tokio_postgres::config::Host::Unix(path) => {
                    panic!("{} is no TCP host", path.display())
                }
            };
            let port = config.get_ports().first().copied().unwrap_or(5432);
            let (owner, service) = (format!("{name}_owner"), format!("{name}_service"));
            let as_role = |role: &str| format!("postgresql://{role}:test@{host}:{port}/{name}");
            let admin = client(&url).await;
            make(&admin, &name, &owner, &service).await;
            let (owner_url, service_url) = (as_role(&owner), as_role(&service));
            migrate(&Options::new(&owner_url), &service).await.unwrap();
            let password = String::from_utf8(config.get_password().unwrap_or_default().to_vec());
            let user = config.get_user().unwrap_or("postgres");
            Self {
                admin_url: format!(
                    "postgresql://{user}:{}@{host}:{port}/{name}",
                    password.unwrap()
                ),
                owner_url,
                service_url,
                existing: Some((url, name)),
                server: None,
            }
        })
    }

    /// The server of this database's own.
    pub fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    /// Opens the log in the service's role.
    pub fn open(&self) -> PostgresLog {
        self.open_with(|_| {})
    }

    /// As [`Database::open`], on the runtime already.
    pub async fn open_in_place(&self) -> PostgresLog {
        PostgresLog::open(&Options::new(&self.service_url))
            .await
            .unwrap()
    }

    /// As [`Database::open`] with changed options.
    pub fn open_with(&self, change: impl FnOnce(&mut Options)) -> PostgresLog {
        let mut options = Options::new(&self.service_url);
        change(&mut options);
        block_on(async move { PostgresLog::open(&options).await }).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((url, name)) = self.existing.take() else {
            return;
        };
        let clearing = async move {
            let admin = client(&url).await;
            for statement in [
                format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                format!("DROP ROLE IF EXISTS {name}_owner, {name}_service"),
            ] {
                if let Err(error) = admin.batch_execute(&statement).await {
                    eprintln!("{statement}: {error}");
                }
            }
        };
        // A thread of its own: this may be dropped inside another runtime.
        let _ = std::thread::spawn(|| block_on(clearing)).join();
    }
}

/// Makes the roles and the empty database.
pub async fn make(admin: &Client, database: &str, owner: &str, service: &str) {
    for statement in [
        format!("CREATE ROLE {owner} LOGIN PASSWORD 'test'"),
        format!("CREATE ROLE {service} LOGIN PASSWORD 'test'"),
        format!("CREATE DATABASE {database} OWNER {owner}"),
    ] {
        admin.batch_execute(&statement).await.unwrap();
    }
}
