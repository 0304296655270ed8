//! The sample sheet, its plan file, and a world that has adopted them.

use std::collections::BTreeMap;

use daicho_domain::command::AdoptPlan;
use daicho_domain::event::{Event, Provenance};
use daicho_domain::plan::{Document, PlanDraft};
use daicho_domain::sheet::{Audience, Sheet};
use daicho_domain::{
    Actor, Cell, Command, Context, DepartmentId, FiscalYear, IndicatorId, MunicipalityId, StreamId,
    World,
};
use daicho_sheets::{DraftOptions, ParsedSheet, PlanFile, draft, parse};
use jiff::Timestamp;
use jiff::civil::date;
use uuid::Uuid;

pub const SHEET: &str = include_str!("../../../sample/data/sunagawa.tsv");
pub const PLAN_FILE: &str = include_str!("../../../sample/data/plan.toml");
pub const R3: FiscalYear = FiscalYear(2021);
pub const R4: FiscalYear = FiscalYear(2022);

const CITY: MunicipalityId = MunicipalityId(Uuid::from_u128(1));

pub fn plan_file() -> PlanFile {
    PlanFile::read(PLAN_FILE).unwrap()
}

pub fn parsed(bytes: &[u8]) -> ParsedSheet {
    parse(bytes, plan_file().hints()).unwrap()
}

/// Ids that count upwards: the same run gives the same ids.
pub fn ids() -> impl FnMut() -> Uuid {
    let mut next = 0x1000_u128;
    move || {
        next += 1;
        Uuid::from_u128(next)
    }
}

pub fn departments(file: &PlanFile) -> BTreeMap<String, DepartmentId> {
    file.departments
        .iter()
        .zip(0x100_u128..)
        .map(|(department, number)| {
            (
                department.name.clone(),
                DepartmentId(Uuid::from_u128(number)),
            )
        })
        .collect()
}

pub fn drafted(bytes: &[u8], file: &PlanFile, with_results: bool) -> PlanDraft {
    let sheet = parse(bytes, file.hints()).unwrap();
    draft(
        &sheet,
        file,
        DraftOptions {
            file_name: "sunagawa.tsv",
            municipality: CITY,
            departments: &departments(file),
            with_results,
        },
        &mut ids(),
    )
    .unwrap()
}

/// A city that has adopted a plan.
pub struct City {
    pub world: World,
    pub draft: PlanDraft,
}

impl City {
    pub fn that_adopted(draft: PlanDraft) -> Self {
        let file = plan_file();
        let mut city = Self {
            world: World::default(),
            draft,
        };
        city.apply(
            StreamId::Municipality(CITY),
            &Event::MunicipalityRegistered {
                municipality: CITY,
                local_gov_code: file.municipality_code.clone(),
                name: file.municipality.clone(),
                demo: true,
            },
        );
        for (name, department) in departments(&file) {
            city.apply(
                StreamId::Department(department),
                &Event::DepartmentOpened {
                    department,
                    municipality: CITY,
                    name,
                    valid_from: date(2021, 4, 1),
                },
            );
        }
        let adopt = AdoptPlan {
            plan: city.draft.clone(),
        };
        let context = Context {
            actor: Actor::operator("test"),
            now: Timestamp::UNIX_EPOCH,
        };
        let facts = adopt.decide(&city.world.view(), &context).unwrap();
        for fact in facts {
            city.apply(fact.stream, &fact.event);
        }
        city
    }

    pub fn with_results(bytes: &[u8]) -> Self {
        Self::that_adopted(drafted(bytes, &plan_file(), true))
    }

    pub fn apply(&mut self, stream: StreamId, event: &Event) {
        let provenance = Provenance {
            position: 0,
            event_id: Uuid::nil(),
            command_id: Uuid::nil(),
            actor: Actor::operator("test"),
            at: Timestamp::UNIX_EPOCH,
        };
        self.world.apply(stream, event, &provenance).unwrap();
    }

    pub fn sheet(&self, year: FiscalYear) -> Sheet {
        let plan = self.world.plan(self.draft.id).unwrap();
        Sheet::derive(&self.world, plan, year, Audience::Inside(&|_| true)).unwrap()
    }

    pub fn document(&self) -> Document {
        let plan = self.world.plan(self.draft.id).unwrap();
        plan.documents.values().next().unwrap().clone()
    }

    /// The indicator whose row begins at a line of the file.
    pub fn indicator_at(&self, line: u32) -> IndicatorId {
        self.sheet(R3)
            .rows()
            .find(|row| row.row.source_line == Some(line))
            .unwrap()
            .row
            .indicator
    }

    pub fn revise_actual(&mut self, line: u32, year: FiscalYear, cell: Cell) {
        let indicator = self.indicator_at(line);
        let actual = |cell| daicho_domain::report::Actual {
            cell,
            evidence: None,
            expected_final_on: None,
        };
        let entered = self
            .world
            .indicator(indicator)
            .unwrap()
            .report(year)
            .actual
            .map(|entered| entered.content);
        let event = match entered {
            Some(previous) => Event::ActualRevised {
                fiscal_year: year,
                previous,
                revised: actual(cell),
                reason: None,
            },
            None => Event::ActualEntered {
                fiscal_year: year,
                actual: actual(cell),
            },
        };
        self.apply(StreamId::Indicator(indicator), &event);
    }
}
