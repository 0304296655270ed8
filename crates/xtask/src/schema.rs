//! `schema.graphql` and the other generated files: writing them anew, and finding what is stale.

use std::path::{Path, PathBuf};

use crate::command::{self, CommandError, cargo};
use crate::workspace::{Workspace, WorkspaceError};

/// The environment variable that lets tests rewrite their golden files.
pub const BLESS: &str = "DAICHO_BLESS";

/// Why generated files could not be written or compared.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The workspace could not be read.
    #[error("the workspace could not be read")]
    Workspace(#[source] WorkspaceError),
    /// The schema could not be printed.
    #[error("the service could not print its schema")]
    Print(#[source] CommandError),
    /// A file could not be written.
    #[error("{0} could not be written; check its permissions and the free disk space")]
    Write(PathBuf, #[source] std::io::Error),
    /// A test failed while golden files were rewritten.
    #[error("golden files were regenerated, but not every test passes")]
    Tests(#[source] CommandError),
    /// The committed file differs.
    #[error(
        "schema.graphql is not what the service prints (shown above); run `cargo xtask schema` and commit what it changes"
    )]
    Drift,
}

/// Writes `schema.graphql`, then runs every test with leave to rewrite golden files and snapshots.
///
/// # Errors
/// When the service or a test does not build, a file cannot be written, or a test fails for
/// another reason than an old golden file.
pub fn regenerate() -> Result<(), SchemaError> {
    let workspace = Workspace::read().map_err(SchemaError::Workspace)?;
    // The pages' documents are checked against schema.graphql when `web` is compiled, and the binary
    // that prints the schema contains `web`. The schema's own crate does not: it writes the file
    // first, so that a page may use what was just added.
    command::run(
        cargo()
            .args(["nextest", "run", "--package", "daicho-graphql"])
            .env(BLESS, "1")
            .current_dir(&workspace.root),
    )
    .map_err(SchemaError::Tests)?;
    let schema = printed(&workspace)?;
    let file = committed(&workspace);
    let changed = std::fs::read_to_string(&file).ok().as_deref() != Some(schema.as_str());
    if changed {
        // Written only when it differs: crates that embed it are then not built again.
        write(&file, &schema)?;
    }
    println!(
        "schema.graphql {}",
        if changed { "regenerated" } else { "unchanged" }
    );
    command::run(
        cargo()
            .args(["nextest", "run", "--workspace", "--no-fail-fast"])
            .env(BLESS, "1")
            .env("INSTA_UPDATE", "always")
            .env("DAICHO_NODE_MODULES", workspace.node_modules())
            .current_dir(&workspace.root),
    )
    .map_err(SchemaError::Tests)?;
    println!("everything generated is current; `git status` shows what changed");
    Ok(())
}

/// Fails, with the difference shown, unless `schema.graphql` is what the service prints.
///
/// # Errors
/// When it differs or is missing, or the service cannot be built.
pub fn check(workspace: &Workspace) -> Result<(), SchemaError> {
    let schema = printed(workspace)?;
    let file = committed(workspace);
    if std::fs::read_to_string(&file).ok().as_deref() == Some(schema.as_str()) {
        println!("schema.graphql is what the service prints");
        return Ok(());
    }
    let fresh = workspace.own_folder().join("schema.graphql");
    write(&fresh, &schema)?;
    // Shows the difference; that there is one is already known.
    let _ = command::run(
        command::program("git")
            .args(["--no-pager", "diff", "--no-index", "--"])
            .args([&file, &fresh]),
    );
    Err(SchemaError::Drift)
}

fn committed(workspace: &Workspace) -> PathBuf {
    workspace.root.join("schema.graphql")
}

/// What the service prints, ended by one line break.
fn printed(workspace: &Workspace) -> Result<String, SchemaError> {
    // Built with everything else rather than by `cargo run --package daicho`, which would choose
    // other features for shared dependencies and compile half of them a second time.
    command::run(
        cargo()
            .args(["build", "--quiet", "--workspace", "--all-targets"])
            .current_dir(&workspace.root),
    )
    .map_err(SchemaError::Print)?;
    let daicho = workspace
        .target_directory
        .join("debug")
        .join(format!("daicho{}", std::env::consts::EXE_SUFFIX));
    let schema = command::output_of(
        command::program(&daicho)
            .arg("print-schema")
            .current_dir(&workspace.root),
    )
    .map_err(SchemaError::Print)?;
    Ok(format!("{}\n", schema.trim_end()))
}

fn write(file: &Path, text: &str) -> Result<(), SchemaError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|source| SchemaError::Write(file.to_owned(), source))
}
