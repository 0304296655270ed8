//! Signing in, out, and being thrown out while typing.

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use daicho_web::WebSettings;
use jiff::SignedDuration;

use crate::city::{City, PASSWORD, encoded};

#[tokio::test]
async fn the_session_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let city = City::with(WebSettings {
        secure_cookies: true,
        ..WebSettings::default()
    })
    .await;
    let answer = city
        .stranger()
        .post("/sign-in", &[("name", "planning"), ("password", PASSWORD)])
        .await;
    answer.is(StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/work");
    let cookie = answer.header(SET_COOKIE.as_str());
    for attribute in [
        "daicho_session=",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Secure",
    ] {
        assert!(
            cookie.contains(attribute),
            "{attribute} is missing: {cookie}"
        );
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    // Where the browser is in the records: the next page may come from another node.
    assert!(
        answer
            .headers(SET_COOKIE.as_str())
            .iter()
            .any(|cookie| cookie.starts_with("daicho_position=") && cookie.contains("HttpOnly"))
    );
    assert!(
        answer
            .header("strict-transport-security")
            .contains("max-age")
    );
}

#[tokio::test]
async fn who_may_not_sign_in_learns_why_and_goes_nowhere_else() {
    let city = City::after_two_years().await;
    let stranger = city.stranger();

    let wrong = stranger
        .post(
            "/sign-in",
            &[("name", "planning"), ("password", "wrong wrong wrong")],
        )
        .await;
    wrong
        .is(StatusCode::UNAUTHORIZED)
        .says("利用者名またはパスワードが違う")
        .says("value=\"planning\"");
    assert_eq!(wrong.header(SET_COOKIE.as_str()), "");

    let right = [("name", "planning"), ("password", PASSWORD)];
    for elsewhere in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
    ] {
        let fields = [right[0], right[1], ("next", elsewhere)];
        assert_eq!(
            stranger.post("/sign-in", &fields).await.location(),
            "/work",
            "{elsewhere}"
        );
        let page = stranger
            .get(&format!("/sign-in?next={}", encoded(elsewhere)))
            .await;
        page.says("name=\"next\" value=\"/work\"")
            .says_nothing_of("evil.example");
    }
    let fields = [right[0], right[1], ("next", "/refusals")];
    assert_eq!(
        stranger.post("/sign-in", &fields).await.location(),
        "/refusals"
    );

    stranger
        .post_from("/sign-in", &right, "https://evil.example")
        .await
        .is(StatusCode::FORBIDDEN);

    for _ in 0..30 {
        stranger
            .post(
                "/sign-in",
                &[("name", "auditor"), ("password", "wrong wrong wrong")],
            )
            .await;
    }
    let late = stranger
        .post("/sign-in", &[("name", "auditor"), ("password", PASSWORD)])
        .await;
    late.is(StatusCode::TOO_MANY_REQUESTS)
        .says("しばらくサインインできません");
}

#[tokio::test]
async fn strangers_are_sent_to_sign_in_and_come_back() {
    let city = City::after_two_years().await;
    let path = format!("/plans/{}/R4", city.plan);
    let sent = city.stranger().get(&path).await;
    sent.is(StatusCode::SEE_OTHER);
    assert_eq!(
        sent.location(),
        format!("/sign-in?next={}", encoded(&path).replace("%2D", "-"))
    );
    city.stranger()
        .get(sent.location())
        .await
        .is(StatusCode::OK)
        .says(&format!("name=\"next\" value=\"{path}\""));

    let mut browser = city.browser("planning").await;
    city.service.clock.pass(SignedDuration::from_hours(2));
    let over = browser.get("/work").await;
    assert!(over.location().ends_with("&ended=1"), "{}", over.location());
    browser
        .get(over.location())
        .await
        .says("一定時間操作がなかった");
    browser.cookie = None;
    assert!(!browser.get("/work").await.location().contains("ended"));
}

#[tokio::test]
async fn signing_out_needs_our_page_and_ends_the_session() {
    let city = City::after_two_years().await;
    let browser = city.browser("auditor").await;
    browser
        .post("/sign-out", &[])
        .await
        .is(StatusCode::FORBIDDEN);
    browser
        .post("/sign-out", &[("csrf", "wrong")])
        .await
        .is(StatusCode::FORBIDDEN);
    browser.get("/refusals").await.is(StatusCode::OK);

    let out = browser.fill("/refusals", "/sign-out", &[]).await;
    assert_eq!(out.location(), "/");
    assert!(
        out.header(SET_COOKIE.as_str()).contains("Max-Age=0"),
        "{out:?}"
    );
    browser.get("/refusals").await.is(StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nothing_typed_is_lost_when_the_session_ends_meanwhile() {
    let city = City::after_two_years().await;
    let (indicator, mut staff, _) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let form = staff.get(&path).await.form(&path);
    city.service.clock.pass(SignedDuration::from_hours(2));

    let refused = staff
        .send_form(
            &path,
            form,
            &[
                ("figure", "12"),
                ("evidence", "受付簿 \"7月\""),
                ("action", "save"),
            ],
        )
        .await;
    refused
        .is(StatusCode::UNAUTHORIZED)
        .says("入力した内容は残っています");
    let name = city
        .sign_in_names
        .iter()
        .find(|name| name.starts_with("staff."))
        .unwrap();
    let who = refused.form("/sign-in");
    assert!(
        who.iter()
            .any(|(field, text)| field == "kept-evidence" && text == "受付簿 \"7月\""),
        "{who:?}"
    );

    // The colleague at the same desk may not enter it, its author may.
    let mut kept_by = None;
    for name in city
        .sign_in_names
        .iter()
        .filter(|other| other.starts_with("staff."))
    {
        let fields = refused.form("/sign-in");
        let signed_in = staff
            .send_form(
                "/sign-in",
                fields,
                &[("name", name), ("password", PASSWORD)],
            )
            .await;
        signed_in.is(StatusCode::OK).says("まだ保存されていません");
        staff.keep(&signed_in);
        let saved = staff.send_form(&path, signed_in.form(&path), &[]).await;
        if saved.status == StatusCode::SEE_OTHER {
            kept_by = Some(name);
            staff
                .get(saved.location())
                .await
                .says("「12")
                .says("受付簿");
            break;
        }
    }
    assert!(
        kept_by.is_some(),
        "none of the staff could send it, {name} first"
    );
}
