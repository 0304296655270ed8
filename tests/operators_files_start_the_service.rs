//! What stands in deploy/ is started, not only read.

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
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let start = start.replace("/etc/daicho/daicho.toml", &file);
    let mut words = start.split_whitespace();
    assert_eq!(words.next(), Some("/usr/local/bin/daicho"));
    let arguments: Vec<&str> = words.collect();

    let service = Service::start_with(daicho(&arguments));
    assert_eq!(get(&format!("{}/healthz", service.url)).unwrap().0, 200);
    assert!(get(&format!("{}/metrics", service.url)).unwrap().1.contains("daicho_lag_events 0"));
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
    let faults: Vec<&str> = said.lines().filter(|line| line.contains("daicho.service") && !line.contains("is not executable")).collect();
    assert!(faults.is_empty(), "{said}");
}

#[test]
fn every_variable_of_the_command_line_works_as_an_option_does() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let mut command = daicho(&["department", "list"]);
    let output = command.env("DAICHO_DATA", &data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
