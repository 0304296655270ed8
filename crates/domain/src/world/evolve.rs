//! How each event changes the state of its stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{StreamState, Versioned, World};
use crate::account::AccountState;
use crate::department::DepartmentState;
use crate::event::{Event, Provenance};
use crate::indicator::{Direction, IndicatorState};
use crate::municipality::MunicipalityState;
use crate::period::{PeriodStage, PeriodState, Publication};
use crate::plan::{Document, PlanState};
use crate::report::{
    Adoption, Entered, LastChange, Report, ReportCell, ReportStage, Returned, StepTaken, Unlock,
};
use crate::stream::StreamId;

/// An event that does not fit what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "event '{event}' at position {position} does not fit stream {stream}: {why}; run 'daicho verify' and restore a backup if it finds damage"
)]
pub struct Unfitting {
    /// The stream.
    pub stream: String,
    /// The event's name.
    pub event: &'static str,
    /// Its position in the log.
    pub position: u64,
    /// Why it does not fit.
    pub why: &'static str,
}

pub(super) fn apply(
    world: &mut World,
    stream: StreamId,
    event: &Event,
    provenance: &Provenance,
) -> Result<(), Unfitting> {
    let unfitting = |why| Unfitting {
        stream: stream.to_string(),
        event: event.name(),
        position: provenance.position,
        why,
    };
    match world.streams.get_mut(&stream) {
        Some(versioned) => {
            evolve(Arc::make_mut(&mut versioned.state), event, provenance).map_err(unfitting)?;
            versioned.version += 1;
        }
        None => {
            let state = Arc::new(
                create(stream, event).ok_or_else(|| unfitting("the stream has not begun yet"))?,
            );
            world
                .streams
                .insert(stream, Versioned { version: 0, state });
        }
    }
    Ok(())
}

/// The state after the first event of a stream.
fn create(stream: StreamId, event: &Event) -> Option<StreamState> {
    Some(match (stream, event) {
        (
            StreamId::Municipality(id),
            Event::MunicipalityRegistered {
                municipality,
                local_gov_code,
                name,
                ..
            },
        ) if id == *municipality => StreamState::Municipality(MunicipalityState {
            id,
            local_gov_code: local_gov_code.clone(),
            name: name.clone(),
        }),
        (
            StreamId::Department(id),
            Event::DepartmentOpened {
                department,
                municipality,
                name,
                valid_from,
            },
        ) if id == *department => StreamState::Department(DepartmentState {
            id,
            municipality: *municipality,
            name: name.clone(),
            valid_from: *valid_from,
            valid_to: None,
        }),
        (
            StreamId::Account(id),
            Event::AccountOpened {
                account,
                municipality,
            },
        ) if id == *account => StreamState::Account(AccountState {
            id,
            municipality: *municipality,
            disabled: false,
            grants: BTreeMap::new(),
        }),
        (
            StreamId::Activity(_),
            Event::SignedIn { .. } | Event::SignedOut { .. } | Event::CommandRefused { .. },
        ) => StreamState::Activity,
        (
            StreamId::Plan(id),
            Event::PlanAdopted {
                plan,
                municipality,
                title,
                term_from,
                term_to,
                decision,
                route,
            },
        ) if id == *plan => StreamState::Plan(Box::new(PlanState {
            id,
            municipality: *municipality,
            title: title.clone(),
            term_from: *term_from,
            term_to: *term_to,
            decision: decision.clone(),
            goals: Vec::new(),
            placements: Vec::new(),
            routes: vec![route.clone()],
            documents: BTreeMap::new(),
        })),
        (
            StreamId::Indicator(id),
            Event::IndicatorDefined {
                indicator,
                plan,
                definition,
            },
        ) if id == *indicator => StreamState::Indicator(Box::new(IndicatorState {
            id,
            plan: *plan,
            definition: definition.clone(),
            department: None,
            direction: Direction::Undefined,
            direction_decision: None,
            targets: Vec::new(),
            reports: BTreeMap::new(),
        })),
        (
            StreamId::Period(id, year),
            Event::PeriodOpened {
                plan,
                fiscal_year,
                due,
            },
        ) if id == *plan && year == *fiscal_year => StreamState::Period(PeriodState {
            plan: id,
            fiscal_year: year,
            stage: PeriodStage::Open,
            due: *due,
            publications: Vec::new(),
        }),
        _ => return None,
    })
}

