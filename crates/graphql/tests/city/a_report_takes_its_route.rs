//! A report from the first figure to acceptance, and the refusals on its way.

use serde_json::{Value, json};

use crate::service::{City, ReportAt};

/// Enters figure and commentary as the report's staff.
async fn fill_in(city: &City, report: &ReportAt, text: &str) -> Value {
    let revision = report.read(city, &report.staff).await["revision"].clone();
    let entered = city
        .command(
            &report.staff,
            "enterActual",
            report
                .input(json!({ "text": text, "evidence": "窓口の集計", "seenRevision": revision })),
        )
        .await;
    assert_eq!(entered["__typename"], "CommandDone", "{entered}");
    let places = report.read(city, &report.staff).await["places"].clone();
    for place in places.as_array().unwrap() {
        let revision = report.read(city, &report.staff).await["revision"].clone();
        let input = report.input(json!({
            "placement": place["placement"],
            "cause": "利用者が増えた。",
            "nextAction": "周知を続ける。",
            "seenRevision": revision,
        }));
        let written = city.command(&report.staff, "writeCommentary", input).await;
        assert_eq!(written["__typename"], "CommandDone", "{written}");
    }
    report.read(city, &report.staff).await
}

#[tokio::test]
async fn a_figure_is_entered_submitted_approved_and_accepted() {
    let city = City::new().await;
    let report = city.report_at("not_entered").await;
    let filled = fill_in(&city, &report, "１，２３４.50").await;
    assert_eq!(filled["stage"], "draft");
    assert_eq!(
        filled["actual"]["actual"]["cell"],
        json!({ "raw": "１，２３４.50", "value": "1234.50", "display": "1,234.50" })
    );
    assert_eq!(
        filled["actual"]["by"]["name"],
        json!(city.name(&report.staff))
    );

    let submitted = city
        .command(
            &report.staff,
            "submitReport",
            report.input(json!({ "seenRevision": filled["revision"] })),
        )
        .await;
    assert_eq!(submitted["report"]["stage"], "submitted", "{submitted}");
    let content = submitted["report"]["content"].clone();
    let approved = city
        .command(
            &report.approver,
            "approveReport",
            report.input(json!({ "content": content })),
        )
        .await;
    assert_eq!(approved["report"]["stage"], "approved", "{approved}");
    let accepted = city
        .command(
            "planning",
            "acceptReport",
            report.input(json!({ "content": content })),
        )
        .await;
    assert_eq!(accepted["report"]["stage"], "accepted", "{accepted}");

    let done = report.read(&city, "auditor").await;
    let steps: Vec<_> = done["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (&step["by"]["name"], &step["content"], &step["isStale"]))
        .collect();
    let names = [
        json!(city.name(&report.approver)),
        json!(city.name("planning")),
    ];
    assert_eq!(
        steps,
        [
            (&names[0], &content, &json!(false)),
            (&names[1], &content, &json!(false))
        ]
    );
}

#[tokio::test]
async fn a_returned_report_shows_its_comment_and_can_be_submitted_again() {
    let city = City::new().await;
    let report = city.report_at("submitted").await;
    let comment = "前年度との差の理由を具体的に書いてください。";
    let input = report.input(json!({ "comment": comment, "cell": { "kind": "actual" } }));
    let returned = city.command(&report.approver, "returnReport", input).await;
    assert_eq!(returned["report"]["stage"], "returned", "{returned}");
    let read = report.read(&city, &report.staff).await;
    assert_eq!(read["returned"]["comment"], comment);
    assert_eq!(
        read["returned"]["by"]["name"],
        json!(city.name(&report.approver))
    );
    assert_eq!(
        read["returned"]["cell"],
        json!({ "kind": "actual", "placement": null })
    );
    let again = city
        .command(
            &report.staff,
            "submitReport",
            report.input(json!({ "seenRevision": read["revision"] })),
        )
        .await;
    assert_eq!(again["report"]["stage"], "submitted", "{again}");
}

#[tokio::test]
async fn a_stale_writer_is_told_who_wrote_what() {
    let city = City::new().await;
    let report = city.report_at("not_entered").await;
    fill_in(&city, &report, "75.4").await;
    let refused = city
        .command(
            &report.staff,
            "enterActual",
            report.input(json!({ "text": "80", "seenRevision": 0 })),
        )
        .await;
    assert_eq!(refused["__typename"], "StaleVersion", "{refused}");
    assert_eq!(refused["code"], "stale_version");
    assert_eq!(refused["seenRevision"], 0);
    assert!(refused["currentRevision"].as_u64().unwrap() >= 2);
    assert_eq!(refused["changedByName"], json!(city.name(&report.staff)));
    let id = city.account(&report.staff).to_string();
    assert!(
        !refused["message"].as_str().unwrap().contains(&id),
        "people are told names: {refused}"
    );
}

#[tokio::test]
async fn an_approver_of_something_else_than_what_stands_is_told_what_stands() {
    let city = City::new().await;
    let report = city.report_at("submitted").await;
    let refused = city
        .command(
            &report.approver,
            "approveReport",
            report.input(json!({ "content": "0".repeat(64) })),
        )
        .await;
    assert_eq!(refused["__typename"], "StaleContent", "{refused}");
    assert_eq!(
        refused["currentContent"],
        report.read(&city, &report.approver).await["content"]
    );
}

#[tokio::test]
async fn nobody_approves_what_they_entered() {
    let city = City::new().await;
    let report = city.report_at("submitted").await;
    let staff = city.account(&report.staff);
    // The one who entered it becomes approver as well.
    let department = {
        let caller = daicho_app::Caller::Account(city.account("auditor"));
        city.service
            .app
            .report(
                &caller,
                city.played.plan,
                report.indicator,
                city.played.open_year,
            )
            .unwrap()
            .department
    };
    let grant = json!({ "account": staff, "role": "approver", "municipality": city.played.municipality, "department": department, "from": "2021-03-01" });
    let given = city.command("admin", "giveGrant", grant).await;
    assert_eq!(given["__typename"], "CommandDone", "{given}");
    let content = report.read(&city, &report.staff).await["content"].clone();
    let refused = city
        .command(
            &report.staff,
            "approveReport",
            report.input(json!({ "content": content })),
        )
        .await;
    assert_eq!(
        (&refused["__typename"], &refused["rule"]),
        (&json!("SeparationOfDuties"), &json!("own_content")),
        "{refused}"
    );
}

#[tokio::test]
async fn the_same_command_twice_is_carried_out_once() {
    let city = City::new().await;
    let report = city.report_at("not_entered").await;
    let input = report
        .input(json!({ "commandId": city.service.app.new_id(), "text": "5", "seenRevision": 0 }));
    let first = city
        .command_as_is(&report.staff, "enterActual", input.clone())
        .await;
    let second = city
        .command_as_is(&report.staff, "enterActual", input.clone())
        .await;
    assert_eq!(
        (&first["replayed"], &second["replayed"]),
        (&json!(false), &json!(true)),
        "{first} {second}"
    );
    assert_eq!(first["position"], second["position"]);
    let mut other = input;
    other["text"] = json!("6");
    let reused = city
        .command_as_is(&report.staff, "enterActual", other)
        .await;
    assert_eq!(
        (&reused["__typename"], &reused["code"]),
        (&json!("CommandIdReused"), &json!("command_id_reused"))
    );
}

#[tokio::test]
async fn a_figure_that_is_not_understood_is_refused_with_its_field() {
    let city = City::new().await;
    let report = city.report_at("not_entered").await;
    for (more, field) in [
        (json!({ "text": "だいたい百" }), "value"),
        (json!({ "text": "12", "status": "pending" }), "value"),
        (json!({}), "value"),
        (json!({ "status": "pending" }), "expected_final_on"),
    ] {
        let mut input = report.input(more);
        input["seenRevision"] = json!(0);
        let refused = city.command(&report.staff, "enterActual", input).await;
        assert_eq!(
            (&refused["__typename"], &refused["field"]),
            (&json!("Invalid"), &json!(field)),
            "{refused}"
        );
        assert_ne!(refused["problem"], refused["problemJa"]);
    }
}

#[tokio::test]
async fn a_sheet_that_is_not_complete_names_what_is_missing() {
    let city = City::new().await;
    let input = json!({ "plan": city.played.plan, "fiscalYear": city.played.open_year.short() });
    let refused = city.command("planning", "publishSheet", input).await;
    assert_eq!(refused["__typename"], "NotComplete", "{refused}");
    let missing = refused["missing"].as_array().unwrap();
    assert!(
        missing
            .iter()
            .any(|report| report["stage"] == "draft" && report["stageLabel"] == "入力中"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_came_back_is_in_the_inbox_of_its_department() {
    let city = City::new().await;
    let report = city.report_at("returned").await;
    let document = "{ inbox { reports items { task taskLabel indicator indicatorName goal planTitle year { ja } stage due department { name } } } }";
    let data = city.answer(&report.staff, document, json!({})).await;
    let first = &data["inbox"]["items"][0];
    // The inbox lists what came back before what is still to be entered.
    assert_eq!(
        (&first["task"], &first["taskLabel"]),
        (&json!("revise"), &json!("差戻しへの対応")),
        "{data}"
    );
    assert_eq!(first["indicator"], json!(report.indicator));
    assert!(first["department"]["name"].is_string(), "{first}");
    assert_eq!(first["year"]["ja"], "令和4年度");
    assert!(!first["indicatorName"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_hidden_draft_does_not_show_through_its_hash() {
    let city = City::new().await;
    let report = city.report_at("not_entered").await;
    let filled = fill_in(&city, &report, "1234").await;
    assert_eq!(filled["stage"], "draft");
    let elsewhere = city
        .played
        .people
        .iter()
        .map(|person| &person.sign_in_name)
        .find(|name| name.starts_with("staff.") && **name != report.staff)
        .unwrap();
    let draft = async |who: &str| {
        let sheet = city.open_sheet(who).await;
        sheet
            .into_iter()
            .find(|row| row["indicator"] == json!(report.indicator))
            .unwrap()
    };

    let own = draft(&report.staff).await;
    assert_eq!(own["isDraftHidden"], false, "{own}");
    assert_eq!(own["content"], filled["content"]);
    let hidden = draft(elsewhere).await;
    assert_eq!(hidden["isDraftHidden"], true, "{hidden}");
    assert_eq!(hidden["content"], Value::Null);
}
