//! The planning office's year, and the administrator's accounts.

use axum::http::StatusCode;

use crate::city::{City, PASSWORD};

#[tokio::test]
async fn the_planning_office_runs_the_year() {
    let city = City::after_two_years().await;
    let planning = city.browser("planning").await;
    let r4 = format!("/plans/{}/R4/progress", city.plan);
    let r5 = format!("/plans/{}/R5/progress", city.plan);

    let refused = planning.fill(&r4, &format!("{r4}/publish"), &[]).await;
    refused
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("確認が済んでいない報告(")
        .says("未入力")
        .says("/reports/");

    let closed = planning.fill(&r4, &format!("{r4}/close"), &[]).await;
    planning.follow(&closed).await.says("入力を締め切りました");
    let silent = planning
        .fill(&r4, &format!("{r4}/reopen"), &[("reason", " ")])
        .await;
    silent.is(StatusCode::UNPROCESSABLE_ENTITY);
    let reopened = planning
        .fill(&r4, &format!("{r4}/reopen"), &[("reason", "集計の遅れ")])
        .await;
    planning.follow(&reopened).await.says("入力を再開しました");
    let moved = planning
        .fill(
            &r4,
            &format!("{r4}/due"),
            &[("due", "2023-06-30"), ("reason", "集計の遅れ")],
        )
        .await;
    planning
        .follow(&moved)
        .await
        .says("提出期限 令和5年6月30日");

    let wrong = planning
        .fill(&r5, &format!("{r5}/open"), &[("due", "来月")])
        .await;
    wrong
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("value=\"来月\"");
    let opened = planning
        .send_form(
            &format!("{r5}/open"),
            wrong.form(&format!("{r5}/open")),
            &[("due", "2024-05-31")],
        )
        .await;
    planning
        .follow(&opened)
        .await
        .says("入力期間を開始しました")
        .says("令和6年5月31日");

    let auditor = city.browser("auditor").await;
    auditor
        .get(&r4)
        .await
        .is(StatusCode::OK)
        .says_nothing_of(&format!("{r4}/close"));
    let token = auditor.get("/refusals").await.form("/sign-out").remove(0).1;
    let fields = [
        ("csrf", token.as_str()),
        ("command", "018f0000-0000-7000-8000-000000000001"),
    ];
    auditor
        .post(&format!("{r4}/close"), &fields)
        .await
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("権限がありません");
    auditor
        .get("/refusals")
        .await
        .says("close_period")
        .says("forbidden");
}

#[tokio::test]
async fn an_administrator_opens_an_account_that_can_be_used() {
    let city = City::after_two_years().await;
    let admin = city.browser("admin").await;
    let typed = [
        ("name", "新人 <b>花子</b>"),
        ("sign-in-name", "hanako"),
        ("password", "short"),
    ];
    let refused = admin.fill("/accounts", "/accounts/open", &typed).await;
    refused
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("value=\"hanako\"")
        .says_nothing_of("value=\"short\"")
        .says_nothing_of("<b>");
    let opened = admin
        .send_form(
            "/accounts/open",
            refused.form("/accounts/open"),
            &[("password", PASSWORD)],
        )
        .await;
    let page = admin.follow(&opened).await;
    page.says("アカウントを作成しました")
        .says("hanako")
        .says("新人 &#60;b&#62;");

    let account = page
        .body
        .split("<option value=\"")
        .find(|part| part.contains("新人"))
        .unwrap()[..36]
        .to_owned();
    let given = admin
        .send_form(
            "/accounts/grant",
            page.form("/accounts/grant"),
            &[("account", &account), ("role", "auditor")],
        )
        .await;
    admin.follow(&given).await.says("権限を付与しました");
    let hanako = city.browser("hanako").await;
    hanako.get("/refusals").await.is(StatusCode::OK);

    let own = admin.get("/accounts").await;
    let disable = own
        .body
        .match_indices("action=\"/accounts/disable\"")
        .find_map(|(start, _)| {
            let form = &own.body[start..];
            let form = &form[..form.find("</form>").unwrap()];
            form.contains(&format!("name=\"account\" value=\"{account}\""))
                .then_some(())
        });
    assert!(disable.is_some(), "the account can be disabled");
    let mut fields = own.form("/accounts/disable");
    fields.retain(|(name, _)| name != "account");
    let disabled = admin
        .send_form(
            "/accounts/disable",
            fields,
            &[("account", &account), ("reason", "異動")],
        )
        .await;
    admin
        .follow(&disabled)
        .await
        .says("停止しました")
        .says("停止中");
    hanako.get("/refusals").await.is(StatusCode::SEE_OTHER);
    let again = city
        .stranger()
        .post("/sign-in", &[("name", "hanako"), ("password", PASSWORD)])
        .await;
    again.is(StatusCode::UNAUTHORIZED);
}
