//! What residents read: a published sheet, with every correction since.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::frame::Frame;
use super::problem::Problem;
use super::{Answer, page, plan_and_year};
use crate::ask::ask;
use crate::scalar::DateTime;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(PublicSheetPage, "src/page/public_sheet/page.graphql");
super::two_row_table::table_of!(public_sheet_page);

/// The signed head under the publication.
struct Evidence {
    position: String,
    size: String,
    root: String,
    required: i64,
    is_countersigned: bool,
    countersigned: Vec<(String, DateTime)>,
}

/// A later publication.
struct Version {
    number: i64,
    at: DateTime,
    reason: Option<String>,
    /// Place and name of each indicator that differs from the publication before.
    corrected: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "public_sheet/page.html")]
struct Page {
    frame: Frame,
    table: table::Table,
    number: i64,
    published_at: DateTime,
    /// The newest publication, where an older one is shown.
    newer: Option<i64>,
    versions: Vec<Version>,
    evidence: Option<Evidence>,
}

/// Which publication.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    number: Option<i64>,
}

/// Shows it.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Path((plan, year)): Path<(String, String)>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    plan_and_year(&plan, &year)?;
    let Ok(Query(asked)) = asked else {
        return Err(Problem::NotFound(None));
    };
    if asked
        .number
        .is_some_and(|number| !(1..=1_000_000).contains(&number))
    {
        return Err(Problem::NotFound(None));
    }
    let variables = public_sheet_page::Variables {
        plan,
        year,
        number: asked.number,
    };
    let published = match ask::<PublicSheetPage>(&web, &visitor, variables).await {
        // A stranger is not sent to sign in for what nobody has published.
        Err(Problem::SignIn { .. }) => return Err(Problem::NotFound(None)),
        answer => answer?.published_sheet,
    };
    let published = published.ok_or_else(|| {
        Problem::NotFound(Some("この評価シートはまだ公表されていません。".to_owned()))
    })?;
    let table = table_of(&published.sheet, true);
    let place = |indicator: &String| {
        let rows = table.goals.iter().flat_map(|goal| {
            let placed = goal
                .policies
                .iter()
                .flat_map(|policy| &policy.measures)
                .flat_map(|measure| &measure.projects);
            goal.numeric_goals
                .iter()
                .chain(placed.flat_map(|project| &project.rows))
        });
        rows.into_iter()
            .find(|row| &row.indicator == indicator)
            .map(|row| (row.placement.clone(), row.name.clone()))
    };
    let versions: Vec<Version> = published
        .publications
        .iter()
        .rev()
        .filter(|version| version.number > 1)
        .map(|version| Version {
            number: version.number,
            at: version.at,
            reason: version.reason.clone(),
            corrected: version.corrected.iter().filter_map(place).collect(),
        })
        .collect();
    let frame = Frame::of(
        &web,
        &visitor,
        format!(
            "{} {} {}評価シート",
            table.municipality, table.title, table.year
        ),
    )
    .await?;
    let newest = published
        .publications
        .iter()
        .map(|version| version.number)
        .max();
    let evidence = published.publication.proof.map(|proof| Evidence {
        position: proof.position,
        size: proof.size,
        root: proof.root_short,
        required: proof.required,
        is_countersigned: proof.is_countersigned,
        countersigned: proof
            .countersignatures
            .into_iter()
            .map(|given| (given.witness, given.at))
            .collect(),
    });
    page(
        StatusCode::OK,
        &Page {
            frame,
            number: published.publication.number,
            published_at: published.publication.at,
            newer: newest.filter(|newest| *newest > published.publication.number),
            versions,
            evidence,
            table,
        },
    )
}