fn evolve(
    state: &mut StreamState,
    event: &Event,
    provenance: &Provenance,
) -> Result<(), &'static str> {
    match state {
        StreamState::Department(department) => evolve_department(department, event),
        StreamState::Account(account) => evolve_account(account, event),
        StreamState::Activity => match event {
            Event::SignedIn { .. } | Event::SignedOut { .. } | Event::CommandRefused { .. } => {
                Ok(())
            }
            _ => Err("it is no activity of an account"),
        },
        StreamState::Plan(plan) => evolve_plan(plan, event),
        StreamState::Indicator(indicator) => evolve_indicator(indicator, event, provenance),
        StreamState::Period(period) => evolve_period(period, event, provenance),
        StreamState::Municipality(_) => Err("it is no event of a municipality that is registered"),
    }
}

fn evolve_department(department: &mut DepartmentState, event: &Event) -> Result<(), &'static str> {
    match event {
        Event::DepartmentRenamed { name, .. } => department.name.clone_from(name),
        Event::DepartmentClosed { valid_to } => department.valid_to = Some(*valid_to),
        _ => return Err("it is no event of a department"),
    }
    Ok(())
}

fn evolve_account(account: &mut AccountState, event: &Event) -> Result<(), &'static str> {
    match event {
        Event::GrantGiven { grant } => {
            account.grants.insert(grant.id, grant.clone());
        }
        Event::GrantWithdrawn { grant, .. } => {
            account
                .grants
                .remove(grant)
                .ok_or("the grant was never given")?;
        }
        Event::AccountDisabled { .. } => account.disabled = true,
        Event::CredentialsChanged { .. } => {}
        _ => return Err("it is no event of an account"),
    }
    Ok(())
}

fn evolve_plan(plan: &mut PlanState, event: &Event) -> Result<(), &'static str> {
    match event {
        Event::GoalAdded { goal } => plan.goals.push(goal.clone()),
        Event::PolicyAdded { goal, policy } => {
            let goal = plan
                .goals
                .iter_mut()
                .find(|g| g.id == *goal)
                .ok_or("the goal was never added")?;
            goal.policies.push(policy.clone());
        }
        Event::MeasureAdded {
            goal,
            policy,
            measure,
        } => {
            let goal = plan
                .goals
                .iter_mut()
                .find(|g| g.id == *goal)
                .ok_or("the goal was never added")?;
            let policy = goal
                .policies
                .iter_mut()
                .find(|p| p.id == *policy)
                .ok_or("the policy was never added")?;
            policy.measures.push(measure.clone());
        }
        Event::ProjectAdded { measure, project } => {
            let measure = plan
                .goals
                .iter_mut()
                .flat_map(|goal| &mut goal.policies)
                .flat_map(|policy| &mut policy.measures)
                .find(|m| m.id == *measure)
                .ok_or("the measure was never added")?;
            measure.projects.push(project.clone());
        }
        Event::IndicatorPlaced { placement } => plan.placements.push(placement.clone()),
        Event::RouteSet { route, .. } => plan.routes.push(route.clone()),
        Event::DocumentImported {
            document,
            file_name,
            sha256,
            encoding,
            byte_order_mark,
            line_ending,
            ends_with_line_ending,
            evaluated_year,
            subtotals,
        } => {
            plan.documents.insert(
                *document,
                Document {
                    id: *document,
                    file_name: file_name.clone(),
                    sha256: sha256.clone(),
                    encoding: encoding.clone(),
                    byte_order_mark: *byte_order_mark,
                    line_ending: line_ending.clone(),
                    ends_with_line_ending: *ends_with_line_ending,
                    evaluated_year: *evaluated_year,
                    subtotals: subtotals.clone(),
                    lines: Vec::new(),
                },
            );
        }
        Event::LayoutRecorded { document, lines } => {
            let document = plan
                .documents
                .get_mut(document)
                .ok_or("the document was never imported")?;
            document.lines.extend(lines.iter().cloned());
        }
        _ => return Err("it is no event of a plan"),
    }
    Ok(())
}

