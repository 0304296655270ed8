//! Strangers are told what is published, and nothing else.

use serde_json::{Value, json};

use crate::documents::Walk;
use crate::service::{City, NOBODY};

/// The fields that answer strangers with something. This list may only become shorter.
const ANSWERED_TO_STRANGERS: [&str; 9] = [
    "choices",
    "departments",
    "interpretCell",
    "municipalities",
    "plan",
    "plans",
    "publishedSheet",
    "service",
    "signOut",
];

/// Whether an answer says something beside a refusal.
fn says_something(answer: &Value, refusals: &[String]) -> bool {
    match answer {
        Value::Null => false,
        Value::Array(list) => list.iter().any(|item| says_something(item, refusals)),
        Value::Object(fields) => !fields["__typename"]
            .as_str()
            .is_some_and(|name| refusals.iter().any(|refusal| refusal == name)),
        _ => true,
    }
}

async fn refusals(city: &City) -> Vec<String> {
    let data = city
        .answer(
            NOBODY,
            r#"{ __type(name: "Refusal") { possibleTypes { name } } }"#,
            json!({}),
        )
        .await;
    let types = data["__type"]["possibleTypes"].as_array().unwrap();
    types
        .iter()
        .map(|ty| ty["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn no_field_answers_a_stranger_but_those_on_the_list() {
    let city = City::new().await;
    let walk = Walk::new();
    let refusals = refusals(&city).await;
    assert!(refusals.len() >= 16, "{refusals:?}");
    let before = city.service.app.position();
    let mut answered = Vec::new();
    for root in ["Query", "Mutation"] {
        for name in walk.names(root) {
            let (document, variables) = walk.ask_for(&city, root, &name);
            let response = city.ask(NOBODY, &document, variables).await;
            let malformed = response.errors.iter().find(|error| error.path.is_empty());
            assert!(malformed.is_none(), "{name}: {malformed:?}");
            if says_something(&response.data.into_json().unwrap()[&name], &refusals) {
                answered.push(name);
            }
        }
    }
    answered.sort();
    assert_eq!(
        answered, ANSWERED_TO_STRANGERS,
        "strangers learn more, or less: shorten the list if it is less"
    );
    assert_eq!(
        city.service.app.position(),
        before,
        "a stranger has left something in the records"
    );
}

#[tokio::test]
async fn a_stranger_sees_of_a_plan_only_the_years_that_are_published() {
    let city = City::new().await;
    let document = "query($plan: ID!) { plan(id: $plan) { title adoptedYear { ja } allowed structure { route { version } }
        periods { fiscalYear publications { number } } } }";
    let response = city
        .ask(NOBODY, document, json!({ "plan": city.played.plan }))
        .await;
    let errors: Vec<_> = response
        .errors
        .iter()
        .map(|error| (error.path.len(), code(error)))
        .collect();
    assert_eq!(
        errors,
        [(2, Some("forbidden".to_owned()))],
        "only the structure is refused"
    );
    let plan = &response.data.into_json().unwrap()["plan"];
    assert_eq!(plan["structure"], Value::Null);
    assert_eq!(plan["adoptedYear"], Value::Null);
    assert_eq!(plan["allowed"], json!(["read_published"]));
    assert_eq!(
        plan["periods"],
        json!([{ "fiscalYear": "R3", "publications": [{ "number": 1 }, { "number": 2 }] }])
    );
}

#[tokio::test]
async fn a_refused_question_carries_a_code_and_both_languages() {
    let city = City::new().await;
    let document = "query($plan: ID!) { sheet(plan: $plan, fiscalYear: \"R4\") { title } }";
    let response = city
        .ask(NOBODY, document, json!({ "plan": city.played.plan }))
        .await;
    let error = &response.errors[0];
    assert_eq!(code(error).as_deref(), Some("forbidden"));
    assert!(error.message.contains("sign in first"), "{}", error.message);
    let japanese = error
        .extensions
        .as_ref()
        .unwrap()
        .get("messageJa")
        .unwrap()
        .clone()
        .into_json()
        .unwrap();
    assert!(japanese.as_str().unwrap().contains("権限"), "{japanese}");
}

fn code(error: &async_graphql::ServerError) -> Option<String> {
    let code = error
        .extensions
        .as_ref()?
        .get("code")?
        .clone()
        .into_json()
        .ok()?;
    code.as_str().map(str::to_owned)
}
