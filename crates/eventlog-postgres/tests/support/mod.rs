//! A throw-away PostgreSQL on loopback, or an existing one, and fresh databases in it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each test file uses its part; a test may panic"
)]

pub mod load;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use daicho_eventlog_postgres::{Options, PostgresLog, migrate};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// Where Debian has the server's programs.
pub const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
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

/// As [`available`], for tests that stop the server and so need one of their own.
pub fn own_server_available() -> bool {
    let there = Path::new(PROGRAMS).join("postgres").exists();
    if !there {
        eprintln!("SKIPPED: {PROGRAMS} has no PostgreSQL server; 'cargo xtask test' installs it");
    }
    there
}

/// A free port on loopback. Another process could take it before it is used; starting the
/// server then fails, and with it the test.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A server of the test's own, ended by the handle that started it.
pub struct Server {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
    /// Settings beside the usual ones, as `name=value`.
    pub settings: Vec<String>,
}

impl Server {
    /// Makes an empty cluster and starts it. Root cannot run PostgreSQL, so it becomes
    /// `postgres` for that.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("daicho-postgres-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        give_to_server(&data);
        let made = server_command("initdb", "keep")
            .args(["--no-sync", "--auth=trust", "--username=postgres"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut server = Self {
            folder,
            port: free_port(),
            process: None,
            settings: Vec::new(),
        };
        server.start_again();
        server
    }

    /// Starts the stopped or killed server over its data and waits until it answers.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none());
        let url = self.url("postgres", "postgres");
        let mut process = self.spawn();
        for _ in 0..600 {
            if block_on(is_answering(url.clone())) {
                self.process = Some(process);
                return;
            }
            if process.try_wait().unwrap().is_some() {
                // What a killed server leaves running for a moment keeps the next one out.
                process = self.spawn();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = process.kill();
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("PostgreSQL does not answer:\n{log}");
    }

    fn spawn(&self) -> Child {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        // If this process dies, the server gets a signal and does not stay behind.
        let mut command = server_command("postgres", "QUIT");
        command.arg("-D").arg(self.folder.path().join("data"));
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "max_connections=50".to_owned(),
            // A killed postmaster cannot tidy up /dev/shm.
            "dynamic_shared_memory_type=mmap".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        // Its processes notice in a moment and let go of the port.
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the killed server's port is still open");
    }

    /// Ends the server quickly and in good order.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if process.try_wait().unwrap().is_none() {
            let told = Command::new("kill")
                .args(["-INT", &process.id().to_string()])
                .status();
            assert!(told.unwrap().success());
        }
        process.wait().unwrap();
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgresql://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// The process that started all the others of the server.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// A folder that goes away with the server.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a file or folder the server's own, where it runs as somebody else.
pub fn give_to_server(path: &Path) {
    if !is_root() {
        return;
    }
    let id = |flag: &str| -> u32 {
        let output = Command::new("id")
            .args([flag, "postgres"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of its own entry in /proc is who runs a process.
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn server_command(program: &str, on_death_of_the_test: &str) -> Command {
    server_program(&Path::new(PROGRAMS).join(program), on_death_of_the_test)
}

/// A program that runs as a user who may run PostgreSQL, and gets a signal (or with `keep` none)
/// when this thread dies.
pub fn server_program(program: &Path, on_death_of_the_test: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", on_death_of_the_test]);
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LANG", "C.UTF-8").current_dir("/");
    command
}

async fn is_answering(url: String) -> bool {
    let connecting = tokio_postgres::connect(&url, NoTls);
    matches!(
        tokio::time::timeout(Duration::from_secs(2), connecting).await,
        Ok(Ok(_))
    )
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
