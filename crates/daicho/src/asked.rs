//! What the command line asks for, as operations on the records.

use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::arguments::{AccountCommand, DepartmentCommand, Export, Import, Init, Records};
use crate::carry_out::{on, print, write_file};
use crate::evidence::{self, EvidenceOperation, Proof, ProofOperation, WitnessCommand};
use crate::failure::Failure;
use crate::operation::{
    self, AccountOperation, DepartmentOperation, ExportOperation, ImportOperation, InitOperation,
    Operation,
};
use crate::surroundings;

/// The password from standard input, or one that is made up and has to be printed.
fn password(from_stdin: bool) -> Result<(String, bool), Failure> {
    if !from_stdin {
        return Ok((surroundings::made_up_password(), true));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::new(format!(
                "the password cannot be read from standard input: {error}"
            ))
        })?;
    Ok((text.trim_end_matches(['\n', '\r']).to_owned(), false))
}

pub fn init_operation(init: Init) -> Result<InitOperation, Failure> {
    let (password, print_password) = password(init.password_stdin)?;
    Ok(InitOperation {
        code: init.code,
        name: init.name,
        departments: init.departments,
        admin: init.admin,
        admin_name: init.admin_name,
        password,
        print_password,
        log_origin: init.log_origin,
    })
}

pub fn account_operation(command: AccountCommand) -> Result<AccountOperation, Failure> {
    Ok(match command {
        AccountCommand::Open {
            name,
            display_name,
            password_stdin,
            acting,
        } => {
            let (password, print_password) = password(password_stdin)?;
            AccountOperation::Open {
                name,
                display_name,
                password,
                print_password,
                acting: acting.account,
            }
        }
        AccountCommand::Grant {
            name,
            role,
            department,
            from,
            until,
            on_behalf_of,
            acting,
        } => AccountOperation::Grant {
            name,
            role,
            department,
            from,
            until,
            on_behalf_of,
            acting: acting.account,
        },
        AccountCommand::Withdraw {
            name,
            grant,
            reason,
            acting,
        } => AccountOperation::Withdraw {
            name,
            grant,
            reason,
            acting: acting.account,
        },
        AccountCommand::Disable {
            name,
            reason,
            acting,
        } => AccountOperation::Disable {
            name,
            reason,
            acting: acting.account,
        },
        AccountCommand::Password {
            name,
            password_stdin,
            acting,
        } => {
            let (password, print_password) = password(password_stdin)?;
            AccountOperation::Password {
                name,
                password,
                print_password,
                acting: acting.account,
            }
        }
        AccountCommand::List { acting, json } => AccountOperation::List {
            json,
            acting: acting.account,
        },
    })
}

pub fn department_operation(command: DepartmentCommand) -> DepartmentOperation {
    match command {
        DepartmentCommand::Open { name, from, acting } => DepartmentOperation::Open {
            name,
            from,
            acting: acting.account,
        },
        DepartmentCommand::Rename {
            name,
            new_name,
            acting,
        } => DepartmentOperation::Rename {
            name,
            new_name,
            acting: acting.account,
        },
        DepartmentCommand::Close { name, to, acting } => DepartmentOperation::Close {
            name,
            to,
            acting: acting.account,
        },
        DepartmentCommand::List => DepartmentOperation::List,
    }
}

/// The largest file that is taken for a sheet; the real ones have some tens of kilobytes.
const SHEET_BYTES_MAX: u64 = 16 * 1024 * 1024;

fn read_sheet_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(format!("{} cannot be read: {error}", path.display()))
            .help("check the name of the file and its permissions")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(SHEET_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > SHEET_BYTES_MAX {
        return Err(Failure::new(format!(
            "{} is larger than {} MiB",
            path.display(),
            SHEET_BYTES_MAX / 1024 / 1024
        ))
        .help("is it the right file? A sheet has some tens of kilobytes"));
    }
    Ok(bytes)
}

