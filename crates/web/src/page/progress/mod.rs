//! How far the departments are, and what the planning office does with the year.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::frame::Frame;
use super::problem::Problem;
use super::{Answer, page_after, plan_and_year};
use crate::ask::ask;
use crate::command::{
    self, ChangeDueDate, ClosePeriod, Done, OpenPeriod, PublishSheet, Refused, ReopenPeriod,
    change_due_date, close_period, open_period, publish_sheet, reopen_period,
};
use crate::form::{Fields, OurForm};
use crate::scalar::Date;
use crate::visitor::Visitor;
use crate::web::{Shared, Web};

document!(ProgressPage, "src/page/progress/page.graphql");
document!(IndicatorNames, "src/page/progress/page.graphql");

use progress_page::{
    Action, PeriodStage, ProgressPagePlanPeriods as Period,
    ProgressPagePlanPeriodsPublications as Publication, ProgressPagePlanYears as Year,
    ProgressPageProgress as Progress,
};

/// What the visitor may do with the year now.
struct Can {
    open: bool,
    change_due: bool,
    close: bool,
    reopen: bool,
    publish: bool,
}

/// A report that keeps the sheet from being published.
struct Missing {
    indicator: String,
    name: String,
    stage: String,
}

#[derive(Template)]
#[template(path = "progress/page.html")]
struct Page {
    frame: Frame,
    plan: String,
    progress: Progress,
    years: Vec<Year>,
    period: Option<Period>,
    publications: Vec<Publication>,
    can: Can,
    missing: Vec<Missing>,
    refused: Option<Refused>,
    done: Option<&'static str>,
    typed: Fields,
    command: String,
    href: String,
}

/// What was done on the page before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

fn done_in_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "open" => "入力期間を開始しました。",
        "due" => "提出期限を変更しました。",
        "close" => "入力を締め切りました。",
        "reopen" => "入力を再開しました。",
        "publish" => "公表しました。",
        _ => return None,
    })
}

/// Shows it.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Path((plan, year)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    plan_and_year(&plan, &year)?;
    show_with(
        &web,
        &visitor,
        plan,
        year,
        Fields::default(),
        None,
        asked.done.as_deref().and_then(done_in_words),
    )
    .await
}

/// Opens, closes, reopens or publishes the year, or changes its due date.
pub(crate) async fn act(
    State(web): State<Shared>,
    Path((plan, year, act)): Path<(String, String, String)>,
    OurForm { visitor, fields }: OurForm,
) -> Answer {
    plan_and_year(&plan, &year)?;
    match carry_out(&web, &visitor, &plan, &year, &act, &fields).await? {
        Ok(_) => {
            Ok(Redirect::to(&format!("/plans/{plan}/{year}/progress?done={act}")).into_response())
        }
        Err(refused) => show_with(&web, &visitor, plan, year, fields, Some(refused), None).await,
    }
}

async fn carry_out(
    web: &Web,
    visitor: &Visitor,
    plan: &str,
    year: &str,
    act: &str,
    fields: &Fields,
) -> Result<Result<Done, Refused>, Problem> {
    let (command_id, plan, fiscal_year) = (
        fields.get("command").to_owned(),
        plan.to_owned(),
        year.to_owned(),
    );
    let reason = fields.get("reason").to_owned();
    let due = || {
        let due = fields.get("due").trim().parse().map(Date);
        due.map_err(|_| {
            Refused::of_field("due", "提出期限を「2022-05-20」の形で入力してください。")
        })
    };
    match act {
        "open" => {
            let due = match due() {
                Ok(due) => due,
                Err(wrong) => return Ok(Err(wrong)),
            };
            let input = open_period::OpenPeriodInput {
                command_id,
                plan,
                fiscal_year,
                due,
            };
            command::send::<OpenPeriod>(web, visitor, open_period::Variables { input }).await
        }
        "due" => {
            let due = match due() {
                Ok(due) => due,
                Err(wrong) => return Ok(Err(wrong)),
            };
            let input = change_due_date::ChangeDueDateInput {
                command_id,
                plan,
                fiscal_year,
                due,
                reason,
            };
            command::send::<ChangeDueDate>(web, visitor, change_due_date::Variables { input }).await
        }
        "close" => {
            let input = close_period::ClosePeriodInput {
                command_id,
                plan,
                fiscal_year,
            };
            command::send::<ClosePeriod>(web, visitor, close_period::Variables { input }).await
        }
        "reopen" => {
            let input = reopen_period::ReopenPeriodInput {
                command_id,
                plan,
                fiscal_year,
                reason,
            };
            command::send::<ReopenPeriod>(web, visitor, reopen_period::Variables { input }).await
        }
        "publish" => {
            let reason = fields.given("reason");
            let input = publish_sheet::PublishSheetInput {
                command_id,
                plan,
                fiscal_year,
                reason,
            };
            command::send::<PublishSheet>(web, visitor, publish_sheet::Variables { input }).await
        }
        _ => Err(Problem::NotFound(None)),
    }
}

