//! The city before its first year: people, departments, the plan.

use std::collections::BTreeMap;

use daicho_app::{App, Caller, CommandId, IdSource, ImportRequest};
use daicho_domain::account::Grant;
use daicho_domain::command::{GiveGrant, OpenAccount, OpenDepartment, RegisterMunicipality};
use daicho_domain::{Cell, DepartmentId, FiscalYear, GrantId, MunicipalityId, PlanId};
use jiff::civil::date;
use serde_json::Value;
use uuid::Uuid;

use super::cast::ReportData;
use super::{Cast, StoryError, first_year, second_year};
use crate::city::{CITY_NAME, LOCAL_GOV_CODE, PLAN_FILE, SHEET_FILE_NAME, SHEET_TSV, departments};
use crate::numbers::SplitMix;
use crate::people::people;
use crate::surroundings::{SeededIds, StoryClock};

pub(super) async fn set_up<'a>(
    app: &'a App,
    clock: &'a StoryClock,
    seed: u64,
) -> Result<Cast<'a>, StoryError> {
    let ids = SeededIds::new(seed.wrapping_add(1));
    let municipality = MunicipalityId(app.new_id());
    let mut cast = Cast {
        app,
        clock,
        numbers: SplitMix::new(seed.wrapping_add(2)),
        municipality,
        plan: PlanId(Uuid::nil()),
        people: people(&ids as &dyn IdSource, app.now())?,
        reports: Vec::new(),
    };
    cast.go_to(date(2021, 3, 1), 9, 0);
    let operator = Caller::Operator("demo".into());
    cast.does_as(
        &operator,
        RegisterMunicipality {
            municipality,
            local_gov_code: LOCAL_GOV_CODE.into(),
            name: CITY_NAME.into(),
            demo: true,
        },
    )
    .await?;
    let first_day = date(2021, 3, 1);
    let mut department_ids = BTreeMap::new();
    for department in departments()? {
        let id = DepartmentId(app.new_id());
        cast.does_as(
            &operator,
            OpenDepartment {
                department: id,
                municipality,
                name: department.name.clone(),
                valid_from: first_day,
            },
        )
        .await?;
        department_ids.insert(department.name, id);
    }
    for person in cast.people.clone() {
        cast.does_as(
            &operator,
            OpenAccount {
                account: person.account,
                municipality,
            },
        )
        .await?;
        let grant = Grant {
            id: GrantId(app.new_id()),
            role: person.duty.role,
            municipality,
            department: person
                .duty
                .department
                .as_ref()
                .and_then(|name| department_ids.get(name))
                .copied(),
            from: first_day,
            until: None,
            on_behalf_of: None,
        };
        cast.does_as(
            &operator,
            GiveGrant {
                account: person.account,
                grant,
            },
        )
        .await?;
    }
    cast.go_to(date(2021, 3, 25), 15, 0);
    adopt_plan(&mut cast).await?;
    Ok(cast)
}

/// Imports the sheet for its plan alone; the results are entered by people afterwards.
async fn adopt_plan(cast: &mut Cast<'_>) -> Result<(), StoryError> {
    let planning = cast.account("planning")?;
    let request = ImportRequest {
        file_name: SHEET_FILE_NAME.into(),
        bytes: SHEET_TSV.as_bytes().to_vec(),
        plan_file: Some(PLAN_FILE.into()),
        dry_run: false,
        with_results: false,
    };
    let id = CommandId(cast.app.new_id());
    let outcome = cast
        .app
        .import(&Caller::Account(planning), request, id)
        .await
        .map_err(|source| StoryError::Refused {
            doing: "import the sample sheet".into(),
            source,
        })?;
    cast.plan = outcome
        .plan
        .ok_or_else(|| StoryError::Documents(outcome.lines.join("\n")))?;
    cast.reports = reports(cast, &outcome.report)?;
    Ok(())
}

/// Every indicator with what the sheet holds for the first year.
fn reports(cast: &Cast<'_>, report: &Value) -> Result<Vec<ReportData>, StoryError> {
    let planning = Caller::Account(cast.account("planning")?);
    let refused = |source| StoryError::Refused {
        doing: "read the plan".into(),
        source,
    };
    let plan = cast.app.plan_state(&planning, cast.plan).map_err(refused)?;
    let rows = report["indicators"]
        .as_array()
        .ok_or_else(|| StoryError::Documents("the import report has no indicators".into()))?;
    let mut reports: Vec<ReportData> = Vec::new();
    for placement in &plan.placements {
        let line = placement.source_line.map(u64::from).unwrap_or_default();
        let row = rows
            .iter()
            .find(|row| row["line"].as_u64() == Some(line))
            .ok_or_else(|| {
                StoryError::Documents(format!("the import report has no line {line}"))
            })?;
        let text = |key: &str, year: FiscalYear| row[key][year.0.to_string()].clone();
        let comment = text("commentary", first_year::YEAR)
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(known) = reports
            .iter_mut()
            .find(|known| known.indicator == placement.indicator)
        {
            known.texts.push((placement.id, comment));
            continue;
        }
        let view = cast
            .app
            .report(&planning, cast.plan, placement.indicator, first_year::YEAR)
            .map_err(refused)?;
        let department = view
            .department
            .and_then(|id| cast.app.department(id))
            .ok_or_else(|| {
                StoryError::Documents(format!("line {line} has no department in the plan file"))
            })?;
        let cell = |key: &str, year: FiscalYear| -> Option<Cell> {
            serde_json::from_value(text(key, year)).ok()
        };
        reports.push(ReportData {
            line,
            indicator: placement.indicator,
            department: department.name,
            unit: view.indicator.definition.unit,
            actual: cell("actuals", first_year::YEAR).filter(|_| placement.kind.has_figure()),
            next_target: cell("targets", second_year::YEAR),
            texts: vec![(placement.id, comment)],
        });
    }
    Ok(reports)
}
