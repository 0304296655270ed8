//! The binary: command line, wiring, exit statuses.

mod arguments;
mod backup;
mod bench;
mod config;
mod control;
mod demo;
mod evidence;
mod failure;
mod moving;
mod operation;
mod place;
mod progress;
mod serve;
mod service;
mod storage;
mod surroundings;

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{
    AccountCommand, Arguments, Command, DepartmentCommand, Export, Import, Init, LogFormat,
    Migrate, Records, Serve, only_place,
};
use backup::BackupOperation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Parser;
use daicho_identity::IdentityStore;
use daicho_web::WebSettings;
use evidence::{
    EvidenceOperation, EvidenceSettings, LogKeyCommand, Making, Proof, ProofOperation,
    WitnessCommand,
};
use failure::{EXIT_DISCREPANCY, Failure, with_causes};
use operation::{
    AccountOperation, DepartmentOperation, ExportOperation, ImportOperation, InitOperation,
    Operation, Outcome,
};
use place::{Database, Place};
use service::{Opening, Service};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(Failure::new(format!("no threads can be started: {error}"))),
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(exit) => ExitCode::from(exit),
        Err(failure) => report(failure),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "this is where errors of the command line go"
)]
fn report(failure: Failure) -> ExitCode {
    let exit = failure.exit;
    eprintln!("{:?}", miette::Report::new(failure));
    ExitCode::from(exit)
}

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::PrintSchema => print(&Outcome {
            output: daicho_graphql::sdl(),
            ..Outcome::default()
        }),
        Command::Demo(demo) => {
            log_to_stderr(LogFormat::Text, "warn");
            demo::run(demo).await
        }
        Command::Serve(arguments) => serve(&arguments).await,
        Command::Init(init) => {
            let place = init.records.place()?;
            print(&on(&place, Operation::Init(init_operation(init)?), true).await?)
        }
        Command::Account { records, command } => print(
            &on(
                &records.place()?,
                Operation::Account(account_operation(command)?),
                false,
            )
            .await?,
        ),
        Command::Department { records, command } => print(
            &on(
                &records.place()?,
                Operation::Department(department_operation(command)),
                false,
            )
            .await?,
        ),
        Command::Plans { records } => print(&on(&records.place()?, Operation::Plans, false).await?),
        Command::Import(arguments) => import(arguments).await,
        Command::Export(arguments) => export(arguments).await,
        Command::Verify {
            records,
            json,
            against,
            keys,
        } => {
            let files = against.iter().map(|file| evidence::owned_checkpoint(file));
            let operation = Operation::Verify {
                json,
                against: files.collect::<Result<_, _>>()?,
                keys: evidence::key_texts(&keys)?,
            };
            print(&on(&records.place()?, operation, false).await?)
        }
        Command::LogKey { records, command } => {
            let operation = match command {
                LogKeyCommand::Show => EvidenceOperation::ShowLogKeys,
                LogKeyCommand::Rotate => EvidenceOperation::RotateLogKey,
            };
            print(&on(&records.place()?, Operation::Evidence(operation), false).await?)
        }
        Command::Witness { records, command } => witness(&records, command).await,
        Command::Proof(arguments) => proof(arguments).await,
        Command::VerifyProof(arguments) => print(&evidence::verify_proof(&arguments)?),
        Command::Backup {
            records,
            output,
            trim_journal,
        } => {
            // A running service has another working folder.
            let file = std::path::absolute(&output).map_err(Failure::new)?;
            let operation = Operation::Backup(BackupOperation { file, trim_journal });
            print(&on(&records.place()?, operation, false).await?)
        }
        Command::Restore { file, records } => {
            log_to_stderr(LogFormat::Text, "warn");
            print(&backup::restore(&file, &records.place()?).await?)
        }
        Command::Migrate(arguments) => {
            log_to_stderr(LogFormat::Text, "warn");
            migrate(&arguments).await
        }
        Command::Move {
            records,
            to_data,
            to_database_url,
            to_identity_url,
            to_database_ca,
        } => {
            log_to_stderr(LogFormat::Text, "warn");
            let database = to_database_url.map(|url| Database {
                url,
                identity_url: to_identity_url,
                certificates: to_database_ca,
                require_standby: false,
            });
            let to = only_place(to_data.as_deref(), database)?.ok_or_else(|| {
                Failure::new("it is not said where to move the records")
                    .help("name a new data folder with --to-data, or an empty database with --to-database-url")
            })?;
            print(&moving::run(&records.place()?, &to).await?)
        }
        Command::Bench(arguments) => {
            log_to_stderr(LogFormat::Text, "warn");
            print(&bench::run(arguments).await?)
        }
        Command::Rebuild { records, json } => {
            print(&on(&records.place()?, Operation::Rebuild { json }, false).await?)
        }
    }
}

