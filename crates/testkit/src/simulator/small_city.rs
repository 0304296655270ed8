//! The city of the simulation: two departments, thirteen people, one plan with four indicators.
//! It is set up once for a process, by commands like everything else.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use daicho_app::{Caller, Clock, CommandId};
use daicho_domain::account::Grant;
use daicho_domain::command::{
    AdoptPlan, GiveGrant, OpenAccount, OpenDepartment, OpenPeriod, RegisterMunicipality,
};
use daicho_domain::indicator::{Aggregation, Definition, TargetSet};
use daicho_domain::plan::{
    AdoptedReport, Decision, GoalDraft, IndicatorDraft, IndicatorKind, MeasureDraft,
    PlacementDraft, PlanDraft, PolicyDraft, ProjectDraft, Statement,
};
use daicho_domain::report::Commentary;
use daicho_domain::{
    AccountId, Cell, DepartmentId, FiscalYear, GoalId, GrantId, IndicatorId, MeasureId,
    MunicipalityId, PlacementId, PlanId, PolicyId, ProjectId, Role,
};
use daicho_eventlog::Append;
use futures::task::noop_waker_ref;
use jiff::Timestamp;
use jiff::civil::date;
use uuid::Uuid;

use super::asked::Asked;
use super::faulty_log::Storage;
use super::node::{Life, Node};
use crate::auditor::{Answer, Attempt, Sent};

/// 1 April 2022, 00:00 UTC.
pub(super) const SET_UP_AT: Timestamp = Timestamp::constant(1_648_771_200, 0);

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(super) const CITY: MunicipalityId = MunicipalityId(id(0x1));
pub(super) const COMMERCE: DepartmentId = DepartmentId(id(0x11));
pub(super) const WELFARE: DepartmentId = DepartmentId(id(0x12));
pub(super) const PLAN: PlanId = PlanId(id(0x21));
const TOURISTS: IndicatorId = IndicatorId(id(0x31));
const JOBS: IndicatorId = IndicatorId(id(0x32));
pub(super) const VISITS: IndicatorId = IndicatorId(id(0x33));
const CLUB: IndicatorId = IndicatorId(id(0x34));
/// Those whose figures or texts have to be entered; the visits' were taken over.
pub(super) const REPORTED: [IndicatorId; 3] = [TOURISTS, JOBS, CLUB];
pub(super) const R3: FiscalYear = FiscalYear(2021);
pub(super) const R4: FiscalYear = FiscalYear(2022);

/// Which of the people reads everything, for the simulation and for the auditor.
pub(super) const READER: usize = 8;
/// Which of the people gives and withdraws roles.
pub(super) const ADMINISTRATOR: usize = 9;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub name: &'static str,
    pub account: AccountId,
    pub grants: Vec<Grant>,
}

impl Person {
    /// Whether they may do it by their role, at first glance.
    pub fn holds(&self, role: Role, department: Option<DepartmentId>) -> bool {
        let fits = |grant: &Grant| grant.department.is_none() || grant.department == department;
        self.grants
            .iter()
            .any(|grant| grant.role == role && fits(grant))
    }
}

pub(super) fn grant(
    number: Uuid,
    role: Role,
    department: Option<DepartmentId>,
    on_behalf_of: Option<AccountId>,
) -> Grant {
    Grant {
        id: GrantId(number),
        role,
        municipality: CITY,
        department,
        from: date(2022, 4, 1),
        until: None,
        on_behalf_of,
    }
}

