//! The workspace as cargo sees it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

/// The checkout: where it lies and which crates it has.
pub struct Workspace {
    /// The top level.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target_directory: PathBuf,
    /// The crates, in cargo's order.
    pub crates: Vec<Crate>,
}

/// One crate of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crate {
    /// Its folder under `crates/`, which is its name in the table of crates.
    pub folder: String,
    /// The crates of this workspace that it depends on.
    pub dependencies: BTreeSet<Dependency>,
    /// The source files of its `[[test]]` targets.
    pub test_sources: BTreeSet<PathBuf>,
    /// It builds a program.
    pub has_binary: bool,
    /// It is built when no package is named.
    pub default_member: bool,
}

/// A dependency of one crate of the workspace on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The folder of the crate depended on.
    pub on: String,
    /// Only tests, examples and benchmarks use it.
    pub for_tests: bool,
}

/// Why the workspace could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// `cargo metadata` failed.
    #[error(
        "cargo could not describe the workspace; run this inside the checkout, and mend the manifest that it names"
    )]
    Metadata(#[source] cargo_metadata::Error),
    /// A member lies elsewhere.
    #[error("the package {0} does not lie in a folder directly under crates/; move it there")]
    Elsewhere(String),
}

impl Workspace {
    /// Asks cargo for the workspace that the current folder belongs to.
    ///
    /// # Errors
    /// When cargo cannot read it, or a member lies outside `crates/`.
    pub fn read() -> Result<Self, WorkspaceError> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .map_err(WorkspaceError::Metadata)?;
        let crates = metadata
            .workspace_packages()
            .into_iter()
            .map(|package| Crate::read(&metadata, package))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root: without_detours(&metadata.workspace_root),
            target_directory: metadata.target_directory.into_std_path_buf(),
            crates,
        })
    }

    /// Where this program keeps what it makes and installs for itself.
    pub fn own_folder(&self) -> PathBuf {
        self.target_directory.join("xtask")
    }

    /// The folder of Node packages that journeys run by Node use.
    pub fn node_modules(&self) -> PathBuf {
        self.own_folder().join("node_modules")
    }

    /// A path as people write it: from the top level.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl Crate {
    fn read(metadata: &Metadata, package: &Package) -> Result<Self, WorkspaceError> {
        let elsewhere = || WorkspaceError::Elsewhere(package.name.to_string());
        let folder_of = |path: &Utf8Path| {
            let inside = path
                .strip_prefix(metadata.workspace_root.join("crates"))
                .ok()?;
            (inside.components().count() == 1).then(|| inside.to_string())
        };
        let folder = package.manifest_path.parent().and_then(folder_of);
        let dependencies = package
            .dependencies
            .iter()
            .filter_map(|dependency| Some((dependency, dependency.path.as_deref()?)))
            .map(|(dependency, path)| {
                Ok(Dependency {
                    on: folder_of(path).ok_or_else(elsewhere)?,
                    for_tests: dependency.kind == cargo_metadata::DependencyKind::Development,
                })
            })
            .collect::<Result<_, _>>()?;
        let has = |kind: TargetKind| {
            package
                .targets
                .iter()
                .filter(move |target| target.is_kind(kind.clone()))
        };
        Ok(Self {
            folder: folder.ok_or_else(elsewhere)?,
            dependencies,
            test_sources: has(TargetKind::Test)
                .map(|target| without_detours(&target.src_path))
                .collect(),
            has_binary: has(TargetKind::Bin).next().is_some(),
            default_member: metadata.workspace_default_members.contains(&package.id),
        })
    }
}

/// The path without the `..` that cargo keeps from a manifest. The file may be missing: cargo says so
/// better than this program could.
fn without_detours(path: &Utf8Path) -> PathBuf {
    path.canonicalize()
        .unwrap_or_else(|_| path.as_std_path().to_owned())
}
