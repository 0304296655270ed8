//! Checking a figure's proof: without the service, from the document and the log's public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use daicho_domain::{FiscalYear, IndicatorId, StreamId};
use daicho_eventlog::RecordedEvent;
use daicho_eventlog::evidence::{Checkpoint, NotProven, TlogProof, VerifierKey, leaf_hash};
use daicho_projections::decode;

use super::claims::{Claims, EventRole, Figure, Placed, claims_of};
use super::{FIGURE_PROOF_FORMAT, FigureProof, ProvenEvent};

/// What does not hold in a figure's proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofFault {
    /// The document cannot be read.
    #[error("this is no {FIGURE_PROOF_FORMAT} document: {0}")]
    Unreadable(String),
    /// One event's proof does not hold.
    #[error("the event at position {position} ({role}) is not proven: {why}")]
    Event {
        /// Its position, as the document says.
        position: u64,
        /// The part that it is said to play.
        role: &'static str,
        /// What does not hold.
        why: String,
    },
    /// An event plays another part than the document says.
    #[error("the event at position {position} is said to be '{says}', but its bytes say '{is}'")]
    Role {
        /// Its position.
        position: u64,
        /// The document's word.
        says: &'static str,
        /// What it is.
        is: String,
    },
    /// The proofs lead to different heads.
    #[error(
        "the event at position {position} is proven under another checkpoint than the first event; all must stand under one"
    )]
    OtherHead {
        /// Its position.
        position: u64,
    },
    /// The events are not in the log's order, or one is there twice.
    #[error("the event at position {position} is out of order or there twice")]
    Order {
        /// Its position.
        position: u64,
    },
    /// An event is of something else.
    #[error("the event at position {position} is not about this figure: it is of {stream}")]
    OtherFigure {
        /// Its position.
        position: u64,
        /// The stream that it belongs to.
        stream: String,
    },
    /// An event does not fit those before it.
    #[error("the event at position {position} does not fit those before it: {why}")]
    Unfitting {
        /// Its position.
        position: u64,
        /// What does not fit.
        why: String,
    },
    /// An approval is not of what stood there.
    #[error(
        "the approval at position {position} names the content {approved}, but what stood there is {stood}: an event is missing or does not belong"
    )]
    OtherContent {
        /// Position of the approval.
        position: u64,
        /// The content that it names.
        approved: String,
        /// The content that the events give.
        stood: String,
    },
    /// An event that must be there is not.
    #[error("the document lacks {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// An event of a stream that must be whole is not there.
    #[error("the document lacks event {stream_position} of the {stream}'s stream")]
    Gap {
        /// The stream.
        stream: &'static str,
        /// Position in the stream.
        stream_position: u64,
    },
    /// The manifest says something that the events do not.
    #[error("the manifest says of '{claim}': {says}; the proven events say: {events_say}")]
    Claim {
        /// The manifest's member.
        claim: String,
        /// What it says.
        says: String,
        /// What the events say.
        events_say: String,
    },
    /// Not enough witnesses.
    #[error("{found} of the witnesses named have countersigned ({names}), {required} are required")]
    Witnesses {
        /// How many have.
        found: usize,
        /// Who has.
        names: String,
        /// How many are required.
        required: usize,
    },
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedFigure {
    /// What it says, derived from the proven events.
    pub claims: Claims,
    /// The head that everything was proven under.
    pub checkpoint: Checkpoint,
    /// The witnesses that countersigned it.
    pub witnesses: Vec<String>,
    /// Number of events.
    pub events: usize,
}

