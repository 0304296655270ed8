//! The pages.

pub(crate) mod accounts;
pub(crate) mod frame;
pub(crate) mod history;
pub(crate) mod problem;
pub(crate) mod progress;
pub(crate) mod public_sheet;
pub(crate) mod refusals;
pub(crate) mod report;
pub(crate) mod sheet;
pub(crate) mod sign_in;
pub(crate) mod start;
pub(crate) mod two_row_table;
pub(crate) mod work;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use problem::Problem;

/// What a handler answers with.
pub(crate) type Answer = Result<Response, Problem>;

/// A page as an answer.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Answer {
    let text = template
        .render()
        .map_err(|error| Problem::internal(&error))?;
    Ok((status, Html(text)).into_response())
}

/// A page that shows what was asked for, or what was typed together with why it was refused.
pub(crate) fn page_after<R>(refused: Option<&R>, template: &impl Template) -> Answer {
    let status = if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    page(status, template)
}

/// The parts of an address that name a plan's fiscal year.
pub(crate) fn plan_and_year(plan: &str, year: &str) -> Result<(), Problem> {
    is_id(plan)?;
    // What a year can look like: R3, 2021, FY2021, 令和3年度.
    let is_year = (1..=24).contains(&year.len())
        && year.chars().all(char::is_alphanumeric)
        && year.chars().any(|c| c.is_ascii_digit() || c == '元');
    if is_year {
        Ok(())
    } else {
        Err(Problem::NotFound(None))
    }
}

/// The part of an address that names something.
pub(crate) fn is_id(text: &str) -> Result<(), Problem> {
    text.parse::<uuid::Uuid>()
        .map(|_| ())
        .map_err(|_| Problem::NotFound(None))
}
