//! The state of every stream, as a fold of events.
//!
//! A [`World`] is persistent: a clone costs nothing and never changes, so readers keep the
//! one they have and a publication is remembered by keeping its world. Commands look at it
//! through a [`View`], which remembers every stream that was looked at; those are exactly the
//! streams whose versions the append then names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::account::AccountState;
use crate::department::DepartmentState;
use crate::event::{Event, Provenance};
use crate::fiscal_year::FiscalYear;
use crate::id::{AccountId, DepartmentId, IndicatorId, MunicipalityId, PlanId};
use crate::indicator::IndicatorState;
use crate::municipality::MunicipalityState;
use crate::period::PeriodState;
use crate::plan::PlanState;
use crate::rejection::Rejection;
use crate::stream::StreamId;

mod changes;
mod evolve;

pub use changes::WorldChanges;
pub use evolve::Unfitting;

/// The state of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// A municipality.
    Municipality(MunicipalityState),
    /// A department.
    Department(DepartmentState),
    /// An account.
    Account(AccountState),
    /// An account's activity; nothing is decided from it.
    Activity,
    /// A plan.
    Plan(Box<PlanState>),
    /// An indicator.
    Indicator(Box<IndicatorState>),
    /// A plan's fiscal year.
    Period(PeriodState),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Versioned {
    /// Position of the stream's last event, from 0.
    version: u64,
    state: Arc<StreamState>,
}

/// The state of everything after some position of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    streams: OrdMap<StreamId, Versioned>,
}

macro_rules! lookup {
    ($(#[$doc:meta])* $name:ident, $id:ty, $stream:expr, $variant:ident => $state:ty) => {
        $(#[$doc])*
        pub fn $name(&self, id: $id) -> Option<&$state> {
            match self.streams.get(&$stream(id)).map(|versioned| versioned.state.as_ref()) {
                Some(StreamState::$variant(state)) => Some(state),
                _ => None,
            }
        }
    };
}

impl World {
    lookup!(
        /// One municipality.
        municipality, MunicipalityId, StreamId::Municipality, Municipality => MunicipalityState
    );
    lookup!(
        /// One department.
        department, DepartmentId, StreamId::Department, Department => DepartmentState
    );
    lookup!(
        /// One account.
        account, AccountId, StreamId::Account, Account => AccountState
    );
    lookup!(
        /// One plan.
        plan, PlanId, StreamId::Plan, Plan => PlanState
    );
    lookup!(
        /// One indicator.
        indicator, IndicatorId, StreamId::Indicator, Indicator => IndicatorState
    );

    /// One plan's fiscal year.
    pub fn period(&self, plan: PlanId, year: FiscalYear) -> Option<&PeriodState> {
        match self
            .streams
            .get(&StreamId::Period(plan, year))
            .map(|versioned| versioned.state.as_ref())
        {
            Some(StreamState::Period(state)) => Some(state),
            _ => None,
        }
    }

    /// Every stream's state, in the order of stream ids.
    pub fn states(&self) -> impl Iterator<Item = (&StreamId, &StreamState)> {
        self.streams
            .iter()
            .map(|(id, versioned)| (id, versioned.state.as_ref()))
    }

    /// All municipalities.
    pub fn municipalities(&self) -> impl Iterator<Item = &MunicipalityState> {
        self.states().filter_map(|(_, state)| match state {
            StreamState::Municipality(state) => Some(state),
            _ => None,
        })
    }

    /// All departments of a municipality.
    pub fn departments(
        &self,
        municipality: MunicipalityId,
    ) -> impl Iterator<Item = &DepartmentState> {
        self.states().filter_map(move |(_, state)| match state {
            StreamState::Department(state) if state.municipality == municipality => Some(state),
            _ => None,
        })
    }

    /// All accounts of a municipality.
    pub fn accounts(&self, municipality: MunicipalityId) -> impl Iterator<Item = &AccountState> {
        self.states().filter_map(move |(_, state)| match state {
            StreamState::Account(state) if state.municipality == municipality => Some(state),
            _ => None,
        })
    }

    /// All plans.
    pub fn plans(&self) -> impl Iterator<Item = &PlanState> {
        self.states().filter_map(|(_, state)| match state {
            StreamState::Plan(state) => Some(state.as_ref()),
            _ => None,
        })
    }

    /// The fiscal years of a plan that were opened, oldest first.
    pub fn periods(&self, plan: PlanId) -> impl Iterator<Item = &PeriodState> {
        self.states().filter_map(move |(_, state)| match state {
            StreamState::Period(state) if state.plan == plan => Some(state),
            _ => None,
        })
    }

    /// Position of the last event of `stream`, from 0; none where there is no such stream.
    pub fn version(&self, stream: &StreamId) -> Option<u64> {
        self.streams.get(stream).map(|versioned| versioned.version)
    }

    /// Looks at this world and remembers at what.
    pub fn view(&self) -> View<'_> {
        View {
            world: self,
            touched: RefCell::default(),
        }
    }

    /// Folds one event in.
    ///
    /// # Errors
    /// When the event does not fit what came before it: the log is not one that this domain
    /// wrote, or an event of it is missing.
    pub fn apply(
        &mut self,
        stream: StreamId,
        event: &Event,
        provenance: &Provenance,
    ) -> Result<(), Unfitting> {
        evolve::apply(self, stream, event, provenance)
    }
}

/// A look at a [`World`] by one command.
#[derive(Debug)]
pub struct View<'w> {
    world: &'w World,
    touched: RefCell<BTreeMap<StreamId, Option<u64>>>,
}

