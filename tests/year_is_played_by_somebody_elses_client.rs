//! A whole year, from the first account to a correction after publication, played by
//! a GraphQL client that is not ours.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::*;

/// Figures of the sample sheet by source line; where it has a dash, a reason.
fn figures() -> Value {
    let report: Value = serde_json::from_str(&succeed(&[
        "import",
        &sample_sheet(),
        "--dry-run",
        "--json",
    ]))
    .unwrap();
    let figures: Vec<Value> = report["indicators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let cell = &row["actuals"]["2021"];
            let line = row["line"].as_u64().unwrap();
            let reason = if [54, 56, 162, 164].contains(&line) {
                "not_started"
            } else {
                "not_available"
            };
            match cell["value"].as_str() {
                Some(_) => json!([line, { "text": cell["raw"] }]),
                None => json!([line, { "status": reason }]),
            }
        })
        .collect();
    Value::Array(figures)
}

#[test]
fn staff_approvers_planning_auditor_and_public_each_do_their_part() {
    let Some(modules) = std::env::var_os("DAICHO_NODE_MODULES") else {
        eprintln!(
            "SKIPPED: DAICHO_NODE_MODULES names no folder with the npm package graphql-request; 'cargo xtask test' installs it"
        );
        return;
    };
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let service = Service::start(&data);
    let output = Command::new("node")
        .arg(repository("tests/year/client.mjs"))
        .args([&service.url, &sample_sheet(), &sample_plan()])
        .env("DAICHO_NODE_MODULES", modules)
        .env("DAICHO_TEST_PASSWORD", PASSWORD)
        .env("DAICHO_TEST_FIGURES", figures().to_string())
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(service.stop(), 0);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}