impl FigureProof {
    /// Reads a document; whether it holds is another question.
    ///
    /// # Errors
    /// [`ProofFault::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, ProofFault> {
        let proof: Self = serde_json::from_str(text)
            .map_err(|error| ProofFault::Unreadable(error.to_string()))?;
        if proof.format != FIGURE_PROOF_FORMAT {
            return Err(ProofFault::Unreadable(format!(
                "its format is '{}'",
                proof.format
            )));
        }
        Ok(proof)
    }

    /// Verifies every event's proof with `keys` (the log's and, where there are any, witnesses'), and
    /// derives the manifest anew from the proven bytes. At least `required` witnesses have to have
    /// countersigned.
    ///
    /// # Errors
    /// The first [`ProofFault`] found.
    pub fn check(
        &self,
        keys: &[VerifierKey],
        required: usize,
    ) -> Result<CheckedFigure, ProofFault> {
        let year = self.manifest.fiscal_year;
        let mut head: Option<(Checkpoint, Vec<String>)> = None;
        let mut placed: Vec<Placed> = Vec::new();
        for event in &self.events {
            let (checkpoint, witnesses, part) = verify_one(event, keys, year)?;
            match &head {
                None => head = Some((checkpoint, witnesses)),
                Some((first, _)) if *first == checkpoint => {}
                Some(_) => {
                    return Err(ProofFault::OtherHead {
                        position: event.position,
                    });
                }
            }
            let before = placed.last().map(|last| last.event.provenance.position);
            if before.is_some_and(|before| before >= event.position) {
                return Err(ProofFault::Order {
                    position: event.position,
                });
            }
            placed.push(part);
        }
        let (checkpoint, witnesses) = head.ok_or(ProofFault::Missing { what: "any event" })?;
        let claims = claims_of(self.figure(&placed)?, &placed)?;
        compare(&self.manifest, &claims)?;
        if witnesses.len() < required {
            return Err(ProofFault::Witnesses {
                found: witnesses.len(),
                names: witnesses.join(", "),
                required,
            });
        }
        Ok(CheckedFigure {
            claims,
            checkpoint,
            witnesses,
            events: self.events.len(),
        })
    }

    /// The figure that the manifest speaks of, in the municipality that the events speak of.
    fn figure(&self, placed: &[Placed]) -> Result<Figure, ProofFault> {
        let municipality = placed.iter().find_map(|placed| match placed.event.stream {
            StreamId::Municipality(id) => Some(id),
            _ => None,
        });
        let indicator: IndicatorId = self.manifest.indicator;
        Ok(Figure {
            municipality: municipality.ok_or(ProofFault::Missing {
                what: "the registration of the municipality",
            })?,
            plan: self.manifest.plan,
            indicator,
            year: self.manifest.fiscal_year,
        })
    }
}

fn verify_one(
    event: &ProvenEvent,
    keys: &[VerifierKey],
    year: FiscalYear,
) -> Result<(Checkpoint, Vec<String>, Placed), ProofFault> {
    let position = event.position;
    let fault = |why: String| ProofFault::Event {
        position,
        role: event.role.word(),
        why,
    };
    let stored = BASE64
        .decode(&event.stored)
        .map_err(|_| fault("its stored bytes are not base64".to_owned()))?;
    let proof = TlogProof::parse(&event.proof).map_err(|error| fault(error.to_string()))?;
    let witnesses = proof
        .verify(keys, leaf_hash(&stored))
        .map_err(|error| match error {
            NotProven::Path(_) => fault(
                "its bytes are not those that stand there in the log of the checkpoint".to_owned(),
            ),
            NotProven::Checkpoint(error) => fault(
                std::error::Error::source(&error)
                    .map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
            ),
        })?;
    if proof.index != position {
        return Err(fault(format!("its proof is for position {}", proof.index)));
    }
    let recorded =
        RecordedEvent::from_stored_bytes(&stored).map_err(|error| fault(error.to_string()))?;
    if recorded.global_position.0 != position {
        return Err(fault(format!(
            "its bytes say position {}",
            recorded.global_position.0
        )));
    }
    let decoded = decode(&recorded).map_err(|error| fault(error.to_string()))?;
    let is = EventRole::of(&decoded.event, year);
    if is != Some(event.role) {
        return Err(ProofFault::Role {
            position,
            says: event.role.word(),
            is: is.map_or_else(
                || format!("{} of something else", decoded.event.name()),
                |role| role.word().to_owned(),
            ),
        });
    }
    let placed = Placed {
        stream_position: recorded.stream_position.0,
        event: decoded,
    };
    Ok((proof.checkpoint, witnesses, placed))
}

/// The first member in which the manifest says something else than the events.
fn compare(manifest: &Claims, derived: &Claims) -> Result<(), ProofFault> {
    let json = |claims: &Claims| match serde_json::to_value(claims) {
        Ok(serde_json::Value::Object(members)) => Ok(members),
        _ => Err(ProofFault::Unreadable("its manifest is no object".into())),
    };
    let (says, is) = (json(manifest)?, json(derived)?);
    for (claim, events_say) in &is {
        let said = says.get(claim).unwrap_or(&serde_json::Value::Null);
        if said != events_say {
            return Err(ProofFault::Claim {
                claim: claim.clone(),
                says: said.to_string(),
                events_say: events_say.to_string(),
            });
        }
    }
    Ok(())
}
