//! Signing in with a password, staying signed in, signing out.

use daicho_app::{Caller, Through};
use daicho_graphql::RequestContext;
use serde_json::{Value, json};

use crate::service::{City, NOBODY, PASSWORD};

const SIGN_IN: &str = "mutation($name: String!, $password: String!) { signIn(name: $name, password: $password) { __typename
    ... on SignedIn { accessToken refreshToken expiresAt viewer { account name signInName roles municipality { name allowed } } }
    ... on SignInRefused { code message messageJa retryAfterSeconds } } }";
const REFRESH: &str =
    "mutation($token: String!) { refreshSession(refreshToken: $token) { __typename
    ... on SignedIn { refreshToken } ... on SignInRefused { code } } }";

async fn sign_in(city: &City, name: &str, password: &str) -> Value {
    let mut data = city
        .answer(
            NOBODY,
            SIGN_IN,
            json!({ "name": name, "password": password }),
        )
        .await;
    data["signIn"].take()
}

async fn city_with_passwords() -> City {
    let city = City::new().await;
    for name in ["planning", "auditor"] {
        city.identity
            .set_password(city.account(name), PASSWORD, &[], city.service.app.now())
            .unwrap();
    }
    city
}

#[tokio::test]
async fn a_sign_in_is_recorded_and_answered_with_tokens_that_hold() {
    let city = city_with_passwords().await;
    let before = city.service.app.position();
    let signed_in = sign_in(&city, "Planning", PASSWORD).await;
    assert_eq!(
        signed_in["viewer"]["name"],
        json!(city.name("planning")),
        "{signed_in}"
    );
    assert_eq!(signed_in["viewer"]["roles"], json!(["planning"]));
    let allowed = signed_in["viewer"]["municipality"]["allowed"]
        .as_array()
        .unwrap();
    assert!(
        allowed.contains(&json!("publish_sheet")),
        "what the one who signed in may do, not the stranger: {allowed:?}"
    );
    assert!(
        city.service.app.position() > before,
        "a sign-in leaves an event"
    );

    let token = signed_in["accessToken"].as_str().unwrap();
    let access = city.tokens.verify(token, city.service.app.now()).unwrap();
    assert_eq!(access.signed_in.account, city.account("planning"));
    let next = city
        .answer(
            NOBODY,
            REFRESH,
            json!({ "token": signed_in["refreshToken"] }),
        )
        .await;
    assert_eq!(next["refreshSession"]["__typename"], "SignedIn", "{next}");
    let twice = city
        .answer(
            NOBODY,
            REFRESH,
            json!({ "token": signed_in["refreshToken"] }),
        )
        .await;
    assert_eq!(
        twice["refreshSession"]["code"], "reused",
        "a refresh token is good for one use"
    );
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_told_alike_and_leave_nothing_in_the_records() {
    let city = city_with_passwords().await;
    let before = city.service.app.position();
    let wrong_password = sign_in(&city, "planning", "another phrase of words").await;
    let wrong_name = sign_in(&city, "nobody", PASSWORD).await;
    assert_eq!(wrong_password["code"], "sign_in_refused");
    assert_eq!(wrong_password, wrong_name);
    assert_eq!(city.service.app.position(), before);
}

#[tokio::test]
async fn too_many_failures_are_told_how_long_to_wait() {
    let city = city_with_passwords().await;
    let mut last = Value::Null;
    for _ in 0..=daicho_identity::FAILURES_MAX {
        last = sign_in(&city, "planning", "another phrase of words").await;
    }
    assert_eq!(last["code"], "too_many_attempts", "{last}");
    assert!(last["retryAfterSeconds"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_disabled_account_is_signed_out_everywhere_and_cannot_come_back() {
    let city = city_with_passwords().await;
    let signed_in = sign_in(&city, "auditor", PASSWORD).await;
    let input = json!({ "account": city.account("auditor"), "reason": "異動のため" });
    let disabled = city.command("admin", "disableAccount", input).await;
    assert_eq!(disabled["__typename"], "CommandDone", "{disabled}");
    let refreshed = city
        .answer(
            NOBODY,
            REFRESH,
            json!({ "token": signed_in["refreshToken"] }),
        )
        .await;
    assert_eq!(
        refreshed["refreshSession"]["__typename"], "SignInRefused",
        "{refreshed}"
    );
    assert_eq!(
        sign_in(&city, "auditor", PASSWORD).await["code"],
        "sign_in_refused"
    );
}

#[tokio::test]
async fn an_account_that_the_records_do_not_have_is_refused_like_a_wrong_password() {
    let city = city_with_passwords().await;
    let now = city.service.app.now();
    let account = daicho_domain::AccountId(crate::service::unused_id());
    let person = daicho_identity::NewPerson {
        account,
        sign_in_name: "ghost",
        display_name: "幽霊",
        mail: None,
    };
    city.identity.register(&person, now).unwrap();
    city.identity
        .set_password(account, PASSWORD, &[], now)
        .unwrap();
    assert_eq!(
        sign_in(&city, "ghost", PASSWORD).await["code"],
        "sign_in_refused"
    );
}

#[tokio::test]
async fn signing_out_ends_the_sign_in() {
    let city = city_with_passwords().await;
    let signed_in = sign_in(&city, "planning", PASSWORD).await;
    let access = city
        .tokens
        .verify(
            signed_in["accessToken"].as_str().unwrap(),
            city.service.app.now(),
        )
        .unwrap();
    let context = RequestContext {
        caller: Caller::Account(access.signed_in.account),
        session: Some(access.signed_in.session),
        source: "192.0.2.1".into(),
        through: Through::Api,
    };
    let response = city
        .ask_as(context, "mutation { signOut { wasSignedIn } }", json!({}))
        .await;
    assert_eq!(
        response.data.into_json().unwrap(),
        json!({ "signOut": { "wasSignedIn": true } })
    );
    assert!(
        !city
            .identity
            .still_signed_in(&access.signed_in, city.service.app.now())
            .unwrap()
    );
    let refreshed = city
        .answer(
            NOBODY,
            REFRESH,
            json!({ "token": signed_in["refreshToken"] }),
        )
        .await;
    assert_eq!(refreshed["refreshSession"]["code"], "ended");
}

#[tokio::test]
async fn an_opened_account_can_sign_in_and_a_bad_password_can_be_mended_with_the_same_command() {
    let city = City::new().await;
    let mut input = json!({
        "commandId": city.service.app.new_id(),
        "municipality": city.played.municipality,
        "name": "新任 花子",
        "signInName": "staff.new",
        "password": "short",
    });
    let refused = city
        .command_as_is("admin", "openAccount", input.clone())
        .await;
    assert_eq!(
        (&refused["__typename"], &refused["field"]),
        (&json!("Invalid"), &json!("password")),
        "{refused}"
    );
    input["password"] = json!(PASSWORD);
    input["name"] = json!("新任 はな子");
    let opened = city
        .command_as_is("admin", "openAccount", input.clone())
        .await;
    assert_eq!(
        (&opened["__typename"], &opened["created"]),
        (&json!("CommandDone"), &input["commandId"]),
        "{opened}"
    );
    let signed_in = sign_in(&city, "staff.new", PASSWORD).await;
    assert_eq!(signed_in["viewer"]["name"], "新任 はな子", "{signed_in}");

    input["commandId"] = json!(city.service.app.new_id());
    let taken = city.command_as_is("admin", "openAccount", input).await;
    assert_eq!(
        (&taken["__typename"], &taken["field"]),
        (&json!("Invalid"), &json!("sign_in_name")),
        "{taken}"
    );
}
