//! `cargo xtask test`: everything that must hold before a change is accepted.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::{self, CommandError, cargo};
use crate::schema::{self, BLESS};
use crate::steps::Steps;
use crate::test_counts::{self, TestCounts};
use crate::workspace::Workspace;
use crate::{dag, deny, tools, with_causes};

/// Why the tree is not clean, or could not be looked at.
#[derive(Debug, thiserror::Error)]
enum TreeError {
    #[error("git could not tell the state of the tree")]
    Git(#[source] CommandError),
    #[error(
        "the tree is not clean after the run:\n{0}run `cargo xtask schema` and commit what it changes, or stop the test that writes into the checkout"
    )]
    Dirty(String),
}

/// Why it is not known which tests skipped themselves.
#[derive(Debug, thiserror::Error)]
enum TestsError {
    #[error(transparent)]
    Run(#[from] CommandError),
    #[error("nextest's report {path} could not be read")]
    Report {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("nextest's report is not the XML that it should be")]
    Xml(#[from] roxmltree::Error),
    #[error("on CI nothing may be skipped for want of a tool:\n{0}")]
    Missing(String),
}

/// Runs every step, whichever fails, and closes with a summary, nextest's closing lines and a last
/// line of counts (`N passed, N failed, N skipped`, doc tests included).
pub fn run() -> ExitCode {
    let workspace = match Workspace::read() {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    let in_workspace = |arguments: &[&str]| {
        let mut command = cargo();
        command
            .args(arguments)
            .current_dir(&workspace.root)
            .env("DAICHO_NODE_MODULES", workspace.node_modules())
            // A check must never rewrite what it checks.
            .env_remove(BLESS)
            .env_remove("INSTA_UPDATE");
        command
    };

    let mut steps = Steps::default();
    let mut closing = Vec::new();
    let mut counts = TestCounts::default();
    steps.run("install", || tools::install_missing(&workspace));
    steps.run("format", || {
        command::run(&mut in_workspace(&["fmt", "--all", "--check"])).map(nothing_to_say)
    });
    steps.run("lints", || {
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        command::run(&mut in_workspace(&clippy)).map(nothing_to_say)
    });
    steps.run("crate dependencies", || dag::run().map(nothing_to_say));
    steps.run("schema drift", || {
        schema::check(&workspace).map(nothing_to_say)
    });
    steps.run("licences and advisories", || deny::check(&workspace));
    steps.run("tests", || {
        let nextest = ["nextest", "run", "--workspace", "--profile", "ci"];
        let mut command = in_workspace(&nextest);
        // nextest's own folder, wherever cargo builds.
        let report = workspace.root.join("target/nextest/ci/junit.xml");
        let _ = std::fs::remove_file(&report);
        let ran = command::run_and_keep(&mut command)?;
        closing = test_counts::nextest_closing(&ran.lines).to_vec();
        counts += closing
            .first()
            .and_then(|line| test_counts::of_nextest(line))
            .unwrap_or(TestCounts {
                // Nothing was counted, most often because nothing was built: that is one failure.
                failed: 1,
                ..TestCounts::default()
            });
        command::succeeded(&command, ran.status)?;
        let skips = read_skips(report)?;
        let skipped = skips.len() as u64;
        counts.passed = counts.passed.saturating_sub(skipped);
        counts.skipped += skipped;
        let tools: Vec<_> = skips
            .iter()
            .filter(|skip| !MAY_SKIP.iter().any(|reason| skip.contains(reason)))
            .collect();
        if on_ci() && !tools.is_empty() {
            let tools: String = tools.iter().map(|skip| format!("  {skip}\n")).collect();
            return Err(TestsError::Missing(tools));
        }
        Ok(skips)
    });
    steps.run("doc tests", || {
        let mut command = in_workspace(&["test", "--doc", "--workspace", "--no-fail-fast"]);
        let ran = command::run_and_keep(&mut command)?;
        counts += test_counts::of_cargo_test(&ran.lines);
        command::succeeded(&command, ran.status).map(nothing_to_say)
    });
    if on_ci() {
        steps.run("clean tree", || clean_tree(&workspace).map(nothing_to_say));
    }

    let failed = steps.failed();
    println!("\n=== summary\n{}", steps.summary());
    for line in &closing {
        println!("{line}");
    }
    println!();
    if !failed.is_empty() {
        println!("FAILED: {}", failed.join(", "));
    } else if steps.warned() {
        println!("everything that could be checked holds; see the warnings in the summary");
    } else {
        println!("everything holds");
    }
    println!("{counts}");
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What tests say that may skip even on CI: for want of fixtures, which are not part of the project;
/// because they take long and wait to be asked for; because the machine allows no mounting.
const MAY_SKIP: [&str; 5] = [
    "DAICHO_FIXTURES",
    "DAICHO_PATRONI",
    "no file system can be mounted here",
    "files cannot be made unchangeable here",
    "only root can become somebody else",
];

fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

fn read_skips(report: PathBuf) -> Result<Vec<String>, TestsError> {
    let junit = std::fs::read_to_string(&report).map_err(|source| TestsError::Report {
        path: report,
        source,
    })?;
    Ok(test_counts::skips_in_report(&junit)?)
}

/// What a step returns that has no warnings.
fn nothing_to_say((): ()) -> Vec<String> {
    Vec::new()
}

fn clean_tree(workspace: &Workspace) -> Result<(), TreeError> {
    let status = command::output_of(
        command::program("git")
            .args(["status", "--porcelain", "--untracked-files=all"])
            .current_dir(&workspace.root),
    )
    .map_err(TreeError::Git)?;
    if status.is_empty() {
        println!("nothing is changed or untracked");
        Ok(())
    } else {
        Err(TreeError::Dirty(status))
    }
}
