//! Somebody who has never seen Daicho runs one command and sees a whole year.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use support::*;

#[test]
fn once_prints_summary_history_and_verification() {
    let story = succeed(&["demo", "--once"]);
    for part in [
        "46指標中 評価対象41、達成21、未達成20、対象外5、ほか実績管理2、KPI設定なし4事業",
        "公表 第2版",
        "英語検定合格率",
        "75.0 → 75.4",
        "算定誤り",
        "拒否された操作",
        "everything agrees",
    ] {
        assert!(story.contains(part), "'{part}' is missing in\n{story}");
    }
}

#[test]
fn the_same_city_comes_out_every_time_but_for_nothing() {
    assert_eq!(succeed(&["demo", "--once"]), succeed(&["demo", "--once"]));
}

#[test]
fn it_serves_its_sign_ins_and_its_public_sheet() {
    let service = Service::start_with(daicho(&["demo", "--password", PASSWORD]));
    for name in ["admin", "planning", "planning.2", "auditor"] {
        assert!(!service.sign_in(name).is_empty());
    }
    let plans = service.graphql(None, "{ plans { id title } }", &serde_json::Value::Null);
    let plan = plans["data"]["plans"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{plans}"))
        .to_owned();
    let (status, page) = get(&format!("{}/public/{plan}/R3", service.url)).unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("41") && page.contains("21"));
    assert_eq!(service.stop(), 0);
}

#[test]
fn a_city_that_is_kept_is_served_again() {
    let folder = folder();
    let data = path(&folder, "city");
    let first = succeed(&["demo", "--once", "--data", &data]);
    assert_eq!(succeed(&["demo", "--once", "--data", &data]), first);
}
