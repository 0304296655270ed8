//! One report: entered by its department, read and decided on by the others.

mod decide;
mod entry;
mod save;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use self::decide::Which;
use self::entry::{Entry, cause_field, next_field};
use self::save::Saved;
use super::frame::Frame;
use super::problem::Problem;
use super::two_row_table::Figure;
use super::{Answer, is_id, page_after, plan_and_year};
use crate::ask::ask;
use crate::command::Refused;
use crate::form::{Fields, OurForm};
use crate::visitor::Visitor;
use crate::web::{Shared, Web};

document!(ReportPage, "src/page/report/page.graphql");

use report_page::{
    Action, ReportCellKind, ReportPageChoicesChangeReasons as ReasonChoice,
    ReportPageChoicesReasonsForNoActual as StatusChoice, ReportPageReport as Report,
    ReportPageReportPlaces as ReportedPlace, ReportStage, Verdict,
};

/// The most characters that one text may have; the service has the last word.
const COMMENTARY_CHARACTERS_MAX: usize = 4000;

/// A place of the indicator with its fields.
struct Place {
    data: ReportedPlace,
    cause: Field,
    next: Field,
    can_edit: bool,
    is_returned: bool,
    command: String,
}

/// A field of the form.
struct Field {
    name: String,
    text: String,
    /// What somebody else wrote there meanwhile.
    meanwhile: Option<String>,
}

/// What the visitor may do now.
struct Can {
    enter: bool,
    edit_figure: bool,
    submit: bool,
    withdraw: bool,
    approve: bool,
    accept: bool,
    send_back: bool,
    unlock: bool,
    read_history: bool,
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page {
    frame: Frame,
    report: Report,
    can: Can,
    places: Vec<Place>,
    figure: Field,
    evidence: Field,
    expected: Field,
    status: String,
    is_provisional: bool,
    figure_meanwhile: Option<String>,
    is_figure_returned: bool,
    hidden: Vec<(String, String)>,
    /// Fields of the figure, where it may not be changed while commentary may.
    locked_figure: Vec<(String, String)>,
    /// What was typed into fields that may no longer be changed, with their labels.
    unsaved: Vec<(&'static str, String)>,
    revision: i64,
    statuses: Vec<StatusChoice>,
    reasons: Vec<ReasonChoice>,
    target: Figure,
    previous: Figure,
    verdict: String,
    verdict_class: &'static str,
    understood: Option<String>,
    returned_part: String,
    unlocked_part: String,
    refused: Option<Refused>,
    done: Option<&'static str>,
    typed: Fields,
    characters_max: usize,
    command_figure: String,
    command_submit: String,
    command: String,
    href: String,
}

impl Page {
    /// The figure's unit, printed behind its field.
    fn unit(&self) -> &str {
        self.report
            .indicator
            .definition
            .unit
            .as_deref()
            .unwrap_or_default()
    }

    fn is_refused_for(&self, field: &str) -> bool {
        self.refused
            .as_ref()
            .is_some_and(|refused| refused.is_about(field))
    }
}

/// What was done on the page before.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
}

fn done_in_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => "下書きとして保存しました。提出はまだです。",
        "submitted" => "保存して提出しました。",
        "withdraw" => "提出を取り下げました。",
        "approve" => "承認しました。",
        "accept" => "確認済にしました。",
        "return" => "差し戻しました。",
        "unlock" => "項目の変更を解除しました。",
        _ => return None,
    })
}

async fn read(
    web: &Web,
    visitor: &Visitor,
    which: &Which,
) -> Result<report_page::ResponseData, Problem> {
    let variables = report_page::Variables {
        plan: which.plan.clone(),
        indicator: which.indicator.clone(),
        year: which.year.clone(),
    };
    ask::<ReportPage>(web, visitor, variables).await
}

fn which((plan, year, indicator): (String, String, String)) -> Result<Which, Problem> {
    plan_and_year(&plan, &year)?;
    is_id(&indicator)?;
    Ok(Which {
        plan,
        indicator,
        year,
    })
}

/// Shows it.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Path(path): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let which = which(path)?;
    let (frame, _) = Frame::inside(&web, &visitor, "報告").await?;
    let answer = read(&web, &visitor, &which).await?;
    let done = asked.done.as_deref().and_then(done_in_words);
    show_with(&web, frame, answer, &Fields::default(), None, done)
}

/// Saves, and submits if asked.
pub(crate) async fn save(
    State(web): State<Shared>,
    Path(path): Path<(String, String, String)>,
    OurForm { visitor, fields }: OurForm,
) -> Answer {
    let which = which(path)?;
    let report = read(&web, &visitor, &which)
        .await?
        .report
        .ok_or(Problem::NotFound(None))?;
    let (refused, done) = match save::save(&web, &visitor, &report, &fields).await? {
        Saved::AsDraft => return Ok(redirect(&report, "saved")),
        Saved::Submitted => return Ok(redirect(&report, "submitted")),
        Saved::Refused {
            refused,
            is_content_saved,
        } => (
            refused,
            is_content_saved.then_some("入力した内容の一部または全部は下書きとして保存しました。"),
        ),
    };
    let (frame, _) = Frame::inside(&web, &visitor, "報告").await?;
    let answer = read(&web, &visitor, &which).await?;
    show_with(&web, frame, answer, &fields, Some(refused), done)
}

