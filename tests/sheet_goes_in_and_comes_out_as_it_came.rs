//! The planning office reads last year's sheet in once, and can write it out again unchanged.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use serde_json::Value;
use support::*;

fn dry_run(sheet: &str, plan: Option<&str>) -> Value {
    let mut arguments = vec!["import", sheet, "--dry-run", "--json"];
    if let Some(plan) = plan {
        arguments.extend(["--plan", plan]);
    }
    serde_json::from_str(&succeed(&arguments)).unwrap()
}

fn assert_counts(report: &Value) {
    let counts = serde_json::json!({
        "goals": 4, "policies": 10, "measures": 24, "projects": 48, "indicators": 56, "kpis": 46,
        "numeric_goals": 4, "monitor_only": 2, "projects_without_kpi": 4,
    });
    assert_eq!(report["counts"], counts);
    let subtotals = report["subtotals"].as_array().unwrap();
    assert_eq!(subtotals.len(), 5);
    assert!(
        subtotals.iter().all(|subtotal| subtotal["ok"] == true),
        "{subtotals:?}"
    );
}

fn verdicts(report: &Value) -> (usize, usize, usize, usize) {
    let count = |verdict: &str| {
        report["indicators"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["kind"] == "kpi" && row["verdicts"]["2021"]["verdict"] == verdict)
            .count()
    };
    (
        count("achieved"),
        count("not_achieved"),
        count("not_evaluable"),
        count("undecided"),
    )
}

#[test]
fn a_dry_run_counts_what_the_sheet_prints_and_needs_no_records() {
    assert_counts(&dry_run(&sample_sheet(), None));
}

#[test]
fn the_decided_directions_decide_the_verdicts() {
    assert_eq!(
        verdicts(&dry_run(&sample_sheet(), Some(&sample_plan()))),
        (21, 20, 5, 0)
    );
    let folder = folder();
    let with_the_subsidy = |direction: &str| {
        let mut plan: toml::Table = std::fs::read_to_string(sample_plan())
            .unwrap()
            .parse()
            .unwrap();
        let exceptions = plan["directions"].as_table_mut().unwrap()["exceptions"]
            .as_array_mut()
            .unwrap();
        let subsidy = exceptions
            .iter_mut()
            .find(|exception| exception["name"].as_str() == Some("対象者1人当たりの助成額"))
            .unwrap();
        subsidy
            .as_table_mut()
            .unwrap()
            .insert("direction".into(), direction.into());
        let file = path(&folder, &format!("{direction}.toml"));
        std::fs::write(&file, toml::to_string(&plan).unwrap()).unwrap();
        verdicts(&dry_run(&sample_sheet(), Some(&file)))
    };
    assert_eq!(with_the_subsidy("lower"), (22, 19, 5, 0));
    assert_eq!(with_the_subsidy("undefined"), (21, 19, 5, 1));
}

#[test]
fn what_was_read_in_is_written_out_byte_for_byte() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[("planning", "planning", None)]);
    succeed(&[
        "import",
        &sample_sheet(),
        "--plan",
        &sample_plan(),
        "--data",
        &data,
        "--as",
        "planning",
    ]);
    let out = path(&folder, "out.tsv");
    succeed(&[
        "export",
        "--data",
        &data,
        "--format",
        "tsv",
        "--fiscal-year",
        "R3",
        "-o",
        &out,
    ]);
    assert_eq!(
        std::fs::read(&out).unwrap(),
        std::fs::read(sample_sheet()).unwrap()
    );

    let json = succeed(&[
        "export",
        "--data",
        &data,
        "--format",
        "json",
        "--fiscal-year",
        "R3",
    ]);
    let exported: Value = serde_json::from_str(&json).unwrap();
    assert_counts(&exported);
    assert_eq!(verdicts(&exported), (21, 20, 5, 0));
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

#[test]
fn the_real_sheet_goes_in_and_comes_out_too() {
    let Some(fixtures) = fixtures() else { return };
    let sheet = fixtures.join("data/000_c52bdce60cc03941.txt");
    let sheet = sheet.to_str().unwrap();
    let report = dry_run(sheet, None);
    assert_counts(&report);
    assert_eq!(
        verdicts(&dry_run(sheet, Some(&sample_plan()))),
        (21, 20, 5, 0)
    );

    let found: Vec<(String, Option<u64>, String)> = report["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| {
            (
                issue["code"].as_str().unwrap().into(),
                issue["line"].as_u64(),
                issue["severity"].as_str().unwrap().into(),
            )
        })
        .collect();
    let expected: Vec<(String, Option<u64>, String)> =
        std::fs::read_to_string(fixtures.join("domain/issues_expected.tsv"))
            .unwrap()
            .lines()
            .skip(1)
            .map(|line| {
                let fields: Vec<&str> = line.split('\t').collect();
                (fields[0].into(), fields[1].parse().ok(), fields[2].into())
            })
            .collect();
    let sorted = |mut list: Vec<(String, Option<u64>, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(found), sorted(expected));

    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[("planning", "planning", None)]);
    succeed(&[
        "import",
        sheet,
        "--plan",
        &sample_plan(),
        "--data",
        &data,
        "--as",
        "planning",
    ]);
    let out = path(&folder, "out.tsv");
    succeed(&[
        "export",
        "--data",
        &data,
        "--format",
        "tsv",
        "--fiscal-year",
        "R3",
        "-o",
        &out,
    ]);
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(sheet).unwrap());
}
