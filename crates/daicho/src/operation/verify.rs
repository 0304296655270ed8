//! `verify`: the log's storage against itself, the read models against the log, the log against
//! every head that was ever signed.

use std::sync::Arc;

use daicho_app::{Discrepancy, Verification};

use super::Outcome;
use crate::evidence::{AgainstFile, findings};
use crate::failure::{EXIT_DISCREPANCY, Failure, with_causes};
use crate::service::Service;

/// Everything that is checked.
pub(crate) async fn verification(
    service: &Service,
    against: Vec<AgainstFile>,
    keys: &[String],
) -> Result<Verification, Failure> {
    let mut verification = service.app.verify().await?;
    let log = Arc::clone(&service.log);
    let storage = tokio::task::spawn_blocking(move || log.verify())
        .await
        .map_err(|_| Failure::new("checking the log was interrupted"))?;
    match storage {
        Ok(found) => {
            let check = "every event of the journal compared with sled, byte for byte; tree, tiles and positions derived anew";
            verification.checks.push(check.into());
            if let Some(difference) = found.difference {
                verification.discrepancies.push(Discrepancy {
                    check: "journal and sled".into(),
                    found: difference.to_string(),
                    what_to_do: "stop the service, move the folder log/sled aside and start again: it is rebuilt from the journal".into(),
                });
            }
        }
        Err(error) => verification.discrepancies.push(Discrepancy {
            check: "journal".into(),
            found: with_causes(&error),
            what_to_do:
                "copy the data folder, then restore the newest verified backup into a new one"
                    .into(),
        }),
    }
    let evidence = findings(service, against, keys).await?;
    verification.checks.extend(evidence.checks);
    verification.discrepancies.extend(evidence.discrepancies);
    Ok(verification)
}

/// A verification as lines; they depend on the log alone.
pub(crate) fn lines(verification: &Verification) -> Vec<String> {
    let mut lines = vec![format!("{} events", verification.events)];
    lines.extend(
        verification
            .checks
            .iter()
            .map(|check| format!("checked: {check}")),
    );
    for discrepancy in &verification.discrepancies {
        lines.push(format!(
            "DISCREPANCY in {}: {}",
            discrepancy.check, discrepancy.found
        ));
        lines.push(format!("    what to do: {}", discrepancy.what_to_do));
    }
    if verification.discrepancies.is_empty() {
        lines.push("everything agrees".into());
    }
    lines
}

pub(super) async fn run(
    service: &Service,
    json: bool,
    against: Vec<AgainstFile>,
    keys: &[String],
) -> Result<Outcome, Failure> {
    let verification = verification(service, against, keys).await?;
    let exit = if verification.discrepancies.is_empty() {
        0
    } else {
        EXIT_DISCREPANCY
    };
    let outcome = if json {
        Outcome::json(&verification)?
    } else {
        Outcome::lines(lines(&verification))
    };
    Ok(Outcome { exit, ..outcome })
}
