//! What events say of one figure. Maker and checker of a proof derive it with the same code from
//! the same bytes.

use daicho_domain::report::{Standing, content_hash};
use daicho_domain::sheet::RULE_VERSION;
use daicho_domain::{
    Actor, Cell, Event, FiscalYear, IndicatorId, MunicipalityId, PlanId, StreamId, World,
    report::ContentHash,
};
use daicho_projections::Decoded;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ProofFault;

/// The part that an event plays in a figure's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventRole {
    /// The municipality was registered.
    Municipality,
    /// The plan was adopted.
    Plan,
    /// The indicator was defined.
    Definition,
    /// A department was made responsible.
    Department,
    /// It was decided which way is good.
    Direction,
    /// Targets were set or revised.
    Targets,
    /// The figure was entered for the first time.
    ValueEntered,
    /// The figure was revised.
    ValueRevised,
    /// The figure was corrected after publication.
    ValueCorrected,
    /// The figure was adopted from a document.
    ValueAdopted,
    /// Commentary was written or revised.
    Commentary,
    /// The report was submitted.
    Submission,
    /// The submission was withdrawn.
    Withdrawal,
    /// The report was returned.
    Return,
    /// The report was approved.
    Approval,
    /// The report was accepted.
    Acceptance,
    /// A cell was unlocked.
    Unlock,
    /// The year was opened, closed, or its due date changed.
    Period,
    /// The sheet was published, or published again with corrections.
    Publication,
}

impl EventRole {
    /// The part that `event` plays for the figure of `year`; none if it is about something else.
    pub(super) fn of(event: &Event, year: FiscalYear) -> Option<Self> {
        let (role, of_year) = match event {
            Event::MunicipalityRegistered { .. } => (Self::Municipality, year),
            Event::PlanAdopted { .. } => (Self::Plan, year),
            Event::IndicatorDefined { .. } => (Self::Definition, year),
            Event::DepartmentAssigned { .. } => (Self::Department, year),
            Event::DirectionDecided { .. } => (Self::Direction, year),
            Event::TargetsSet { .. } | Event::TargetsRevised { .. } => (Self::Targets, year),
            Event::ActualEntered { fiscal_year, .. } => (Self::ValueEntered, *fiscal_year),
            Event::ActualRevised { fiscal_year, .. } => (Self::ValueRevised, *fiscal_year),
            Event::ActualCorrected { fiscal_year, .. } => (Self::ValueCorrected, *fiscal_year),
            Event::FigureAdopted { fiscal_year, .. } => (Self::ValueAdopted, *fiscal_year),
            Event::CommentaryAdopted { fiscal_year, .. }
            | Event::CommentaryWritten { fiscal_year, .. }
            | Event::CommentaryRevised { fiscal_year, .. } => (Self::Commentary, *fiscal_year),
            Event::ReportSubmitted { fiscal_year, .. } => (Self::Submission, *fiscal_year),
            Event::ReportWithdrawn { fiscal_year, .. } => (Self::Withdrawal, *fiscal_year),
            Event::ReportReturned { fiscal_year, .. } => (Self::Return, *fiscal_year),
            Event::ReportApproved { fiscal_year, .. } => (Self::Approval, *fiscal_year),
            Event::ReportAccepted { fiscal_year, .. } => (Self::Acceptance, *fiscal_year),
            Event::ReportUnlocked { fiscal_year, .. } => (Self::Unlock, *fiscal_year),
            Event::PeriodOpened { fiscal_year, .. } => (Self::Period, *fiscal_year),
            Event::PeriodDueChanged { .. }
            | Event::PeriodClosed {}
            | Event::PeriodReopened { .. } => (Self::Period, year),
            Event::SheetPublished { .. } | Event::CorrectionPublished { .. } => {
                (Self::Publication, year)
            }
            _ => return None,
        };
        (of_year == year).then_some(role)
    }

    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Municipality => "municipality",
            Self::Plan => "plan",
            Self::Definition => "definition",
            Self::Department => "department",
            Self::Direction => "direction",
            Self::Targets => "targets",
            Self::ValueEntered => "value_entered",
            Self::ValueRevised => "value_revised",
            Self::ValueCorrected => "value_corrected",
            Self::ValueAdopted => "value_adopted",
            Self::Commentary => "commentary",
            Self::Submission => "submission",
            Self::Withdrawal => "withdrawal",
            Self::Return => "return",
            Self::Approval => "approval",
            Self::Acceptance => "acceptance",
            Self::Unlock => "unlock",
            Self::Period => "period",
            Self::Publication => "publication",
        }
    }
}