fn evolve_period(
    period: &mut PeriodState,
    event: &Event,
    provenance: &Provenance,
) -> Result<(), &'static str> {
    let publication =
        |number: u32, reason: Option<&String>, reports: &[crate::period::PublishedReport]| {
            Publication {
                number,
                at: provenance.at,
                position: provenance.position,
                reason: reason.cloned(),
                reports: reports.to_vec(),
            }
        };
    match event {
        Event::PeriodDueChanged { due, .. } => period.due = *due,
        Event::PeriodClosed {} => period.stage = PeriodStage::Closed,
        Event::PeriodReopened { .. } => period.stage = PeriodStage::Open,
        Event::SheetPublished { number, reports } => {
            period.stage = PeriodStage::Closed;
            period
                .publications
                .push(publication(*number, None, reports));
        }
        Event::CorrectionPublished {
            number,
            reason,
            reports,
            ..
        } => {
            period.stage = PeriodStage::Closed;
            period
                .publications
                .push(publication(*number, Some(reason), reports));
        }
        _ => return Err("it is no event of a period"),
    }
    Ok(())
}

fn evolve_indicator(
    indicator: &mut IndicatorState,
    event: &Event,
    provenance: &Provenance,
) -> Result<(), &'static str> {
    match event {
        Event::DepartmentAssigned { department, .. } => indicator.department = Some(*department),
        Event::DirectionDecided { decision } => {
            indicator.direction = decision.direction;
            indicator.direction_decision = Some(decision.clone());
        }
        Event::TargetsSet { targets } | Event::TargetsRevised { targets, .. } => {
            indicator.targets.push(targets.clone())
        }
        _ => {
            let year = report_year(event).ok_or("it is no event of an indicator")?;
            evolve_report(
                indicator.reports.entry(year).or_default(),
                event,
                provenance,
            );
        }
    }
    Ok(())
}

/// The fiscal year of a report's event.
fn report_year(event: &Event) -> Option<crate::fiscal_year::FiscalYear> {
    match event {
        Event::FigureAdopted { fiscal_year, .. }
        | Event::CommentaryAdopted { fiscal_year, .. }
        | Event::ActualEntered { fiscal_year, .. }
        | Event::ActualRevised { fiscal_year, .. }
        | Event::ActualCorrected { fiscal_year, .. }
        | Event::CommentaryWritten { fiscal_year, .. }
        | Event::CommentaryRevised { fiscal_year, .. }
        | Event::ReportSubmitted { fiscal_year, .. }
        | Event::ReportWithdrawn { fiscal_year }
        | Event::ReportReturned { fiscal_year, .. }
        | Event::ReportApproved { fiscal_year, .. }
        | Event::ReportAccepted { fiscal_year, .. }
        | Event::ReportUnlocked { fiscal_year, .. } => Some(*fiscal_year),
        _ => None,
    }
}