/// Approves, accepts, returns, unlocks or withdraws.
pub(crate) async fn act(
    State(web): State<Shared>,
    Path((plan, year, indicator, act)): Path<(String, String, String, String)>,
    OurForm { visitor, fields }: OurForm,
) -> Answer {
    let which = which((plan, year, indicator))?;
    let again = Which {
        plan: which.plan.clone(),
        indicator: which.indicator.clone(),
        year: which.year.clone(),
    };
    let refused = match decide::decide(&web, &visitor, which, &act, &fields).await? {
        Ok(_) => {
            let report = read(&web, &visitor, &again)
                .await?
                .report
                .ok_or(Problem::NotFound(None))?;
            return Ok(redirect(&report, &act));
        }
        Err(refused) => refused,
    };
    let (frame, _) = Frame::inside(&web, &visitor, "報告").await?;
    let answer = read(&web, &visitor, &again).await?;
    show_with(&web, frame, answer, &fields, Some(refused), None)
}

fn href(report: &Report) -> String {
    format!(
        "/plans/{}/{}/reports/{}",
        report.plan, report.fiscal_year, report.indicator.id
    )
}

fn redirect(report: &Report, done: &str) -> axum::response::Response {
    Redirect::to(&format!("{}?done={done}", href(report))).into_response()
}

fn can(report: &Report) -> Can {
    let may = |action: &Action| report.allowed.contains(action);
    let is_at = |stages: &[ReportStage]| stages.contains(&report.stage);
    use ReportStage as S;
    let edits_any_place =
        may(&Action::write_commentary) && report.places.iter().any(|place| place.is_editable);
    let edit_figure = report.has_figure && report.is_editable && may(&Action::enter_actual);
    Can {
        enter: edit_figure || edits_any_place,
        edit_figure,
        submit: may(&Action::submit_report)
            && (is_at(&[S::not_entered, S::draft, S::returned]) || edit_figure || edits_any_place),
        withdraw: may(&Action::withdraw_report) && is_at(&[S::submitted]),
        approve: may(&Action::approve_report)
            && (is_at(&[S::submitted]) || report.is_stale && is_at(&[S::approved, S::accepted])),
        accept: may(&Action::accept_report) && is_at(&[S::approved]),
        send_back: may(&Action::return_report) && is_at(&[S::submitted, S::approved, S::accepted]),
        unlock: may(&Action::unlock_report)
            && (is_at(&[S::accepted, S::adopted, S::published]) || report.is_reopened),
        read_history: may(&Action::read_history),
    }
}

/// `目標11に対し2: 未達成(達成率18.2%)`.
fn verdict(report: &Report) -> String {
    let judgement = &report.judgement;
    let rate = match (&judgement.rate, &judgement.rate_reason_label) {
        (Some(rate), _) => format!("(達成率{rate}%)"),
        (None, Some(reason)) => format!("(達成率なし: {reason})"),
        (None, None) => String::new(),
    };
    let target = report
        .target
        .as_ref()
        .map_or("なし", |target| target.display.as_str());
    match &report.actual {
        Some(entered) if entered.actual.cell.value.is_some() => {
            format!(
                "目標 {target} に対し {}: {}{rate}",
                entered.actual.cell.display, judgement.label
            )
        }
        Some(entered) => format!(
            "{}のため数値なし: {}{rate}",
            entered.actual.cell.status_label, judgement.label
        ),
        None => "まだ入力されていません。".to_owned(),
    }
}

/// How the figure was understood: `△7.77%として保存しています`.
fn understood(report: &Report) -> Option<String> {
    let cell = &report.actual.as_ref()?.actual.cell;
    if cell.value.is_none() {
        return Some(format!(
            "数値なし(理由: {})として保存しています。",
            cell.status_label
        ));
    }
    let unit = report
        .indicator
        .definition
        .unit
        .as_deref()
        .filter(|_| cell.unit.is_none())
        .unwrap_or_default();
    let spoken = cell.display.replace('△', "マイナス");
    let spoken = if spoken == cell.display {
        String::new()
    } else {
        format!("({spoken}{unit})")
    };
    Some(format!(
        "「{}{unit}」{spoken}として保存しています。",
        cell.display
    ))
}

fn part(report: &Report, kind: &ReportCellKind, placement: Option<&String>) -> String {
    match (kind, placement) {
        (ReportCellKind::commentary, Some(placement)) => {
            let place = report
                .places
                .iter()
                .find(|place| &place.placement == placement);
            let title = place
                .map(|place| place.project.as_ref().unwrap_or(&place.goal).clone())
                .unwrap_or_default();
            format!("記述({title})")
        }
        _ => "実績値".to_owned(),
    }
}

