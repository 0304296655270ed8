//! The working sheet of one fiscal year.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::frame::Frame;
use super::problem::Problem;
use super::{Answer, page, plan_and_year};
use crate::ask::ask;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(SheetPage, "src/page/sheet/page.graphql");
super::two_row_table::table_of!(sheet_page);

#[derive(Template)]
#[template(path = "sheet/page.html")]
struct Page {
    frame: Frame,
    table: table::Table,
    /// Whether and until when the year is open, in words.
    period: String,
    is_published: bool,
}

/// Shows it.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Path((plan, year)): Path<(String, String)>,
) -> Answer {
    plan_and_year(&plan, &year)?;
    let (mut frame, _) = Frame::inside(&web, &visitor, "評価シート").await?;
    let answer = ask::<SheetPage>(&web, &visitor, sheet_page::Variables { plan, year }).await?;
    let sheet = answer.sheet.ok_or(Problem::NotFound(None))?;
    let period = answer
        .plan
        .iter()
        .flat_map(|plan| &plan.periods)
        .find(|period| period.fiscal_year == sheet.fiscal_year);
    let table = table_of(&sheet, false);
    frame.title = format!("{} {}評価シート", table.title, table.year);
    page(
        StatusCode::OK,
        &Page {
            frame,
            period: period.map_or_else(
                || "入力期間はまだ開始されていません。".to_owned(),
                |period| format!("{}(提出期限 {})", period.stage_label, period.due),
            ),
            is_published: period.is_some_and(|period| !period.publications.is_empty()),
            table,
        },
    )
}
