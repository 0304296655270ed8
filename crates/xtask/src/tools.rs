//! The tools that the tests need: found, or installed.

use std::path::Path;
use std::process::Command;

use crate::command::{self, CommandError, cargo, program};
use crate::verifiers;
use crate::workspace::Workspace;

/// A program that comes from a Debian package.
struct DebianTool {
    program: &'static str,
    package: &'static str,
    needed_by: &'static str,
    /// The service that the package would leave enabled and running; the tests start their own.
    service: Option<&'static str>,
}

const DEBIAN_TOOLS: [DebianTool; 5] = [
    DebianTool {
        program: "chromium",
        package: "chromium",
        needed_by: "journeys in a browser",
        service: None,
    },
    DebianTool {
        program: "chromedriver",
        package: "chromium-driver",
        needed_by: "journeys in a browser",
        service: None,
    },
    DebianTool {
        program: "node",
        package: "nodejs",
        needed_by: "journeys of a GraphQL client under Node",
        service: None,
    },
    DebianTool {
        program: "npm",
        package: "npm",
        needed_by: "journeys of a GraphQL client under Node",
        service: None,
    },
    DebianTool {
        // Debian keeps the server's programs out of PATH.
        program: "/usr/lib/postgresql/15/bin/postgres",
        package: "postgresql-15",
        needed_by: "the shared log on PostgreSQL",
        service: Some("postgresql"),
    },
];

/// Node packages, by name and exact version.
const NODE_PACKAGES: [(&str, &str); 2] = [("graphql", "16.15.0"), ("graphql-request", "7.4.0")];

/// Cargo's subcommands, by package and the version that is installed where there is none.
const CARGO_TOOLS: [(&str, &str); 2] = [("cargo-nextest", "0.9.143"), ("cargo-deny", "0.20.2")];

/// Installs what is missing. Returns a warning for everything that could not be installed and
/// only makes tests skip.
///
/// # Errors
/// When a tool that the check itself cannot do without could not be installed.
pub fn install_missing(workspace: &Workspace) -> Result<Vec<String>, CommandError> {
    let mut warnings = debian_tools();
    warnings.extend(node_packages(workspace));
    warnings.extend(verifiers::install_missing());
    for (name, version) in CARGO_TOOLS {
        cargo_tool(name, version)?;
    }
    Ok(warnings)
}

fn debian_tools() -> Vec<String> {
    let missing = || {
        DEBIAN_TOOLS
            .iter()
            .filter(|tool| !answers_version(tool.program))
            .collect::<Vec<_>>()
    };
    let wanted = missing();
    if wanted.is_empty() {
        println!("Debian packages: nothing is missing");
        return Vec::new();
    }
    let packages: Vec<_> = wanted.iter().map(|tool| tool.package).collect();
    println!("Debian packages: installing {}", packages.join(" "));
    let installed = apt_get(&["update"]).and_then(|()| {
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(&packages);
        apt_get(&arguments)
    });
    if let Err(error) = installed {
        println!("{error}");
    }
    for tool in &wanted {
        if let Some(service) = tool.service
            && answers_version(tool.program)
        {
            stop_service(service);
        }
    }
    missing()
        .iter()
        .map(|tool| {
            format!(
                "`{}` is missing and could not be installed: {} will SKIP; install it by hand (Debian: apt-get install {})",
                tool.program, tool.needed_by, tool.package
            )
        })
        .collect()
}

/// Stops and disables the service of a package that was installed just now: nobody asked for it. One
/// that was there before is left alone.
fn stop_service(service: &str) {
    if !command::answers(program("systemctl").arg("--version")) {
        return;
    }
    // Where systemd is not running, as in a container, nothing was started; the links for the next start go.
    for arguments in [["stop", service], ["disable", service]] {
        let done =
            as_root("systemctl").map(|mut systemctl| command::answers(systemctl.args(arguments)));
        if !done.unwrap_or(false) {
            println!(
                "systemctl {} {service}: not done, look whether it runs",
                arguments[0]
            );
        }
    }
}

/// Runs `apt-get`, with `sudo` when it is there and this is not root.
pub(crate) fn apt_get(arguments: &[&str]) -> Result<(), CommandError> {
    let mut apt = as_root("apt-get")?;
    command::run(apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A program as root, by `sudo` when this is not root.
fn as_root(name: &str) -> Result<Command, CommandError> {
    let is_root = command::output_of(program("id").arg("-u"))?.trim() == "0";
    if is_root {
        return Ok(program(name));
    }
    // -n: asking for a password would wait for ever where nobody is.
    let mut sudo = program("sudo");
    sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", name]);
    Ok(sudo)
}

fn node_packages(workspace: &Workspace) -> Vec<String> {
    let folder = workspace.node_modules();
    if NODE_PACKAGES
        .iter()
        .all(|(name, version)| has_node_package(&folder, name, version))
    {
        println!("Node packages: nothing is missing");
        return Vec::new();
    }
    let wanted: Vec<_> = NODE_PACKAGES
        .iter()
        .map(|(name, version)| format!("{name}@{version}"))
        .collect();
    println!(
        "Node packages: installing {} in {}",
        wanted.join(" "),
        workspace.shown(&folder)
    );
    let prefix = workspace.own_folder();
    let installed = std::fs::create_dir_all(&prefix)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            command::run(
                program("npm")
                    .args([
                        "install",
                        "--no-audit",
                        "--no-fund",
                        "--save-exact",
                        "--prefix",
                    ])
                    .arg(&prefix)
                    .args(&wanted),
            )
            .map_err(|error| error.to_string())
        });
    match installed {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!(
            "Node packages could not be installed ({error}): journeys of a GraphQL client under Node will SKIP; \
             by hand: npm install --prefix {} {}",
            prefix.display(),
            wanted.join(" ")
        )],
    }
}

/// Whether the package lies there in exactly this version.
fn has_node_package(folder: &Path, name: &str, version: &str) -> bool {
    std::fs::read_to_string(folder.join(name).join("package.json")).is_ok_and(|manifest| {
        manifest
            .lines()
            .any(|line| line.trim().trim_end_matches(',') == format!("\"version\": \"{version}\""))
    })
}

fn cargo_tool(name: &str, version: &str) -> Result<(), CommandError> {
    let subcommand = name.trim_start_matches("cargo-");
    if command::answers(cargo().args([subcommand, "--version"])) {
        println!("{name}: there");
        return Ok(());
    }
    println!("{name}: installing {version} (some minutes)");
    command::run(
        cargo()
            .args(["install", "--locked", "--version", version, name])
            // Its build has nothing in common with ours and would only fill the cache.
            .env_remove("CARGO_TARGET_DIR"),
    )
}

fn answers_version(name: &str) -> bool {
    command::answers(program(name).arg("--version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_package_counts_only_in_the_exact_version() {
        let folder = std::env::temp_dir().join(format!("daicho-xtask-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("graphql")).unwrap();
        std::fs::write(
            folder.join("graphql/package.json"),
            "{\n  \"name\": \"graphql\",\n  \"version\": \"16.15.0\",\n}\n",
        )
        .unwrap();
        assert!(has_node_package(&folder, "graphql", "16.15.0"));
        assert!(!has_node_package(&folder, "graphql", "16.15"));
        assert!(!has_node_package(&folder, "graphql-request", "7.4.0"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
