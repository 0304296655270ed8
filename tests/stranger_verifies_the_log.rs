//! Verifiers that share no code with Daicho fetch the log from a running service and check all of
//! it; and nobody gets more of it than their role allows.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::allow_attributes,
    reason = "a test may panic, which is how it fails, and says how long it took"
)]

mod support;
#[path = "support/writers.rs"]
mod writers;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use support::*;
use writers::{Until, check_log, open_year, work};

/// How many events the log gets before strangers look at it: so many that its tree has a third level
/// of tiles when torture is asked for, or as many as `DAICHO_EVENTS` says.
fn events() -> u64 {
    let asked = std::env::var("DAICHO_EVENTS").ok();
    match asked.map(|count| count.parse().unwrap()) {
        Some(count) => count,
        None if std::env::var_os("DAICHO_TORTURE").is_some() => 100_000,
        None => 3_000,
    }
}

/// In how many parts the log grows; a checkpoint of the log between two parts is kept elsewhere.
const PARTS: u64 = 5;
/// Commands a request.
const BATCH: usize = 10;

/// Whether a check of what is installed succeeds; says what is skipped where not.
fn there(what: &str, command: &mut Command) -> bool {
    let is_there = command.output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("SKIPPED: {what} is not on this machine; 'cargo xtask test' installs it");
    }
    is_there
}

#[track_caller]
fn must_hold(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("all hold"));
}

/// A city that is served, checkpoints of before, and the service's newer one.
struct Shown {
    service: Service,
    token: String,
    key: String,
    /// A folder with a file for every checkpoint of before.
    old: String,
    request: String,
    figure: String,
    folder: tempfile::TempDir,
}

/// A place for a log: in memory where there is one, as nothing here is about a disk.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}

/// Lets the staff enter figures of an open year until the log has `events` events; checkpoints on the
/// way go to the folder `old`.
fn grow(service: &Service, events: u64, old: &str) {
    let begun = Instant::now();
    let mut writers = open_year(&service.url, 40);
    let (start, _) = checkpoint_beyond(service, 0);
    for part in 1..=PARTS {
        let target = start + events.saturating_sub(start) * part / PARTS;
        let (size, _) = checkpoint_beyond(service, 0);
        let missing = target.saturating_sub(size);
        writers = work(writers, &service.url, BATCH, &Until::acknowledged(missing));
        let refused: Vec<_> = writers
            .iter()
            .map(|writer| &writer.refusals)
            .filter(|refused| !refused.is_empty())
            .collect();
        assert!(refused.is_empty(), "{refused:?}");
        let (size, text) = checkpoint_beyond(service, target - 1);
        if part < PARTS {
            std::fs::write(Path::new(old).join(format!("{size:020}")), text).unwrap();
        }
        eprintln!("{size} events after {:?}", begun.elapsed());
    }
    let size = check_log(&service.url, &writers);
    assert!(size >= events, "{size}");
}

fn shown(events: u64) -> Shown {
    let folder = scratch();
    let data = path(&folder, "data");
    sample_city(&data);
    let key = succeed(&["log-key", "--data", &data, "show"])
        .trim()
        .to_owned();
    let service = Service::start(&data);
    let (size, text) = checkpoint_beyond(&service, 0);
    let old = path(&folder, "old");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(Path::new(&old).join(format!("{size:020}")), text).unwrap();
    if size < events {
        grow(&service, events, &old);
    }
    // A sign-in is an event too.
    let token = service.sign_in("auditor");
    checkpoint_beyond(&service, size);
    let (request, figure) = (path(&folder, "request"), path(&folder, "figure.json"));
    succeed(&[
        "witness",
        "--data",
        &data,
        "request",
        "--old-size",
        &size.to_string(),
        "-o",
        &request,
    ]);
    succeed(&[
        "proof",
        "--data",
        &data,
        "--fiscal-year",
        "R3",
        "--indicator",
        "英語検定合格率",
        "--as",
        "auditor",
        "-o",
        &figure,
    ]);
    Shown {
        service,
        token,
        key,
        old,
        request,
        figure,
        folder,
    }
}

