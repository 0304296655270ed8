//! `bench` measures each subject with its limit beside it, and leaves nothing behind.

use std::fs;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_subject_is_measured_beside_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let subjects: [&[&str]; 4] = [
        &["log", "--writers", "8,1", "--events", "2000"],
        &["commands", "--writers", "2"],
        &["reads"],
        &["rebuild"],
    ];
    for subject in subjects {
        let run = Command::new(env!("CARGO_BIN_EXE_daicho"))
            .arg("bench")
            .args(subject)
            .args(["--rounds", "1", "--seconds", "1", "--json", "--folder"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        let report: Value = serde_json::from_slice(&run.stdout).unwrap();
        let series = report["series"].as_array().unwrap();
        assert!(!series.is_empty(), "{report}");
        for series in series {
            let rounds = series["rounds"].as_array().unwrap();
            assert_eq!(rounds.len(), 1, "{report}");
            for round in rounds {
                let number = |name: &str| round[name].as_f64().unwrap();
                let ratio = number("per_second") / number("limit_per_second");
                assert!(number("per_second") > 0.0, "{report}");
                assert!((ratio - number("ratio")).abs() < 1e-6, "{report}");
                assert!(number("p50_ms") <= number("max_ms"), "{report}");
            }
        }
        let is_log = subject[0] == "log";
        assert_eq!(report["space"].is_object(), is_log, "{report}");
        if is_log {
            assert!(report["space"]["events"].as_u64() >= Some(2000), "{report}");
            assert!(report["space"]["journal_bytes"].as_f64() > Some(0.0));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
