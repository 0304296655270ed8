//! A small world for tests: two municipalities, departments, plans, and people with grants.

use daicho_domain::account::Grant;
use daicho_domain::command::{AcceptReport, ApproveReport, EnterActual, SubmitReport};
use daicho_domain::indicator::{Aggregation, Definition};
use daicho_domain::plan::{Decision, Route};
use daicho_domain::report::ContentHash;
use daicho_domain::{
    AccountId, Actor, Cell, CellStatus, DepartmentId, Event, FiscalYear, GrantId, IndicatorId,
    MunicipalityId, PlanId, Provenance, Role, StreamId, World,
};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use uuid::Uuid;

pub(crate) const HERE: MunicipalityId = MunicipalityId(Uuid::from_u128(1));
pub(crate) const ELSEWHERE: MunicipalityId = MunicipalityId(Uuid::from_u128(2));
pub(crate) const WELFARE: DepartmentId = DepartmentId(Uuid::from_u128(11));
pub(crate) const TOURISM: DepartmentId = DepartmentId(Uuid::from_u128(12));
/// A department of `ELSEWHERE`.
pub(crate) const THEIR_WELFARE: DepartmentId = DepartmentId(Uuid::from_u128(13));
pub(crate) const PLAN: PlanId = PlanId(Uuid::from_u128(21));
/// The plan of `ELSEWHERE`.
pub(crate) const THEIR_PLAN: PlanId = PlanId(Uuid::from_u128(22));
pub(crate) const OF_WELFARE: Indicator = Indicator(PLAN, 31);
pub(crate) const OF_TOURISM: Indicator = Indicator(PLAN, 32);
pub(crate) const OF_NOBODY: Indicator = Indicator(PLAN, 33);
pub(crate) const OF_THEIR_WELFARE: Indicator = Indicator(THEIR_PLAN, 34);
pub(crate) const TANAKA: AccountId = AccountId(Uuid::from_u128(41));
pub(crate) const SATO: AccountId = AccountId(Uuid::from_u128(42));
pub(crate) const SUZUKI: AccountId = AccountId(Uuid::from_u128(43));

/// The first day on which grants of these tests hold.
pub(crate) const FROM: Date = date(2026, 4, 1);

const YEAR: FiscalYear = FiscalYear(2025);

/// An indicator and its plan.
#[derive(Clone, Copy)]
pub(crate) struct Indicator(PlanId, u128);

impl Indicator {
    fn id(self) -> IndicatorId {
        IndicatorId(Uuid::from_u128(self.1))
    }
}

/// Noon in Japan on `day`.
pub(crate) fn noon(day: Date) -> Timestamp {
    format!("{day}T12:00:00+09:00").parse().unwrap()
}

pub(crate) fn grant_id(number: u128) -> GrantId {
    GrantId(Uuid::from_u128(number))
}

/// A grant of `role` for the whole of `HERE`, from `FROM` on.
pub(crate) fn grant(number: u128, role: Role) -> Grant {
    Grant {
        id: grant_id(number),
        role,
        municipality: HERE,
        department: None,
        from: FROM,
        until: None,
        on_behalf_of: None,
    }
}

/// A grant of `role` for `department` of `HERE`, from `FROM` on.
pub(crate) fn grant_in(number: u128, role: Role, department: DepartmentId) -> Grant {
    Grant {
        department: Some(department),
        ..grant(number, role)
    }
}

/// `grant` as a delegation of `principal`.
pub(crate) fn for_(principal: AccountId, grant: Grant) -> Grant {
    Grant {
        on_behalf_of: Some(principal),
        ..grant
    }
}

pub(crate) fn enter(indicator: Indicator) -> EnterActual {
    EnterActual {
        plan: indicator.0,
        indicator: indicator.id(),
        fiscal_year: YEAR,
        cell: Cell::absent("集計中", CellStatus::Pending),
        evidence: None,
        expected_final_on: None,
        seen_revision: 0,
        reason: None,
    }
}

pub(crate) fn submit(indicator: Indicator) -> SubmitReport {
    SubmitReport {
        plan: indicator.0,
        indicator: indicator.id(),
        fiscal_year: YEAR,
        seen_revision: 1,
    }
}

