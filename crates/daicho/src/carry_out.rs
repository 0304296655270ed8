//! Carrying an operation out, by the running service or over the records themselves, and giving
//! back what came of it.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;
use crate::evidence::{self, EvidenceSettings, Making};
use crate::failure::{EXIT_DISCREPANCY, Failure};
use crate::operation::{self, Operation, Outcome};
use crate::place::Place;
use crate::service::{Opening, Service};
use crate::{control, service, surroundings};

/// Lets the program's own log go to standard error.
pub fn log_to_stderr(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env("DAICHO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

/// Refuses a folder that holds no records.
pub fn must_be_there(place: &Place) -> Result<(), Failure> {
    match place {
        Place::Folder(folder) if !service::is_data_folder(folder) => {
            Err(service::no_data_folder(folder))
        }
        _ => Ok(()),
    }
}

/// Carries an operation out in the running service that holds the folder, or opens the records.
pub async fn on(place: &Place, operation: Operation, may_be_new: bool) -> Result<Outcome, Failure> {
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

/// Prints what an operation gave back; what comes back is the exit status.
pub fn print(outcome: &Outcome) -> Result<u8, Failure> {
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

/// Writes the file that an operation gave back; what comes back is the exit status.
pub fn write_file(outcome: &Outcome, output: Option<&Path>) -> Result<u8, Failure> {
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
