//! The first page: what is published. People who are signed in come to their work instead.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};

use super::frame::Frame;
use super::{Answer, page};
use crate::ask::ask;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(StartPage, "src/page/start/page.graphql");
document!(PublishedCounts, "src/page/start/page.graphql");

struct PublishedSheet {
    href: String,
    municipality: String,
    title: String,
    year: String,
    headline: String,
    excluded: String,
    published: String,
}

#[derive(Template)]
#[template(path = "start/page.html")]
struct Page {
    frame: Frame,
    sheets: Vec<PublishedSheet>,
}

/// Shows it.
pub(crate) async fn show(State(web): State<Shared>, visitor: Visitor) -> Answer {
    if visitor.session.is_some() {
        return Ok(Redirect::to("/work").into_response());
    }
    let mut sheets = Vec::new();
    for plan in ask::<StartPage>(&web, &visitor, start_page::Variables {})
        .await?
        .plans
    {
        for period in plan
            .periods
            .iter()
            .rev()
            .filter(|period| !period.publications.is_empty())
        {
            let variables = published_counts::Variables {
                plan: plan.id.clone(),
                year: period.fiscal_year.clone(),
            };
            let Some(published) = ask::<PublishedCounts>(&web, &visitor, variables)
                .await?
                .published_sheet
            else {
                continue;
            };
            let counts = super::two_row_table::counts!(published.sheet.summary);
            sheets.push(PublishedSheet {
                href: format!("/public/{}/{}", plan.id, period.fiscal_year),
                municipality: plan.municipality.name.clone(),
                title: plan.title.clone(),
                headline: counts.headline(&published.sheet.year.ja),
                excluded: counts.excluded(),
                published: format!(
                    "第{}版 {}公表",
                    published.publication.number,
                    published.publication.at.day()
                ),
                year: published.sheet.year.ja,
            });
        }
    }
    page(
        StatusCode::OK,
        &Page {
            frame: Frame::of(&web, &visitor, "公表された評価シート").await?,
            sheets,
        },
    )
}
