//! Tools that need no service: the witness's own, and the check of a figure's proof.

use std::path::{Path, PathBuf};

use daicho_app::{AddCheckpoint, CheckedFigure, FigureProof, countersign};
use daicho_domain::Cell;
use daicho_domain::calendar::ja_minute;
use daicho_eventlog::evidence::{Checkpoint, Cosigner};
use jiff::Timestamp;

use super::arguments::VerifyProof;
use super::key_file;
use super::key_text::{keys_in, text_of};
use crate::failure::{EXIT_DISCREPANCY, Failure, with_causes};
use crate::operation::Outcome;
use crate::surroundings;

/// `witness new-key`.
///
/// # Errors
/// Where the name cannot be one, or the file is there already.
pub fn new_witness_key(name: &str, output: &Path) -> Result<Outcome, Failure> {
    let cosigner = Cosigner::from_seed(name, &surroundings::random_seed()).map_err(Failure::new)?;
    let public = cosigner.verifier().map_err(Failure::new)?;
    key_file::write_new(output, &format!("{}\n", cosigner.to_secret_text()))?;
    Ok(Outcome::lines([public.to_string()]))
}

/// `witness cosign`.
///
/// # Errors
/// Why the witness does not countersign; with exit status 3 where the log was rolled back or
/// rewritten, or is not the one that was signed.
pub fn witness_cosign(
    file: &Path,
    key: &Path,
    log_keys: &[String],
    state: Option<PathBuf>,
    now: Timestamp,
) -> Result<Outcome, Failure> {
    let secret = key_file::read(key)?
        .ok_or_else(|| Failure::new(format!("{} is not there", key.display())))?;
    let cosigner = Cosigner::parse(&secret).map_err(|error| {
        Failure::new(format!("{} holds no witness's key: {error}", key.display()))
            .help("'daicho witness new-key' makes one")
    })?;
    let state = state.unwrap_or_else(|| {
        let mut name = key.as_os_str().to_owned();
        name.push(".state");
        name.into()
    });
    let seen = key_file::read(&state)?
        .map(|text| Checkpoint::parse(text.as_bytes()))
        .transpose()
        .map_err(|error| {
            Failure::new(format!(
                "{} cannot be used: {}",
                state.display(),
                with_causes(&error)
            ))
            .help(
                "put the file back from a copy; without it a rolled-back log would not be noticed",
            )
        })?;
    let request = AddCheckpoint::parse(&text_of(file)?)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let line = countersign(&request, seen.as_ref(), &keys_in(log_keys)?, &cosigner, now).map_err(
        |error| {
            Failure::new(format!("not countersigned: {}", with_causes(&error)))
                .exit(EXIT_DISCREPANCY)
        },
    )?;
    // Remembered first: a signature that was given away and forgotten could be given twice.
    key_file::replace(&state, request.checkpoint.text())?;
    Ok(Outcome::lines([line.trim_end().to_owned()]))
}

/// `verify-proof`.
///
/// # Errors
/// What does not hold, with exit status 3.
pub fn verify_proof(arguments: &VerifyProof) -> Result<Outcome, Failure> {
    let mut keys = keys_in(&arguments.keys)?;
    keys.extend(keys_in(&arguments.witnesses)?);
    let file = arguments.file.display();
    let fault = |error: &dyn std::error::Error| {
        Failure::new(format!("{file} does not hold: {}", with_causes(error)))
            .help("believe nothing in it; ask for a new proof, and get the log's key from its owner on another way")
            .exit(EXIT_DISCREPANCY)
    };
    let proof = FigureProof::parse(&text_of(&arguments.file)?).map_err(|error| fault(&error))?;
    let checked = proof
        .check(&keys, arguments.required)
        .map_err(|error| fault(&error))?;
    Ok(Outcome::lines(lines(&checked)))
}

fn lines(checked: &CheckedFigure) -> Vec<String> {
    let claims = &checked.claims;
    let cell = |cell: &Option<Cell>| cell.as_ref().map_or("–".to_owned(), Cell::display);
    let mut lines = vec![
        format!(
            "{} {} {}: {}",
            claims.municipality, claims.plan_title, claims.fiscal_year, claims.name
        ),
        format!(
            "value {}  target {}  (indicator {})",
            cell(&claims.value),
            cell(&claims.target),
            claims.indicator
        ),
    ];
    if let Some(entered) = &claims.entered {
        lines.push(format!(
            "entered   event {:>6}  {}  {} as {}",
            entered.position,
            ja_minute(entered.at),
            entered.by.who,
            entered.by.role
        ));
    }
    for step in &claims.steps {
        lines.push(format!(
            "{:<9} event {:>6}  {}  {} as {}{}",
            step.step.word(),
            step.act.position,
            ja_minute(step.act.at),
            step.act.by.who,
            step.act.by.role,
            if step.holds {
                ""
            } else {
                "  (of an earlier content)"
            }
        ));
    }
    match &claims.publication {
        Some(publication) => lines.push(format!(
            "published event {:>6}  {}  number {}{}",
            publication.act.position,
            ja_minute(publication.act.at),
            publication.number,
            if publication.holds {
                ""
            } else {
                "  (an earlier content)"
            }
        )),
        None => lines.push("not published".to_owned()),
    }
    if !claims.left_out.is_empty() {
        lines.push(format!(
            "not in the file: {} events of the indicator's stream (of other fiscal years, if the maker is honest)",
            claims.left_out.len()
        ));
    }
    let head = checked.checkpoint.head;
    lines.push(format!(
        "proven: {} events under the checkpoint of {} over {} events, root {}",
        checked.events, checked.checkpoint.origin, head.size, head.root
    ));
    match checked.witnesses.as_slice() {
        [] => lines.push("countersigned by none of the witnesses named".to_owned()),
        names => lines.push(format!("countersigned by {}", names.join(", "))),
    }
    lines.push(format!(
        "this is how it stood at event {}; whatever came after it is not in the file",
        claims.last_position
    ));
    lines
}
