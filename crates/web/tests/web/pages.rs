//! Every page: for whom it is, and that it is whole.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use crate::city::{Answer, City, tags};

/// Everything that a page of ours must be, whatever it shows.
#[track_caller]
fn is_whole(path: &str, answer: &Answer) {
    let html = &answer.body;
    assert!(html.contains("<html lang=\"ja\">"), "{path}");
    assert_eq!(html.matches("<h1>").count(), 1, "{path}: one heading");
    assert!(
        html.contains("class=\"skip\" href=\"#main\"") && html.contains("<main id=\"main\">"),
        "{path}"
    );
    for left_over in [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "TODO",
        "None",
        "Some(",
        "undefined",
        "http://",
        "https://",
        "<script",
        " style=",
        " onclick",
    ] {
        assert!(
            !html.contains(left_over),
            "{path} contains «{left_over}»:\n{html}"
        );
    }
    let mut ids = BTreeSet::new();
    for tag in tags(html) {
        if let Some(id) = tag.value("id") {
            assert!(ids.insert(id), "{path}: the id {id} stands there twice");
        }
    }
    for tag in tags(html) {
        let visible = matches!(tag.name, "textarea" | "select")
            || tag.name == "input" && tag.value("type") != Some("hidden");
        if visible {
            let id = tag
                .value("id")
                .unwrap_or_else(|| panic!("{path}: a field without id"));
            assert!(
                html.contains(&format!("<label for=\"{id}\">")),
                "{path}: {id} has no label"
            );
        }
        for named in [tag.value("aria-labelledby"), tag.value("aria-describedby")]
            .into_iter()
            .flatten()
        {
            for id in named.split(' ') {
                assert!(ids.contains(id), "{path}: nothing has the id {id}");
            }
        }
        if tag.name == "th" {
            assert!(
                tag.value("scope").is_some(),
                "{path}: a header cell without scope"
            );
        }
    }
    for name in [
        "table", "tr", "td", "th", "form", "section", "div", "p", "ul", "li", "select", "span",
        "details", "fieldset", "main",
    ] {
        let opened = tags(html).iter().filter(|tag| tag.name == name).count();
        assert_eq!(
            opened,
            html.matches(&format!("</{name}>")).count(),
            "{path}: <{name}> is not closed as often as opened"
        );
    }
}

