//! What the command line asks of a service, whether it opened the data folder itself or the
//! folder is held by a running service.

mod account;
mod department;
mod init;
mod rebuild;
mod sheet;
mod verify;

pub use account::AccountOperation;
pub use department::DepartmentOperation;
pub use init::InitOperation;
pub(crate) use sheet::plan_asked_for;
pub use sheet::{ExportOperation, ImportOperation, dry_run_without_records};
pub(crate) use verify::{lines as verification_lines, verification};

use daicho_app::{Caller, CommandId};
use daicho_domain::{AccountId, Command, MunicipalityId};
use serde::{Deserialize, Serialize};

use crate::backup::{self, BackupOperation};
use crate::evidence::{self, AgainstFile, EvidenceOperation};
use crate::failure::Failure;
use crate::service::Service;

/// An operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `init`.
    Init(InitOperation),
    /// `account …`.
    Account(AccountOperation),
    /// `department …`.
    Department(DepartmentOperation),
    /// `plans`.
    Plans,
    /// `import`.
    Import(ImportOperation),
    /// `export`.
    Export(ExportOperation),
    /// `verify`.
    Verify {
        /// One JSON document instead of lines.
        json: bool,
        /// Checkpoints that were kept elsewhere.
        against: Vec<AgainstFile>,
        /// Public keys for them, where they are not the log's own.
        keys: Vec<String>,
    },
    /// `log-key …`, `witness …`, `proof`.
    Evidence(EvidenceOperation),
    /// `backup`.
    Backup(BackupOperation),
    /// `rebuild`.
    Rebuild {
        /// One JSON document instead of lines.
        json: bool,
    },
}

/// What an operation gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// For standard output.
    pub output: String,
    /// The file that was asked for, in base64.
    pub file: Option<String>,
    /// The exit status.
    pub exit: u8,
}

impl Outcome {
    /// Lines for standard output.
    pub fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        let mut output = String::new();
        for line in lines {
            output.push_str(&line);
            output.push('\n');
        }
        Self {
            output,
            ..Self::default()
        }
    }

    /// One JSON document for standard output.
    pub fn json(document: &impl Serialize) -> Result<Self, Failure> {
        let output = serde_json::to_string_pretty(document).map_err(Failure::new)?;
        Ok(Self {
            output: output + "\n",
            ..Self::default()
        })
    }
}

/// Carries out `operation` for the operating system's user `operator`.
///
/// # Errors
/// The cause and the next step.
pub async fn run(
    service: &Service,
    operation: Operation,
    operator: &str,
) -> Result<Outcome, Failure> {
    match operation {
        Operation::Init(operation) => init::run(service, operation, operator).await,
        Operation::Account(operation) => account::run(service, operation, operator).await,
        Operation::Department(operation) => department::run(service, operation, operator).await,
        Operation::Plans => Ok(sheet::plans(service, operator)),
        Operation::Import(operation) => sheet::import(service, operation).await,
        Operation::Export(operation) => sheet::export(service, operation, operator).await,
        Operation::Verify {
            json,
            against,
            keys,
        } => verify::run(service, json, against, &keys).await,
        Operation::Evidence(operation) => evidence::run(service, operation, operator).await,
        Operation::Backup(operation) => backup::run(service, operation).await,
        Operation::Rebuild { json } => rebuild::run(service, json).await,
    }
}

/// Gives a command under a new id.
async fn give<C: Command>(service: &Service, caller: &Caller, command: C) -> Result<(), Failure> {
    let id = CommandId(service.app.new_id());
    service.app.handle(caller, command, id).await?;
    Ok(())
}

/// The account that signs in as `name`.
fn account_called(service: &Service, name: &str) -> Result<AccountId, Failure> {
    let person = service
        .identity
        .by_sign_in_name(name)
        .map_err(|error| Failure::new(crate::failure::with_causes(&error)))?;
    person.map(|person| person.account).ok_or_else(|| {
        Failure::new(format!("nobody signs in as '{name}'"))
            .help("see 'daicho account list' for the names")
    })
}

/// The account named by `--as` as the one who acts; without it the operator.
pub(crate) fn acting_as(
    service: &Service,
    name: Option<&str>,
    operator: &str,
) -> Result<Caller, Failure> {
    match name {
        Some(name) => account_called(service, name).map(Caller::Account),
        None => Ok(Caller::Operator(operator.to_owned())),
    }
}

/// The municipality of the acting account, or the only one.
fn municipality_of(service: &Service, caller: &Caller) -> Result<MunicipalityId, Failure> {
    if let Some(viewer) = service.app.viewer(caller) {
        return Ok(viewer.municipality);
    }
    match service.app.municipalities().as_slice() {
        [only] => Ok(only.id),
        [] => Err(Failure::new("this data folder has no municipality yet")
            .help("run 'daicho init' first")),
        _ => Err(Failure::new("this data folder has several municipalities")
            .help("name an account of one of them with --as")),
    }
}
