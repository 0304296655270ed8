//! The sample sheet is read completely, and everything odd about it is told.

use std::collections::BTreeMap;

use daicho_domain::indicator::{Aggregation, Direction};
use daicho_domain::{CellStatus, FiscalYear};
use daicho_sheets::finding::findings;
use daicho_sheets::{ParseHints, PlanFile, of_parsed, of_sheet, parse};
use serde_json::{Value, json};

use crate::city::{City, PLAN_FILE, R3, SHEET, drafted, parsed, plan_file};

/// What the rules find in the sample, as in the original it was made after: code, lines,
/// severity.
const FINDINGS: [(&str, &[u32], &str); 20] = [
    ("V03", &[34], "info"),
    ("V04", &[12], "info"),
    ("V06", &[129], "warning"),
    ("V07", &[59, 92], "warning"),
    ("V08", &[52, 54, 56, 86], "warning"),
    ("V09", &[66], "warning"),
    ("V10", &[12], "warning"),
    ("V11", &[6, 170, 172], "question"),
    ("V12", &[139], "info"),
    ("V13", &[129, 130], "info"),
    ("V14", &[115], "warning"),
    ("V15", &[180, 181], "warning"),
    ("V16", &[59], "question"),
    ("V17", &[52, 170, 172], "info"),
    ("V18", &[119], "warning"),
    ("V19", &[23, 105], "info"),
    ("V20", &[129], "info"),
    ("V21", &[31, 70, 117, 119, 135, 142, 157], "info"),
    ("V24", &[172], "info"),
    ("V25", &[21, 36], "info"),
];

fn dry_run() -> Value {
    let sheet = parse(SHEET.as_bytes(), ParseHints::default()).unwrap();
    serde_json::to_value(of_parsed(&sheet, None)).unwrap()
}

fn row(report: &Value, line: u32) -> &Value {
    report["indicators"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["line"] == line)
        .unwrap()
}

#[test]
fn the_whole_sheet_is_counted() {
    assert_eq!(
        dry_run()["counts"],
        json!({
            "goals": 4, "policies": 10, "measures": 24, "projects": 48, "indicators": 56,
            "kpis": 46, "numeric_goals": 4, "monitor_only": 2, "projects_without_kpi": 4
        })
    );
}

#[test]
fn the_printed_subtotals_agree_with_the_counts() {
    let report = dry_run();
    let subtotals = report["subtotals"].as_array().unwrap();
    let lines: Vec<&Value> = subtotals.iter().map(|of| &of["line"]).collect();
    assert_eq!(lines, [39, 73, 124, 183, 185]);
    assert!(subtotals.iter().all(|of| of["ok"] == true));
    assert_eq!(
        subtotals[4]["computed"],
        json!({"projects": 48, "kpis": 46})
    );
}