fn nothing_read() -> ContentHash {
    "0".repeat(64).parse().unwrap()
}

pub(crate) fn approve(indicator: Indicator) -> ApproveReport {
    ApproveReport {
        plan: indicator.0,
        indicator: indicator.id(),
        fiscal_year: YEAR,
        content: nothing_read(),
    }
}

pub(crate) fn accept(indicator: Indicator) -> AcceptReport {
    AcceptReport {
        plan: indicator.0,
        indicator: indicator.id(),
        fiscal_year: YEAR,
        content: nothing_read(),
    }
}

/// The world, to which events are added.
pub(crate) struct City {
    pub(crate) world: World,
    events: u64,
}

impl City {
    /// Two municipalities with a plan each, and three accounts of `HERE` without grants.
    pub(crate) fn new() -> Self {
        let mut city = Self {
            world: World::default(),
            events: 0,
        };
        for (municipality, plan) in [(HERE, PLAN), (ELSEWHERE, THEIR_PLAN)] {
            city.add(
                StreamId::Municipality(municipality),
                Event::MunicipalityRegistered {
                    municipality,
                    local_gov_code: "012262".into(),
                    name: "砂川市".into(),
                    demo: true,
                },
            );
            city.add(
                StreamId::Plan(plan),
                Event::PlanAdopted {
                    plan,
                    municipality,
                    title: "総合戦略".into(),
                    term_from: YEAR,
                    term_to: FiscalYear(2029),
                    decision: Decision {
                        decided_by: "市長".into(),
                        decided_on: None,
                        reason: "策定".into(),
                    },
                    route: Route::two_steps(),
                },
            );
        }
        for (department, municipality) in
            [(WELFARE, HERE), (TOURISM, HERE), (THEIR_WELFARE, ELSEWHERE)]
        {
            city.add(
                StreamId::Department(department),
                Event::DepartmentOpened {
                    department,
                    municipality,
                    name: "課".into(),
                    valid_from: FROM,
                },
            );
        }
        for (indicator, department) in [
            (OF_WELFARE, Some(WELFARE)),
            (OF_TOURISM, Some(TOURISM)),
            (OF_NOBODY, None),
            (OF_THEIR_WELFARE, Some(THEIR_WELFARE)),
        ] {
            city.define(indicator, department);
        }
        for account in [TANAKA, SATO, SUZUKI] {
            city.add(
                StreamId::Account(account),
                Event::AccountOpened {
                    account,
                    municipality: HERE,
                },
            );
        }
        city
    }

    /// The same, with `grants` given.
    pub(crate) fn with(grants: impl IntoIterator<Item = (AccountId, Grant)>) -> Self {
        let mut city = Self::new();
        for (account, grant) in grants {
            city.add(StreamId::Account(account), Event::GrantGiven { grant });
        }
        city
    }

    pub(crate) fn disable(&mut self, account: AccountId) {
        self.add(
            StreamId::Account(account),
            Event::AccountDisabled {
                reason: "退職".into(),
            },
        );
    }

    pub(crate) fn withdraw(&mut self, account: AccountId, grant: GrantId) {
        self.add(
            StreamId::Account(account),
            Event::GrantWithdrawn {
                grant,
                reason: "異動".into(),
            },
        );
    }

    fn define(&mut self, indicator: Indicator, department: Option<DepartmentId>) {
        let stream = StreamId::Indicator(indicator.id());
        self.add(
            stream,
            Event::IndicatorDefined {
                indicator: indicator.id(),
                plan: indicator.0,
                definition: Definition {
                    name: "出生数".into(),
                    unit: Some("人".into()),
                    aggregation: Aggregation::EachYear,
                    cycle_years: None,
                },
            },
        );
        if let Some(department) = department {
            self.add(
                stream,
                Event::DepartmentAssigned {
                    previous: None,
                    department,
                },
            );
        }
    }

    fn add(&mut self, stream: StreamId, event: Event) {
        let id = Uuid::from_u128(1_000 + u128::from(self.events));
        let provenance = Provenance {
            position: self.events,
            event_id: id,
            command_id: id,
            actor: Actor::operator("root"),
            at: noon(FROM),
        };
        self.world.apply(stream, &event, &provenance).unwrap();
        self.events += 1;
    }
}
