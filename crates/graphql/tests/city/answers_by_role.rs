//! What every field answers to every role, as a table that people can read and review.
//! `DAICHO_BLESS=1` writes it anew.

use std::path::Path;

use daicho_domain::Role;
use serde_json::Value;

use crate::documents::Walk;
use crate::service::{City, NOBODY};

/// One word for an answer.
fn word(response: &async_graphql::Response, name: &str) -> String {
    let data = response.data.clone().into_json().unwrap();
    let answer = &data[name];
    match answer["__typename"].as_str() {
        Some(kind) if answer["code"].is_string() && kind != "SignedIn" => {
            answer["code"].as_str().unwrap().to_owned()
        }
        _ if !answer.is_null() => "answered".to_owned(),
        _ => match response
            .errors
            .first()
            .and_then(|error| error.extensions.as_ref()?.get("code").cloned())
        {
            Some(code) => code
                .into_json()
                .ok()
                .and_then(|code| code.as_str().map(str::to_owned))
                .unwrap(),
            None => "nothing".to_owned(),
        },
    }
}

fn line(name: &str, words: impl Iterator<Item = String>) -> String {
    let columns = words.map(|word| format!("{word:<19}")).collect::<String>();
    format!("{}\n", format!("{name:<19}{columns}").trim_end())
}

#[tokio::test]
async fn every_role_is_answered_what_the_table_says() {
    let city = City::new().await;
    let walk = Walk::new();
    let department = {
        let auditor = daicho_app::Caller::Account(city.account("auditor"));
        let report = city.service.app.report(
            &auditor,
            city.played.plan,
            city.played.corrected,
            city.played.published_year,
        );
        city.service
            .app
            .department(report.unwrap().department.unwrap())
            .unwrap()
            .name
    };
    let elsewhere = city
        .played
        .people
        .iter()
        .filter_map(|person| person.department.clone())
        .find(|other| *other != department)
        .unwrap();
    let askers = [
        ("stranger", NOBODY.to_owned()),
        ("staff", city.of_department(Role::Staff, &department)),
        (
            "staff elsewhere",
            city.of_department(Role::Staff, &elsewhere),
        ),
        ("approver", city.of_department(Role::Approver, &department)),
        (
            "approver elsewhere",
            city.of_department(Role::Approver, &elsewhere),
        ),
        ("planning", "planning".to_owned()),
        ("auditor", "auditor".to_owned()),
        ("administrator", "admin".to_owned()),
    ];
    let mut table = line("", askers.iter().map(|(asker, _)| (*asker).to_owned()));
    for root in ["Query", "Mutation"] {
        for name in walk.names(root) {
            let mut words = Vec::new();
            for (_, sign_in_name) in &askers {
                let (document, variables) = walk.ask_for(&city, root, &name);
                words.push(word(
                    &city.ask(sign_in_name, &document, variables).await,
                    &name,
                ));
            }
            table += &line(&name, words.into_iter());
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/city/answers_by_role.txt");
    if std::env::var_os("DAICHO_BLESS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    assert_eq!(
        table,
        std::fs::read_to_string(&file).unwrap_or_default(),
        "who is answered what has changed: review it"
    );
}

#[tokio::test]
async fn an_auditor_changes_nothing() {
    let city = City::new().await;
    let walk = Walk::new();
    for name in walk.names("Mutation") {
        let (document, variables) = walk.ask_for(&city, "Mutation", &name);
        let response = city.ask("auditor", &document, variables).await;
        let data: Value = response.data.into_json().unwrap();
        let typename = data[&name]["__typename"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            !["CommandDone", "ImportDone"].contains(&typename.as_str()),
            "{name}: {data}"
        );
    }
}
