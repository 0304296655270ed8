//! `/graphql` and what belongs to it.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use jiff::SignedDuration;

use crate::city::{Answer, City, PASSWORD, encoded};

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

async fn token(city: &City, name: &str) -> String {
    let document = format!(
        "mutation {{ signIn(name: \"{name}\", password: \"{PASSWORD}\") {{ __typename ... on SignedIn {{ accessToken }} }} }}"
    );
    let answer = city.stranger().graphql(&document, &[]).await;
    let token = answer.json()["data"]["signIn"]["accessToken"]
        .as_str()
        .map(str::to_owned);
    token.unwrap_or_else(|| panic!("{}", answer.body))
}

#[tokio::test]
async fn a_token_opens_what_its_owner_may_see_until_it_runs_out() {
    let city = City::after_two_years().await;
    let client = city.stranger();
    let bearer = format!("Bearer {}", token(&city, "auditor").await);
    let ask = "{ viewer { signInName } }";

    let answer = client.graphql(ask, &[("authorization", &bearer)]).await;
    assert_eq!(
        answer.json()["data"]["viewer"]["signInName"],
        "auditor",
        "{}",
        answer.body
    );

    let (head, tail) = bearer.split_at(bearer.len() - 8);
    let forged = format!(
        "{head}{}",
        if tail == "AAAAAAAA" {
            "BBBBBBBB"
        } else {
            "AAAAAAAA"
        }
    );
    for wrong in [forged.as_str(), "Bearer x", "Bearer ", "Basic YTpi"] {
        let answer = client.graphql(ask, &[("authorization", wrong)]).await;
        answer.is(StatusCode::UNAUTHORIZED);
        assert_eq!(code(&answer), "token_invalid", "{wrong}");
        assert!(
            answer
                .header(WWW_AUTHENTICATE.as_str())
                .starts_with("Bearer")
        );
    }

    city.service.clock.pass(SignedDuration::from_mins(11));
    let late = client.graphql(ask, &[("authorization", &bearer)]).await;
    late.is(StatusCode::UNAUTHORIZED).says("refreshSession");
    assert_eq!(code(&late), "token_expired");
}

#[tokio::test]
async fn a_token_of_an_ended_sign_in_is_refused() {
    let city = City::after_two_years().await;
    let bearer = format!("Bearer {}", token(&city, "auditor").await);
    let client = city.stranger();
    let out = client
        .graphql(
            "mutation { signOut { wasSignedIn } }",
            &[("authorization", &bearer)],
        )
        .await;
    assert_eq!(
        out.json()["data"]["signOut"]["wasSignedIn"],
        true,
        "{}",
        out.body
    );
    let after = client
        .graphql("{ viewer { name } }", &[("authorization", &bearer)])
        .await;
    assert_eq!(code(&after), "token_invalid");
}

#[tokio::test]
async fn a_cookie_alone_sends_no_mutation() {
    let city = City::after_two_years().await;
    let browser = city.browser("planning").await;
    let csrf = browser.get("/work").await.form("/sign-out")[0].1.clone();
    let query = "{ viewer { signInName } }";
    let mutation = format!(
        "mutation {{ closePeriod(input: {{ commandId: \"018f0000-0000-7000-8000-000000000001\", plan: \"{}\", fiscalYear: \"R4\" }}) {{ __typename }} }}",
        city.plan
    );

    let answer = browser.graphql(query, &[]).await;
    assert_eq!(
        answer.json()["data"]["viewer"]["signInName"],
        "planning",
        "{}",
        answer.body
    );
    for headers in [vec![], vec![("x-daicho-csrf", "wrong")]] {
        let answer = browser.graphql(&mutation, &headers).await;
        answer.is(StatusCode::FORBIDDEN);
        assert_eq!(code(&answer), "csrf");
    }
    let foreign = [
        ("x-daicho-csrf", csrf.as_str()),
        ("origin", "https://evil.example"),
    ];
    for document in [query, &mutation] {
        let answer = browser.graphql(document, &foreign).await;
        answer.is(StatusCode::FORBIDDEN);
        assert_eq!(code(&answer), "cross_site");
    }
    browser
        .get(&format!("/plans/{}/R4", city.plan))
        .await
        .says_nothing_of("締切済");

    let sent = browser
        .graphql(&mutation, &[("x-daicho-csrf", &csrf)])
        .await;
    assert_eq!(
        sent.json()["data"]["closePeriod"]["__typename"],
        "CommandDone",
        "{}",
        sent.body
    );
}

