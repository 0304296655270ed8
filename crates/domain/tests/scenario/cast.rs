//! Who acts and what exists, under fixed ids.

use daicho_domain::account::Grant;
use daicho_domain::{
    AccountId, Actor, DepartmentId, FiscalYear, GoalId, GrantId, IndicatorId, MeasureId,
    MunicipalityId, PlacementId, PlanId, PolicyId, ProjectId, Role, Who,
};
use jiff::civil::{Date, date};
use uuid::Uuid;

const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub const CITY: MunicipalityId = MunicipalityId(uuid(0x1));
pub const OTHER_CITY: MunicipalityId = MunicipalityId(uuid(0x2));
pub const COMMERCE: DepartmentId = DepartmentId(uuid(0x11));
pub const WELFARE: DepartmentId = DepartmentId(uuid(0x12));

pub const PLAN: PlanId = PlanId(uuid(0x21));
pub const GOAL: GoalId = GoalId(uuid(0x22));
pub const POLICY: PolicyId = PolicyId(uuid(0x23));
pub const MEASURE: MeasureId = MeasureId(uuid(0x24));
pub const TOURISM_PROJECT: ProjectId = ProjectId(uuid(0x25));
pub const JOBS_PROJECT: ProjectId = ProjectId(uuid(0x26));
pub const CLUB_PROJECT: ProjectId = ProjectId(uuid(0x27));

/// 観光入込客数: numeric goal of the goal and KPI of a project.
pub const TOURISTS: IndicatorId = IndicatorId(uuid(0x31));
/// 新規就業者数: a KPI whose direction nobody has decided yet.
pub const JOBS: IndicatorId = IndicatorId(uuid(0x32));
/// 相談件数: monitored without targets.
pub const VISITS: IndicatorId = IndicatorId(uuid(0x33));
/// A project without KPI: commentary only, of another department.
pub const CLUB: IndicatorId = IndicatorId(uuid(0x34));
pub const INDICATORS: [IndicatorId; 4] = [TOURISTS, JOBS, VISITS, CLUB];

pub const TOURISTS_AT_GOAL: PlacementId = PlacementId(uuid(0x41));
pub const TOURISTS_AT_PROJECT: PlacementId = PlacementId(uuid(0x42));
pub const JOBS_PLACE: PlacementId = PlacementId(uuid(0x43));
pub const VISITS_PLACE: PlacementId = PlacementId(uuid(0x44));
pub const CLUB_PLACE: PlacementId = PlacementId(uuid(0x45));

pub const R3: FiscalYear = FiscalYear(2021);
pub const R4: FiscalYear = FiscalYear(2022);
pub const R5: FiscalYear = FiscalYear(2023);
pub const R7: FiscalYear = FiscalYear(2025);
/// The day by which R3 is to be submitted.
pub const DUE: Date = date(2022, 5, 31);

/// Somebody with an account and one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    number: u128,
    pub role: Role,
    pub department: Option<DepartmentId>,
}

const fn person(number: u128, role: Role, department: Option<DepartmentId>) -> Person {
    Person {
        number,
        role,
        department,
    }
}

pub const STAFF: Person = person(1, Role::Staff, Some(COMMERCE));
pub const SECOND_STAFF: Person = person(2, Role::Staff, Some(COMMERCE));
pub const APPROVER: Person = person(3, Role::Approver, Some(COMMERCE));
pub const SECOND_APPROVER: Person = person(4, Role::Approver, Some(COMMERCE));
pub const WELFARE_APPROVER: Person = person(5, Role::Approver, Some(WELFARE));
pub const PLANNING: Person = person(6, Role::Planning, None);
pub const SECOND_PLANNING: Person = person(7, Role::Planning, None);
pub const ADMINISTRATOR: Person = person(8, Role::Administrator, None);
pub const CAST: [Person; 8] = [
    STAFF,
    SECOND_STAFF,
    APPROVER,
    SECOND_APPROVER,
    WELFARE_APPROVER,
    PLANNING,
    SECOND_PLANNING,
    ADMINISTRATOR,
];

impl Person {
    /// Somebody who is not in the cast and has touched nothing.
    pub const fn stranger(number: u128, role: Role) -> Self {
        person(0x80 + number, role, None)
    }

    pub fn account(self) -> AccountId {
        AccountId(uuid(0xa00 + self.number))
    }

    pub fn grant(self) -> Grant {
        Grant {
            id: GrantId(uuid(0xb00 + self.number)),
            role: self.role,
            municipality: CITY,
            department: self.department,
            from: date(2022, 4, 1),
            until: None,
            on_behalf_of: None,
        }
    }

    pub fn actor(self) -> Actor {
        Actor {
            who: Who::Account(self.account()),
            role: self.role,
            grant: Some(self.grant().id),
            on_behalf_of: None,
        }
    }

    /// The same account in another role.
    pub fn acting_as(self, role: Role) -> Actor {
        Actor {
            role,
            grant: Some(GrantId(uuid(0xc00 + self.number))),
            ..self.actor()
        }
    }

    /// The same account standing in for `principal`, in the principal's role.
    pub fn deputy_of(self, principal: Self) -> Actor {
        Actor {
            on_behalf_of: Some(principal.account()),
            ..self.acting_as(principal.role)
        }
    }
}

impl From<Person> for Actor {
    fn from(person: Person) -> Self {
        person.actor()
    }
}