fn evolve_report(report: &mut Report, event: &Event, provenance: &Provenance) {
    match event {
        Event::FigureAdopted {
            actual,
            document,
            printed_total,
            ..
        } => {
            report.stage = ReportStage::Adopted;
            report.revision += 1;
            report.actual = actual.clone().map(|content| entered(content, provenance));
            report.adoption = Some(Adoption {
                printed_total: printed_total.clone(),
                document: *document,
                by: provenance.actor.clone(),
                at: provenance.at,
            });
        }
        Event::CommentaryAdopted {
            placement,
            commentary,
            ..
        } => {
            report.revision += 1;
            report
                .commentary
                .insert(*placement, entered(commentary.clone(), provenance));
        }
        Event::ActualEntered { actual, .. } => {
            change(
                report,
                ReportCell::Actual,
                actual.cell.display(),
                provenance,
            );
            report.actual = Some(entered(actual.clone(), provenance));
        }
        Event::ActualRevised { revised, .. } => {
            change(
                report,
                ReportCell::Actual,
                revised.cell.display(),
                provenance,
            );
            report.actual = Some(entered(revised.clone(), provenance));
        }
        Event::ActualCorrected { corrected, .. } => {
            change(
                report,
                ReportCell::Actual,
                corrected.cell.display(),
                provenance,
            );
            report.corrected = true;
            report.actual = Some(entered(corrected.clone(), provenance));
        }
        Event::CommentaryWritten {
            placement,
            commentary,
            ..
        } => {
            change(
                report,
                ReportCell::Commentary(*placement),
                commentary.as_one_text(),
                provenance,
            );
            report
                .commentary
                .insert(*placement, entered(commentary.clone(), provenance));
        }
        Event::CommentaryRevised {
            placement, revised, ..
        } => {
            change(
                report,
                ReportCell::Commentary(*placement),
                revised.as_one_text(),
                provenance,
            );
            report
                .commentary
                .insert(*placement, entered(revised.clone(), provenance));
        }
        Event::ReportSubmitted { route_version, .. } => {
            report.stage = ReportStage::Submitted;
            report.submitted_by = Some(provenance.actor.clone());
            report.submitted_at = Some(provenance.at);
            report.route_version = Some(*route_version);
            report.steps.clear();
            report.returned = None;
            report.unlock = None;
        }
        Event::ReportWithdrawn { .. } => report.stage = ReportStage::Draft,
        Event::ReportReturned { comment, cell, .. } => {
            report.stage = ReportStage::Returned;
            report.returned = Some(Returned {
                comment: comment.clone(),
                cell: *cell,
                by: provenance.actor.clone(),
                at: provenance.at,
            });
        }
        Event::ReportApproved {
            step,
            step_name,
            content,
            ..
        } => {
            report.stage = ReportStage::Approved;
            report.was_approved = true;
            take_step(report, *step, step_name, *content, provenance);
        }
        Event::ReportAccepted {
            step,
            step_name,
            content,
            ..
        } => {
            report.stage = ReportStage::Accepted;
            report.was_approved = true;
            report.reopened = false;
            take_step(report, *step, step_name, *content, provenance);
        }
        Event::ReportUnlocked {
            cell,
            reason,
            expires_at,
            ..
        } => {
            report.unlock = Some(Unlock {
                cell: *cell,
                reason: reason.clone(),
                expires_at: *expires_at,
                by: provenance.actor.clone(),
            });
        }
        _ => {}
    }
}

fn entered<T>(content: T, provenance: &Provenance) -> Entered<T> {
    Entered {
        content,
        by: provenance.actor.clone(),
        at: provenance.at,
    }
}

/// A change of content. Steps taken before stay on record, visibly stale, until the next submission.
fn change(report: &mut Report, cell: ReportCell, now: String, provenance: &Provenance) {
    if matches!(
        report.stage,
        ReportStage::Accepted
            | ReportStage::Adopted
            | ReportStage::Approved
            | ReportStage::Submitted
    ) {
        report.reopened = true;
    }
    if report.stage != ReportStage::Returned {
        report.stage = ReportStage::Draft;
    }
    report.revision += 1;
    report.last_change = Some(LastChange {
        cell,
        now,
        by: provenance.actor.clone(),
        at: provenance.at,
    });
}

/// Takes a step; steps from the same one on, taken for an older content, are superseded.
fn take_step(
    report: &mut Report,
    step: u8,
    name: &str,
    content: crate::report::ContentHash,
    provenance: &Provenance,
) {
    report.steps.retain(|taken| taken.step < step);
    report.steps.push(StepTaken {
        step,
        name: name.to_owned(),
        by: provenance.actor.clone(),
        at: provenance.at,
        content,
    });
}
