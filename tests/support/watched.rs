//! A service whose words are kept, and which is watched while it cannot write.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{daicho, free_port, get};

/// How long is waited for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);

/// A running service; dropped, it is ended.
pub struct Watched {
    child: Child,
    said: PathBuf,
    /// `http://127.0.0.1:…`.
    pub url: String,
}

/// A service that ended before anybody could reach it.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: Option<i32>,
    /// What it said.
    pub said: String,
}

impl Watched {
    /// Starts `serve` over a data folder and waits until it answers, ready or not. What it says is
    /// kept in `said`, which lies elsewhere.
    pub fn start(data: &str, said: &Path) -> Result<Self, Ended> {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let child = daicho(&["serve", "--data", data, "--listen", &listen])
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(File::create(said).unwrap())
            .spawn()
            .unwrap();
        let mut service = Self {
            child,
            said: said.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
        };
        let mut left = PATIENCE;
        while get(&format!("{}/healthz", service.url)).is_none() {
            if let Some(status) = service.child.try_wait().unwrap() {
                return Err(Ended {
                    status: status.code(),
                    said: service.said(),
                });
            }
            assert!(!left.is_zero(), "nobody answers:\n{}", service.said());
            std::thread::sleep(STEP);
            left = left.saturating_sub(STEP);
        }
        Ok(service)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.said).unwrap()).into_owned()
    }

    /// Why it could not write so far, with how often: numbers left out, as they differ every time.
    pub fn troubles(&self) -> BTreeMap<String, usize> {
        let mut troubles = BTreeMap::new();
        for line in self.said().lines() {
            let Some((_, reason)) = line.split_once("the log takes no appends") else {
                continue;
            };
            let reason = reason.chars().filter(|letter| !letter.is_ascii_digit());
            *troubles.entry(reason.collect()).or_default() += 1;
        }
        troubles
    }

    /// Status and body of /readyz.
    #[track_caller]
    pub fn readiness(&self) -> (u16, Value) {
        let (status, body) = get(&format!("{}/readyz", self.url))
            .unwrap_or_else(|| panic!("nobody answers:\n{}", self.said()));
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Waits until it is ready.
    #[track_caller]
    pub fn becomes_ready(&self) {
        self.wait("ready", |(status, _)| status == 200);
    }

    /// Waits until it is not ready and says why in words that contain `part`; gives back the reason.
    #[track_caller]
    pub fn becomes_unready(&self, part: &str) -> String {
        let says = |(status, body): (u16, Value)| {
            status == 503
                && body["reason"]
                    .as_str()
                    .is_some_and(|why| why.contains(part))
        };
        self.wait(part, says);
        let reason = &self.readiness().1["reason"];
        reason.as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn((u16, Value)) -> bool) {
        let mut left = PATIENCE;
        while !is_so(self.readiness()) {
            assert!(
                !left.is_zero(),
                "not {what}: {:?}\n{}",
                self.readiness(),
                self.said()
            );
            std::thread::sleep(STEP);
            left = left.saturating_sub(STEP);
        }
    }

    /// A GraphQL request; what comes back is the whole answer.
    pub fn graphql(&self, token: Option<&str>, query: &str, variables: &Value) -> Value {
        let body = serde_json::json!({ "query": query, "variables": variables });
        super::post(&format!("{}/graphql", self.url), token, body)
            .expect("the service answers")
            .1
    }

    /// Tells the service to stop and waits; what comes back is its exit status and its words.
    pub fn stop(mut self) -> Ended {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.unwrap().success());
        let mut left = PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(!left.is_zero(), "it does not stop:\n{}", self.said());
            std::thread::sleep(STEP);
            left = left.saturating_sub(STEP);
        };
        Ended {
            status: status.code(),
            said: self.said(),
        }
    }

    /// Ends the service as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Nothing in it is for programmers only.
#[track_caller]
pub fn is_for_people(said: &str) {
    assert!(
        !said.contains("panicked") && !said.contains("backtrace"),
        "{said}"
    );
}
