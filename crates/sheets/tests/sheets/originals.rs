//! The original sheet and the truth about it, kept outside the project: read where they are
//! there (`DAICHO_FIXTURES`, or `shared` beside the checkout), skipped loudly where they are not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use daicho_domain::indicator::PeriodKind;
use daicho_domain::{Cell, CellStatus};
use daicho_sheets::cell::{CellRole, read_cell};
use daicho_sheets::document::fiscal_years_of;
use daicho_sheets::expression::read_expression;
use daicho_sheets::{Delimiter, ParseHints, of_parsed, parse, write};
use serde_json::Value;

use crate::city::{City, R3, parsed, plan_file};

fn shared(file: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("DAICHO_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!(
                "SKIPPED: {} is not there ({error}); name the fixtures' folder in DAICHO_FIXTURES",
                path.display()
            );
            None
        }
    }
}

const ORIGINAL: &str = "data/000_c52bdce60cc03941.txt";

fn table(bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t'));
    let names: Vec<String> = lines.next().unwrap().map(str::to_owned).collect();
    lines
        .map(|cells| {
            names
                .iter()
                .cloned()
                .zip(cells.map(str::to_owned))
                .collect()
        })
        .collect()
}

#[test]
fn the_original_gives_the_expected_rows() {
    let (Some(original), Some(expected)) = (shared(ORIGINAL), shared("domain/sheet_expected.tsv"))
    else {
        return;
    };
    let sheet = parse(&original, ParseHints::default()).unwrap();
    let report = serde_json::to_value(of_parsed(&sheet, None)).unwrap();
    let decided = serde_json::to_value(of_parsed(&parsed(&original), Some(&plan_file()))).unwrap();
    let rows = report["indicators"].as_array().unwrap();
    let expected = table(&expected);
    assert_eq!(rows.len(), expected.len());
    for ((row, decided), expected) in rows
        .iter()
        .zip(decided["indicators"].as_array().unwrap())
        .zip(&expected)
    {
        let line = &expected["source_line"];
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let is = |name: &str, value: String| assert_eq!(value, expected[name], "L{line} {name}");
        is("source_line", row["line"].to_string());
        for name in [
            "goal",
            "policy",
            "measure",
            "project",
            "unit",
            "no_kpi_reason",
        ] {
            is(name, text(&row[name]));
        }
        is("kpi", text(&row["name"]));
        is("commentary", text(&row["commentary"]["2021"]));
        is("baseline_raw", text(&row["baseline"]["raw"]));
        is("final_raw", text(&row["final_target"]["raw"]));
        is("baseline_year", text(&row["baseline"]["period"]));
        is("basis", text(&row["final_target"]["basis"]));
        is("final_target", text(&row["final_target"]["value"]));
        if row["baseline"]["value"].is_string() {
            is("baseline_value", text(&row["baseline"]["value"]));
        }
        for (number, year) in (3..=7).zip(["2021", "2022", "2023", "2024", "2025"]) {
            is(
                &format!("t_r{number}_raw"),
                text(&row["targets"][year]["raw"]),
            );
            is(
                &format!("a_r{number}_raw"),
                text(&row["actuals"][year]["raw"]),
            );
        }
        is("total_target_raw", text(&row["total_target"]["raw"]));
        is("total_actual_raw", text(&row["total_actual"]["raw"]));
        let kind = match expected["kind"].as_str() {
            "kpi_monitor" => "monitor_only",
            kind => kind,
        };
        assert_eq!(row["kind"], kind, "L{line}");
        assert_eq!(
            row["actuals"]["2021"]["provisional"] == true,
            expected["provisional"] == "1",
            "L{line}"
        );
        let direction = match expected["direction"].as_str() {
            "ambiguous" | "unspecified" | "" => "undefined",
            direction => direction,
        };
        assert_eq!(row["direction"], direction, "L{line}");
        let judgement = &decided["verdicts"]["2021"];
        assert_eq!(
            judgement["verdict"],
            expected["r3_verdict"].as_str(),
            "L{line}"
        );
        assert_eq!(text(&judgement["rate"]), expected["r3_rate_pct"], "L{line}");
    }
}

