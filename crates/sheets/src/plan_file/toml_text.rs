//! A plan file's text and what can be wrong with it.

use std::collections::BTreeSet;

use daicho_domain::FiscalYear;
use daicho_domain::indicator::Direction;
use daicho_domain::municipality::is_local_gov_code;
use daicho_domain::plan::Decision;
use jiff::civil::Date;
use serde::Deserialize;

use super::{DepartmentEntry, DirectionException, Directions, PlanFile};

/// Why a plan file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// No TOML, or a key that a plan file does not have.
    #[error("the plan file cannot be read; mend it at the place shown:\n{0}")]
    Toml(String),
    /// A value that is not what its key asks for.
    #[error("the plan file's {key} is '{value}'; {expected}")]
    Value {
        /// The key.
        key: String,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Two departments that claim the same rows.
    #[error("the plan file gives {what} to both '{first}' and '{second}'; leave it with one")]
    ClaimedTwice {
        /// What is claimed.
        what: String,
        /// The first department.
        first: String,
        /// The second one.
        second: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    municipality_code: String,
    municipality: String,
    title: String,
    term: [String; 2],
    evaluated_year: String,
    decided_by: String,
    decided_on: Option<toml::Value>,
    reason: String,
    #[serde(default)]
    separate: Vec<u32>,
    #[serde(default)]
    departments: Vec<DepartmentWire>,
    directions: Option<DirectionsWire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DepartmentWire {
    name: String,
    key: Option<String>,
    #[serde(default)]
    goals: Vec<toml::Value>,
    #[serde(default)]
    projects: Vec<String>,
    #[serde(default)]
    lines: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectionsWire {
    decided_by: String,
    decided_on: Option<toml::Value>,
    reason: String,
    default: String,
    #[serde(default)]
    exceptions: Vec<ExceptionWire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionWire {
    line: Option<u32>,
    name: Option<String>,
    direction: String,
    reason: Option<String>,
}

impl PlanFile {
    /// Reads a plan file.
    ///
    /// # Errors
    /// Where it is no TOML, has keys that a plan file does not have, lacks one that it needs, or
    /// a value is not what its key asks for.
    pub fn read(text: &str) -> Result<Self, PlanFileError> {
        let wire: Wire =
            toml::from_str(text).map_err(|error| PlanFileError::Toml(error.to_string()))?;
        if !is_local_gov_code(&wire.municipality_code) {
            return Err(wrong(
                "municipality_code",
                &wire.municipality_code,
                "write the six digits of the 全国地方公共団体コード, check digit included",
            ));
        }
        for (key, value) in [
            ("municipality", &wire.municipality),
            ("title", &wire.title),
            ("decided_by", &wire.decided_by),
            ("reason", &wire.reason),
        ] {
            must_say_something(key, value)?;
        }
        let [from, to] = &wire.term;
        let (term_from, term_to) = (fiscal_year("term", from)?, fiscal_year("term", to)?);
        if term_to < term_from {
            return Err(wrong(
                "term",
                &format!("{from}, {to}"),
                "write the first year first, such as [\"R3\", \"R7\"]",
            ));
        }
        let evaluated_year = fiscal_year("evaluated_year", &wire.evaluated_year)?;
        if evaluated_year < term_from || evaluated_year > term_to {
            return Err(wrong(
                "evaluated_year",
                &wire.evaluated_year,
                "write a fiscal year within the term",
            ));
        }
        let departments = wire
            .departments
            .into_iter()
            .map(department)
            .collect::<Result<Vec<_>, _>>()?;
        nothing_is_claimed_twice(&departments)?;
        Ok(Self {
            municipality_code: wire.municipality_code,
            municipality: wire.municipality,
            title: wire.title,
            term_from,
            term_to,
            evaluated_year,
            decision: Decision {
                decided_by: wire.decided_by,
                decided_on: date("decided_on", wire.decided_on)?,
                reason: wire.reason,
            },
            departments,
            directions: wire.directions.map(directions).transpose()?,
            separate: wire.separate,
        })
    }
}

fn wrong(key: &str, value: &str, expected: &'static str) -> PlanFileError {
    PlanFileError::Value {
        key: key.to_owned(),
        value: value.to_owned(),
        expected,
    }
}

fn must_say_something(key: &str, value: &str) -> Result<(), PlanFileError> {
    if value.trim().is_empty() {
        return Err(wrong(key, value, "it must not be blank"));
    }
    Ok(())
}

fn fiscal_year(key: &str, text: &str) -> Result<FiscalYear, PlanFileError> {
    text.parse()
        .map_err(|_| wrong(key, text, "write a fiscal year such as R3 or 2021"))
}

/// A date as text or as TOML's own local date.
fn date(key: &str, value: Option<toml::Value>) -> Result<Option<Date>, PlanFileError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = match &value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse()
        .map(Some)
        .map_err(|_| wrong(key, &text, "write a date such as \"2022-02-17\""))
}

fn direction(key: &str, code: &str) -> Result<Direction, PlanFileError> {
    Direction::from_code(code)
        .ok_or_else(|| wrong(key, code, "write higher, lower, maintain or undefined"))
}

fn department(wire: DepartmentWire) -> Result<DepartmentEntry, PlanFileError> {
    must_say_something("departments.name", &wire.name)?;
    if let Some(key) = &wire.key {
        let is_key = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_key {
            return Err(wrong(
                "departments.key",
                key,
                "use small ASCII letters, digits and hyphens",
            ));
        }
    }
    let goals = wire
        .goals
        .into_iter()
        .map(|goal| match goal {
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::String(number) => Ok(number),
            other => Err(wrong(
                "departments.goals",
                &other.to_string(),
                "write the numbers of goals, such as [1, 2]",
            )),
        })
        .collect::<Result<_, _>>()?;
    Ok(DepartmentEntry {
        name: wire.name,
        key: wire.key,
        goals,
        projects: wire.projects,
        lines: wire.lines,
    })
}

fn directions(wire: DirectionsWire) -> Result<Directions, PlanFileError> {
    must_say_something("directions.decided_by", &wire.decided_by)?;
    must_say_something("directions.reason", &wire.reason)?;
    let exceptions = wire
        .exceptions
        .into_iter()
        .map(|exception| {
            if exception.line.is_some() == exception.name.is_some() {
                return Err(wrong(
                    "directions.exceptions",
                    exception.name.as_deref().unwrap_or(""),
                    "name the indicator either by line or by name",
                ));
            }
            Ok(DirectionException {
                direction: direction("directions.exceptions.direction", &exception.direction)?,
                line: exception.line,
                name: exception.name,
                reason: exception.reason,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Directions {
        default: direction("directions.default", &wire.default)?,
        decided_on: date("directions.decided_on", wire.decided_on)?,
        decided_by: wire.decided_by,
        reason: wire.reason,
        exceptions,
    })
}

fn nothing_is_claimed_twice(departments: &[DepartmentEntry]) -> Result<(), PlanFileError> {
    let mut names = BTreeSet::new();
    for (index, one) in departments.iter().enumerate() {
        if !names.insert(&one.name) {
            return Err(wrong(
                "departments.name",
                &one.name,
                "it stands twice; put both together",
            ));
        }
        for other in &departments[index + 1..] {
            let line = one.lines.iter().find(|line| other.lines.contains(line));
            let project = one
                .projects
                .iter()
                .find(|project| other.projects.contains(project));
            let goal = one.goals.iter().find(|goal| other.goals.contains(goal));
            let what = line
                .map(|line| format!("line {line}"))
                .or_else(|| project.map(|project| format!("project '{project}'")))
                .or_else(|| goal.map(|goal| format!("goal {goal}")));
            if let Some(what) = what {
                return Err(PlanFileError::ClaimedTwice {
                    what,
                    first: one.name.clone(),
                    second: other.name.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
municipality_code = "012262"
municipality = "砂川市"
title = "第2期総合戦略"
term = ["R3", "R7"]
evaluated_year = "R3"
decided_by = "総合戦略推進委員会"
decided_on = 2021-03-25
reason = "計画の策定"
separate = [59]

[[departments]]
name = "商工労働観光課"
key = "shoko"
goals = [2, "3"]

[directions]
decided_by = "総合戦略推進委員会"
decided_on = "2022-02-17"
reason = "確認した"
default = "higher"
[[directions.exceptions]]
line = 105
direction = "lower"
"#;

    #[test]
    fn a_whole_file_is_read() {
        let file = PlanFile::read(FILE).unwrap();
        assert_eq!(file.term_to, FiscalYear(2025));
        assert_eq!(file.decision.decided_on, Some(Date::constant(2021, 3, 25)));
        assert_eq!(file.departments[0].goals, ["2", "3"]);
        let directions = file.directions.unwrap();
        assert_eq!(directions.decided_on, Some(Date::constant(2022, 2, 17)));
        assert_eq!(directions.exceptions[0].direction, Direction::Lower);
    }

    #[test]
    fn mistakes_are_named_with_what_to_write() {
        for (right, wrong, told) in [
            ("\"012262\"", "\"012261\"", "check digit"),
            ("[\"R3\", \"R7\"]", "[\"R7\", \"R3\"]", "first year first"),
            ("= \"R3\"\ndecided", "= \"R9\"\ndecided", "within the term"),
            ("default = \"higher\"", "default = \"up\"", "higher, lower"),
            ("2021-03-25", "\"last spring\"", "2022-02-17"),
            ("separate", "seperate", "unknown field"),
            ("title = \"第2期総合戦略\"\n", "", "title"),
            ("key = \"shoko\"", "key = \"商工\"", "ASCII"),
            ("line = 105", "line = 105\nname = \"x\"", "either by line"),
        ] {
            let text = FILE.replace(right, wrong);
            assert_ne!(text, FILE, "{right}");
            let error = PlanFile::read(&text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let twice = format!(
            "{}\n[[departments]]\nname = \"農政課\"\ngoals = [2]\n",
            FILE.split("[directions]").next().unwrap()
        );
        assert!(matches!(
            PlanFile::read(&twice),
            Err(PlanFileError::ClaimedTwice { .. })
        ));
    }
}