#[tokio::test]
async fn every_page_opens_for_its_readers_and_for_nobody_else() {
    let city = City::after_two_years().await;
    let (staff, approver) = city.department_of(&city.returned).await;
    let (foreign, _) = {
        let mut others = city
            .sign_in_names
            .iter()
            .filter(|name| name.starts_with("staff."));
        let report = city.report("R4", &city.returned);
        loop {
            let other = city.browser(others.next().unwrap()).await;
            if other.get(&report).await.status != StatusCode::OK {
                break (other, ());
            }
        }
    };
    let readers = [
        ("stranger", city.stranger()),
        ("staff", staff),
        ("staff elsewhere", foreign),
        ("approver", approver),
        ("planning", city.browser("planning").await),
        ("auditor", city.browser("auditor").await),
        ("administrator", city.browser("admin").await),
    ];
    let everyone = [
        "staff",
        "staff elsewhere",
        "approver",
        "planning",
        "auditor",
        "administrator",
    ];
    let inside = [
        "staff",
        "staff elsewhere",
        "approver",
        "planning",
        "auditor",
    ];
    let near = ["staff", "approver", "planning", "auditor"];
    let report = city.report("R4", &city.returned);
    let pages: [(String, &[&str]); 12] = [
        ("/work".into(), &everyone),
        (format!("/plans/{}/R3", city.plan), &inside),
        (format!("/plans/{}/R4", city.plan), &inside),
        (format!("/plans/{}/R7", city.plan), &inside),
        (report.clone(), &near),
        (city.report("R3", &city.returned), &near),
        (format!("{report}/history"), &near),
        (
            format!("/plans/{}/R4/progress", city.plan),
            &["approver", "planning", "auditor"],
        ),
        (
            format!("/plans/{}/R3/progress", city.plan),
            &["approver", "planning", "auditor"],
        ),
        (
            format!("/plans/{}/R5/progress", city.plan),
            &["approver", "planning", "auditor"],
        ),
        ("/accounts".into(), &["auditor", "administrator"]),
        ("/refusals".into(), &["auditor"]),
    ];
    let mut surprises = Vec::new();
    for (path, allowed) in &pages {
        for (reader, browser) in &readers {
            let answer = browser.get(path).await;
            let expected = match (allowed.contains(reader), *reader) {
                (true, _) => StatusCode::OK,
                (false, "stranger") => StatusCode::SEE_OTHER,
                (false, _) => StatusCode::FORBIDDEN,
            };
            if answer.status != expected {
                surprises.push(format!(
                    "{reader} on {path}: {} instead of {expected}",
                    answer.status
                ));
            } else if answer.status != StatusCode::SEE_OTHER {
                is_whole(path, &answer);
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");

    for (reader, browser) in &readers {
        for path in [
            format!("/public/{}/R3", city.plan),
            format!("/public/{}/R3?number=1", city.plan),
        ] {
            let answer = browser.get(&path).await;
            answer.is(StatusCode::OK);
            is_whole(&path, &answer);
            answer
                .says_nothing_of("/reports/")
                .says_nothing_of("課長確認待ち");
        }
        if *reader == "stranger" {
            is_whole("/", browser.get("/").await.is(StatusCode::OK));
            is_whole("/sign-in", browser.get("/sign-in").await.is(StatusCode::OK));
        } else {
            assert_eq!(browser.get("/").await.location(), "/work", "{reader}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_says_so_and_what_to_do() {
    let city = City::after_two_years().await;
    let planning = city.browser("planning").await;
    let nobody = "018f0000-0000-7000-8000-00000000dead";
    for path in [
        "/nowhere".to_owned(),
        format!("/plans/{nobody}/R3"),
        format!("/plans/{}/R99", city.plan),
        format!("/plans/{}/../R3", city.plan),
        "/plans/x/R3".to_owned(),
        city.report("R4", nobody),
        city.report("R4", "x"),
        format!("/public/{}/R4", city.plan),
        format!("/public/{}/R3?number=99", city.plan),
        format!("/public/{}/R3?number=-1", city.plan),
        format!("/public/{nobody}/R3"),
    ] {
        let answer = planning.get(&path).await;
        answer.is(StatusCode::NOT_FOUND);
        is_whole(&path, &answer);
    }
    city.stranger()
        .get(&format!("/public/{}/R4", city.plan))
        .await
        .is(StatusCode::NOT_FOUND);
    planning
        .post("/work", &[])
        .await
        .is(StatusCode::METHOD_NOT_ALLOWED)
        .says("この操作はできません");
}

#[tokio::test]
async fn residents_read_counts_with_denominators_and_every_correction() {
    let city = City::after_two_years().await;
    let start = city.stranger().get("/").await;
    start
        .says("46の指標のうち、令和3年度に評価できた41のうち21が達成")
        .says("評価対象外5");
    let path = format!("/public/{}/R3", city.plan);
    let newest = city.stranger().get(&path).await;
    newest
        .says("46の指標のうち、令和3年度に評価できた41のうち21が達成")
        .says("第2版")
        .says("訂正の記録")
        .says("訂正した指標");
    let first = city.stranger().get(&format!("{path}?number=1")).await;
    first.says("この版より新しい版があります").says("第1版");
    assert_ne!(newest.body, first.body);
    let history = city.report("R3", &city.corrected) + "/history";
    let history = city.browser("auditor").await.get(&history).await;
    history
        .says("<span class=\"from\">75.0</span>")
        .says("<span class=\"to\">75.4</span>")
        .says("算定誤り");
}

#[tokio::test]
async fn the_sheet_looks_as_sheets_have_always_looked() {
    let city = City::after_two_years().await;
    let sheet = city
        .browser("planning")
        .await
        .get(&format!("/plans/{}/R3", city.plan))
        .await;
    for text in [
        "基本目標1 安定した雇用を創出し、地域人材の活躍の場をつくる",
        "施策名・事業名",
        "重要業績評価指標(KPI)",
        "5年間の合計",
        "増減理由及び今後の取り組み",
        "小計(事業数:9、KPI数:8)",
        "小計(事業数:16、KPI数:14)",
        "合計(事業数:48、KPI数:46)",
        ">3年度</th>",
        ">7年度</th>",
        "<span aria-hidden=\"true\">△7.77",
        "マイナス7.77",
        "<span class=\"spoken\">開始前</span>",
    ] {
        sheet.says(text);
    }
    let monitored = &sheet.body[sheet.body.find("農作業受託面積 ").unwrap()..];
    let targets = &monitored[..monitored.find("実績値</th>").unwrap()];
    assert_eq!(
        targets
            .matches("<span class=\"spoken\">目標設定なし</span>")
            .count(),
        5,
        "{targets}"
    );
    let lines = |word: &str| {
        sheet
            .body
            .matches(&format!("class=\"line\">{word}</th>"))
            .count()
    };
    assert_eq!(
        (lines("目標値"), lines("実績値")),
        (56, 56),
        "52 rows of projects and 4 numeric goals, two lines each"
    );
    // Columns of each table add up: a row of targets has as many cells as its heading.
    let numeric = sheet.body.split("— 数値目標</caption>").nth(1).unwrap();
    let heading = &numeric[..numeric.find("</tr>").unwrap()];
    assert_eq!(
        tags(heading).iter().filter(|tag| tag.name == "th").count(),
        11
    );
}