/// Runs a verifier, which must find that everything holds.
#[track_caller]
fn verifies(mut verifier: Command, shown: &Shown) {
    let begun = Instant::now();
    let output = verifier.env("DAICHO_TOKEN", &shown.token).output().unwrap();
    must_hold(&output);
    eprintln!(
        "{}after {:?}",
        String::from_utf8_lossy(&output.stdout),
        begun.elapsed()
    );
}

#[test]
fn programs_that_share_no_code_check_entries_tiles_heads_and_proofs() {
    let cryptography = "from cryptography.hazmat.primitives.asymmetric import ed25519";
    let gocode = "/usr/share/gocode";
    let note = format!("{gocode}/src/golang.org/x/mod/sumdb/note");
    let has_python = there(
        "Python with the package cryptography",
        Command::new("python3").args(["-c", cryptography]),
    );
    let has_go = there("Go", Command::new("go").arg("version"))
        && there("golang-golang-x-mod-dev", Command::new("ls").arg(note));
    if !has_python && !has_go {
        return;
    }
    let shown = shown(events());
    if has_python {
        let mut python = Command::new("python3");
        python.arg(repository("tests/strangers/verify.py")).args([
            &shown.service.url,
            &shown.key,
            &shown.old,
            &shown.request,
            &shown.figure,
        ]);
        verifies(python, &shown);
    }
    if has_go {
        // What the Go team wrote for its own checksum database.
        let mut go = Command::new("go");
        go.arg("run")
            .arg(repository("tests/strangers/verify.go"))
            .args([&shown.service.url, &shown.key, &shown.old])
            .env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .env("GOPATH", gocode)
            .env("GOCACHE", path(&shown.folder, "gocache"));
        verifies(go, &shown);
    }
}

#[test]
fn nobody_gets_more_of_the_log_than_their_role_allows() {
    let shown = shown(0);
    let url = |part: &str| format!("{}/log/{part}", shown.service.url);
    let staff = shown.service.sign_in("staff.shoko");
    let planning = shown.service.sign_in("planning");
    let admin = shown.service.sign_in("admin");
    for part in ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"] {
        let (status, headers, body) = get_as(&url(part), None);
        assert_eq!(status, 401, "{part}");
        assert!(headers.contains_key("www-authenticate"));
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["errors"][0]["extensions"]["code"], "sign_in_first");
        for token in [&staff, &planning, &admin] {
            let (status, _, body) = get_as(&url(part), Some(token));
            assert_eq!(status, 403, "{part}");
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["errors"][0]["extensions"]["code"], "forbidden");
        }
        assert_eq!(get_as(&url(part), Some("no-token")).0, 401, "{part}");
        let (status, headers, body) = get_as(&url(part), Some(&shown.token));
        assert_eq!(status, 200, "{part}");
        assert!(!body.is_empty());
        let kept = headers["cache-control"].to_str().unwrap().to_owned();
        assert_eq!(
            kept.contains("immutable"),
            !part.contains(".p/"),
            "{part}: {kept}"
        );
        assert!(!kept.contains("public"), "{part}: {kept}");
    }
    assert_eq!(
        get_as(&url("tile/0/000"), Some(&shown.token)).2.len(),
        256 * 32,
        "hashes and nothing else"
    );
    for part in [
        "tile/0/x999/999",
        "tile/9/000",
        "tile/entries/x999/999",
        "tile/0/0",
        "tile/data/000",
        "tile/0/000.p/0",
    ] {
        assert_eq!(get_as(&url(part), Some(&shown.token)).0, 404, "{part}");
    }
    for part in ["checkpoint", "keys"] {
        let (status, headers, _) = get_as(&url(part), None);
        assert_eq!(
            (status, headers["content-type"].to_str().unwrap()),
            (200, "text/plain; charset=utf-8")
        );
    }
}