/// Somebody did something, recorded by one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActOnFigure {
    /// Position of the event.
    pub position: u64,
    /// When (UTC).
    pub at: Timestamp,
    /// Who, in which role, for whom. People's names are kept outside the log.
    pub by: Actor,
}

/// An approval or acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepClaim {
    /// `approval` or `acceptance`.
    pub step: EventRole,
    /// Name of the step in the route.
    pub name: String,
    /// Who took it.
    pub act: ActOnFigure,
    /// Hash of exactly what was approved.
    pub content: ContentHash,
    /// Whether that is what stands now.
    pub holds: bool,
}

/// A publication that contains the figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationClaim {
    /// Counted from 1.
    pub number: u32,
    /// Who published it.
    pub act: ActOnFigure,
    /// Hash of exactly what was published.
    pub content: ContentHash,
    /// Whether that is what stands now.
    pub holds: bool,
}

/// What the events say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Name of the municipality.
    pub municipality: String,
    /// 全国地方公共団体コード.
    pub local_gov_code: String,
    /// The plan.
    pub plan: PlanId,
    /// Its title.
    pub plan_title: String,
    /// The indicator.
    pub indicator: IndicatorId,
    /// Its name.
    pub name: String,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// The figure as it stands; none where none was entered.
    pub value: Option<Cell>,
    /// Who entered what stands.
    pub entered: Option<ActOnFigure>,
    /// The target of the year, from the version in force.
    pub target: Option<Cell>,
    /// Number of that version.
    pub target_version: Option<u32>,
    /// Hash over figure, commentary, target version and rule version: what an approval is bound to.
    pub content: ContentHash,
    /// Every approval and acceptance ever given, oldest first.
    pub steps: Vec<StepClaim>,
    /// The newest publication of the year.
    pub publication: Option<PublicationClaim>,
    /// Positions in the indicator's stream that are not in the file: events of other fiscal years, if the
    /// maker is honest. What stands is bound by the approvals' and the publication's hash.
    pub left_out: Vec<u64>,
    /// Position of the newest event in the file; nothing is said of what came after it.
    pub last_position: u64,
}

/// An event with its place in its stream.
pub(super) struct Placed {
    pub(super) event: Decoded,
    pub(super) stream_position: u64,
}

/// Whose figure of which year.
#[derive(Clone, Copy)]
pub(super) struct Figure {
    pub(super) municipality: MunicipalityId,
    pub(super) plan: PlanId,
    pub(super) indicator: IndicatorId,
    pub(super) year: FiscalYear,
}

