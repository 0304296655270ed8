//! `verify`: the log's storage against itself, the read models against the log, the log against
//! every head that was ever signed.

use daicho_app::Verification;

use super::Outcome;
use crate::evidence::{AgainstFile, findings};
use crate::failure::{EXIT_DISCREPANCY, Failure};
use crate::service::Service;

/// Everything that is checked.
pub(crate) async fn verification(
    service: &Service,
    against: Vec<AgainstFile>,
    keys: &[String],
) -> Result<Verification, Failure> {
    let mut verification = service.app.verify().await?;
    let (check, discrepancies) = service.storage.verify().await?;
    verification.checks.extend(check.map(Into::into));
    verification.discrepancies.extend(discrepancies);
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