#[tokio::test]
async fn get_answers_queries_and_nothing_else() {
    let city = City::after_two_years().await;
    let client = city.stranger();
    let get = async |query: &str| {
        client
            .get(&format!("/graphql?query={}", encoded(query)))
            .await
    };

    let answer = get("{ service { isDemo } }").await;
    assert_eq!(
        answer.json()["data"]["service"]["isDemo"],
        true,
        "{}",
        answer.body
    );
    for hidden in [
        "mutation { signOut { wasSignedIn } }",
        "query A { service { version } } mutation B { signOut { wasSignedIn } }",
    ] {
        let answer = get(hidden).await;
        answer.is(StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(code(&answer), "mutation_by_get");
    }
    client.get("/graphql").await.is(StatusCode::BAD_REQUEST);
    let variables = format!(
        "/graphql?query={}&variables={}",
        encoded("query($text: String!) { interpretCell(text: $text) { ... on Cell { display } } }"),
        encoded("{\"text\":\"△５.13\"}")
    );
    assert_eq!(
        client.get(&variables).await.json()["data"]["interpretCell"]["display"],
        "△5.13"
    );
}

#[tokio::test]
async fn what_is_no_request_is_told_what_to_be() {
    let city = City::after_two_years().await;
    let client = city.stranger();
    let post = async |content_type: &str, body: String| {
        client
            .send(
                client
                    .request("POST", "/graphql")
                    .header(CONTENT_TYPE, content_type)
                    .body(Body::from(body))
                    .unwrap(),
            )
            .await
    };
    let query = "{\"query\":\"{ service { version } }\"}";
    assert_eq!(
        code(&post("text/plain", query.to_owned()).await),
        "not_json"
    );
    assert_eq!(
        code(&post("application/x-www-form-urlencoded", "query=x".to_owned()).await),
        "not_json"
    );
    assert_eq!(
        code(&post("application/json", "{".to_owned()).await),
        "bad_request"
    );
    assert_eq!(
        code(&post("application/json", format!("[{query}]")).await),
        "bad_request"
    );
    post("application/json; charset=utf-8", query.to_owned())
        .await
        .is(StatusCode::OK);

    let large = format!("{{\"query\":\"{}\"}}", "a".repeat(1024 * 1024));
    let answer = post("application/json", large.clone()).await;
    answer.is(StatusCode::PAYLOAD_TOO_LARGE).says("1 MiB");
    assert_eq!(code(&answer), "too_large");
    // A stream does not announce its size.
    let pieces = large
        .into_bytes()
        .chunks(100_000)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect::<Vec<_>>();
    let stream = Body::from_stream(futures::stream::iter(pieces));
    let request = client
        .request("POST", "/graphql")
        .header(CONTENT_TYPE, "application/json")
        .body(stream)
        .unwrap();
    client.send(request).await.is(StatusCode::PAYLOAD_TOO_LARGE);

    let form = client
        .post(
            "/sign-in",
            &[("name", &"a".repeat(1024 * 1024)), ("password", "x")],
        )
        .await;
    form.is(StatusCode::PAYLOAD_TOO_LARGE).says("1メガバイト");
    let put = client
        .send(
            client
                .request("PUT", "/graphql")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    put.is(StatusCode::METHOD_NOT_ALLOWED);
    assert!(put.header(ALLOW.as_str()).contains("POST"));
}

#[tokio::test]
async fn the_schema_and_the_keys_are_public() {
    let city = City::after_two_years().await;
    let schema = city.stranger().get("/schema.graphql").await;
    schema.is(StatusCode::OK);
    assert!(
        schema.body.trim() == include_str!("../../../../schema.graphql").trim(),
        "the schema is another one; run `cargo xtask schema`"
    );
    let keys = city.stranger().get("/.well-known/jwks.json").await.json();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519", "{keys}");
    assert!(
        keys["keys"][0]["d"].is_null(),
        "a private key left the house"
    );
}

#[tokio::test]
async fn a_document_whose_fragments_multiply_is_refused_before_it_is_executed() {
    let city = City::after_two_years().await;
    let client = city.stranger();
    let fragments = (0..30).map(|level| {
        format!(
            "fragment F{level} on Query{{{}}}",
            format!("...F{} ", level + 1).repeat(3)
        )
    });
    let tower = format!(
        "{{...F0}} {} fragment F30 on Query{{service{{version}}}}",
        fragments.collect::<Vec<_>>().join(" ")
    );
    let circle = "{...A} fragment A on Query{...A}".to_owned();
    let long = format!("{{ {} }}", "service { version } ".repeat(4_000));
    let deep = "{a".repeat(30_000);
    for (document, expected) in [
        (tower, "query_too_complex"),
        (circle, "query_too_complex"),
        (deep, "query_too_complex"),
        (long, "document_too_large"),
    ] {
        let posted = client.graphql(&document, &[]).await;
        posted.is(StatusCode::BAD_REQUEST);
        assert_eq!(code(&posted), expected);
        assert!(
            posted.json()["errors"][0]["extensions"]["messageJa"].is_string(),
            "{}",
            posted.body
        );
        if document.len() < 4_000 {
            let got = client
                .get(&format!("/graphql?query={}", encoded(&document)))
                .await;
            got.is(StatusCode::BAD_REQUEST);
            assert_eq!(code(&got), expected);
        }
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_bad_input() {
    let city = City::after_two_years().await;
    let answer = city
        .stranger()
        .graphql("{ plan(id: \"x\") { title } }", &[])
        .await;
    assert_eq!(code(&answer), "bad_input", "{}", answer.body);
    assert!(
        answer.json()["errors"][0]["extensions"]["messageJa"].is_string(),
        "{}",
        answer.body
    );
}
