//! A plan (総合戦略): goals, policies, measures, projects and where indicators stand in it.

mod document;
mod draft;
mod structure;

pub use document::{Document, FieldRef, LayoutCell, LayoutLine, PrintedSubtotal, SubtotalScope};
pub use draft::{
    AdoptedReport, GoalDraft, IndicatorDraft, MeasureDraft, PlacementDraft, PlanDraft, PolicyDraft,
    ProjectDraft,
};
pub use structure::{Goal, IndicatorKind, Measure, Placement, Policy, Project, Statement};

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::fiscal_year::FiscalYear;
use crate::id::{DocumentId, IndicatorId, MunicipalityId, PlacementId, PlanId, ProjectId};

/// The route that a report takes: approval steps by department approvers, then acceptance
/// by the planning office. Versioned; a report is bound to the version at its submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// 1 for the first route of the plan.
    pub version: u32,
    /// Names of the department's approval steps, in order («課長承認»).
    pub approvals: Vec<String>,
    /// Name of the last step, the planning office's acceptance («企画課確認»).
    pub acceptance: String,
}

impl Route {
    /// The two-step route that a plan starts with: department approver, planning office.
    pub fn two_steps() -> Self {
        Self {
            version: 1,
            approvals: vec!["課長承認".into()],
            acceptance: "企画課確認".into(),
        }
    }
}

/// Who decided, when and why; asked of every change of a plan (DOMAIN 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// 決定機関 (`総合戦略推進委員会`).
    pub decided_by: String,
    /// 決定日; unknown for what old sheets do not say.
    pub decided_on: Option<Date>,
    /// Why.
    pub reason: String,
}

/// What is known of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanState {
    /// Its identity.
    pub id: PlanId,
    /// Whose plan it is.
    pub municipality: MunicipalityId,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// Who adopted it, when and why.
    pub decision: Decision,
    /// 基本目標 with everything below them, in the sheet's order.
    pub goals: Vec<Goal>,
    /// Where indicators stand, in the sheet's order.
    pub placements: Vec<Placement>,
    /// Every version of the route, oldest first; never empty.
    pub routes: Vec<Route>,
    /// Documents that were read into the plan, with their layout.
    pub documents: BTreeMap<DocumentId, Document>,
}

impl PlanState {
    /// The route that new submissions take.
    ///
    /// # Panics
    /// Never: a plan is adopted with its first route.
    pub fn route(&self) -> &Route {
        self.routes
            .last()
            .expect("a plan is adopted with its first route")
    }

    /// The route's version `version`, or the newest one where it is not known.
    pub fn route_version(&self, version: Option<u32>) -> &Route {
        self.routes
            .iter()
            .find(|route| Some(route.version) == version)
            .unwrap_or_else(|| self.route())
    }

    /// The fiscal years of the term, first to last.
    pub fn years(&self) -> impl Iterator<Item = FiscalYear> + Clone {
        self.term_from.through(self.term_to)
    }

    /// The placements of one indicator, in the sheet's order.
    pub fn placements_of(&self, indicator: IndicatorId) -> impl Iterator<Item = &Placement> {
        self.placements
            .iter()
            .filter(move |placement| placement.indicator == indicator)
    }

    /// One placement.
    pub fn placement(&self, id: PlacementId) -> Option<&Placement> {
        self.placements.iter().find(|placement| placement.id == id)
    }

    /// Whether `placement` is a place of `indicator`.
    pub fn is_place_of(&self, placement: PlacementId, indicator: IndicatorId) -> bool {
        self.placements_of(indicator)
            .any(|place| place.id == placement)
    }

    /// Every indicator of the plan once, in the order of its first placement.
    pub fn indicators(&self) -> Vec<IndicatorId> {
        let mut seen = std::collections::BTreeSet::new();
        self.placements
            .iter()
            .map(|placement| placement.indicator)
            .filter(|id| seen.insert(*id))
            .collect()
    }

    /// A project with the goal, policy and measure above it.
    pub fn project(&self, id: ProjectId) -> Option<(&Goal, &Policy, &Measure, &Project)> {
        self.goals.iter().find_map(|goal| {
            goal.policies.iter().find_map(|policy| {
                policy.measures.iter().find_map(|measure| {
                    measure
                        .projects
                        .iter()
                        .find(|project| project.id == id)
                        .map(|project| (goal, policy, measure, project))
                })
            })
        })
    }
}