fn log_to_stderr(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env("DAICHO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

async fn serve(arguments: &Serve) -> Result<u8, Failure> {
    let config = config::Config::of(arguments)?;
    log_to_stderr(config.log_format, "info");
    must_be_there(&config.place)?;
    let service = Service::open(
        &config.place,
        config.snapshots.as_deref(),
        Opening::MustExist,
        surroundings::of_this_machine(),
        service::settings(),
    )
    .await?;
    let settings = EvidenceSettings {
        origin: config.log_origin.clone(),
        witnesses: config.witnesses.clone(),
    };
    evidence::equip(&service, settings, Making::IfMissing).await?;
    if let Some(file) = &config.expect_checkpoint
        && let Err(failure) = evidence::must_contain(&service, file).await
    {
        // Nothing was served from it; what is wrong is said, whatever closing says.
        let _ = service.release().await;
        return Err(failure);
    }
    let _evidence = evidence::Running::start(&service, &config.witness_urls)?;
    let settings = WebSettings {
        secure_cookies: config.is_behind_tls(),
        public_url: config.public_url.clone(),
        behind_proxy: config.behind_proxy,
    };
    serve::serve(service, config.listen, settings, |address| {
        tracing::info!(%address, "serving");
    })
    .await?;
    Ok(0)
}

/// Refuses a folder that holds no records.
fn must_be_there(place: &Place) -> Result<(), Failure> {
    match place {
        Place::Folder(folder) if !service::is_data_folder(folder) => {
            Err(service::no_data_folder(folder))
        }
        _ => Ok(()),
    }
}

/// Carries an operation out in the running service that holds the folder, or opens the records.
async fn on(place: &Place, operation: Operation, may_be_new: bool) -> Result<Outcome, Failure> {
    let operator = surroundings::operating_system_user();
    if let Place::Folder(folder) = place
        && let Some(result) = control::call(folder, &operation, &operator).await
    {
        return result;
    }
    if !may_be_new {
        must_be_there(place)?;
    }
    log_to_stderr(LogFormat::Text, "warn");
    let is_verification = matches!(operation, Operation::Verify { .. });
    let opening = if may_be_new {
        Opening::MayBeNew
    } else {
        Opening::MustExist
    };
    let service = match Service::open(
        place,
        None,
        opening,
        surroundings::of_this_machine(),
        service::settings(),
    )
    .await
    {
        Ok(service) => service,
        // What keeps a log from being opened is what a verification is there to find.
        Err(failure) if is_verification && failure.is_damage => {
            return Err(failure.exit(EXIT_DISCREPANCY));
        }
        Err(failure) => return Err(failure),
    };
    let making = if is_verification {
        Making::Never
    } else {
        Making::IfMissing
    };
    evidence::equip(&service, EvidenceSettings::default(), making).await?;
    let result = operation::run(&service, operation, &operator).await;
    // What was carried out stays so, whatever closing says.
    let closed = service.close().await;
    let outcome = result?;
    closed?;
    Ok(outcome)
}

/// Prepares a database for the service's roles.
async fn migrate(arguments: &Migrate) -> Result<u8, Failure> {
    let database = arguments.database.database().ok_or_else(|| {
        Failure::new("no database is named")
            .help("name it with --database-url or DAICHO_DATABASE_URL, in the role that owns it")
    })?;
    daicho_eventlog_postgres::migrate(&database.log(), &arguments.service_role).await?;
    let settings = database.identity();
    let role = arguments
        .identity_role
        .clone()
        .unwrap_or_else(|| arguments.service_role.clone());
    let migrated =
        tokio::task::spawn_blocking(move || IdentityStore::migrate_postgres(&settings, &role));
    migrated
        .await
        .map_err(Failure::new)?
        .map_err(|error| Failure::new(with_causes(&error)))?;
    print(&Outcome::lines([
        format!(
            "the log's tables are up to date; role {} may read and add",
            arguments.service_role
        ),
        "people and secrets have their tables".to_owned(),
    ]))
}

/// Prints what an operation gave back; what comes back is the exit status.
fn print(outcome: &Outcome) -> Result<u8, Failure> {
    let mut output = std::io::stdout().lock();
    match output
        .write_all(outcome.output.as_bytes())
        .and_then(|()| output.flush())
    {
        // Whoever read the output has seen enough of it.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(outcome.exit),
        Err(error) => Err(Failure::new(format!(
            "standard output cannot be written: {error}"
        ))),
        Ok(()) => Ok(outcome.exit),
    }
}

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

fn init_operation(init: Init) -> Result<InitOperation, Failure> {
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

fn account_operation(command: AccountCommand) -> Result<AccountOperation, Failure> {
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

fn department_operation(command: DepartmentCommand) -> DepartmentOperation {
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

async fn import(arguments: Import) -> Result<u8, Failure> {
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

async fn export(arguments: Export) -> Result<u8, Failure> {
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

/// Writes the file that an operation gave back; what comes back is the exit status.
fn write_file(outcome: &Outcome, output: Option<&Path>) -> Result<u8, Failure> {
    let bytes = outcome
        .file
        .as_deref()
        .map(|file| BASE64.decode(file))
        .transpose()
        .map_err(Failure::new)?
        .ok_or_else(|| {
            Failure::new("the service gave no file")
                .help("use the same version of daicho as the service")
        })?;
    match output {
        Some(path) => std::fs::write(path, &bytes).map_err(|error| {
            Failure::new(format!("{} cannot be written: {error}", path.display()))
        })?,
        None => std::io::stdout().write_all(&bytes).map_err(Failure::new)?,
    }
    Ok(outcome.exit)
}

async fn witness(records: &Records, command: WitnessCommand) -> Result<u8, Failure> {
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

async fn proof(arguments: Proof) -> Result<u8, Failure> {
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
