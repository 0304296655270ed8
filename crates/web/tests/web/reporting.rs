//! From the first figure to a correction after publication, by forms alone.

use axum::http::StatusCode;

use crate::city::City;

fn field_with<'f>(form: &'f [(String, String)], prefix: &str) -> &'f str {
    form.iter()
        .find(|(name, _)| name.starts_with(prefix))
        .map(|(name, _)| name.as_str())
        .unwrap()
}

#[tokio::test]
async fn a_figure_goes_from_draft_to_accepted() {
    let city = City::after_two_years().await;
    let (indicator, staff, approver) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let page = staff.get(&path).await;
    page.says("未入力")
        .says("字まで。")
        .says("数値がない場合の理由");
    let first_button = page.body.split("name=\"action\" value=\"").nth(1).unwrap();
    assert!(
        first_button.starts_with("save"),
        "the Enter key would submit the report"
    );
    let form = page.form(&path);
    let (cause, next) = (
        field_with(&form, "cause-").to_owned(),
        field_with(&form, "next-").to_owned(),
    );

    let typed = [
        ("figure", "１，６３８"),
        ("provisional", "1"),
        ("expected", "2023-09-30"),
        ("evidence", "受付簿 令和4年度"),
        ("action", "save"),
    ];
    let saved = staff.send_form(&path, form.clone(), &typed).await;
    let page = staff.follow(&saved).await;
    page.says("下書きとして保存しました")
        .says("「暫定値1,638")
        .says("入力中")
        .says("value=\"受付簿 令和4年度\"")
        .says("value=\"2023-09-30\"");

    // The same form twice is one change.
    let again = staff.send_form(&path, form, &typed).await;
    again.is(StatusCode::SEE_OTHER);
    let history = staff.get(&format!("{path}/history")).await;
    assert_eq!(history.body.matches("actual-entered").count(), 1);
    history.says("暫定値1,638").says("日本時間").says("担当者");

    let text = "<script>alert(1)</script>\r\n人数が増えた。\"&'";
    let submitted = staff
        .fill(
            &path,
            &path,
            &[(&cause, text), (&next, "続ける。"), ("action", "submit")],
        )
        .await;
    let page = staff.follow(&submitted).await;
    page.says("保存して提出しました")
        .says("課長確認待ち")
        .says("提出を取り下げる");
    page.says_nothing_of("<script")
        .says("&#60;script&#62;alert(1)");
    for reader in [&approver, &city.browser("planning").await] {
        for path in [
            path.clone(),
            format!("{path}/history"),
            format!("/plans/{}/R4", city.plan),
        ] {
            reader
                .get(&path)
                .await
                .is(StatusCode::OK)
                .says_nothing_of("<script")
                .says("&#60;script&#62;");
        }
    }

    let withdrawn = staff.fill(&path, &format!("{path}/withdraw"), &[]).await;
    staff
        .follow(&withdrawn)
        .await
        .says("提出を取り下げました")
        .says("name=\"figure\"");
    staff
        .fill(&path, &path, &[("action", "submit")])
        .await
        .is(StatusCode::SEE_OTHER);

    // Staff cannot approve, whatever they send.
    let content = approver.get(&path).await.form(&format!("{path}/approve"));
    let mine = staff.get(&path).await.form(&format!("{path}/withdraw"));
    let mut forged = content.clone();
    forged[0] = mine[0].clone();
    staff
        .send_form(&format!("{path}/approve"), forged, &[])
        .await
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("権限がありません");

    let returned = approver
        .send_form(
            &format!("{path}/return"),
            content.clone(),
            &[("cell", ""), ("comment", "根拠を確認してください")],
        )
        .await;
    returned
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("差し戻す項目を選んでください")
        .says("根拠を確認してください</textarea>");
    let returned = approver
        .send_form(
            &format!("{path}/return"),
            returned.form(&format!("{path}/return")),
            &[("cell", "actual")],
        )
        .await;
    approver.follow(&returned).await.says("差し戻しました");
    let page = staff.get(&path).await;
    page.says("差し戻されています — 実績値")
        .says("根拠を確認してください")
        .says("差戻しの対象");
    staff.get("/work").await.says("差戻しへの対応");

    staff
        .fill(&path, &path, &[("figure", "1640"), ("action", "submit")])
        .await
        .is(StatusCode::SEE_OTHER);
    // What was approved is what was read: the form of before does not approve what came after.
    let stale = approver
        .send_form(&format!("{path}/approve"), content, &[])
        .await;
    stale
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("確認した後に内容が変わっています");
    let approved = approver.fill(&path, &format!("{path}/approve"), &[]).await;
    approver
        .follow(&approved)
        .await
        .says("承認しました")
        .says("企画課確認待ち")
        .says("承認した版");

    let planning = city.browser("planning").await;
    let accepted = planning.fill(&path, &format!("{path}/accept"), &[]).await;
    planning.follow(&accepted).await.says("確認済にしました");
    staff
        .get(&path)
        .await
        .says_nothing_of("name=\"figure\"")
        .says("1,640");
}

