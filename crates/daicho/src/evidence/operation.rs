//! What is asked of the service that holds the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_app::{Caller, Discrepancy, EvidenceFindings, LogKeys};
use daicho_domain::{FiscalYear, IndicatorId, PlanId};
use daicho_eventlog::evidence::VerifierKey;
use serde::{Deserialize, Serialize};

use super::log_key::rotate;
use crate::failure::{Failure, with_causes};
use crate::operation::{Outcome, acting_as, plan_asked_for};
use crate::service::Service;

/// A checkpoint from elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgainstFile {
    /// Name of its file.
    pub name: String,
    /// The checkpoint.
    pub text: String,
}

/// What `proof` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProofOperation {
    /// The plan; the only one where there is one.
    pub plan: Option<PlanId>,
    /// The fiscal year.
    pub fiscal_year: FiscalYear,
    /// Id, name or line of the indicator.
    pub indicator: String,
    /// Who asks.
    pub acting: Option<String>,
}

/// What is asked about the log's evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceOperation {
    /// `log-key show`.
    ShowLogKeys,
    /// `log-key rotate`.
    RotateLogKey,
    /// `witness request`.
    WitnessRequest {
        /// What the witness has seen, where it was said.
        old_size: Option<u64>,
        /// The witness's key, where what it has seen is to be looked up.
        witness: Option<String>,
    },
    /// `witness add`.
    WitnessAdd {
        /// The lines.
        lines: String,
        /// Keys of witnesses beside those that the service knows.
        witnesses: Vec<String>,
    },
    /// `proof`.
    Proof(ProofOperation),
}

/// Carries it out.
///
/// # Errors
/// The cause and the next step.
pub async fn run(
    service: &Service,
    operation: EvidenceOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    match operation {
        EvidenceOperation::ShowLogKeys => {
            let keys = service.app.log_keys().ok_or_else(|| {
                Failure::new("this log has no key yet")
                    .help("'daicho init' or the first start makes one")
            })?;
            Ok(shown(&keys))
        }
        EvidenceOperation::RotateLogKey => Ok(shown(&rotate(service).await?)),
        EvidenceOperation::WitnessRequest { old_size, witness } => {
            let old_size = match (old_size, witness) {
                (Some(size), _) => size,
                (None, Some(witness)) => service.app.size_seen_by(&parsed(&witness)?).await?,
                (None, None) => 0,
            };
            let request = service
                .app
                .witness_request(old_size)
                .await?
                .ok_or_else(|| {
                    Failure::new(
                        "the log is empty or has no key, so there is nothing to countersign",
                    )
                })?;
            Ok(Outcome {
                file: Some(BASE64.encode(request.to_text())),
                ..Outcome::default()
            })
        }
        EvidenceOperation::WitnessAdd { lines, witnesses } => {
            let mut keys = service
                .app
                .log_keys()
                .map(|keys| keys.witnesses().keys.clone())
                .unwrap_or_default();
            for witness in &witnesses {
                keys.push(parsed(witness)?);
            }
            if keys.is_empty() {
                return Err(Failure::new("no witness is known").help(
                    "name its public key with --witness, or configure [witnesses] of the service",
                ));
            }
            let added = service.app.add_countersignatures(&lines, &keys).await?;
            Ok(Outcome::lines(added.into_iter().map(|added| {
                format!(
                    "{} has countersigned the checkpoint of {} events",
                    added.witness, added.size
                )
            })))
        }
        EvidenceOperation::Proof(operation) => proof(service, operation, operator).await,
    }
}

fn shown(keys: &LogKeys) -> Outcome {
    Outcome::lines(keys.verifiers().iter().map(ToString::to_string))
}

fn parsed(key: &str) -> Result<VerifierKey, Failure> {
    VerifierKey::parse(key).map_err(Failure::new)
}

async fn proof(
    service: &Service,
    operation: ProofOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    let caller = acting_as(service, operation.acting.as_deref(), operator)?;
    let plans = service.app.plans(&caller);
    let plan = plan_asked_for(&plans, operation.plan)?.plan;
    let year = operation.fiscal_year;
    let indicator = indicator_asked_for(service, &caller, plan, year, &operation.indicator)?;
    let proof = service
        .app
        .figure_proof(&caller, plan, indicator, year)
        .await?;
    let mut json = serde_json::to_vec_pretty(&proof).map_err(Failure::new)?;
    json.push(b'\n');
    Ok(Outcome {
        file: Some(BASE64.encode(json)),
        ..Outcome::default()
    })
}

/// The indicator by its id, its line in the imported sheet, or its name.
fn indicator_asked_for(
    service: &Service,
    caller: &Caller,
    plan: PlanId,
    year: FiscalYear,
    asked: &str,
) -> Result<IndicatorId, Failure> {
    if let Ok(id) = asked.parse() {
        return Ok(id);
    }
    let help = "name it by its id, its full name, or its line in the imported sheet; 'daicho export --format json' has them";
    if let Ok(line) = asked.parse::<u32>() {
        let structure = service.app.plan_state(caller, plan)?;
        let placed = structure
            .placements
            .iter()
            .find(|placement| placement.source_line == Some(line));
        return placed
            .map(|placement| placement.indicator)
            .ok_or_else(|| Failure::new(format!("no indicator stands in line {line}")).help(help));
    }
    let sheet = service.app.sheet(caller, plan, year)?;
    let mut found: Vec<IndicatorId> = sheet
        .rows()
        .filter(|row| row.row.definition.name == asked)
        .map(|row| row.row.indicator)
        .collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::new(format!("no indicator is called '{asked}'")).help(help)),
        several => Err(
            Failure::new(format!("{} indicators are called '{asked}'", several.len())).help(help),
        ),
    }
}

/// What `verify` finds about the evidence.
///
/// # Errors
/// Where a file is no checkpoint, or a key none.
pub async fn findings(
    service: &Service,
    against: Vec<AgainstFile>,
    keys: &[String],
) -> Result<EvidenceFindings, Failure> {
    let against = against
        .into_iter()
        .map(AgainstFile::into_against)
        .collect::<Result<Vec<_>, _>>()?;
    let keys = keys
        .iter()
        .map(|key| parsed(key))
        .collect::<Result<Vec<_>, _>>()?;
    let found = service.app.verify_evidence(&against, &keys).await;
    // Other checks may have found why it cannot be read; that is not to be lost.
    Ok(found.unwrap_or_else(|error| EvidenceFindings {
        discrepancies: vec![Discrepancy {
            check: "tree".into(),
            found: with_causes(&error),
            what_to_do:
                "copy the data folder, then restore the newest verified backup into a new one"
                    .into(),
        }],
        ..EvidenceFindings::default()
    }))
}