async fn show_with(
    web: &Web,
    visitor: &Visitor,
    plan: String,
    year: String,
    typed: Fields,
    refused: Option<Refused>,
    done: Option<&'static str>,
) -> Answer {
    let (mut frame, _) = Frame::inside(web, visitor, "進捗").await?;
    let variables = progress_page::Variables {
        plan: plan.clone(),
        year: year.clone(),
    };
    let answer = ask::<ProgressPage>(web, visitor, variables).await?;
    let progress = answer.progress.ok_or(Problem::NotFound(None))?;
    let about_plan = answer.plan.ok_or(Problem::NotFound(None))?;
    let period = about_plan
        .periods
        .into_iter()
        .find(|period| period.fiscal_year == progress.fiscal_year);
    let publications = period
        .as_ref()
        .map(|period| period.publications.clone())
        .unwrap_or_default();
    let may = |action: &Action| about_plan.allowed.contains(action);
    let is_open = period
        .as_ref()
        .is_some_and(|period| period.stage == PeriodStage::open);
    let can = Can {
        open: may(&Action::open_period) && period.is_none(),
        change_due: may(&Action::change_due_date) && is_open,
        close: may(&Action::close_period) && is_open,
        reopen: may(&Action::reopen_period)
            && period.is_some()
            && !is_open
            && publications.is_empty(),
        publish: may(&Action::publish_sheet) && period.is_some(),
    };
    let mut missing = Vec::new();
    if let Some(refused) = refused
        .as_ref()
        .filter(|refused| !refused.missing.is_empty())
    {
        let names = names(web, visitor, &plan, &year).await?;
        missing.extend(refused.missing.iter().map(|report| {
            Missing {
                name: names
                    .get(&report.indicator)
                    .cloned()
                    .unwrap_or_else(|| "(名称なし)".to_owned()),
                indicator: report.indicator.clone(),
                stage: report.stage_label.clone(),
            }
        }));
    }
    frame.title = format!("{} {}の進捗", progress.plan_title, progress.year.ja);
    let page = Page {
        frame,
        href: format!("/plans/{plan}/{}/progress", progress.fiscal_year),
        plan,
        years: about_plan.years,
        period,
        publications,
        can,
        missing,
        done,
        typed,
        command: web.app.new_id().to_string(),
        progress,
        refused,
    };
    page_after(page.refused.as_ref(), &page)
}

async fn names(
    web: &Web,
    visitor: &Visitor,
    plan: &str,
    year: &str,
) -> Result<BTreeMap<String, String>, Problem> {
    let variables = indicator_names::Variables {
        plan: plan.to_owned(),
        year: year.to_owned(),
    };
    let sheet = ask::<IndicatorNames>(web, visitor, variables).await?.sheet;
    let mut names = BTreeMap::new();
    let mut add = |indicator: &String, name: &String, instead: &String| {
        let name = if name.is_empty() { instead } else { name };
        names.insert(indicator.clone(), name.clone());
    };
    for goal in sheet.iter().flat_map(|sheet| &sheet.goals) {
        for row in &goal.numeric_goals {
            add(&row.indicator, &row.definition.name, &goal.heading);
        }
        for project in goal
            .policies
            .iter()
            .flat_map(|policy| &policy.measures)
            .flat_map(|measure| &measure.projects)
        {
            for row in &project.rows {
                add(&row.indicator, &row.definition.name, &project.title);
            }
        }
    }
    Ok(names)
}
