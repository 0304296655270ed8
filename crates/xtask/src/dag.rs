//! `cargo xtask dag`: the crates depend on each other as the table in `crates/README.md` says.

use std::path::PathBuf;

use crate::crate_table::{CrateTable, TableError};
use crate::top_level::{self, TopLevelError};
use crate::workspace::{Crate, Workspace, WorkspaceError};

/// The crates that build a program.
const PROGRAMS: [&str; 2] = ["daicho", "xtask"];
/// The crate that is not built when no package is named.
const NOT_BY_DEFAULT: &str = "xtask";

/// Why the check failed.
#[derive(Debug, thiserror::Error)]
pub enum DagError {
    /// The workspace could not be read.
    #[error("the workspace could not be read")]
    Workspace(#[source] WorkspaceError),
    /// The map of the crates could not be read.
    #[error("{0} could not be read; restore it")]
    Map(PathBuf, #[source] std::io::Error),
    /// The table in it could not be read.
    #[error("crates/README.md")]
    Table(#[source] TableError),
    /// The top level could not be looked at.
    #[error("the top level could not be checked")]
    TopLevel(#[source] TopLevelError),
    /// The house is not in order.
    #[error("the house is not in order:\n  - {}", .0.join("\n  - "))]
    Findings(Vec<String>),
}

/// Checks the workspace that the current folder belongs to, and says how much was checked.
///
/// # Errors
/// When something could not be read, or with everything that was found.
pub fn run() -> Result<(), DagError> {
    let workspace = Workspace::read().map_err(DagError::Workspace)?;
    let map = workspace.root.join("crates/README.md");
    let text = std::fs::read_to_string(&map).map_err(|source| DagError::Map(map, source))?;
    let table = CrateTable::parse(&text).map_err(DagError::Table)?;

    let mut findings = findings(&table, &workspace.crates);
    findings.extend(top_level::findings(&workspace).map_err(DagError::TopLevel)?);
    if !findings.is_empty() {
        return Err(DagError::Findings(findings));
    }
    let edges: usize = workspace
        .crates
        .iter()
        .map(|member| member.dependencies.len())
        .sum();
    println!(
        "{} crates with {edges} dependencies on each other, all of them in the table of crates/README.md",
        workspace.crates.len()
    );
    Ok(())
}

/// Everything in which the crates differ from the table, each with what to do about it.
fn findings(table: &CrateTable, crates: &[Crate]) -> Vec<String> {
    let mut findings = Vec::new();
    for row in &table.rows {
        let exists = crates.iter().any(|member| member.folder == row.name);
        if exists && row.planned {
            findings.push(format!(
                "crates/{0} exists but the table calls it planned; take the mark out of the row of `{0}`",
                row.name
            ));
        }
        if !exists && !row.planned {
            findings.push(format!(
                "the table has a row for `{0}` but there is no crate crates/{0}; delete the row, or mark it (planned)",
                row.name
            ));
        }
    }
    for member in crates {
        findings.extend(findings_of(table, member));
    }
    findings
}

fn findings_of(table: &CrateTable, member: &Crate) -> Vec<String> {
    let folder = &member.folder;
    let mut findings = Vec::new();
    match table.row(folder) {
        None => findings.push(format!(
            "crates/{folder} has no row in the table of crates/README.md; add one"
        )),
        Some(row) => {
            for dependency in &member.dependencies {
                let on = &dependency.on;
                // A crate's tests may ask for its own features; that is no edge.
                if on == folder {
                    continue;
                }
                // A crate without a row has its own finding.
                let Some(target) = table.row(on) else {
                    continue;
                };
                let allowed = if target.dev_only {
                    dependency.for_tests
                } else {
                    row.may_use.allows(on)
                };
                if !allowed {
                    findings.push(refused(folder, on, dependency.for_tests, target.dev_only));
                }
            }
        }
    }
    if member.has_binary != PROGRAMS.contains(&folder.as_str()) {
        findings.push(format!(
            "the crates that build a program are {}, and crates/{folder} breaks that; move its `main`",
            PROGRAMS.join(" and ")
        ));
    }
    if member.default_member == (folder == NOT_BY_DEFAULT) {
        findings.push(format!(
            "`default-members` in Cargo.toml must list every crate but {NOT_BY_DEFAULT}, and crates/{folder} breaks that"
        ));
    }
    findings
}

fn refused(folder: &str, on: &str, for_tests: bool, dev_only: bool) -> String {
    if dev_only {
        format!(
            "crates/{folder} depends on {on}, which is for tests; move it to [dev-dependencies] in crates/{folder}/Cargo.toml"
        )
    } else {
        let kind = if for_tests {
            "dev-dependency"
        } else {
            "dependency"
        };
        format!(
            "{folder} → {on} is not in the table of crates/README.md; take the {kind} out of crates/{folder}/Cargo.toml, or change the design and then the table"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn table() -> CrateTable {
        CrateTable::parse(
            "## The crates\n\
             | crate | one line | may depend on |\n|---|---|---|\n\
             | `ledger` | pure | – |\n\
             | `store` | keeps | ledger |\n\
             | `cloud` | keeps far away (planned) | ledger |\n\
             | `daicho` | the program | all |\n\
             | `bench` | tests (dev-dependency only) | all but `daicho` |\n\
             | `xtask` | this | – |\n",
        )
        .unwrap()
    }

    fn member(folder: &str, uses: &[&str], tests_use: &[&str]) -> Crate {
        let on = |for_tests| {
            move |name: &&str| Dependency {
                on: (*name).to_owned(),
                for_tests,
            }
        };
        Crate {
            folder: folder.to_owned(),
            dependencies: uses
                .iter()
                .map(on(false))
                .chain(tests_use.iter().map(on(true)))
                .collect(),
            has_binary: PROGRAMS.contains(&folder),
            default_member: folder != NOT_BY_DEFAULT,
            ..Crate::default()
        }
    }

    fn house() -> Vec<Crate> {
        vec![
            member("ledger", &[], &["bench"]),
            member("store", &["ledger"], &["ledger"]),
            member("daicho", &["ledger", "store"], &["bench"]),
            member("bench", &["ledger", "store"], &[]),
            member("xtask", &[], &[]),
        ]
    }

    /// The findings about a house in which one crate is replaced.
    fn with(changed: Crate) -> Vec<String> {
        let mut house = house();
        house.retain(|member| member.folder != changed.folder);
        house.push(changed);
        findings(&table(), &house)
    }

    #[track_caller]
    fn assert_one(findings: &[String], start: &str) {
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with(start), "{findings:?}");
    }

    #[test]
    fn a_house_as_in_the_table_has_no_findings() {
        assert_eq!(findings(&table(), &house()), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_the_table_lacks_is_found() {
        assert_one(
            &with(member("ledger", &["store"], &[])),
            "ledger → store is not in the table",
        );
        assert_one(
            &with(member("bench", &["daicho"], &[])),
            "bench → daicho is not in the table",
        );
    }

    #[test]
    fn tests_may_use_no_other_crates_than_the_table_allows() {
        assert_one(
            &with(member("ledger", &[], &["store"])),
            "ledger → store is not in the table of crates/README.md; take the dev-dependency out",
        );
    }

    #[test]
    fn a_crate_for_tests_is_refused_as_an_ordinary_dependency() {
        assert_one(
            &with(member("daicho", &["bench"], &[])),
            "crates/daicho depends on bench, which is for tests",
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_one(
            &with(member("attic", &["ledger"], &[])),
            "crates/attic has no row",
        );
    }

    #[test]
    fn a_row_without_a_crate_is_found_unless_planned() {
        let mut house = house();
        house.retain(|member| member.folder != "store");
        for member in &mut house {
            member
                .dependencies
                .retain(|dependency| dependency.on != "store");
        }
        assert_one(
            &findings(&table(), &house),
            "the table has a row for `store` but there is no crate",
        );
    }

    #[test]
    fn a_planned_row_whose_crate_exists_is_found() {
        assert_one(
            &with(member("cloud", &["ledger"], &[])),
            "crates/cloud exists but the table calls it planned",
        );
    }

    #[test]
    fn another_program_is_found() {
        let mut store = member("store", &["ledger"], &[]);
        store.has_binary = true;
        assert_one(
            &with(store),
            "the crates that build a program are daicho and xtask",
        );
    }

    #[test]
    fn a_crate_that_is_not_built_by_default_is_found() {
        let mut store = member("store", &["ledger"], &[]);
        store.default_member = false;
        assert_one(&with(store), "`default-members` in Cargo.toml");
    }
}
