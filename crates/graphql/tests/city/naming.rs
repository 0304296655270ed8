//! People and departments appear by name; who was erased, by none.

use daicho_domain::Role;
use serde_json::{Value, json};

use crate::service::City;

const HISTORY: &str = "query($plan: ID!, $indicator: ID!, $fiscalYear: FiscalYear!) {
    figureHistory(plan: $plan, indicator: $indicator, fiscalYear: $fiscalYear) {
        kind kindLabel event at position from to reason content commandId
        actor { account name role roleLabel onBehalfOf { name } grant } cell { kind placement } } }";

async fn history(city: &City) -> Vec<Value> {
    let variables = json!({
        "plan": city.played.plan,
        "indicator": city.played.corrected,
        "fiscalYear": city.played.published_year.short(),
    });
    let data = city.answer("auditor", HISTORY, variables).await;
    data["figureHistory"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_corrected_figure_tells_who_changed_what_and_why() {
    let city = City::new().await;
    let entries = history(&city).await;
    let corrected = entries
        .iter()
        .find(|entry| entry["event"] == "actual-corrected.v1")
        .unwrap();
    assert_eq!(
        (&corrected["kind"], &corrected["kindLabel"]),
        (&json!("corrected"), &json!("訂正"))
    );
    assert_eq!(
        (&corrected["from"], &corrected["to"]),
        (&json!("75.0"), &json!("75.4")),
        "{corrected}"
    );
    assert!(corrected["reason"].is_string(), "{corrected}");
    let names: Vec<_> = city
        .played
        .people
        .iter()
        .map(|person| json!(person.display_name))
        .collect();
    for entry in &entries {
        let is_operator = entry["actor"]["account"].is_null();
        assert!(
            is_operator || names.contains(&entry["actor"]["name"]),
            "{entry}"
        );
    }
}

#[tokio::test]
async fn a_department_is_named_where_the_records_hold_its_id() {
    let city = City::new().await;
    let auditor = daicho_app::Caller::Account(city.account("auditor"));
    let app = &city.service.app;
    let before = app
        .report(
            &auditor,
            city.played.plan,
            city.played.corrected,
            city.played.open_year,
        )
        .unwrap();
    let before = app.department(before.department.unwrap()).unwrap();
    let after = app
        .departments(city.played.municipality)
        .into_iter()
        .find(|other| other.id != before.id)
        .unwrap();
    let input = json!({ "plan": city.played.plan, "indicator": city.played.corrected, "department": after.id });
    let assigned = city.command("planning", "assignDepartment", input).await;
    assert_eq!(assigned["__typename"], "CommandDone", "{assigned}");
    let entries = history(&city).await;
    let last = entries
        .iter()
        .rfind(|entry| entry["kind"] == "assigned")
        .unwrap();
    assert_eq!(
        (&last["from"], &last["to"]),
        (&json!(before.name), &json!(after.name))
    );
}

#[tokio::test]
async fn an_erased_person_has_no_name_and_what_they_did_stays() {
    let city = City::new().await;
    let before = history(&city).await;
    let staff = before
        .iter()
        .find(|entry| entry["event"] == "actual-entered.v1")
        .unwrap()["actor"]["account"]
        .clone();
    city.identity
        .erase(
            serde_json::from_value(staff.clone()).unwrap(),
            city.service.app.now(),
        )
        .unwrap();
    let after = history(&city).await;
    assert_eq!(before.len(), after.len());
    let theirs: Vec<_> = after
        .iter()
        .filter(|entry| entry["actor"]["account"] == staff)
        .collect();
    assert!(!theirs.is_empty());
    for entry in theirs {
        assert_eq!(entry["actor"]["name"], "—(削除済み)");
    }
}

#[tokio::test]
async fn refusals_and_accounts_are_listed_with_names_for_the_auditor() {
    let city = City::new().await;
    let document = "query($city: ID!) {
        refusals(municipality: $city, first: 500) { command code message actor { name roleLabel } }
        accounts(municipality: $city) { id name signInName isDisabled grants { role roleLabel department { name } holdsToday } } }";
    let data = city
        .answer(
            "auditor",
            document,
            json!({ "city": city.played.municipality }),
        )
        .await;
    let refusals = data["refusals"].as_array().unwrap();
    assert!(
        !refusals.is_empty() && refusals.len() <= 200,
        "{}",
        refusals.len()
    );
    assert!(
        refusals
            .iter()
            .all(|refusal| !refusal["actor"]["name"].as_str().unwrap().starts_with('—'))
    );
    let accounts = data["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), city.played.people.len());
    let approvers = city
        .played
        .people
        .iter()
        .filter(|person| person.role == Role::Approver)
        .count();
    let named = accounts.iter().filter(|account| {
        account["grants"][0]["role"] == "approver"
            && account["grants"][0]["department"]["name"].is_string()
    });
    assert_eq!(named.count(), approvers);
}

#[tokio::test]
async fn progress_counts_every_report_once() {
    let city = City::new().await;
    let document = "query($plan: ID!) { progress(plan: $plan, fiscalYear: \"令和4年度\") { reports done late stale due year { ja }
        departments { department { name } reports stages { stage label count } } } }";
    let data = city
        .answer("planning", document, json!({ "plan": city.played.plan }))
        .await;
    let progress = &data["progress"];
    assert_eq!(progress["year"]["ja"], "令和4年度");
    let departments = progress["departments"].as_array().unwrap();
    let counted: u64 = departments
        .iter()
        .flat_map(|department| department["stages"].as_array().unwrap())
        .map(|stage| stage["count"].as_u64().unwrap())
        .sum();
    assert_eq!(progress["reports"].as_u64(), Some(counted));
    assert!(progress["done"].as_u64().unwrap() > 0);
    assert!(
        departments
            .iter()
            .all(|department| department["department"]["name"].is_string())
    );
}

#[tokio::test]
async fn a_typed_figure_is_understood_before_it_is_entered() {
    let city = City::new().await;
    let document = "query($text: String!) { interpretCell(text: $text) { __typename
        ... on Cell { raw value display status statusLabel provisional flags } ... on Invalid { field problem problemJa } } }";
    let data = city
        .answer("", document, json!({ "text": "△５．１３" }))
        .await;
    let cell = &data["interpretCell"];
    assert_eq!(
        (&cell["value"], &cell["display"]),
        (&json!("-5.13"), &json!("△5.13")),
        "{cell}"
    );
    assert!(
        cell["flags"]
            .as_array()
            .unwrap()
            .contains(&json!("full_width"))
    );
    let data = city
        .answer("", document, json!({ "text": "たくさん" }))
        .await;
    assert_eq!(data["interpretCell"]["__typename"], "Invalid", "{data}");
}