/// Everybody. Some have more than one hat, which separation of duties is there for.
pub(super) fn people() -> Vec<Person> {
    use Role::{Administrator, Approver, Auditor, Planning, Staff};
    let commerce = Some(COMMERCE);
    let welfare = Some(WELFARE);
    let first_approver = AccountId(id(0xa03));
    type Hat = (Role, Option<DepartmentId>, Option<AccountId>);
    let hats: [(&'static str, &[Hat]); 13] = [
        ("staff.commerce", &[(Staff, commerce, None)]),
        ("staff.commerce.2", &[(Staff, commerce, None)]),
        ("staff.welfare", &[(Staff, welfare, None)]),
        ("approver.commerce", &[(Approver, commerce, None)]),
        ("approver.commerce.2", &[(Approver, commerce, None)]),
        ("approver.welfare", &[(Approver, welfare, None)]),
        ("planning", &[(Planning, None, None)]),
        ("planning.2", &[(Planning, None, None)]),
        ("auditor", &[(Auditor, None, None)]),
        ("administrator", &[(Administrator, None, None)]),
        (
            "staff+approver",
            &[(Staff, commerce, None), (Approver, commerce, None)],
        ),
        (
            "staff+deputy",
            &[
                (Staff, commerce, None),
                (Approver, commerce, Some(first_approver)),
            ],
        ),
        (
            "staff+planning",
            &[(Staff, welfare, None), (Planning, None, None)],
        ),
    ];
    let numbered = (0_u128..).zip(hats);
    numbered
        .map(|(number, (name, hats))| Person {
            name,
            account: AccountId(id(0xa00 + number)),
            grants: (0_u128..)
                .zip(hats)
                .map(|(hat, (role, department, behalf))| {
                    grant(id(0xb00 + number * 16 + hat), *role, *department, *behalf)
                })
                .collect(),
        })
        .collect()
}

pub(super) fn number(text: &str) -> Cell {
    Cell::number(text, text.parse().expect("a number"))
}

pub(super) fn decision(reason: &str) -> Decision {
    Decision {
        decided_by: "総合戦略推進委員会".into(),
        decided_on: Some(date(2022, 3, 25)),
        reason: reason.into(),
    }
}

pub(super) fn commentary(text: &str) -> Commentary {
    Commentary::from_original(text)
}

fn place(number: u128, indicator: IndicatorId, kind: IndicatorKind) -> PlacementDraft {
    PlacementDraft {
        id: PlacementId(id(number)),
        indicator,
        kind,
        statement: Statement {
            expression: "指標".into(),
            baseline: None,
            final_target: None,
            no_kpi_reason: None,
        },
        source_line: None,
    }
}

pub(super) fn indicator(
    indicator: IndicatorId,
    department: DepartmentId,
    target: Option<&str>,
) -> IndicatorDraft {
    IndicatorDraft {
        id: indicator,
        definition: Definition {
            name: "指標".into(),
            unit: None,
            aggregation: Aggregation::Sum,
            cycle_years: None,
        },
        department: Some(department),
        targets: target.map(|target| TargetSet {
            years: BTreeMap::from([(R3, number(target)), (R4, number(target))]),
            final_target: None,
            total: None,
            effective_from: R3,
            decision: decision("計画の策定"),
        }),
        direction: None,
        adopted: BTreeMap::new(),
    }
}

/// A plan with one goal, whose numeric goals are `places`.
pub(super) fn plan_of(
    plan: PlanId,
    goal: Uuid,
    places: Vec<PlacementDraft>,
    indicators: Vec<IndicatorDraft>,
) -> PlanDraft {
    PlanDraft {
        id: plan,
        municipality: CITY,
        title: "総合戦略".into(),
        term_from: R3,
        term_to: R4,
        decision: decision("計画の策定"),
        goals: vec![GoalDraft {
            id: GoalId(goal),
            number: "1".into(),
            title: "雇用".into(),
            numeric_goals: places,
            policies: Vec::new(),
        }],
        indicators,
        document: None,
    }
}

/// The plan that everybody works on. The visits' figure of R3 is taken over from a document.
fn plan() -> PlanDraft {
    let numeric_goals = vec![place(0x41, TOURISTS, IndicatorKind::NumericGoal)];
    let mut visits = indicator(VISITS, WELFARE, None);
    let visits_place = place(0x44, VISITS, IndicatorKind::MonitorOnly);
    visits.adopted.insert(
        R3,
        AdoptedReport {
            actual: Some(number("31")),
            commentary: BTreeMap::from([(visits_place.id, commentary("原本のとおり"))]),
            printed_total: None,
        },
    );
    let indicators = vec![
        indicator(TOURISTS, COMMERCE, Some("1627")),
        indicator(JOBS, COMMERCE, Some("10")),
        visits,
        indicator(CLUB, WELFARE, None),
    ];
    let mut plan = plan_of(PLAN, id(0x22), numeric_goals, indicators);
    plan.goals[0].policies = vec![PolicyDraft {
        id: PolicyId(id(0x23)),
        number: "(1)".into(),
        title: "人材育成".into(),
        measures: vec![MeasureDraft {
            id: MeasureId(id(0x24)),
            number: "①".into(),
            title: "就労支援".into(),
            projects: vec![ProjectDraft {
                id: ProjectId(id(0x25)),
                title: "就労支援事業".into(),
                placements: vec![
                    place(0x42, TOURISTS, IndicatorKind::Kpi),
                    place(0x43, JOBS, IndicatorKind::Kpi),
                    visits_place,
                    place(0x45, CLUB, IndicatorKind::NoKpi),
                ],
            }],
        }],
    }];
    plan
}

/// The city as every simulation finds it.
#[derive(Debug)]
pub(super) struct SmallCity {
    pub appends: Vec<Append>,
    pub sent: Vec<Sent>,
}

/// The commands that set the city up, in order, with who gives them.
fn beginning() -> Vec<(Caller, Asked)> {
    let operator = Caller::Operator("simulation".into());
    let mut asked: Vec<(Caller, Asked)> = vec![(
        operator.clone(),
        RegisterMunicipality {
            municipality: CITY,
            local_gov_code: "012262".into(),
            name: "試験市".into(),
            demo: true,
        }
        .into(),
    )];
    for (department, name) in [(COMMERCE, "商工課"), (WELFARE, "福祉課")] {
        let open = OpenDepartment {
            department,
            municipality: CITY,
            name: name.into(),
            valid_from: date(2022, 4, 1),
        };
        asked.push((operator.clone(), open.into()));
    }
    let people = people();
    for person in &people {
        let open = OpenAccount {
            account: person.account,
            municipality: CITY,
        };
        asked.push((operator.clone(), open.into()));
    }
    for person in &people {
        for grant in &person.grants {
            let give = GiveGrant {
                account: person.account,
                grant: grant.clone(),
            };
            asked.push((operator.clone(), give.into()));
        }
    }
    let planning = Caller::Account(people[6].account);
    asked.push((planning.clone(), AdoptPlan { plan: plan() }.into()));
    for fiscal_year in [R3, R4] {
        let open = OpenPeriod {
            plan: PLAN,
            fiscal_year,
            due: date(2022, 6, 30),
        };
        asked.push((planning.clone(), open.into()));
    }
    asked
}

/// Who gives a command, as its digest names them.
pub(super) fn giver(caller: &Caller) -> String {
    match caller {
        Caller::Account(account) => account.to_string(),
        Caller::Operator(user) => format!("operator:{user}"),
        Caller::Anonymous => "anonymous".into(),
    }
}

/// Polls until it is ready; `meanwhile` is done between polls.
pub(super) fn wait_for<T>(future: impl Future<Output = T>, meanwhile: impl Fn()) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(ready) = future
            .as_mut()
            .poll(&mut Context::from_waker(noop_waker_ref()))
        {
            return ready;
        }
        meanwhile();
    }
}