#[tokio::test]
async fn what_cannot_be_saved_stays_in_its_field_with_the_reason() {
    let city = City::after_two_years().await;
    let (indicator, staff, _) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let form = staff.get(&path).await.form(&path);
    let cause = field_with(&form, "cause-").to_owned();

    let wrong = [
        ("figure", "たくさん"),
        ("evidence", "電話で確認"),
        (cause.as_str(), "増えた。\nとても。"),
        ("action", "submit"),
    ];
    let refused = staff.send_form(&path, form.clone(), &wrong).await;
    refused
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("保存・実行できませんでした")
        .says("value=\"たくさん\"");
    refused
        .says("value=\"電話で確認\"")
        .says("増えた。\nとても。</textarea>")
        .says("aria-invalid=\"true\"");
    staff.get(&path).await.says("未入力");

    // The page that came back is good to go on with.
    let saved = staff
        .send_form(
            &path,
            refused.form(&path),
            &[("figure", "7"), ("action", "save")],
        )
        .await;
    staff
        .follow(&saved)
        .await
        .says("「7")
        .says("増えた。\nとても。</textarea>")
        .says("電話で確認");

    let both = staff
        .fill(&path, &path, &[("status", "pending"), ("action", "save")])
        .await;
    both.is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("両方が入力されています");
    let pending = staff
        .fill(
            &path,
            &path,
            &[("figure", ""), ("status", "pending"), ("action", "save")],
        )
        .await;
    pending
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("判明する予定日")
        .says("value=\"pending\" selected");
    let pending = staff
        .send_form(
            &path,
            pending.form(&path),
            &[("expected", "2023-10-01"), ("action", "save")],
        )
        .await;
    staff
        .follow(&pending)
        .await
        .says("数値なし(理由: 集計中)として保存しています");

    let long = "あ".repeat(4000);
    staff
        .fill(&path, &path, &[(&cause, &long), ("action", "save")])
        .await
        .is(StatusCode::SEE_OTHER);
    let longer = staff
        .fill(
            &path,
            &path,
            &[(&cause, &format!("{long}い")), ("action", "save")],
        )
        .await;
    longer
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says(&format!("{long}い</textarea>"));
}

#[tokio::test]
async fn two_people_at_one_report_see_what_the_other_wrote() {
    let city = City::after_two_years().await;
    let (indicator, first, _) = city.untouched_report().await;
    let (second, _) = city.department_of(&indicator).await;
    let path = city.report("R4", &indicator);
    let (mine, theirs) = (
        first.get(&path).await.form(&path),
        second.get(&path).await.form(&path),
    );
    let cause = field_with(&mine, "cause-").to_owned();

    first
        .send_form(&path, mine, &[("figure", "7"), ("action", "save")])
        .await
        .is(StatusCode::SEE_OTHER);
    let stale = second
        .send_form(
            &path,
            theirs,
            &[("figure", "8"), (&cause, "減った。"), ("action", "save")],
        )
        .await;
    stale
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("ほかの人が先に変更しました")
        .says("value=\"8\"")
        .says("現在の登録内容: 「7」")
        .says("減った。</textarea>");

    // Having seen both, the second decides.
    let decided = second
        .send_form(&path, stale.form(&path), &[("action", "save")])
        .await;
    second.follow(&decided).await.says("「8").says("減った。");
    second
        .get(&format!("{path}/history"))
        .await
        .says("<span class=\"from\">7</span>");
}

