//! What a document may ask for.

use serde_json::json;

use crate::documents::Walk;
use crate::service::City;

/// The code of the first error, which also has words in Japanese.
#[track_caller]
fn code(response: &async_graphql::Response) -> String {
    let text = |key: &str| {
        let value = response.errors[0].extensions.as_ref()?.get(key)?;
        value.clone().into_json().ok()?.as_str().map(str::to_owned)
    };
    assert!(text("messageJa").is_some(), "{:?}", response.errors);
    text("code").unwrap()
}

#[tokio::test]
async fn the_whole_sheet_with_every_field_is_within_the_limits() {
    let city = City::new().await;
    let walk = Walk::new();
    let (document, variables) = walk.ask_for(&city, "Query", "sheet");
    let mut request = async_graphql::Request::new(&document);
    assert_eq!(daicho_graphql::check_document(&mut request), Ok(()));
    let data = city.answer("auditor", &document, variables).await;
    let goals = data["sheet"]["goals"].as_array().unwrap();
    assert!(!goals.is_empty());
    assert_eq!(data["sheet"]["summary"]["kpis"], 46);
}

#[tokio::test]
async fn every_field_of_every_type_can_be_asked_for_by_somebody() {
    let city = City::new().await;
    let walk = Walk::new();
    for name in walk.names("Query") {
        let (document, variables) = walk.ask_for(&city, "Query", &name);
        let who = if name == "inbox" {
            "planning"
        } else {
            "auditor"
        };
        let response = city.ask(who, &document, variables).await;
        assert_eq!(response.errors, [], "{name}");
        assert!(
            !response.data.into_json().unwrap()[&name].is_null(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn introspection_is_answered() {
    let city = City::new().await;
    let document = "{ __schema { types { name fields(includeDeprecated: true) { name args { type { ...ref } } type { ...ref } } } } }
        fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
            kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";
    let data = city.answer("", document, json!({})).await;
    assert!(data["__schema"]["types"].as_array().unwrap().len() > 100);
}

#[tokio::test]
async fn a_document_that_asks_for_many_sheets_at_once_is_refused() {
    let city = City::new().await;
    let fields = (0..20)
        .map(|number| format!("s{number}: sheet(plan: $plan, fiscalYear: \"R3\") {{ title }}"));
    let document = format!(
        "query($plan: ID!) {{ {} }}",
        fields.collect::<Vec<_>>().join(" ")
    );
    let response = city
        .ask("auditor", &document, json!({ "plan": city.played.plan }))
        .await;
    assert_eq!(code(&response), "query_too_complex");
}

#[tokio::test]
async fn passwords_cannot_be_tried_by_the_hundred_in_one_document() {
    let city = City::new().await;
    let fields = (0..5).map(|number| {
        format!("s{number}: signIn(name: \"admin\", password: \"guess {number}\") {{ __typename }}")
    });
    let document = format!("mutation {{ {} }}", fields.collect::<Vec<_>>().join(" "));
    let response = city.ask("", &document, json!({})).await;
    assert_eq!(code(&response), "query_too_complex");
}

#[tokio::test]
async fn a_document_that_nests_too_deep_is_refused() {
    let city = City::new().await;
    let deep = format!(
        "{{ __schema {{ types {} }} }}",
        (0..10).fold("{ name }".to_owned(), |inner, _| {
            format!("{{ fields {{ type {inner} }} }}")
        })
    );
    let response = city.ask("", &deep, json!({})).await;
    assert_eq!(code(&response), "query_too_complex");
}

#[tokio::test]
async fn what_cannot_be_read_is_bad_input() {
    let city = City::new().await;
    let long = format!(
        "{{ sheet(plan: \"{}\", fiscalYear: \"R3\") {{ nothing }} }}",
        "x".repeat(2_000)
    );
    for document in [
        "{ plan(id: \"no identifier\") { title } }",
        "{ sheet(plan: \"no identifier\", fiscalYear: \"Z\") { title } }",
        "{ refusals(municipality: \"018f0000-0000-7000-8000-000000000001\", first: -1) { code } }",
        "{ nothing }",
        "{",
        &long,
    ] {
        let response = city.ask("auditor", document, json!({})).await;
        assert_eq!(code(&response), "bad_input", "{document}");
        assert!(
            response.errors[0].message.chars().count() <= 501,
            "{document}"
        );
    }
}
