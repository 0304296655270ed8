//! Verifiers that share no code with Daicho fetch the log from a running service and check all of
//! it; and nobody gets more of it than their role allows.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::process::{Command, Output};

use support::*;

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

/// A city that is served, a checkpoint of before, and the service's newer one.
struct Shown {
    service: Service,
    token: String,
    key: String,
    old: String,
    request: String,
    figure: String,
    folder: tempfile::TempDir,
}

fn shown() -> Shown {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let key = succeed(&["log-key", "--data", &data, "show"])
        .trim()
        .to_owned();
    let service = Service::start(&data);
    let (size, text) = checkpoint_beyond(&service, 0);
    let old = path(&folder, "old.txt");
    std::fs::write(&old, text).unwrap();
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

#[test]
fn a_program_in_python_checks_entries_tiles_heads_and_proofs() {
    let cryptography = "from cryptography.hazmat.primitives.asymmetric import ed25519";
    if !there(
        "Python with the package cryptography",
        Command::new("python3").args(["-c", cryptography]),
    ) {
        return;
    }
    let shown = shown();
    let output = Command::new("python3")
        .arg(repository("tests/strangers/verify.py"))
        .args([
            &shown.service.url,
            &shown.key,
            &shown.old,
            &shown.request,
            &shown.figure,
        ])
        .env("DAICHO_TOKEN", &shown.token)
        .output()
        .unwrap();
    must_hold(&output);
}

#[test]
fn the_go_teams_own_code_checks_entries_tiles_and_heads() {
    let gocode = "/usr/share/gocode";
    let note = format!("{gocode}/src/golang.org/x/mod/sumdb/note");
    if !there("Go", Command::new("go").arg("version"))
        || !there("golang-golang-x-mod-dev", Command::new("ls").arg(note))
    {
        return;
    }
    let shown = shown();
    let output = Command::new("go")
        .arg("run")
        .arg(repository("tests/strangers/verify.go"))
        .args([&shown.service.url, &shown.key, &shown.old])
        .env("DAICHO_TOKEN", &shown.token)
        .env("GOFLAGS", "")
        .env("GO111MODULE", "off")
        .env("GOPATH", gocode)
        .env("GOCACHE", path(&shown.folder, "gocache"))
        .output()
        .unwrap();
    must_hold(&output);
}

#[test]
fn nobody_gets_more_of_the_log_than_their_role_allows() {
    let shown = shown();
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
