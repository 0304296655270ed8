//! The history of a figure: which, from what to what, when, who, for whom, why, through what.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::frame::Frame;
use super::problem::Problem;
use super::{Answer, is_id, page, plan_and_year};
use crate::ask::ask;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(HistoryPage, "src/page/history/page.graphql");
document!(HistoryNames, "src/page/history/page.graphql");

use history_page::{HistoryKind, HistoryPageFigureHistory as Line, ReportCellKind};

struct Entry {
    data: Line,
    /// Which part of the report.
    part: String,
    is_refused: bool,
}

#[derive(Template)]
#[template(path = "history/page.html")]
struct Page {
    frame: Frame,
    plan: String,
    year: String,
    indicator: String,
    title: String,
    year_ja: String,
    name: String,
    unit: String,
    entries: Vec<Entry>,
}

/// A place of the sheet with its heading and the indicator that stands there.
struct Place {
    placement: String,
    indicator: String,
    heading: String,
    name: String,
    unit: String,
}

fn places(sheet: &history_names::HistoryNamesSheet) -> Vec<Place> {
    macro_rules! place {
        ($row:expr, $heading:expr) => {
            Place {
                placement: $row.placement.clone(),
                indicator: $row.indicator.clone(),
                heading: $heading.clone(),
                name: if $row.definition.name.is_empty() {
                    $heading.clone()
                } else {
                    $row.definition.name.clone()
                },
                unit: $row.definition.unit.clone().unwrap_or_default(),
            }
        };
    }
    let mut places = Vec::new();
    for goal in &sheet.goals {
        places.extend(
            goal.numeric_goals
                .iter()
                .map(|row| place!(row, goal.heading)),
        );
        for project in goal
            .policies
            .iter()
            .flat_map(|policy| &policy.measures)
            .flat_map(|measure| &measure.projects)
        {
            places.extend(project.rows.iter().map(|row| place!(row, project.title)));
        }
    }
    places
}

/// Shows it.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Path((plan, year, indicator)): Path<(String, String, String)>,
) -> Answer {
    plan_and_year(&plan, &year)?;
    is_id(&indicator)?;
    let (mut frame, _) = Frame::inside(&web, &visitor, "履歴").await?;
    let variables = history_page::Variables {
        plan: plan.clone(),
        indicator: indicator.clone(),
        year: year.clone(),
    };
    let lines = ask::<HistoryPage>(&web, &visitor, variables)
        .await?
        .figure_history
        .ok_or(Problem::NotFound(None))?;
    let variables = history_names::Variables {
        plan: plan.clone(),
        year: year.clone(),
    };
    let sheet = ask::<HistoryNames>(&web, &visitor, variables)
        .await?
        .sheet
        .ok_or(Problem::NotFound(None))?;
    let places = places(&sheet);
    let entries = lines
        .into_iter()
        .map(|line| Entry {
            part: match &line.cell {
                Some(cell) if cell.kind == ReportCellKind::commentary => {
                    let place = places
                        .iter()
                        .find(|place| Some(&place.placement) == cell.placement.as_ref());
                    place.map_or_else(
                        || "記述".to_owned(),
                        |place| format!("記述({})", place.heading),
                    )
                }
                Some(_) if line.kind_label != "実績値" => "実績値".to_owned(),
                Some(_) | None => String::new(),
            },
            is_refused: line.kind == HistoryKind::refused,
            data: line,
        })
        .collect();
    let here = places.iter().find(|place| place.indicator == indicator);
    let name = here.map(|place| place.name.clone()).unwrap_or_default();
    frame.title = format!("{name} {}の履歴", sheet.year.ja);
    page(
        StatusCode::OK,
        &Page {
            frame,
            unit: here.map(|place| place.unit.clone()).unwrap_or_default(),
            title: sheet.title,
            year_ja: sheet.year.ja,
            plan,
            year,
            indicator,
            name,
            entries,
        },
    )
}
