//! `cargo xtask`: the project's own commands, run from a checkout.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on its standard output"
)]

mod command;
mod crate_table;
mod dag;
mod deny;
mod schema;
mod steps;
mod test;
mod test_counts;
mod tools;
mod top_level;
mod torture;
mod verifiers;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test      everything that must hold before a change is accepted: installs the tools that
            are missing, then format, lints, crate dependencies, schema drift, licences and
            advisories, tests and doc tests; with CI=true also that the tree is clean
  torture   the tests with DAICHO_TORTURE=1, which makes the seeded and crash tests run long;
            further arguments go to `cargo nextest run` (for example a test's name)
  schema    regenerates every generated file: schema.graphql, golden files, snapshots
  dag       checks crate dependencies against the table in crates/README.md, that each file
            in tests/ is run, and that the top level holds only what was agreed
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match command.as_deref() {
        Some("torture") => told(torture::run(&rest)),
        Some("test") if rest.is_empty() => test::run(),
        Some("schema") if rest.is_empty() => told(schema::regenerate()),
        Some("dag") if rest.is_empty() => told(dag::run()),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Turns a command's result into an exit code, with the error and its causes on standard error.
fn told<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error's message followed by those of its sources.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
