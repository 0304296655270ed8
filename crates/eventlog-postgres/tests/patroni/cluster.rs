//! Holds `cluster.py`: a real Patroni cluster on loopback, which ends with its handle. Whoever
//! includes this file has `PROGRAMS`, `free_port`, `give_to_server` and `server_program` beside it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use tempfile::TempDir;

use super::{PROGRAMS, free_port, give_to_server, server_program};

const NODES: u16 = 3;
/// etcd two; PostgreSQL and Patroni one for each node.
const PORTS: u16 = 2 + 2 * NODES;

/// The cluster, which ends when this is dropped or this process dies.
pub struct Cluster {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    first_port: u16,
    // Behind the process, so that it goes last.
    _folder: TempDir,
}

impl Cluster {
    /// Starts three nodes and waits until they replicate.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("daicho-patroni-")
            .tempdir_in("/tmp")
            .unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        give_to_server(folder.path());
        give_to_server(&work);
        let program = folder.path().join("cluster.py");
        fs::write(&program, include_str!("cluster.py")).unwrap();
        let first_port = free_ports();
        let mut process = server_program(Path::new("/usr/bin/python3"), "keep")
            .args([&program, &work])
            .args([&first_port.to_string(), PROGRAMS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut cluster = Self {
            commands: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            first_port,
            _folder: folder,
        };
        cluster.tell("up");
        cluster
    }

    /// Gives a command and returns what it was answered with.
    #[track_caller]
    pub fn tell(&mut self, command: &str) -> String {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        match answer.trim().strip_prefix("ok") {
            Some(rest) => rest.trim().to_owned(),
            None => panic!("{command}: {answer}"),
        }
    }

    /// The ports of the servers.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.first_port + 2..self.first_port + 2 + NODES
    }

    /// Connection string that names all servers.
    pub fn url(&self, user: &str, database: &str) -> String {
        let hosts: Vec<_> = self
            .ports()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!("postgresql://{user}:test@{}/{database}", hosts.join(","))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}

/// The first of enough free ports in a row.
fn free_ports() -> u16 {
    for _ in 0..100 {
        let first = free_port();
        let Some(end) = first.checked_add(PORTS) else {
            continue;
        };
        if (first..end).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("there are no {PORTS} free ports in a row");
}

/// Whether somebody asks for failovers and this machine can have them; says SKIPPED if not.
pub fn wanted_and_possible() -> bool {
    let wanted = ["DAICHO_PATRONI", "DAICHO_TORTURE"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|value| value == "1"));
    if !wanted {
        eprintln!("SKIPPED: a failover takes long; DAICHO_PATRONI=1 asks for it");
        return false;
    }
    for program in [
        "/usr/bin/patroni",
        "/usr/bin/etcd",
        &format!("{PROGRAMS}/postgres"),
    ] {
        if !Path::new(program).exists() {
            eprintln!(
                "SKIPPED: {program} is not there (Debian: apt-get install patroni etcd-server postgresql-15)"
            );
            return false;
        }
    }
    true
}
