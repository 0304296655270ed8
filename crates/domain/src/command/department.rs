//! Departments: opened, renamed, closed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Action, Command, Context, Fact, NAME_CHARACTERS_MAX, Scope, Subject, text_within};
use crate::event::Event;
use crate::id::{DepartmentId, MunicipalityId};
use crate::rejection::Rejection;
use crate::stream::StreamId;
use crate::world::View;

/// Opens a department.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenDepartment {
    /// Its new identity.
    pub department: DepartmentId,
    /// Whose.
    pub municipality: MunicipalityId,
    /// 担当課.
    pub name: String,
    /// First day.
    pub valid_from: Date,
}

impl Command for OpenDepartment {
    const ACTION: Action = Action::OpenDepartment;

    fn subject(&self) -> Subject {
        Subject {
            municipality: Some(self.municipality),
            department: Some(self.department),
            ..Subject::default()
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.municipality(self.municipality)
            .map(|m| Scope::whole(m.id))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let stream = StreamId::Department(self.department);
        view.must_be_new(stream, "department")?;
        text_within("name", &self.name, NAME_CHARACTERS_MAX)?;
        Ok(vec![Fact::new(
            stream,
            Event::DepartmentOpened {
                department: self.department,
                municipality: self.municipality,
                name: self.name.clone(),
                valid_from: self.valid_from,
            },
        )])
    }
}

/// Renames a department; what it is does not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenameDepartment {
    /// Which one.
    pub department: DepartmentId,
    /// Its new name.
    pub name: String,
}

impl Command for RenameDepartment {
    const ACTION: Action = Action::RenameDepartment;

    fn subject(&self) -> Subject {
        Subject {
            department: Some(self.department),
            ..Subject::default()
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.department(self.department)
            .map(|d| Scope::whole(d.municipality))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let department = view.department(self.department)?;
        text_within("name", &self.name, NAME_CHARACTERS_MAX)?;
        if department.name == self.name {
            return Ok(Vec::new());
        }
        Ok(vec![Fact::new(
            StreamId::Department(self.department),
            Event::DepartmentRenamed {
                previous: department.name.clone(),
                name: self.name.clone(),
            },
        )])
    }
}

/// Closes a department at the end of a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CloseDepartment {
    /// Which one.
    pub department: DepartmentId,
    /// Last day.
    pub valid_to: Date,
}

impl Command for CloseDepartment {
    const ACTION: Action = Action::CloseDepartment;

    fn subject(&self) -> Subject {
        Subject {
            department: Some(self.department),
            ..Subject::default()
        }
    }

    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection> {
        view.department(self.department)
            .map(|d| Scope::whole(d.municipality))
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let department = view.department(self.department)?;
        if department.valid_to == Some(self.valid_to) {
            return Ok(Vec::new());
        }
        if self.valid_to < department.valid_from {
            return Err(Rejection::invalid(
                "valid_to",
                format!(
                    "is before the department's first day, {}",
                    department.valid_from
                ),
                "廃止日が設置日より前になっています。",
            ));
        }
        Ok(vec![Fact::new(
            StreamId::Department(self.department),
            Event::DepartmentClosed {
                valid_to: self.valid_to,
            },
        )])
    }
}
