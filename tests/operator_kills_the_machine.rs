//! The service is killed in the middle of writes, again and again. Everything acknowledged is
//! there afterwards, and the sheet is the one that follows from the log.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::*;

const ENTER: &str = "mutation($input: EnterActualInput!) { enterActual(input: $input) { \
    __typename ... on CommandDone { position events replayed } ... on Refusal { message } } }";
const REPORT: &str = "query($plan: ID!, $indicator: ID!) { report(plan: $plan, indicator: $indicator, fiscalYear: \"R4\") { \
    revision actual { actual { cell { value } } } } }";
const SHEET: &str = "query($plan: ID!) { sheet(plan: $plan, fiscalYear: \"R4\") { summary { sentence } goals { \
    numericGoals { indicator revision content actuals { cell { raw status } } } \
    policies { measures { projects { rows { indicator kind department { name } revision content actuals { cell { raw status } } } } } } } } }";

/// How often the service is killed; `cargo xtask torture` asks for a thousand times.
fn kills() -> u64 {
    if std::env::var_os("DAICHO_TORTURE").is_some() {
        1_000
    } else {
        6
    }
}

/// One writer's acknowledged work.
struct Acknowledged {
    indicator: String,
    token: String,
    commands: Vec<Value>,
    revision: u64,
    /// Figures tried; every one is another number, so that every command changes something.
    tried: u64,
    /// The last figure acknowledged.
    acknowledged: u64,
}

#[test]
fn nothing_acknowledged_is_gone() {
    let folder = folder();
    let data = path(&folder, "data");
    let departments = sample_departments();
    let names: Vec<String> = (0..departments.len())
        .map(|index| format!("staff.{index}"))
        .collect();
    let mut accounts = vec![("planning", "planning", None)];
    accounts.extend(
        names
            .iter()
            .zip(&departments)
            .take(4)
            .map(|(name, department)| (name.as_str(), "staff", Some(department.as_str()))),
    );
    city(&data, &accounts);
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

    let mut service = Service::start(&data);
    let planning = service.sign_in("planning");
    let plans = service.graphql(Some(&planning), "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].as_str().unwrap().to_owned();
    let opened = service.graphql(
        Some(&planning),
        "mutation($input: OpenPeriodInput!) { openPeriod(input: $input) { __typename } }",
        &json!({ "input": { "commandId": id(1), "plan": plan, "fiscalYear": "R4", "due": "2030-05-20" } }),
    );
    assert_eq!(
        opened["data"]["openPeriod"]["__typename"], "CommandDone",
        "{opened}"
    );
    let sheet = service.graphql(Some(&planning), SHEET, &json!({ "plan": plan }));
    let mut writers: Vec<Acknowledged> = names
        .iter()
        .zip(&departments)
        .take(4)
        .filter_map(|(name, department)| {
            let indicator = rows(&sheet).into_iter().find(|row| {
                row["kind"] == "kpi" && row["department"]["name"] == department.as_str()
            })?["indicator"]
                .clone();
            Some(Acknowledged {
                indicator: indicator.as_str()?.to_owned(),
                token: service.sign_in(name),
                commands: Vec::new(),
                revision: 0,
                tried: 0,
                acknowledged: 0,
            })
        })
        .collect();
    assert!(writers.len() >= 3, "{sheet}");

    for round in 0..kills() {
        let stop = Arc::new(AtomicBool::new(false));
        let url = format!("{}/graphql", service.url);
        writers = std::thread::scope(|scope| {
            let handles: Vec<_> = writers
                .into_iter()
                .enumerate()
                .map(|(index, writer)| {
                    let (stop, url, plan) = (Arc::clone(&stop), url.clone(), plan.clone());
                    scope.spawn(move || write_until(writer, index as u64, &url, &plan, &stop))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(300 + 170 * (round % 7)));
            service.kill();
            stop.store(true, Ordering::SeqCst);
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap())
                .collect()
        });
        service = Service::start(&data);
        for writer in &mut writers {
            check(&service, &plan, writer);
        }
    }
    assert!(
        writers
            .iter()
            .map(|writer| writer.commands.len())
            .sum::<usize>()
            > 20,
        "hardly anything was written"
    );

    let before = service.graphql(Some(&planning), SHEET, &json!({ "plan": plan }));
    assert!(before["data"]["sheet"].is_object(), "{before}");
    service.kill();
    let service = Service::start(&data);
    assert_eq!(
        service.graphql(Some(&planning), SHEET, &json!({ "plan": plan })),
        before
    );
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
    assert_eq!(service.stop(), 0);
}

/// Enters one figure after another until the service is gone.
fn write_until(
    mut writer: Acknowledged,
    index: u64,
    url: &str,
    plan: &str,
    stop: &AtomicBool,
) -> Acknowledged {
    while !stop.load(Ordering::SeqCst) {
        writer.tried += 1;
        let number = writer.tried;
        let input = json!({
            "commandId": id((index + 1) << 32 | number),
            "plan": plan,
            "indicator": writer.indicator,
            "fiscalYear": "R4",
            "text": number.to_string(),
            "seenRevision": writer.revision,
        });
        let answer = post(
            url,
            Some(&writer.token),
            json!({ "query": ENTER, "variables": { "input": input } }),
        );
        let Some((200, answer)) = answer else { break };
        assert_eq!(
            answer["data"]["enterActual"]["__typename"], "CommandDone",
            "{answer}"
        );
        assert_eq!(answer["data"]["enterActual"]["events"], 1, "{answer}");
        writer.commands.push(input);
        writer.acknowledged = number;
        writer.revision += 1;
    }
    writer
}

/// How many of the newest commands are sent again after a kill; all of them would make a long
/// run slower with every round.
const SENT_AGAIN: usize = 50;

/// Every acknowledged command is known as carried out; at most the one under way at the kill
/// came after it.
fn check(service: &Service, plan: &str, writer: &mut Acknowledged) {
    for input in writer.commands.iter().rev().take(SENT_AGAIN) {
        let again = service.graphql(Some(&writer.token), ENTER, &json!({ "input": input }));
        assert_eq!(again["data"]["enterActual"]["replayed"], true, "{again}");
    }
    let report = service.graphql(
        Some(&writer.token),
        REPORT,
        &json!({ "plan": plan, "indicator": writer.indicator }),
    );
    let revision = report["data"]["report"]["revision"]
        .as_u64()
        .unwrap_or_else(|| panic!("{report}"));
    assert!(
        revision == writer.revision || revision == writer.revision + 1,
        "{report}: {} were acknowledged",
        writer.revision
    );
    let value = report["data"]["report"]["actual"]["actual"]["cell"]["value"]
        .as_str()
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    assert!(
        value >= writer.acknowledged,
        "{report}: {} was acknowledged",
        writer.acknowledged
    );
    writer.revision = revision;
}

fn id(number: u64) -> String {
    format!("00000000-0000-7000-8000-{number:012x}")
}

fn rows(sheet: &Value) -> Vec<&Value> {
    sheet["data"]["sheet"]["goals"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|goal| goal["policies"].as_array().into_iter().flatten())
        .flat_map(|policy| policy["measures"].as_array().into_iter().flatten())
        .flat_map(|measure| measure["projects"].as_array().into_iter().flatten())
        .flat_map(|project| project["rows"].as_array().into_iter().flatten())
        .collect()
}
