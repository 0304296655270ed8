//! The plan file (TOML): what no sheet says and somebody has to.
//!
//! ```toml
//! municipality_code = "012262"
//! municipality = "砂川市"
//! title = "第2期総合戦略"
//! term = ["R3", "R7"]
//! evaluated_year = "R3"
//! decided_by = "総合戦略推進委員会"
//! decided_on = "2021-03-25"
//! reason = "計画の策定"
//! separate = []                 # lines kept apart although their series are identical
//!
//! [[departments]]               # which rows a department owns: lines before projects before goals
//! name = "商工労働観光課"
//! key = "shoko"                 # for sign-in names
//! goals = [2]
//! projects = ["創業支援事業"]
//! lines = [44]
//!
//! [directions]                  # left out: nothing is decided
//! decided_by = "総合戦略推進委員会"
//! reason = "全指標を確認した"
//! default = "higher"
//! [[directions.exceptions]]
//! name = "学童保育所待機児童数"    # or line = 105
//! direction = "lower"
//! reason = "待機児童は少ないほど良い"
//! ```

mod toml_text;

pub use toml_text::PlanFileError;

use std::collections::BTreeSet;

use daicho_domain::FiscalYear;
use daicho_domain::indicator::Direction;
use daicho_domain::plan::Decision;
use jiff::civil::Date;

use crate::document::{ParseHints, ParsedRow, ParsedSheet};
use crate::finding::{Code, Finding};

/// A plan file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// 全国地方公共団体コード, its check digit verified.
    pub municipality_code: String,
    /// 団体名.
    pub municipality: String,
    /// 計画名.
    pub title: String,
    /// First fiscal year of the term.
    pub term_from: FiscalYear,
    /// Last fiscal year of the term.
    pub term_to: FiscalYear,
    /// The fiscal year that the sheet evaluates.
    pub evaluated_year: FiscalYear,
    /// Who adopted the plan, when and why.
    pub decision: Decision,
    /// Departments and what they own.
    pub departments: Vec<DepartmentEntry>,
    /// Decided directions; without them every direction is undefined.
    pub directions: Option<Directions>,
    /// Lines whose rows stay indicators of their own although another row shows the same series.
    pub separate: Vec<u32>,
}

/// A department and the rows that it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartmentEntry {
    /// 担当課.
    pub name: String,
    /// ASCII key for sign-in names (`shoko`).
    pub key: Option<String>,
    /// Numbers of goals.
    pub goals: Vec<String>,
    /// Names of projects.
    pub projects: Vec<String>,
    /// Lines of the file.
    pub lines: Vec<u32>,
}

/// Decided directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directions {
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub decided_on: Option<Date>,
    /// Why.
    pub reason: String,
    /// For every indicator with a target that no exception names.
    pub default: Direction,
    /// Indicators that are different.
    pub exceptions: Vec<DirectionException>,
}

/// An indicator whose direction is not the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionException {
    /// The row's line.
    pub line: Option<u32>,
    /// The indicator's name; every indicator of this name.
    pub name: Option<String>,
    /// What was decided.
    pub direction: Direction,
    /// Why; the common reason where it is left out.
    pub reason: Option<String>,
}

impl DirectionException {
    /// Whether it is about `row`.
    pub fn names(&self, row: &ParsedRow) -> bool {
        self.line == Some(row.line) || self.name.as_deref().is_some_and(|name| name == row.name)
    }
}

impl PlanFile {
    /// What the reader of the sheet can know from it.
    pub fn hints(&self) -> ParseHints {
        ParseHints {
            term: Some((self.term_from, self.term_to)),
            evaluated_year: Some(self.evaluated_year),
        }
    }

    /// The department that owns a row: by line, else by project, else by goal.
    pub fn department_of(&self, sheet: &ParsedSheet, row: &ParsedRow) -> Option<&DepartmentEntry> {
        let headings = sheet.headings(row);
        let owner = |owns: &dyn Fn(&DepartmentEntry) -> bool| {
            self.departments.iter().find(|department| owns(department))
        };
        owner(&|department| {
            department
                .lines
                .iter()
                .any(|line| [row.line, row.actual_line].contains(line))
        })
        .or_else(|| {
            let title = squeezed(&headings.project?.title);
            owner(&|department| {
                department
                    .projects
                    .iter()
                    .any(|project| squeezed(project) == title)
            })
        })
        .or_else(|| owner(&|department| department.goals.contains(&headings.goal.number)))
    }

    /// What the file names and the sheet lacks, and rows that it gives to nobody.
    pub fn mismatches(&self, sheet: &ParsedSheet) -> Vec<Finding> {
        let mut found = Vec::new();
        let lacks = |what: String| {
            Finding::of_document(
                Code::PlanFileMismatch,
                format!("計画ファイルの{what}がシートにありません。計画ファイルを直してください。"),
            )
            .about(what)
        };
        let lines: BTreeSet<u32> = sheet
            .rows
            .iter()
            .flat_map(|row| [row.line, row.actual_line])
            .collect();
        let projects: BTreeSet<String> = sheet
            .projects
            .iter()
            .map(|project| squeezed(&project.title))
            .collect();
        for department in &self.departments {
            for line in &department.lines {
                if !lines.contains(line) {
                    found.push(lacks(format!("担当課「{}」の{line}行目", department.name)));
                }
            }
            for project in &department.projects {
                if !projects.contains(&squeezed(project)) {
                    found.push(lacks(format!(
                        "担当課「{}」の事業「{project}」",
                        department.name
                    )));
                }
            }
            for goal in &department.goals {
                if !sheet.goals.iter().any(|of| of.number == *goal) {
                    found.push(lacks(format!(
                        "担当課「{}」の基本目標{goal}",
                        department.name
                    )));
                }
            }
        }
        for line in &self.separate {
            if !lines.contains(line) {
                found.push(lacks(format!("separate の{line}行目")));
            }
        }
        for exception in self.directions.iter().flat_map(|of| &of.exceptions) {
            if !sheet.rows.iter().any(|row| exception.names(row)) {
                found.push(lacks(match (&exception.line, &exception.name) {
                    (Some(line), _) => format!("directions の{line}行目"),
                    (None, name) => {
                        format!("directions の指標「{}」", name.as_deref().unwrap_or(""))
                    }
                }));
            }
        }
        if !sheet.years.is_empty()
            && (sheet.years.first(), sheet.years.last())
                != (Some(&self.term_from), Some(&self.term_to))
        {
            found.push(lacks(format!(
                "計画期間({}～{})の年度の列",
                self.term_from.ja(),
                self.term_to.ja()
            )));
        }
        if !self.departments.is_empty() {
            for row in &sheet.rows {
                if self.department_of(sheet, row).is_none() {
                    found.push(
                        Finding::at(
                            Code::NoDepartment,
                            row.line,
                            "担当課が決まっていません。計画ファイルの departments に行・事業・基本目標のいずれかで加えてください。",
                        )
                        .about(row.name.clone()),
                    );
                }
            }
        }
        found
    }
}

/// A name with its spaces left out: «… 事業 (別名)» and «…事業(別名)» are one project.
fn squeezed(name: &str) -> String {
    crate::cell::half_width(name)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect()
}
