//! Starting the real binary, talking to it, and ending it: by the handle that started it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// The password of all accounts in these tests.
pub const PASSWORD: &str = "kawa-no-nagare-2022";

/// A command of the binary under test, away from the variables of whoever runs the tests.
pub fn daicho(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daicho"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DAICHO_"))
    {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    daicho(arguments).output().unwrap()
}

/// Runs a command that must succeed; what comes back is its standard output.
#[track_caller]
pub fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(
        output.status.success(),
        "daicho {} ended with {}\n{}{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail with `status`; what comes back is its standard error.
#[track_caller]
pub fn fail(status: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(status),
        "daicho {}\n{error}",
        arguments.join(" ")
    );
    assert!(
        !error.contains("panicked") && !error.contains("stack backtrace"),
        "{error}"
    );
    error
}

/// Runs a command with `input` on its standard input; it must succeed.
#[track_caller]
pub fn succeed_with_input(arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let mut child = daicho(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "daicho {}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Opens an account as the administrator; its password is [`PASSWORD`].
pub fn open_account(data: &str, name: &str) {
    succeed_with_input(
        &[
            "account",
            "--data",
            data,
            "open",
            name,
            "--display-name",
            name,
            "--password-stdin",
            "--as",
            "admin",
        ],
        PASSWORD,
    );
}

/// A temporary folder, owner-only as a data folder has to be.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A path below a temporary folder as text.
pub fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// A file of the repository.
pub fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

/// The sample city's sheet: real structure and figures, made-up commentary.
pub fn sample_sheet() -> String {
    repository("crates/sample/data/sunagawa.tsv")
        .to_str()
        .unwrap()
        .to_owned()
}

/// Its plan file.
pub fn sample_plan() -> String {
    repository("crates/sample/data/plan.toml")
        .to_str()
        .unwrap()
        .to_owned()
}

/// The fixtures that are not part of the project, where they are there. Says so where not.
pub fn fixtures() -> Option<PathBuf> {
    let folder =
        std::env::var_os("DAICHO_FIXTURES").map_or_else(|| repository("../shared"), PathBuf::from);
    if folder.join("domain/sheet_expected.tsv").is_file() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: {} has no fixtures; name their folder in DAICHO_FIXTURES",
        folder.display()
    );
    None
}

/// A data folder with a municipality, the sample's departments, the administrator `admin` and
/// the accounts named, each with a role and, where it has one, a department.
pub fn city(data: &str, accounts: &[(&str, &str, Option<&str>)]) {
    let mut arguments = vec![
        "init",
        "--data",
        data,
        "--code",
        "012262",
        "--name",
        "砂川市",
        "--password-stdin",
    ];
    let departments = sample_departments();
    for department in &departments {
        arguments.extend(["--department", department]);
    }
    succeed_with_input(&arguments, PASSWORD);
    for (name, role, department) in accounts {
        succeed_with_input(
            &[
                "account",
                "--data",
                data,
                "open",
                name,
                "--display-name",
                &format!("{name}さん"),
                "--password-stdin",
                "--as",
                "admin",
            ],
            PASSWORD,
        );
        let mut grant = vec![
            "account", "--data", data, "grant", name, "--role", role, "--as", "admin",
        ];
        if let Some(department) = department {
            grant.extend(["--department", department]);
        }
        succeed(&grant);
    }
}

/// Names of the departments in the sample's plan file.
pub fn sample_departments() -> Vec<String> {
    let plan: toml::Table = std::fs::read_to_string(sample_plan())
        .unwrap()
        .parse()
        .unwrap();
    plan["departments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|department| department["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A free port on loopback. Another process could take it before it is used; the service then
/// says so and the test fails with that message.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A running service; dropped, it is ended.
pub struct Service {
    child: Child,
    /// `http://127.0.0.1:…`.
    pub url: String,
}

impl Service {
    /// Starts `serve` over a data folder and waits until it is ready.
    pub fn start(data: &str) -> Self {
        Self::start_with(daicho(&["serve", "--data", data]))
    }

    /// Starts a prepared command, to which `--listen` is added, and waits until it is ready.
    pub fn start_with(mut command: Command) -> Self {
        let port = free_port();
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        Self::start_listening(command, port)
    }

    /// Starts a command that listens on `port` and waits until it is ready.
    pub fn start_listening(mut command: Command, port: u16) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        // Read on, so that a full pipe never stops the service.
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            errors
                .lines()
                .map_while(Result::ok)
                .for_each(|line| eprintln!("service: {line}"))
        });
        let mut service = Self { child, url };
        for _ in 0..600 {
            if let Some(status) = service.child.try_wait().unwrap() {
                panic!("the service ended with {status} before it was ready");
            }
            if get(&format!("{}/readyz", service.url)).is_some_and(|(status, _)| status == 200) {
                return service;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the service was not ready within a minute");
    }

    /// Ends the service as a power cut would: nothing is flushed, nobody is told.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the service to stop and waits; what comes back is its exit status.
    pub fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A GraphQL request; what comes back is the whole answer.
    pub fn graphql(&self, token: Option<&str>, query: &str, variables: &Value) -> Value {
        let body = serde_json::json!({ "query": query, "variables": variables });
        post(&format!("{}/graphql", self.url), token, body)
            .expect("the service answers")
            .1
    }

    /// Signs in; what comes back is the access token.
    #[track_caller]
    pub fn sign_in(&self, name: &str) -> String {
        let answer = self.graphql(
            None,
            "mutation($name: String!, $password: String!) { signIn(name: $name, password: $password) { \
             __typename ... on SignedIn { accessToken } } }",
            &serde_json::json!({ "name": name, "password": PASSWORD }),
        );
        answer["data"]["signIn"]["accessToken"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// GET: status and text; none where nobody answers.
pub fn get(url: &str) -> Option<(u16, String)> {
    runtime().block_on(async {
        let answer = reqwest::get(url).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    })
}

/// POST of JSON: status and JSON; none where nobody answers.
pub fn post(url: &str, token: Option<&str>, body: Value) -> Option<(u16, Value)> {
    runtime().block_on(async {
        let mut request = reqwest::Client::new().post(url).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    })
}

/// GET as somebody: status, headers and bytes.
pub fn get_as(url: &str, token: Option<&str>) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    runtime().block_on(async {
        let mut request = reqwest::Client::new().get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap().to_vec())
    })
}

/// The sample city in a data folder: two years played, R3 published twice.
pub fn sample_city(data: &str) {
    succeed(&["demo", "--once", "--data", data, "--password", PASSWORD]);
}

/// The newest checkpoint of a running service, once it covers more than `size` events.
#[track_caller]
pub fn checkpoint_beyond(service: &Service, size: u64) -> (u64, String) {
    for _ in 0..100 {
        if let Some((200, text)) = get(&format!("{}/log/checkpoint", service.url)) {
            let found = size_of(&text);
            if found > size {
                return (found, text);
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no checkpoint beyond {size} events within ten seconds");
}

/// Number of events in a checkpoint's text.
pub fn size_of(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

/// Copies a folder as it is.
pub fn copy_folder(from: &str, to: &str) {
    assert!(
        Command::new("cp")
            .args(["-a", from, to])
            .status()
            .unwrap()
            .success()
    );
}

/// Whether `text` says `part`, however it was wrapped for the terminal.
pub fn says(text: &str, part: &str) -> bool {
    let squeezed = |text: &str| -> String {
        let letters = text.chars();
        letters
            .filter(|letter| !letter.is_whitespace() && *letter != '│')
            .collect()
    };
    squeezed(text).contains(&squeezed(part))
}
