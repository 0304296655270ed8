//! What people see while the records cannot be followed.

use axum::http::StatusCode;

use crate::city::City;

const BANNER: &str = "記録の反映が止まっています";

#[tokio::test]
async fn a_service_that_is_stuck_says_so_on_every_page_to_those_who_are_signed_in() {
    let city = City::after_two_years().await;
    let planning = city.browser("planning").await;
    let work = planning.get("/work").await;
    work.is(StatusCode::OK).says_nothing_of(BANNER);

    city.service.append_what_nobody_understands().await;
    // Following the log is what finds it out.
    city.service.app.verify().await.unwrap();
    let sheet = format!("/plans/{}/R3", city.plan);
    for path in ["/work", &sheet, &city.report("R4", &city.returned)] {
        let page = planning.get(path).await;
        page.is(StatusCode::OK).says(BANNER).says("role=\"alert\"");
    }
    let public = format!("/public/{}/R3", city.plan);
    let read = city.stranger().get(&public).await;
    read.is(StatusCode::OK).says_nothing_of(BANNER);
    // People can still come in, and read why nothing works.
    let auditor = city.browser("auditor").await;
    auditor.get("/work").await.is(StatusCode::OK).says(BANNER);
}

#[tokio::test]
async fn a_form_sent_while_the_records_cannot_be_followed_is_not_recorded_and_says_so() {
    let city = City::after_two_years().await;
    let (indicator, staff, _) = city.untouched_report().await;
    let path = city.report("R4", &indicator);
    let page = staff.get(&path).await;
    let position = city.service.append_what_nobody_understands().await;
    city.service.app.verify().await.unwrap();
    let mut fields = page.form(&path);
    for (name, value) in &mut fields {
        if name == "figure" {
            *value = "12".to_owned();
        }
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = staff.post(&path, &fields).await;
    answer.says("新しい操作は記録できません");
    let events = city.service.events().await;
    assert_eq!(events.last().unwrap().global_position.0, position);
}
