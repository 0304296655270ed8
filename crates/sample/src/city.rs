//! The city's documents.

use serde::Deserialize;

/// Name of the sample city.
pub const CITY_NAME: &str = "砂川市";
/// Its 全国地方公共団体コード.
pub const LOCAL_GOV_CODE: &str = "012262";
/// The sheet of its plan: real structure and figures, made-up commentary.
pub const SHEET_TSV: &str = include_str!("../data/sunagawa.tsv");
/// The name under which the sheet is imported.
pub const SHEET_FILE_NAME: &str = "sunagawa.tsv";
/// What the sheet does not say: departments, directions, decisions.
pub const PLAN_FILE: &str = include_str!("../data/plan.toml");

/// A department of the plan file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DepartmentEntry {
    pub name: String,
    pub key: String,
}

#[derive(Deserialize)]
struct Departments {
    departments: Vec<DepartmentEntry>,
}

/// The departments that the plan file names.
pub(crate) fn departments() -> Result<Vec<DepartmentEntry>, toml::de::Error> {
    toml::from_str::<Departments>(PLAN_FILE).map(|file| file.departments)
}
