//! A PostgreSQL server on loopback for one test, ended by the handle that started it.
//!
//! Nothing here needs a runtime, so it can be used in any test.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test may panic; that is how it fails"
)]

pub mod certificates;

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Where Debian has the server's programs.
pub const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// Whether there is a server to test with; says SKIPPED if not.
#[must_use]
pub fn available() -> bool {
    let there = Path::new(PROGRAMS).join("postgres").exists();
    if !there {
        eprintln!("SKIPPED: {PROGRAMS} has no PostgreSQL server; 'cargo xtask test' installs it");
    }
    there
}

/// A server of the test's own with one superuser, `postgres`. Every role gets in without a password.
pub struct Server {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
    /// Settings beside the usual ones, as `name=value`, for the next start.
    pub settings: Vec<String>,
}

impl Server {
    /// Makes an empty cluster and starts it. Root cannot run PostgreSQL, so it becomes
    /// `postgres` for that.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("daicho-postgres-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        give_to_server(&data);
        let made = program("initdb", "keep")
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
        assert!(self.process.is_none(), "the server is running");
        let mut process = self.spawn();
        for _ in 0..600 {
            if self.is_answering() {
                self.process = Some(process);
                return;
            }
            if process.try_wait().unwrap().is_some() {
                // What a killed server leaves running for a moment keeps the next one out.
                process = self.spawn();
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = process.kill();
        let _ = process.wait();
        panic!("PostgreSQL does not answer:\n{}", self.log());
    }

    fn spawn(&self) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        // If this thread dies, the server gets a signal and does not stay behind.
        let mut command = program("postgres", "QUIT");
        command.arg("-D").arg(self.folder.path().join("data"));
        let port = format!("port={}", self.port);
        let usual = [
            port.as_str(),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=16MB",
            // A killed postmaster cannot tidy up /dev/shm.
            "dynamic_shared_memory_type=mmap",
        ];
        for setting in usual
            .into_iter()
            .chain(self.settings.iter().map(String::as_str))
        {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn is_answering(&self) -> bool {
        program("pg_isready", "keep")
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .unwrap()
            .success()
    }

    /// Lets only those in who are named in these lines of `pg_hba.conf`.
    pub fn let_in(&self, lines: &str) {
        let file = self.folder.path().join("data/pg_hba.conf");
        fs::write(&file, lines).unwrap();
        give_to_server(&file);
        let process = self.process.as_ref().unwrap().id().to_string();
        let told = Command::new("kill").args(["-HUP", &process]).status();
        assert!(told.unwrap().success());
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
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the killed server's port is still open");
    }

    /// Ends the server quickly and in good order; connections are refused from then on.
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

    /// Connection string of a role.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// The process that started all the others of the server.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// A folder that goes away with the server.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// What the server has written about itself.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A free port on loopback. Another process could take it before it is used; starting the
/// server then fails, and with it the test.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
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
    // The owner of its own entry in /proc is who runs a process.
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A program of PostgreSQL; see [`server_program`].
#[must_use]
pub fn program(name: &str, on_death_of_the_test: &str) -> Command {
    server_program(&Path::new(PROGRAMS).join(name), on_death_of_the_test)
}

/// A program that runs as a user who may run PostgreSQL, and gets a signal (or with `keep` none)
/// when this thread dies.
#[must_use]
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
