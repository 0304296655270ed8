//! A throw-away PostgreSQL on loopback, ended by the handle that started it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::free_port;

/// Where Debian has the server's programs.
pub const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A server with one superuser, `postgres`, who needs no password.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Postgres {
    /// Makes an empty cluster and starts it; none, said loudly, where the machine has no server.
    pub fn start() -> Option<Self> {
        if !Path::new(PROGRAMS).join("postgres").exists() {
            eprintln!(
                "SKIPPED: {PROGRAMS} has no PostgreSQL server; 'cargo xtask test' installs it"
            );
            return None;
        }
        let folder = tempfile::tempdir_in("/tmp").unwrap();
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
        };
        server.start_again();
        Some(server)
    }

    /// Starts the stopped server over its data and waits until it answers.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none());
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut command = program("postgres", "QUIT");
        command.arg("-D").arg(self.folder.path().join("data"));
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "shared_buffers=16MB".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        for _ in 0..600 {
            let ready = program("pg_isready", "keep")
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if ready.unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "PostgreSQL does not answer:\n{}",
            fs::read_to_string(self.log()).unwrap()
        );
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Ends the server in good order; connections are refused from then on.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let told = Command::new("kill")
            .args(["-INT", &process.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        process.wait().unwrap();
    }

    /// Connection string of a role.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the superuser.
    #[track_caller]
    pub fn run(&self, database: &str, sql: &str) -> String {
        run_sql(&self.url("postgres", database), sql)
    }
}

/// Runs SQL as whoever `url` names, statement by statement.
#[track_caller]
pub fn run_sql(url: &str, sql: &str) -> String {
    let mut running = program("psql", "keep")
        .args(["-v", "ON_ERROR_STOP=1", "-qAt", "-d", url, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(sql.as_bytes()).unwrap();
    drop(input);
    let ran = running.wait_with_output().unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).unwrap()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Makes a file or folder the server's own, where it runs as somebody else.
pub fn give_to_server(path: &Path) {
    if is_root() {
        let (user, group) = user_of_the_server();
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Ids of the user that Debian runs the server as, who is not root.
fn user_of_the_server() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .unwrap();
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next().unwrap().parse().unwrap();
    (number(), number())
}

/// A program of PostgreSQL; see [`server_program`].
fn program(name: &str, on_death_of_the_test: &str) -> Command {
    server_program(&Path::new(PROGRAMS).join(name), on_death_of_the_test)
}

/// A program that runs as a user who may run PostgreSQL, and gets a signal (or with `keep` none)
/// when the test dies.
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
