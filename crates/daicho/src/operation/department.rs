//! `department …`.

use daicho_domain::command::{CloseDepartment, OpenDepartment, RenameDepartment, local_date};
use daicho_domain::{DepartmentId, MunicipalityId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Outcome, acting_as, give, municipality_of};
use crate::failure::Failure;
use crate::service::Service;

/// What `department …` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepartmentOperation {
    /// `department open`.
    Open {
        name: String,
        from: Option<Date>,
        acting: Option<String>,
    },
    /// `department rename`.
    Rename {
        name: String,
        new_name: String,
        acting: Option<String>,
    },
    /// `department close`.
    Close {
        name: String,
        to: Option<Date>,
        acting: Option<String>,
    },
    /// `department list`.
    List,
}

pub(super) async fn run(
    service: &Service,
    operation: DepartmentOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    let today = local_date(service.app.now());
    match operation {
        DepartmentOperation::Open { name, from, acting } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let municipality = municipality_of(service, &caller)?;
            let department = DepartmentId(service.app.new_id());
            let line = format!("{name} is open; {department}");
            give(
                service,
                &caller,
                OpenDepartment {
                    department,
                    municipality,
                    name,
                    valid_from: from.unwrap_or(today),
                },
            )
            .await?;
            Ok(Outcome::lines([line]))
        }
        DepartmentOperation::Rename {
            name,
            new_name,
            acting,
        } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let department = department_called(service, municipality_of(service, &caller)?, &name)?;
            let line = format!("{name} is now called {new_name}");
            give(
                service,
                &caller,
                RenameDepartment {
                    department,
                    name: new_name,
                },
            )
            .await?;
            Ok(Outcome::lines([line]))
        }
        DepartmentOperation::Close { name, to, acting } => {
            let caller = acting_as(service, acting.as_deref(), operator)?;
            let department = department_called(service, municipality_of(service, &caller)?, &name)?;
            let valid_to = to.unwrap_or(today);
            give(
                service,
                &caller,
                CloseDepartment {
                    department,
                    valid_to,
                },
            )
            .await?;
            Ok(Outcome::lines([format!(
                "{name} is closed after {valid_to}"
            )]))
        }
        DepartmentOperation::List => {
            let mut lines = Vec::new();
            for municipality in service.app.municipalities() {
                lines.push(format!(
                    "{} ({})",
                    municipality.name, municipality.local_gov_code
                ));
                for department in service.app.departments(municipality.id) {
                    let until = department
                        .valid_to
                        .map_or_else(String::new, |to| format!(" to {to}"));
                    lines.push(format!(
                        "    {}  from {}{until}  {}",
                        department.name, department.valid_from, department.id
                    ));
                }
            }
            Ok(Outcome::lines(lines))
        }
    }
}

/// The open department called `name`.
pub(super) fn department_called(
    service: &Service,
    municipality: MunicipalityId,
    name: &str,
) -> Result<DepartmentId, Failure> {
    service
        .app
        .departments(municipality)
        .into_iter()
        .find(|department| department.name == name && department.valid_to.is_none())
        .map(|department| department.id)
        .ok_or_else(|| {
            Failure::new(format!("there is no open department called '{name}'"))
                .help("see 'daicho department list' for the names")
        })
}
