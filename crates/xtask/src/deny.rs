//! `cargo deny`: licences, sources, duplicate versions and known advisories.

use std::time::Duration;

use crate::command::{self, CommandError, cargo};
use crate::workspace::Workspace;

/// A network that drops packets silently must not hold the whole check up.
const DATABASE_WITHIN: Duration = Duration::from_secs(180);

/// Fails on anything that `.cargo/deny.toml` forbids. Returns a warning when advisories could not
/// be looked up because the advisory database was out of reach.
///
/// # Errors
/// When a check finds something, or cargo-deny cannot be started.
pub fn check(workspace: &Workspace) -> Result<Vec<String>, CommandError> {
    let deny = |arguments: &[&str]| {
        let mut command = cargo();
        command
            .arg("deny")
            .args(arguments)
            .current_dir(&workspace.root);
        command
    };
    let lasting = command::run(&mut deny(&[
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]));
    let advisories = match command::run_within(&mut deny(&["fetch", "db"]), DATABASE_WITHIN) {
        Ok(()) => {
            command::run(&mut deny(&["--offline", "check", "advisories"])).map(|()| Vec::new())
        }
        Err(error @ CommandError::NotStarted(..)) => Err(error),
        Err(error) => Ok(vec![format!(
            "advisories were NOT checked, the advisory database could not be had ({error}); \
             run `cargo deny check advisories` where the network allows it"
        )]),
    };
    lasting.and(advisories)
}