#[test]
fn the_original_gives_exactly_the_expected_findings() {
    let (Some(original), Some(expected)) = (shared(ORIGINAL), shared("domain/issues_expected.tsv"))
    else {
        return;
    };
    let sheet = parse(&original, ParseHints::default()).unwrap();
    let mut found: Vec<[String; 3]> = of_parsed(&sheet, None)
        .issues
        .iter()
        .map(|issue| {
            [
                issue.code.to_owned(),
                issue.line.map(|line| line.to_string()).unwrap_or_default(),
                issue.severity.to_owned(),
            ]
        })
        .collect();
    let mut expected: Vec<[String; 3]> = table(&expected)
        .iter()
        .map(|row| ["code", "line", "severity"].map(|name| row[name].clone()))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_original_is_written_back_byte_for_byte() {
    let Some(original) = shared(ORIGINAL) else {
        return;
    };
    let city = City::with_results(&original);
    assert_eq!(city.sheet(R3).summary.achieved, 21);
    let again = write(&city.sheet(R3), Some(&city.document()), Delimiter::Tab).unwrap();
    assert!(again == original);
}

/// What a case says of a cell, in the words of the case files.
fn check_cell(id: &str, cell: &Cell, expected: &Value) {
    if let Some(number) = expected.get("num") {
        let value = cell.value().map(|value| value.to_string());
        assert_eq!(value.as_deref(), number.as_str(), "{id}");
    }
    if let Some(decimals) = expected.get("decimals") {
        assert_eq!(u64::from(cell.value().unwrap().scale()), *decimals, "{id}");
    }
    if let Some(unit) = expected.get("unit") {
        assert_eq!(cell.unit(), unit.as_str(), "{id}");
    }
    if let Some(raw) = expected.get("raw") {
        assert_eq!(cell.raw(), raw, "{id}");
    }
    if let Some(status) = expected.get("status").and_then(Value::as_str) {
        let status = match (status, expected.get("state").and_then(Value::as_str)) {
            ("dash", _) => "dash_unclassified",
            ("blank", Some(state)) => state,
            (status, _) => status,
        };
        assert_eq!(cell.status().code(), status, "{id}");
    }
    assert_eq!(
        cell.is_provisional(),
        expected["provisional"] == true,
        "{id}"
    );
    for flag in expected["flags"].as_array().into_iter().flatten() {
        let flags = serde_json::to_value(cell.flags()).unwrap();
        assert!(flags.as_array().unwrap().contains(flag), "{id}");
    }
}

fn check_warnings(id: &str, warnings: &[daicho_sheets::Code], expected: &Value) {
    let found: Vec<&str> = warnings.iter().map(|code| code.code()).collect();
    let expected: Vec<&str> = expected["warn"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(found, expected, "{id}");
}

#[test]
fn every_messy_case_is_read_as_expected() {
    let Some(cases) = shared("domain/messy_cases.jsonl") else {
        return;
    };
    let cases = String::from_utf8(cases).unwrap();
    let mut checked = Vec::new();
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).unwrap();
        let id = case["id"].as_str().unwrap();
        let expected = &case["expected"];
        match case["kind"].as_str().unwrap() {
            "cell" => {
                let context = case["context"].as_str().unwrap();
                let role = match context.split([' ', ';']).next().unwrap() {
                    "a_r3" => CellRole::DueActual,
                    "a_r4" => CellRole::FutureActual,
                    "total_target" => CellRole::Total,
                    "基準値" => CellRole::Baseline,
                    _ => CellRole::Target,
                };
                let reading = read_cell(case["input"].as_str().unwrap(), role);
                check_cell(id, &reading.cell, expected);
                check_warnings(id, &reading.warnings, expected);
                if let Some(marker) = expected.get("marker") {
                    assert_eq!(reading.marker.as_deref(), marker.as_str(), "{id}");
                }
                if let Some(period) = expected.get("period") {
                    let read = reading.period.unwrap();
                    assert_eq!(read.kind, Some(PeriodKind::Range), "{id}");
                    assert_eq!(read.from.map(i64::from), period["from_"].as_i64());
                    assert_eq!(read.to.map(i64::from), period["to"].as_i64());
                }
            }
            "kpi_cell" => {
                let read = read_expression(case["input"].as_str().unwrap());
                if let Some(name) = expected.get("name") {
                    assert_eq!(read.name.as_deref(), name.as_str(), "{id}");
                }
                if let Some(kind) = expected.get("kind") {
                    assert_eq!(read.kind.code(), kind, "{id}");
                    assert_eq!(read.kind.is_counted(), expected["counted"] == true, "{id}");
                    assert_eq!(read.no_kpi_reason.as_deref(), expected["reason"].as_str());
                }
                if let Some(baseline) = expected.get("baseline") {
                    let read = read.baseline.as_ref().unwrap();
                    check_cell(id, &read.cell, baseline);
                    assert_eq!(
                        Some(read.period_label.as_str()),
                        baseline["period"].as_str()
                    );
                    if let Some(years) = baseline.get("years") {
                        assert_eq!(read.period_kind, Some(PeriodKind::PlanTerm));
                        assert_eq!(read.years.map(u64::from), years.as_u64());
                    }
                }
                if let Some(target) = expected.get("target") {
                    let read = read.final_target.as_ref().unwrap();
                    check_cell(id, &read.cell, target);
                    assert_eq!(Some(read.basis_label.as_str()), target["basis"].as_str());
                    if let Some(kind) = target.get("basis_kind").and_then(Value::as_str) {
                        assert!(read.basis.unwrap().code().starts_with(kind), "{id}");
                    }
                }
                if let Some(cycle) = expected.get("cycle_years") {
                    assert_eq!(read.cycle_years.map(u64::from), cycle.as_u64());
                }
                check_warnings(id, &read.warnings, expected);
            }
            "header" if id == "M35" => {
                let labels: Vec<&str> = case["input"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                let years = fiscal_years_of(&labels, case["context"].as_str().unwrap()).unwrap();
                assert_eq!(
                    serde_json::to_value(years).unwrap(),
                    expected["fiscal_years"]
                );
            }
            "header" => {
                let labels: Vec<&str> = case["input"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                let text = format!(
                    "基本目標1 x\n(1) x\n① x\n{}\n事業\tx ／1件(令和元年)→5件(各年度)\t目標値\t5\t5\t5\t5\t5\t—\t続ける\n\t\t実績値\t5\t\t\t\t\t\t\n",
                    labels.join("\t")
                );
                let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
                assert_eq!(sheet.rows[0].actuals[&R3].raw(), "5");
                assert_eq!(sheet.rows[0].commentary, "続ける");
                // In a whole sheet V14 is the code of a shifted header.
                let codes: Vec<&str> = sheet.met.iter().map(|of| of.code.code()).collect();
                assert_eq!(codes, ["V14"]);
            }
            // Structure, file and workbook cases describe files; the sample's and the
            // originals' tests hold them (M48, merged cells, is XLSX, which is not read).
            "rows" | "file" | "xlsx" => {
                assert!(
                    ["M38", "M39", "M40", "M43", "M46", "M48"].contains(&id),
                    "{id}"
                );
                continue;
            }
            kind => panic!("{id}: unknown kind {kind}"),
        }
        checked.push(id.to_owned());
    }
    assert_eq!(checked.len(), 20, "{checked:?}");
}

#[test]
fn the_structure_cases_hold_in_the_original() {
    let Some(original) = shared(ORIGINAL) else {
        return;
    };
    let sheet = parsed(&original);
    let row = |line| &sheet.rows[sheet.row_at(line).unwrap()];
    // M38: a blank project on a 目標値 line is the same project's second KPI.
    assert_eq!(row(27).project, row(29).project);
    // M39: a repeated header carries goal and policy on.
    assert_eq!(sheet.headings(row(117)).policy.unwrap().line, 88);
    // M40: an empty section is kept, and the subtotals still agree.
    assert_eq!(sheet.policies.last().unwrap().line, 180);
    assert_eq!(sheet.measures.last().unwrap().line, 181);
    assert_eq!(sheet.computed_subtotal(Some(3)), (16, 14));
    // M43: one name, three indicators.
    let merged = sheet.merged_into(&[]);
    for line in [52, 170, 172] {
        assert_eq!(row(line).name, "補助金交付件数");
        assert_eq!(merged[sheet.row_at(line).unwrap()], None);
    }
    assert_eq!(row(66).targets[&R3].status(), CellStatus::DashUnclassified);
}