/// What was typed into fields that are locked by now: it is shown, so that nothing is lost.
fn unsaved(
    report: &Report,
    can: &Can,
    typed: &Entry,
    before: &Entry,
) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if !can.edit_figure {
        fields.extend([
            ("実績値", "figure".to_owned()),
            ("根拠資料", "evidence".to_owned()),
        ]);
    }
    for place in report
        .places
        .iter()
        .filter(|place| !(can.enter && place.is_editable))
    {
        fields.extend([
            ("増減理由", cause_field(&place.placement)),
            ("今後の取組", next_field(&place.placement)),
        ]);
    }
    fields
        .into_iter()
        .filter(|(_, name)| typed.differs_in(before, &[name]))
        .map(|(label, name)| (label, typed.get(&name).to_owned()))
        .collect()
}

fn show_with(
    web: &Web,
    mut frame: Frame,
    answer: report_page::ResponseData,
    fields: &Fields,
    refused: Option<Refused>,
    done: Option<&'static str>,
) -> Answer {
    let report = answer.report.ok_or(Problem::NotFound(None))?;
    let now = Entry::recorded(&report);
    // Only the form that enters carries its fields; the others leave them alone.
    let is_entry = !fields.get("revision").is_empty();
    let (shown, meanwhile) = if is_entry {
        let (typed, before) = (Entry::typed(fields, &now), Entry::before(fields, &now));
        (
            Entry::shown(&typed, &before, &now),
            Entry::conflicts(&typed, &before, &now),
        )
    } else {
        (now.clone(), BTreeMap::new())
    };
    let field = |name: &str| Field {
        name: name.to_owned(),
        text: shown.get(name).to_owned(),
        meanwhile: meanwhile.get(name).cloned(),
    };
    let can = can(&report);
    let new_id = || web.app.new_id().to_string();
    let returned_cell = report.returned.as_ref().map(|returned| &returned.cell);
    let unsaved = if is_entry {
        unsaved(
            &report,
            &can,
            &Entry::typed(fields, &now),
            &Entry::before(fields, &now),
        )
    } else {
        Vec::new()
    };
    let places = report
        .places
        .iter()
        .map(|place| Place {
            cause: field(&cause_field(&place.placement)),
            next: field(&next_field(&place.placement)),
            can_edit: place.is_editable && report.allowed.contains(&Action::write_commentary),
            is_returned: returned_cell
                .is_some_and(|cell| cell.placement.as_ref() == Some(&place.placement)),
            command: new_id(),
            data: place.clone(),
        })
        .collect();
    frame.title = format!("{} {}", report.indicator.name, report.year.ja);
    let statuses = answer.choices.reasons_for_no_actual;
    let previous = report.previous_actual.as_ref();
    let page = Page {
        frame,
        places,
        figure: field("figure"),
        evidence: field("evidence"),
        expected: field("expected"),
        status: shown.get("status").to_owned(),
        is_provisional: !shown.get("provisional").is_empty(),
        figure_meanwhile: ["figure", "status", "provisional"]
            .iter()
            .any(|name| meanwhile.contains_key(*name))
            .then(|| {
                report.actual.as_ref().map_or_else(
                    || "未入力".to_owned(),
                    |entered| {
                        let cell = &entered.actual.cell;
                        if cell.value.is_some() {
                            cell.display.clone()
                        } else {
                            cell.status_label.clone()
                        }
                    },
                )
            }),
        is_figure_returned: returned_cell.is_some_and(|cell| cell.kind == ReportCellKind::actual),
        hidden: now.as_before(),
        locked_figure: if can.edit_figure {
            Vec::new()
        } else {
            now.figure_fields()
        },
        unsaved,
        revision: report.revision,
        statuses,
        reasons: answer.choices.change_reasons,
        target: report
            .target
            .as_ref()
            .map(|cell| Figure::new(&cell.display, "目標値なし"))
            .unwrap_or_default(),
        previous: previous
            .map(|cell| Figure::new(&cell.display, &cell.status_label))
            .unwrap_or_default(),
        verdict: verdict(&report),
        verdict_class: match report.judgement.verdict {
            Verdict::achieved => "achieved",
            Verdict::not_achieved => "not-achieved",
            _ => "unjudged",
        },
        understood: understood(&report),
        returned_part: report
            .returned
            .as_ref()
            .map(|returned| {
                part(
                    &report,
                    &returned.cell.kind,
                    returned.cell.placement.as_ref(),
                )
            })
            .unwrap_or_default(),
        unlocked_part: report
            .unlock
            .as_ref()
            .map(|unlock| part(&report, &unlock.cell.kind, unlock.cell.placement.as_ref()))
            .unwrap_or_default(),
        done,
        typed: fields.clone(),
        characters_max: COMMENTARY_CHARACTERS_MAX,
        command_figure: new_id(),
        command_submit: new_id(),
        command: new_id(),
        href: href(&report),
        can,
        report,
        refused,
    };
    page_after(page.refused.as_ref(), &page)
}