pub async fn import(arguments: Import) -> Result<u8, Failure> {
    let bytes = read_sheet_file(&arguments.file)?;
    let plan_file = arguments
        .plan
        .as_ref()
        .map(|path| {
            std::fs::read_to_string(path).map_err(|error| {
                Failure::new(format!(
                    "the plan file {} cannot be read: {error}",
                    path.display()
                ))
            })
        })
        .transpose()?;
    let file_name = arguments
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let operation = ImportOperation {
        file_name,
        bytes: BASE64.encode(bytes),
        plan_file,
        dry_run: arguments.dry_run,
        json: arguments.json,
        acting: arguments.account,
    };
    match arguments.records.named()? {
        Some(place) => print(&on(&place, Operation::Import(operation), false).await?),
        None if operation.dry_run => print(&operation::dry_run_without_records(&operation)?),
        None => Err(Failure::new("no data folder is named").help(
            "name one with --data or a database with --database-url, or add --dry-run to only look",
        )),
    }
}

pub async fn export(arguments: Export) -> Result<u8, Failure> {
    let plan = arguments
        .plan
        .map(|plan| {
            plan.parse().map_err(|_| {
                Failure::new(format!("'{plan}' is no plan"))
                    .help("see 'daicho plans' for the plans")
            })
        })
        .transpose()?;
    let fiscal_year = arguments
        .fiscal_year
        .map(|year| year.parse().map_err(Failure::new))
        .transpose()?;
    let at_position = arguments
        .at_position
        .map(|position| position.parse().map_err(Failure::new))
        .transpose()?;
    let operation = Operation::Export(ExportOperation {
        plan,
        format: arguments.format,
        fiscal_year,
        as_of: arguments.as_of,
        at_position,
        acting: arguments.account,
    });
    let outcome = on(&arguments.records.place()?, operation, false).await?;
    write_file(&outcome, arguments.output.as_deref())
}

pub async fn witness(records: &Records, command: WitnessCommand) -> Result<u8, Failure> {
    match command {
        WitnessCommand::NewKey { name, output } => {
            print(&evidence::new_witness_key(&name, &output)?)
        }
        WitnessCommand::Cosign {
            file,
            key,
            log_keys,
            state,
        } => {
            let now = surroundings::of_this_machine().clock.now();
            print(&evidence::witness_cosign(
                &file, &key, &log_keys, state, now,
            )?)
        }
        WitnessCommand::Request {
            output,
            old_size,
            witness,
        } => {
            let operation = EvidenceOperation::WitnessRequest {
                old_size,
                witness: witness
                    .map(|key| evidence::key_texts(&[key]))
                    .transpose()?
                    .and_then(|keys| keys.into_iter().next()),
            };
            let outcome = on(&records.place()?, Operation::Evidence(operation), false).await?;
            write_file(&outcome, output.as_deref())
        }
        WitnessCommand::Add { file, witnesses } => {
            let operation = EvidenceOperation::WitnessAdd {
                lines: evidence::text_of(&file)?,
                witnesses: evidence::key_texts(&witnesses)?,
            };
            print(&on(&records.place()?, Operation::Evidence(operation), false).await?)
        }
    }
}

pub async fn proof(arguments: Proof) -> Result<u8, Failure> {
    let plan = arguments
        .plan
        .map(|plan| {
            plan.parse().map_err(|_| {
                Failure::new(format!("'{plan}' is no plan"))
                    .help("see 'daicho plans' for the plans")
            })
        })
        .transpose()?;
    let operation = EvidenceOperation::Proof(ProofOperation {
        plan,
        fiscal_year: arguments.fiscal_year.parse().map_err(Failure::new)?,
        indicator: arguments.indicator,
        acting: arguments.account,
    });
    let outcome = on(
        &arguments.records.place()?,
        Operation::Evidence(operation),
        false,
    )
    .await?;
    write_file(&outcome, arguments.output.as_deref())
}
