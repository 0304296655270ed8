//! The binary: command line, wiring, exit statuses.

mod arguments;
mod asked;
mod backup;
mod bench;
mod carry_out;
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

use std::process::ExitCode;

use arguments::{Arguments, Command, LogFormat, Migrate, Serve, only_place};
use asked::{account_operation, department_operation, init_operation};
use backup::BackupOperation;
use carry_out::{log_to_stderr, must_be_there, on, print};
use clap::Parser;
use daicho_identity::IdentityStore;
use daicho_web::WebSettings;
use evidence::{EvidenceOperation, EvidenceSettings, LogKeyCommand, Making};
use failure::{Failure, with_causes};
use operation::{Operation, Outcome};
use place::Database;
use service::{Opening, Service};

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
        Command::Import(arguments) => asked::import(arguments).await,
        Command::Export(arguments) => asked::export(arguments).await,
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
        Command::Witness { records, command } => asked::witness(&records, command).await,
        Command::Proof(arguments) => asked::proof(arguments).await,
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
