//! What stands in front of every answer.

use axum::http::StatusCode;

use crate::city::City;

#[tokio::test]
async fn every_answer_forbids_what_comes_from_outside() {
    let city = City::after_two_years().await;
    let browser = city.browser("planning").await;
    let start = city.stranger().get("/").await;
    let stylesheet = start
        .body
        .split("href=\"")
        .find(|part| part.starts_with("/assets/"))
        .unwrap();
    let stylesheet = stylesheet.split('"').next().unwrap().to_owned();

    for path in [
        "/",
        "/sign-in",
        "/work",
        "/nowhere",
        "/graphql",
        "/schema.graphql",
        "/.well-known/jwks.json",
        &stylesheet,
    ] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "{path}: plain HTTP was asked for"
        );
    }
    assert_eq!(
        browser.get("/work").await.header("cache-control"),
        "no-store"
    );

    let css = browser.get(&stylesheet).await;
    css.is(StatusCode::OK)
        .says("@page")
        .says_nothing_of("http")
        .says_nothing_of("@import");
    assert!(css.header("cache-control").contains("immutable"));
    assert!(css.header("content-type").starts_with("text/css"));
}