#[test]
fn exactly_what_is_odd_is_found() {
    let report = dry_run();
    let mut found: Vec<(String, Option<u64>, String)> = report["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| {
            (
                issue["code"].as_str().unwrap().to_owned(),
                issue["line"].as_u64(),
                issue["severity"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let mut expected: Vec<(String, Option<u64>, String)> = FINDINGS
        .iter()
        .flat_map(|(code, lines, severity)| {
            lines
                .iter()
                .map(|line| ((*code).into(), Some(u64::from(*line)), (*severity).into()))
        })
        .chain([("V23".into(), None, "info".into())])
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn rows_have_the_shape_of_the_contract() {
    let report = dry_run();
    assert_eq!(report["plan"]["evaluated_year"], "R3");
    assert_eq!(
        row(&report, 138)["actuals"]["2021"],
        json!({"raw": "暫定値43.1", "value": "43.1", "status": "value", "provisional": true, "flags": []})
    );
    assert_eq!(
        row(&report, 12)["baseline"],
        json!({"raw": "36.7%", "value": "36.7", "status": "value", "unit": "%", "flags": [],
               "period": "令和元年", "period_kind": "calendar_year", "from": 2019, "to": 2019})
    );
    assert_eq!(
        row(&report, 12)["final_target"],
        json!({"raw": "40.0%", "value": "40.0", "status": "value", "unit": "%", "flags": [],
               "basis": "5年間", "basis_kind": "cumulative_plan"})
    );
    assert_eq!(
        row(&report, 12)["verdicts"],
        json!({"2021": {"verdict": "achieved", "rate": "101.7"}})
    );
    assert_eq!(
        row(&report, 105)["verdicts"]["2021"],
        json!({"verdict": "achieved", "rate_reason": "not_higher_is_better"})
    );
    assert_eq!(row(&report, 59)["placement_of"], 44);
    assert_eq!(row(&report, 59)["unit"], "千人");
    assert_eq!(row(&report, 92)["unit"], "枚");
    assert_eq!(row(&report, 121)["kind"], "no_kpi");
    assert_eq!(row(&report, 121)["name"], Value::Null);
    assert_eq!(
        row(&report, 22 - 1)["no_kpi_reason"],
        "目標値の設定が困難なため、実績値の管理とする"
    );
    assert_eq!(
        row(&report, 118 - 1)["measure"],
        "④ 小中学校の学習環境の充実"
    );
    assert_eq!(
        row(&report, 117)["policy"],
        "(2) 妊娠・出産・子育ての切れ目のない支援"
    );
}

#[test]
fn an_ended_project_has_dashes_and_a_running_one_blanks() {
    let sheet = parsed(SHEET.as_bytes());
    let statuses = |line| {
        let row = &sheet.rows[sheet.row_at(line).unwrap()];
        row.actuals
            .values()
            .map(|cell| cell.status())
            .collect::<Vec<_>>()
    };
    use CellStatus::{DashUnclassified as Dash, NotDue, Value};
    assert_eq!(statuses(34), [Value, Dash, Dash, Dash, Dash]);
    assert_eq!(statuses(36), [Value, NotDue, NotDue, NotDue, NotDue]);
}

#[test]
fn without_a_plan_file_directions_are_proposals() {
    let report = dry_run();
    for (line, direction) in [
        (12, "higher"),
        (105, "lower"),
        (110, "undefined"),
        (21, "undefined"),
        (121, "undefined"),
        (6, "higher"),
    ] {
        assert_eq!(row(&report, line)["direction"], direction, "{line}");
        assert_eq!(row(&report, line)["direction_confirmed"], false);
    }
    assert_eq!(
        row(&report, 110)["verdicts"]["2021"],
        json!({"verdict": "undecided", "rate_reason": "direction_undefined"})
    );
}

#[test]
fn the_plan_file_decides_21_achieved_20_not_achieved_5_not_evaluable() {
    let sheet = parsed(SHEET.as_bytes());
    let report = serde_json::to_value(of_parsed(&sheet, Some(&plan_file()))).unwrap();
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    for row in report["indicators"].as_array().unwrap() {
        if row["kind"] == "kpi" {
            assert_eq!(row["direction_confirmed"], true);
            *verdicts
                .entry(row["verdicts"]["2021"]["verdict"].as_str().unwrap())
                .or_default() += 1;
        }
        assert!(row["department"].is_string(), "{row}");
    }
    assert_eq!(
        verdicts,
        BTreeMap::from([("achieved", 21), ("not_achieved", 20), ("not_evaluable", 5)])
    );
    let blocking = findings(&sheet, Some(&plan_file()))
        .into_iter()
        .filter(daicho_sheets::Finding::blocks)
        .count();
    assert_eq!(blocking, 0);
}

#[test]
fn decided_directions_answer_the_question_about_them() {
    let sheet = parsed(SHEET.as_bytes());
    let codes = |file: &PlanFile| {
        findings(&sheet, Some(file))
            .iter()
            .map(|finding| finding.code.code())
            .collect::<Vec<_>>()
    };
    assert!(!codes(&plan_file()).contains(&"V11"));
    let undecided = PlanFile::read(PLAN_FILE.split("[directions]").next().unwrap()).unwrap();
    assert!(codes(&undecided).contains(&"V11"));
    let draft = drafted(SHEET.as_bytes(), &undecided, true);
    assert!(draft.indicators.iter().all(|of| of.direction.is_none()));
}

#[test]
fn one_indicator_with_two_places_is_drafted_unless_kept_apart() {
    let merged = drafted(SHEET.as_bytes(), &plan_file(), true);
    assert_eq!(merged.indicators.len(), 55);
    let tourists: Vec<_> = merged
        .indicators
        .iter()
        .filter(|of| of.definition.name == "観光入込客数")
        .collect();
    assert_eq!(tourists.len(), 1);
    assert_eq!(tourists[0].adopted[&R3].commentary.len(), 2);
    let apart = PlanFile::read(&PLAN_FILE.replace(
        "evaluated_year = \"R3\"",
        "evaluated_year = \"R3\"\nseparate = [59]",
    ))
    .unwrap();
    assert_eq!(drafted(SHEET.as_bytes(), &apart, true).indicators.len(), 56);
}

#[test]
fn the_draft_has_targets_directions_departments_and_results() {
    let draft = drafted(SHEET.as_bytes(), &plan_file(), true);
    let of = |name: &str| {
        draft
            .indicators
            .iter()
            .find(|of| of.definition.name == name)
            .unwrap()
    };
    let houses = of("機器を導入したハウス数");
    assert_eq!(houses.definition.aggregation, Aggregation::Sum);
    assert_eq!(houses.adopted.len(), 5, "the ended project's dashes too");
    let rate = of("砂川高校からの市内企業就職率");
    assert_eq!(rate.definition.aggregation, Aggregation::Last);
    assert!(rate.department.is_some());
    assert_eq!(
        of("研修終了者数")
            .targets
            .as_ref()
            .unwrap()
            .total
            .as_ref()
            .unwrap()
            .raw(),
        "35"
    );
    assert_eq!(
        of("研修終了者数").adopted[&R3]
            .printed_total
            .as_ref()
            .unwrap()
            .raw(),
        "7"
    );
    let children = of("学童保育所待機児童数").direction.as_ref().unwrap();
    assert_eq!(children.direction, Direction::Lower);
    assert_eq!(children.decision.reason, "待機児童は少ないほど良い");
    assert_eq!(
        of("情報交換を実施した団体数(3年で一巡)")
            .definition
            .cycle_years,
        Some(3)
    );
    let area = of("農作業受託面積");
    assert!(area.targets.is_none() && area.direction.is_none());
    assert_eq!(area.definition.aggregation, Aggregation::None);
    let without_kpi: Vec<_> = draft
        .indicators
        .iter()
        .filter(|of| of.definition.name.is_empty())
        .collect();
    assert_eq!(without_kpi.len(), 4);
    for indicator in without_kpi {
        assert_eq!(indicator.adopted.keys().collect::<Vec<_>>(), [&R3]);
        assert!(indicator.adopted[&R3].actual.is_none());
    }
    let plan_alone = drafted(SHEET.as_bytes(), &plan_file(), false);
    assert!(plan_alone.indicators.iter().all(|of| of.adopted.is_empty()));
    assert!(plan_alone.document.is_some());
}

#[test]
fn the_same_ids_give_the_same_draft() {
    assert_eq!(
        drafted(SHEET.as_bytes(), &plan_file(), true),
        drafted(SHEET.as_bytes(), &plan_file(), true)
    );
}

#[test]
fn the_adopted_sheet_reports_what_the_dry_run_said() {
    let file = plan_file();
    let city = City::with_results(SHEET.as_bytes());
    let sheet = city.sheet(R3);
    assert_eq!(
        sheet.summary.ja(),
        "46指標中 評価対象41、達成21、未達成20、対象外5、ほか実績管理2、KPI設定なし4事業"
    );
    let document = city.document();
    let exported = of_sheet(
        &sheet,
        daicho_sheets::report::ExportFacts {
            municipality_code: Some(&file.municipality_code),
            municipality: Some(&file.municipality),
            document: Some(&document),
        },
    );
    let dry = of_parsed(&parsed(SHEET.as_bytes()), Some(&file));
    assert_eq!(exported.plan, dry.plan);
    assert_eq!(exported.counts, dry.counts);
    assert_eq!(exported.subtotals, dry.subtotals);
    for (exported, dry) in exported.indicators.iter().zip(&dry.indicators) {
        let line = dry.line;
        assert_eq!(exported.line, line);
        assert_eq!(
            (
                &exported.goal,
                &exported.policy,
                &exported.measure,
                &exported.project
            ),
            (&dry.goal, &dry.policy, &dry.measure, &dry.project)
        );
        assert_eq!(
            (&exported.name, exported.kind, &exported.unit),
            (&dry.name, dry.kind, &dry.unit)
        );
        assert_eq!(exported.baseline, dry.baseline);
        assert_eq!(exported.final_target, dry.final_target);
        assert_eq!(exported.direction, dry.direction, "{line:?}");
        assert_eq!(exported.placement_of, dry.placement_of);
        assert_eq!(exported.verdicts, dry.verdicts, "{line:?}");
        assert_eq!(exported.commentary, dry.commentary);
        if matches!(dry.kind, "kpi" | "numeric_goal") {
            assert_eq!(exported.targets, dry.targets);
            assert_eq!(exported.actuals, dry.actuals, "{line:?}");
            assert_eq!(exported.total_target, dry.total_target);
            assert_eq!(exported.total_actual, dry.total_actual, "{line:?}");
        }
    }
}

#[test]
fn a_plan_file_that_does_not_fit_the_sheet_blocks() {
    let sheet = parsed(SHEET.as_bytes());
    for (right, wrong, told) in [
        (
            "\"砂川高校支援事業\"",
            "\"砂川高等学校支援事業\"",
            "砂川高等学校支援事業",
        ),
        ("lines = [78]", "lines = [77]", "77行目"),
        ("goals = [3]", "goals = [3, 5]", "基本目標5"),
        ("\"学童保育所待機児童数\"", "\"待機児童数\"", "待機児童数"),
        ("[\"R3\", \"R7\"]", "[\"R3\", \"R8\"]", "計画期間"),
    ] {
        let text = PLAN_FILE.replace(right, wrong);
        assert_ne!(text, PLAN_FILE, "{right}");
        let file = PlanFile::read(&text).unwrap();
        assert!(
            findings(&sheet, Some(&file))
                .iter()
                .any(|finding| finding.blocks() && finding.message.contains(told)),
            "{told}"
        );
    }
}

#[test]
fn an_evaluated_year_that_the_header_denies_is_asked_about() {
    let text = PLAN_FILE.replace("evaluated_year = \"R3\"", "evaluated_year = \"R4\"");
    let file = PlanFile::read(&text).unwrap();
    let sheet = parse(SHEET.as_bytes(), file.hints()).unwrap();
    assert_eq!(sheet.evaluated_year, Some(FiscalYear(2022)));
    assert!(
        sheet
            .met
            .iter()
            .any(|finding| finding.code.code() == "W_EVALUATED_YEAR")
    );
}
