//! An operator backs a running service up, loses the machine, and restores the records elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::fs;
use std::path::Path;

use support::*;

/// The line of a verification that names the root.
fn root(output: &str) -> &str {
    output
        .lines()
        .find(|line| line.contains("root "))
        .and_then(|line| line.split("root ").nth(1))
        .and_then(|rest| rest.split([',', ' ', ';']).next())
        .unwrap()
}

#[test]
fn everything_comes_back_with_the_same_root() {
    let folder = folder();
    let data = path(&folder, "data");
    succeed(&["demo", "--once", "--data", &data, "--password", PASSWORD]);
    let backup = path(&folder, "city.daicho-backup");
    let service = Service::start(&data);
    let said = succeed(&["backup", "--data", &data, "-o", &backup]);
    assert!(
        said.contains("events in") && said.contains("NOT included: people"),
        "{said}"
    );
    let again = fail(1, &["backup", "--data", &data, "-o", &backup]);
    assert!(again.contains("is there already"), "{again}");
    assert_eq!(service.stop(), 0);

    let elsewhere = path(&folder, "elsewhere");
    let restored = succeed(&["restore", &backup, "--data", &elsewhere]);
    assert_eq!(root(&restored), root(&said), "{restored}");
    let twice = fail(1, &["restore", &backup, "--data", &elsewhere]);
    assert!(twice.contains("holds a log already"), "{twice}");

    // Without the people the service does not pretend that nobody had ever been there.
    let lost = fail(1, &["plans", "--data", &elsewhere]);
    assert!(lost.contains("register of people"), "{lost}");
    for part in ["identity", "keys"] {
        copy_folder(&format!("{data}/{part}"), &format!("{elsewhere}/{part}"));
    }
    let verified = succeed(&["verify", "--data", &elsewhere]);
    assert!(verified.contains("everything agrees"), "{verified}");
    let plans = |data: &str| succeed(&["plans", "--data", data]);
    assert_eq!(plans(&elsewhere), plans(&data));
    assert_eq!(Service::start(&elsewhere).stop(), 0);
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing_behind() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let backup = path(&folder, "city.daicho-backup");
    succeed(&["backup", "--data", &data, "-o", &backup]);
    let whole = fs::read(&backup).unwrap();
    let elsewhere = path(&folder, "elsewhere");
    for place in [0, whole.len() / 4, whole.len() / 2, whole.len() - 5] {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&backup, bytes).unwrap();
        let output = run(&["restore", &backup, "--data", &elsewhere]);
        assert!(!output.status.success(), "byte {place}");
        assert!(!Path::new(&elsewhere).exists(), "byte {place}");
    }
    fs::write(&backup, &whole[..whole.len() - 100]).unwrap();
    assert!(
        !run(&["restore", &backup, "--data", &elsewhere])
            .status
            .success()
    );
    assert!(!Path::new(&elsewhere).exists());
    fs::write(&backup, whole).unwrap();
    succeed(&["restore", &backup, "--data", &elsewhere]);
}