impl<'w> View<'w> {
    fn touch(&self, stream: StreamId) {
        self.touched
            .borrow_mut()
            .insert(stream, self.world.version(&stream));
    }

    /// The municipality, or a refusal that says it is not there.
    pub fn municipality(&self, id: MunicipalityId) -> Result<&'w MunicipalityState, Rejection> {
        self.touch(StreamId::Municipality(id));
        self.world
            .municipality(id)
            .ok_or_else(|| Rejection::not_found("municipality"))
    }

    /// The department, or a refusal that says it is not there.
    pub fn department(&self, id: DepartmentId) -> Result<&'w DepartmentState, Rejection> {
        self.touch(StreamId::Department(id));
        self.world
            .department(id)
            .ok_or_else(|| Rejection::not_found("department"))
    }

    /// The account, or a refusal that says it is not there.
    pub fn account(&self, id: AccountId) -> Result<&'w AccountState, Rejection> {
        self.touch(StreamId::Account(id));
        self.world
            .account(id)
            .ok_or_else(|| Rejection::not_found("account"))
    }

    /// The plan, or a refusal that says it is not there.
    pub fn plan(&self, id: PlanId) -> Result<&'w PlanState, Rejection> {
        self.touch(StreamId::Plan(id));
        self.world
            .plan(id)
            .ok_or_else(|| Rejection::not_found("plan"))
    }

    /// The indicator of `plan`, or a refusal that says it is not there.
    pub fn indicator(
        &self,
        plan: PlanId,
        id: IndicatorId,
    ) -> Result<&'w IndicatorState, Rejection> {
        self.touch(StreamId::Indicator(id));
        self.world
            .indicator(id)
            .filter(|indicator| indicator.plan == plan)
            .ok_or_else(|| Rejection::not_found("indicator in this plan"))
    }

    /// The plan's fiscal year, if it was ever opened.
    pub fn period(&self, plan: PlanId, year: FiscalYear) -> Option<&'w PeriodState> {
        self.touch(StreamId::Period(plan, year));
        self.world.period(plan, year)
    }

    /// Refuses unless `stream` does not exist yet.
    pub fn must_be_new(&self, stream: StreamId, what: &str) -> Result<(), Rejection> {
        self.touch(stream);
        match self.world.version(&stream) {
            None => Ok(()),
            Some(_) => Err(Rejection::AlreadyExists {
                what: what.to_owned(),
            }),
        }
    }

    /// Every stream that was looked at, with the version it had (none: it did not exist).
    pub fn relied_on(self) -> BTreeMap<StreamId, Option<u64>> {
        self.touched.into_inner()
    }
}
