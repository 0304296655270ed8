//! A department (担当課).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{DepartmentId, MunicipalityId};

/// What is known of a department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentState {
    /// Its identity.
    pub id: DepartmentId,
    /// The municipality that it belongs to.
    pub municipality: MunicipalityId,
    /// 担当課 (`商工労働観光課`).
    pub name: String,
    /// First day on which it exists.
    pub valid_from: Date,
    /// Last day on which it exists, once it was closed.
    pub valid_to: Option<Date>,
}