fn set_up() -> SmallCity {
    let storage = Storage::holding(&[], None);
    let mut node = Node::new(0, SET_UP_AT, 0);
    node.start(&storage);
    let Life::Opening(opening) = std::mem::replace(&mut node.life, Life::Stopped) else {
        unreachable!("it was started just now");
    };
    let app = wait_for(opening, || {}).expect("an empty log opens");
    let mut sent = Vec::new();
    for (number, (caller, asked)) in (0_u128..).zip(beginning()) {
        let command = id(0xc000 + number);
        node.clock.pass(1_000);
        let sent_at = node.clock.now();
        let (action, content) = (asked.action().to_owned(), asked.content());
        let handling = asked.handle(&app, &caller, CommandId(command));
        let done = wait_for(handling, || storage.flush(false))
            .unwrap_or_else(|error| panic!("{action} is refused: {error}"));
        let position = done
            .position
            .to_string()
            .parse()
            .expect("a position is a number");
        let answer = Answer::Done {
            position,
            events: done.events as u64,
        };
        sent.push(Sent {
            id: command.to_string(),
            action,
            giver: giver(&caller),
            content,
            attempts: vec![Attempt {
                node: 0,
                sent_at,
                began: 0,
                answer: Some((answer, node.clock.now(), 0)),
            }],
        });
    }
    SmallCity {
        appends: storage.appends(),
        sent,
    }
}

/// The city, set up at the first call.
pub(super) fn small_city() -> &'static SmallCity {
    static CITY: OnceLock<SmallCity> = OnceLock::new();
    CITY.get_or_init(set_up)
}
