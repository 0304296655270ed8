//! What may stand at the top level of the checkout, and that every journey in `tests/` is run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::workspace::Workspace;

/// Everything that may be visible at the top level.
const AGREED: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "schema.graphql",
    "tests",
    "deploy",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];
/// The folder where cargo builds by default; git ignores it.
const BUILT: &str = "target";
/// The crate whose `[[test]]` targets the journeys are.
const JOURNEYS_OF: &str = "daicho";

/// Why the top level could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum TopLevelError {
    /// A folder could not be listed.
    #[error("{0} could not be listed; check its permissions")]
    List(PathBuf, #[source] std::io::Error),
}

/// What stands at the top level and should not, and which journeys no `[[test]]` target runs.
///
/// # Errors
/// When a folder cannot be listed.
pub fn findings(workspace: &Workspace) -> Result<Vec<String>, TopLevelError> {
    let top = names_in(workspace.root.clone())?;
    let tests = workspace.root.join("tests");
    let journeys = if top.contains("tests") {
        names_in(tests.clone())?
    } else {
        BTreeSet::new()
    };
    let targets: BTreeSet<String> = workspace
        .crates
        .iter()
        .filter(|member| member.folder == JOURNEYS_OF)
        .flat_map(|member| &member.test_sources)
        .filter_map(|source| Some(source.strip_prefix(&tests).ok()?.to_str()?.to_owned()))
        .collect();
    let mut findings = extra(&top);
    findings.extend(not_run(&journeys, &targets));
    Ok(findings)
}

fn names_in(folder: PathBuf) -> Result<BTreeSet<String>, TopLevelError> {
    let list = || -> std::io::Result<_> {
        std::fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    let listed = list();
    listed.map_err(|source| TopLevelError::List(folder, source))
}

fn extra(top: &BTreeSet<String>) -> Vec<String> {
    top.iter()
        .filter(|name| {
            !name.starts_with('.') && *name != BUILT && !AGREED.contains(&name.as_str())
        })
        .map(|name| {
            format!(
                "`{name}` stands at the top level, where only {} may; move it into a crate, deploy/ or a dot-folder",
                AGREED.join(", ")
            )
        })
        .collect()
}

fn not_run(journeys: &BTreeSet<String>, targets: &BTreeSet<String>) -> Vec<String> {
    journeys
        .iter()
        .filter(|name| name.ends_with(".rs") && !targets.contains(*name))
        .map(|name| {
            let stem = name.trim_end_matches(".rs");
            format!(
                "tests/{name} is never run; add to crates/{JOURNEYS_OF}/Cargo.toml: [[test]] name = \"{stem}\" path = \"../../tests/{name}\""
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_agreed_names_and_hidden_and_built_ones_may_stand_at_the_top_level() {
        let mut top = set(&AGREED);
        top.extend(set(&[".ci", ".gitignore", "target"]));
        assert_eq!(extra(&top), Vec::<String>::new());
    }

    #[test]
    fn any_other_name_at_the_top_level_is_found() {
        let found = extra(&set(&["crates", "notes.md"]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("`notes.md` stands at the top level"));
    }

    #[test]
    fn a_journey_that_is_no_test_target_is_found() {
        let journeys = set(&[
            "a_person_signs_in.rs",
            "a_year_closes.rs",
            "pages",
            "client.mjs",
        ]);
        let found = not_run(&journeys, &set(&["a_year_closes.rs"]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("tests/a_person_signs_in.rs is never run"));
        assert!(found[0].contains("name = \"a_person_signs_in\""));
    }
}