/// Derives the claims from `events`, which are in the log's order.
///
/// # Errors
/// [`ProofFault`] where an event is not of this figure, does not fit what came before it, or
/// approves something else than what stood there.
pub(super) fn claims_of(figure: Figure, events: &[Placed]) -> Result<Claims, ProofFault> {
    let mut world = World::default();
    let mut steps = Vec::new();
    let mut entered = None;
    let mut publication = None;
    let mut rule_version = RULE_VERSION;
    let mut indicator_positions = Vec::new();
    let mut period_positions = Vec::new();
    for placed in events {
        let decoded = &placed.event;
        let position = decoded.provenance.position;
        let act = || ActOnFigure {
            position,
            at: decoded.provenance.at,
            by: decoded.provenance.actor.clone(),
        };
        match decoded.stream {
            StreamId::Indicator(id) if id == figure.indicator => {
                indicator_positions.push(placed.stream_position);
            }
            StreamId::Period(plan, year) if (plan, year) == (figure.plan, figure.year) => {
                period_positions.push(placed.stream_position);
            }
            StreamId::Plan(plan) if plan == figure.plan => {}
            StreamId::Municipality(id) if id == figure.municipality => {}
            other => {
                return Err(ProofFault::OtherFigure {
                    position,
                    stream: other.to_string(),
                });
            }
        }
        world
            .apply(decoded.stream, &decoded.event, &decoded.provenance)
            .map_err(|error| ProofFault::Unfitting {
                position,
                why: error.to_string(),
            })?;
        match &decoded.event {
            Event::ActualEntered { .. }
            | Event::ActualRevised { .. }
            | Event::ActualCorrected { .. }
            | Event::FigureAdopted { .. } => entered = Some(act()),
            Event::ReportApproved {
                step_name,
                content,
                rule_version: rules,
                ..
            }
            | Event::ReportAccepted {
                step_name,
                content,
                rule_version: rules,
                ..
            } => {
                rule_version = *rules;
                let stood = content_at(&world, figure, *rules)?;
                if stood != *content {
                    return Err(ProofFault::OtherContent {
                        position,
                        approved: content.short(),
                        stood: stood.short(),
                    });
                }
                let is_approval = matches!(decoded.event, Event::ReportApproved { .. });
                steps.push(StepClaim {
                    step: if is_approval {
                        EventRole::Approval
                    } else {
                        EventRole::Acceptance
                    },
                    name: step_name.clone(),
                    act: act(),
                    content: *content,
                    holds: false,
                });
            }
            Event::SheetPublished { number, reports }
            | Event::CorrectionPublished {
                number, reports, ..
            } => {
                publication = reports
                    .iter()
                    .find(|report| report.indicator == figure.indicator)
                    .map(|report| PublicationClaim {
                        number: *number,
                        act: act(),
                        content: report.content,
                        holds: false,
                    });
            }
            _ => {}
        }
    }
    must_be_whole("period", &period_positions)?;
    let missing = |what: &'static str| ProofFault::Missing { what };
    let municipality = world
        .municipality(figure.municipality)
        .ok_or_else(|| missing("the registration of the municipality"))?;
    let plan = world
        .plan(figure.plan)
        .ok_or_else(|| missing("the adoption of the plan"))?;
    let indicator = world
        .indicator(figure.indicator)
        .ok_or_else(|| missing("the definition of the indicator"))?;
    if indicator.plan != figure.plan || plan.municipality != figure.municipality {
        return Err(ProofFault::Missing {
            what: "the plan and the municipality that the indicator belongs to",
        });
    }
    let standing = Standing::of(
        indicator,
        figure.year,
        world.period(figure.plan, figure.year),
    );
    let content = content_at(&world, figure, rule_version)?;
    for step in &mut steps {
        step.holds = step.content == content;
    }
    if let Some(publication) = &mut publication {
        publication.holds = publication.content == content;
    }
    let end = indicator_positions.iter().max().copied().unwrap_or(0);
    Ok(Claims {
        municipality: municipality.name.clone(),
        local_gov_code: municipality.local_gov_code.clone(),
        plan: figure.plan,
        plan_title: plan.title.clone(),
        indicator: figure.indicator,
        name: indicator.definition.name.clone(),
        fiscal_year: figure.year,
        value: standing
            .report
            .actual
            .as_ref()
            .map(|entered| entered.content.cell.clone()),
        entered: entered.filter(|_| standing.report.actual.is_some()),
        target: indicator
            .targets_in_force(figure.year)
            .and_then(|version| version.years.get(&figure.year))
            .cloned(),
        target_version: standing.target_version,
        content,
        steps,
        publication,
        left_out: (0..end)
            .filter(|position| !indicator_positions.contains(position))
            .collect(),
        last_position: events
            .last()
            .map_or(0, |placed| placed.event.provenance.position),
    })
}

/// The hash of what stands under these calculation rules.
fn content_at(world: &World, figure: Figure, rules: u32) -> Result<ContentHash, ProofFault> {
    let indicator = world
        .indicator(figure.indicator)
        .ok_or(ProofFault::Missing {
            what: "the definition of the indicator",
        })?;
    Ok(content_hash(
        figure.indicator,
        figure.year,
        &indicator.report(figure.year),
        indicator
            .targets_in_force(figure.year)
            .map(|version| version.number),
        rules,
    ))
}

/// Every event of the year's own stream has to be there: no publication can be left out between two.
fn must_be_whole(stream: &'static str, positions: &[u64]) -> Result<(), ProofFault> {
    for (expected, position) in (0..).zip(positions) {
        if expected != *position {
            return Err(ProofFault::Gap {
                stream,
                stream_position: expected,
            });
        }
    }
    Ok(())
}