#[tokio::test]
async fn a_form_that_is_not_of_this_session_changes_nothing() {
    let city = City::after_two_years().await;
    let (indicator, staff, _) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let form = staff.get(&path).await.form(&path);
    let typed = [("figure", "7"), ("action", "save")];

    let without: Vec<_> = form
        .iter()
        .filter(|(name, _)| name != "csrf")
        .cloned()
        .collect();
    staff
        .send_form(&path, without, &typed)
        .await
        .is(StatusCode::FORBIDDEN);
    let wrong = staff
        .send_form(
            &path,
            form.clone(),
            &[typed[0], typed[1], ("csrf", "wrong")],
        )
        .await;
    // It came from a page of ours, so what was typed is offered again.
    wrong
        .is(StatusCode::FORBIDDEN)
        .says("入力した内容を送信する");
    let fields: Vec<_> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for origin in ["https://evil.example", "null"] {
        let foreign = staff.post_from(&path, &fields, origin).await;
        foreign
            .is(StatusCode::FORBIDDEN)
            .says_nothing_of("入力した内容を送信する");
    }
    staff.get(&path).await.says("未入力");

    let sent = staff.send_form(&path, wrong.form(&path), &[]).await;
    staff.follow(&sent).await.says("「7");
}

#[tokio::test]
async fn a_published_figure_changes_only_through_an_unlock_with_a_reason() {
    let city = City::after_two_years().await;
    let indicator = &city.returned;
    let (staff, _) = city.department_of(indicator).await;
    let planning = city.browser("planning").await;
    let path = city.report("R3", indicator);
    staff
        .get(&path)
        .await
        .says_nothing_of("name=\"figure\"")
        .says("公表済");

    let today = city
        .service
        .app
        .now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let until = today
        .checked_add(jiff::Span::new().days(10))
        .unwrap()
        .to_string();
    let unlock = format!("{path}/unlock");
    let typed = [
        ("cell", "actual"),
        ("reason-code", "source_corrected"),
        ("reason-text", "元の台帳に誤りがあった"),
        ("expires", until.as_str()),
    ];
    let refused = planning.fill(&path, &unlock, &typed[..3]).await;
    refused
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("元の台帳に誤りがあった</textarea>");
    let unlocked = planning
        .send_form(&unlock, refused.form(&unlock), &typed[3..])
        .await;
    planning
        .follow(&unlocked)
        .await
        .says("変更が解除されています");

    staff.get("/work").await.says("訂正");
    staff
        .get(&path)
        .await
        .says("変更理由")
        .says("この記述は今は変更できません");
    let silent = staff
        .fill(&path, &path, &[("figure", "4321"), ("action", "save")])
        .await;
    silent
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .says("変更理由(種別と説明)が必要です")
        .says("value=\"4321\"");
    let reasoned = staff
        .send_form(
            &path,
            silent.form(&path),
            &[
                ("reason-code", "source_corrected"),
                ("reason-text", "元の台帳を修正"),
                ("action", "save"),
            ],
        )
        .await;
    staff.follow(&reasoned).await.says("4,321");
    let history = city
        .browser("auditor")
        .await
        .get(&format!("{path}/history"))
        .await;
    history
        .says("元データの修正: 元の台帳を修正")
        .says("actual-corrected");
}

#[tokio::test]
async fn a_form_that_lacks_what_its_page_puts_into_it_is_told_so() {
    let city = City::after_two_years().await;
    let (indicator, staff, approver) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let form = staff.get(&path).await.form(&path);
    for command in ["", "018f"] {
        let answer = staff
            .send_form(
                &path,
                form.clone(),
                &[
                    ("command-figure", command),
                    ("figure", "12"),
                    ("action", "save"),
                ],
            )
            .await;
        answer
            .is(StatusCode::BAD_REQUEST)
            .says("フォームの内容を読み取れませんでした")
            .says("もう一度開いて");
    }
    staff.get(&path).await.says("未入力");

    let csrf = approver.get("/work").await.form("/sign-out")[0].1.clone();
    let command = city.service.app.new_id().to_string();
    for content in ["", "abc"] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("command", command.as_str()),
            ("content", content),
        ];
        approver
            .post(&format!("{path}/approve"), &fields)
            .await
            .is(StatusCode::BAD_REQUEST)
            .says("もう一度開いて");
    }

    let planning = city.browser("planning").await;
    planning.get("/plans/x/R4").await.is(StatusCode::NOT_FOUND);
    planning
        .get(&format!("/plans/{}/Z9", city.plan))
        .await
        .is(StatusCode::NOT_FOUND);
}
