//! What people tried and were refused, for auditors.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

use super::frame::Frame;
use super::{Answer, page};
use crate::ask::ask;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(RefusalsPage, "src/page/refusals/page.graphql");

use refusals_page::RefusalsPageRefusals as Refusal;

/// How many are shown.
const REFUSALS_MAX: i64 = 200;

#[derive(Template)]
#[template(path = "refusals/page.html")]
struct Page {
    frame: Frame,
    refusals: Vec<Refusal>,
}

/// Shows them.
pub(crate) async fn show(State(web): State<Shared>, visitor: Visitor) -> Answer {
    let (frame, viewer) = Frame::inside(&web, &visitor, "拒否された操作").await?;
    let variables = refusals_page::Variables {
        municipality: viewer.municipality_id,
        first: REFUSALS_MAX,
    };
    let refusals = ask::<RefusalsPage>(&web, &visitor, variables)
        .await?
        .refusals
        .unwrap_or_default();
    page(StatusCode::OK, &Page { frame, refusals })
}
