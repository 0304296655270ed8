//! What stands in deploy/ is started, not only read.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::process::Stdio;

use support::*;

#[test]
fn the_unit_and_the_configuration_start_a_service_that_stops_cleanly() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let config = std::fs::read_to_string(repository("deploy/daicho.toml")).unwrap();
    let file = path(&folder, "daicho.toml");
    std::fs::write(&file, config.replace("/var/lib/daicho", &data)).unwrap();

    let unit = std::fs::read_to_string(repository("deploy/daicho.service")).unwrap();
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let start = start.replace("/etc/daicho/daicho.toml", &file);
    let mut words = start.split_whitespace();
    assert_eq!(words.next(), Some("/usr/local/bin/daicho"));
    let arguments: Vec<&str> = words.collect();

    let service = Service::start_with(daicho(&arguments));
    assert_eq!(get(&format!("{}/healthz", service.url)).unwrap().0, 200);
    assert!(
        get(&format!("{}/metrics", service.url))
            .unwrap()
            .1
            .contains("daicho_lag_events 0")
    );
    assert!(unit.contains("KillSignal=SIGTERM"));
    assert_eq!(service.stop(), 0);
}

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let verify = std::process::Command::new("systemd-analyze")
        .args(["verify", "--recursive-errors=no"])
        .arg(repository("deploy/daicho.service"))
        .stdin(Stdio::null())
        .output();
    let Ok(output) = verify else {
        eprintln!("SKIPPED: systemd-analyze is not on this machine");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // The binary is not installed where the unit expects it; everything else must be right.
    let faults: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("daicho.service") && !line.contains("is not executable"))
        .collect();
    assert!(faults.is_empty(), "{said}");
}

#[test]
fn every_option_of_serve_is_a_variable_too() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let port = free_port();
    let mut command = daicho(&["serve"]);
    command
        .env("DAICHO_DATA", &data)
        .env("DAICHO_LISTEN", format!("127.0.0.1:{port}"))
        .env("DAICHO_PUBLIC_URL", "https://daicho.example")
        .env("DAICHO_BEHIND_PROXY", "true")
        .env("DAICHO_LOG_FORMAT", "json");
    let help = succeed(&["serve", "--help"]);
    for variable in [
        "DAICHO_DATA",
        "DAICHO_LISTEN",
        "DAICHO_CONFIG",
        "DAICHO_PUBLIC_URL",
        "DAICHO_BEHIND_PROXY",
        "DAICHO_LOG_FORMAT",
        "DAICHO_LOG_ORIGIN",
        "DAICHO_EXPECT_CHECKPOINT",
    ] {
        assert!(help.contains(variable), "{variable} is not in the help");
    }
    let service = Service::start_listening(command, port);
    assert_eq!(service.stop(), 0);
}

#[test]
fn the_data_folder_can_be_named_by_a_variable() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let mut command = daicho(&["department", "list"]);
    let output = command.env("DAICHO_DATA", &data).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
