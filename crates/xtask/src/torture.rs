//! `cargo xtask torture`: the tests' long variants.

use crate::command::{self, CommandError, cargo};
use crate::workspace::{Workspace, WorkspaceError};

/// The environment variable that makes seeded, crash and property tests run long.
const TORTURE: &str = "DAICHO_TORTURE";

/// Why the tests did not pass.
#[derive(Debug, thiserror::Error)]
pub enum TortureError {
    /// The workspace could not be read.
    #[error("the workspace could not be read")]
    Workspace(#[source] WorkspaceError),
    /// A test failed, or nothing could be run.
    #[error("the long tests did not all pass")]
    Tests(#[source] CommandError),
}

/// Runs the tests with `DAICHO_TORTURE=1`; further arguments go to `cargo nextest run`, so that one
/// test can be picked by its name. A test that has a long variant looks for the variable itself.
///
/// # Errors
/// When a test fails, or nothing could be run.
pub fn run(arguments: &[String]) -> Result<(), TortureError> {
    let workspace = Workspace::read().map_err(TortureError::Workspace)?;
    command::run(
        cargo()
            .args(["nextest", "run", "--workspace", "--profile", "torture"])
            .args(arguments)
            .env(TORTURE, "1")
            .env("DAICHO_NODE_MODULES", workspace.node_modules())
            .current_dir(&workspace.root),
    )
    .map_err(TortureError::Tests)
}
