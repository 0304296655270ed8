//! What was sent and what was answered, against what is recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Finding;
use super::record::Record;

/// A command that somebody sent, under one id with one content.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The command's id.
    pub id: String,
    /// What was asked for (`enter_actual`).
    pub action: String,
    /// Who asked: an account's id, `operator:<user>` or `anonymous`.
    pub giver: String,
    /// The command as JSON text.
    pub content: String,
    /// Each time that it was sent.
    pub attempts: Vec<Attempt>,
}

/// One time that a command was sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// To which node.
    pub node: usize,
    /// When, by that node's clock.
    pub sent_at: Timestamp,
    /// When, in the order of everything that happened.
    pub began: u64,
    /// What came back, and when; nothing where the answer was lost or nobody waited for it.
    pub answer: Option<(Answer, Timestamp, u64)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was carried out.
    Done {
        /// Position of its last event.
        position: u64,
        /// How many events it has; none where everything was already as asked.
        events: u64,
    },
    /// It was refused with this code.
    Refused(String),
    /// The id was used for something else.
    IdReused,
    /// Nothing certain: to be sent again.
    NotNow,
}

impl Sent {
    /// What the log must have recorded as the command's digest.
    fn digest(&self) -> String {
        let text = format!("{}\n{}\n{}", self.giver, self.action, self.content);
        hex::encode(Sha256::digest(text))
    }

    fn done_before(&self, moment: u64) -> bool {
        self.attempts.iter().any(|attempt| {
            matches!(&attempt.answer, Some((Answer::Done { events: 1.., .. }, _, ended)) if *ended < moment)
        })
    }
}

type ByCommand<'r> = BTreeMap<&'r str, Vec<&'r Record>>;

fn by_command(records: &[Record]) -> ByCommand<'_> {
    let mut commands = ByCommand::new();
    for record in records {
        commands.entry(&record.command).or_default().push(record);
    }
    commands
}

/// Every answer is true: what was acknowledged is recorded once, what was refused is not.
pub(super) fn are_in_the_log(sent: &[Sent], records: &[Record]) -> Result<(), Finding> {
    let commands = by_command(records);
    for sent in sent {
        let digest = Some(sent.digest());
        let of_id = commands
            .get(sent.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        let is_recorded = of_id.first().is_some_and(|record| record.digest == digest);
        for attempt in &sent.attempts {
            let Some((answer, _, _)) = &attempt.answer else {
                continue;
            };
            let wrong = |why: &str| {
                Err(Finding::WrongAnswer {
                    action: sent.action.clone(),
                    command: sent.id.clone(),
                    answer: format!("{answer:?}"),
                    why: why.to_owned(),
                })
            };
            match answer {
                Answer::Done { events: 0, .. } | Answer::NotNow => {}
                Answer::Done { position, events } => {
                    for at in (position + 1).saturating_sub(*events)..=*position {
                        let is_there = usize::try_from(at)
                            .ok()
                            .and_then(|at| records.get(at))
                            .is_some_and(|it| it.command == sent.id && it.digest == digest);
                        if !is_there {
                            return Err(Finding::AcknowledgedIsMissing {
                                action: sent.action.clone(),
                                command: sent.id.clone(),
                                position: at,
                            });
                        }
                    }
                    if of_id.len() as u64 != *events {
                        return Err(Finding::OtherNumberOfEvents {
                            action: sent.action.clone(),
                            command: sent.id.clone(),
                            answered: *events,
                            found: of_id.len() as u64,
                        });
                    }
                }
                Answer::Refused(_) if sent.done_before(attempt.began) => {
                    return wrong("it had been acknowledged before");
                }
                Answer::Refused(_) => {}
                Answer::IdReused if of_id.is_empty() => {
                    return wrong("nothing is recorded under this id");
                }
                Answer::IdReused if is_recorded => {
                    return wrong("exactly this is recorded under the id");
                }
                Answer::IdReused => {}
            }
        }
    }
    Ok(())
}

/// Kinds of events that a command of this name may lead to.
fn leads_to(action: &str) -> &'static [&'static str] {
    match action {
        "register_municipality" => &["municipality-registered.v1"],
        "open_department" => &["department-opened.v1"],
        "open_account" => &["account-opened.v1"],
        "give_grant" => &["grant-given.v1"],
        "withdraw_grant" => &["grant-withdrawn.v1"],
        "adopt_plan" => &[
            "plan-adopted.v1",
            "goal-added.v1",
            "policy-added.v1",
            "measure-added.v1",
            "project-added.v1",
            "indicator-placed.v1",
            "indicator-defined.v1",
            "department-assigned.v1",
            "targets-set.v1",
            "direction-decided.v1",
            "figure-adopted.v1",
            "commentary-adopted.v1",
        ],
        "set_route" => &["route-set.v1"],
        "assign_department" => &["department-assigned.v1"],
        "revise_targets" => &["targets-revised.v1", "targets-set.v1"],
        "open_period" => &["period-opened.v1"],
        "change_due_date" => &["period-due-changed.v1"],
        "close_period" => &["period-closed.v1"],
        "reopen_period" => &["period-reopened.v1"],
        "publish_sheet" => &["sheet-published.v1", "correction-published.v1"],
        "enter_actual" => &[
            "actual-entered.v1",
            "actual-revised.v1",
            "actual-corrected.v1",
        ],
        "write_commentary" => &["commentary-written.v1", "commentary-revised.v1"],
        "submit_report" => &["report-submitted.v1"],
        "withdraw_report" => &["report-withdrawn.v1"],
        "return_report" => &["report-returned.v1"],
        "approve_report" => &["report-approved.v1"],
        "accept_report" => &["report-accepted.v1"],
        "unlock_report" => &["report-unlocked.v1"],
        _ => &[],
    }
}

/// Nothing is recorded that nobody asked for, and nothing else than what was asked for.
pub(super) fn were_asked_for(sent: &[Sent], records: &[Record]) -> Result<(), Finding> {
    let by_digest: BTreeMap<_, _> = sent
        .iter()
        .map(|sent| ((sent.id.as_str(), sent.digest()), sent))
        .collect();
    let by_id_and_giver: BTreeMap<_, _> = sent
        .iter()
        .map(|sent| {
            (
                (sent.id.as_str(), sent.giver.as_str(), sent.action.as_str()),
                sent,
            )
        })
        .collect();
    for record in records {
        let nobody = |why: &str| {
            Err(Finding::NobodySent {
                position: record.position,
                kind: record.kind.clone(),
                why: why.to_owned(),
            })
        };
        let Some(digest) = &record.digest else {
            let cause = record.cause.as_deref().unwrap_or_default();
            let refused = (cause, record.account.as_str(), record.text("command"));
            if record.kind != "command-refused.v1"
                || record.stream != format!("activity-{}", record.account)
                || !by_id_and_giver.contains_key(&refused)
            {
                return nobody("no command was sent that could have been refused");
            }
            continue;
        };
        let Some(sent) = by_digest.get(&(record.command.as_str(), digest.clone())) else {
            return nobody("no command with this id and this digest was sent");
        };
        if sent.giver != record.account {
            return nobody("it was sent by somebody else");
        }
        if !leads_to(&sent.action).contains(&record.kind.as_str()) {
            return nobody("the command of this id asked for something else");
        }
        says_what_was_sent(sent, record)?;
    }
    batches_are_whole(&by_digest, records)
}

/// The parts of the event that the sender decided.
fn says_what_was_sent(sent: &Sent, record: &Record) -> Result<(), Finding> {
    let content: Value = serde_json::from_str(&sent.content).unwrap_or_default();
    let data = &record.data;
    let same = match record.kind.as_str() {
        "actual-entered.v1" => data["actual"]["cell"] == content["cell"],
        "actual-revised.v1" => data["revised"]["cell"] == content["cell"],
        "actual-corrected.v1" => data["corrected"]["cell"] == content["cell"],
        "commentary-written.v1" => data["commentary"] == content["commentary"],
        "commentary-revised.v1" => data["revised"] == content["commentary"],
        // Who approves says what they have read, and that is what stands.
        "report-approved.v1" | "report-accepted.v1" => data["content"] == content["content"],
        _ => true,
    };
    let of_report = data["fiscal_year"].is_null()
        || sent.action == "adopt_plan"
        || data["fiscal_year"] == content["fiscal_year"];
    let of_indicator = !record.stream.starts_with("indicator-")
        || sent.action == "adopt_plan"
        || content["indicator"] == record.subject();
    if same && of_report && of_indicator {
        return Ok(());
    }
    Err(Finding::NobodySent {
        position: record.position,
        kind: record.kind.clone(),
        why: "the command of this id said something else".into(),
    })
}

/// A plan is adopted with everything in it or not at all.
fn batches_are_whole(
    sent: &BTreeMap<(&str, String), &Sent>,
    records: &[Record],
) -> Result<(), Finding> {
    for (command, events) in by_command(records) {
        let digest = events[0].digest.clone().unwrap_or_default();
        let Some(sent) = sent.get(&(command, digest)) else {
            continue;
        };
        if sent.action != "adopt_plan" {
            continue;
        }
        let content: Value = serde_json::from_str(&sent.content).unwrap_or_default();
        let plan = &content["plan"];
        let of_kind = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
        let parts = |part: &str| plan[part].as_array().map_or(0, Vec::len);
        let indicators = parts("indicators");
        for (what, sent, found) in [
            ("plan", 1, of_kind("plan-adopted.v1")),
            ("goals", parts("goals"), of_kind("goal-added.v1")),
            ("indicators", indicators, of_kind("indicator-defined.v1")),
            ("departments", indicators, of_kind("department-assigned.v1")),
        ] {
            if sent != found {
                return Err(Finding::BatchIsNotWhole {
                    command: command.to_owned(),
                    what,
                    sent,
                    found,
                });
            }
        }
    }
    Ok(())
}

/// Every event was recorded while its command was under way on its node, and within a stream no
/// node's clock goes back. (Over the whole log it may: two commands that do not touch each
/// other are decided in one order and written in the other.)
pub(super) fn have_honest_times(sent: &[Sent], records: &[Record]) -> Result<(), Finding> {
    let mut by_id: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for sent in sent {
        by_id.entry(&sent.id).or_default().extend(&sent.attempts);
    }
    let mut latest: BTreeMap<(usize, &str), Timestamp> = BTreeMap::new();
    for record in records {
        let wrong = |why: String| {
            Err(Finding::WrongTime {
                position: record.position,
                at: record.at.to_string(),
                why,
            })
        };
        let Some(node) = record.node() else {
            return wrong("by no node".into());
        };
        let command = match record.digest {
            Some(_) => &record.command,
            None => record.cause.as_ref().unwrap_or(&record.command),
        };
        let was_under_way = by_id.get(command.as_str()).is_some_and(|attempts| {
            attempts.iter().any(|attempt| {
                let ended = attempt.answer.as_ref().map(|(_, at, _)| *at);
                attempt.node == node
                    && attempt.sent_at <= record.at
                    && ended.is_none_or(|ended| record.at <= ended)
            })
        });
        if !was_under_way {
            return wrong(format!("when its command was not under way on node {node}"));
        }
        let before = latest.insert((node, &record.stream), record.at);
        if let Some(before) = before.filter(|before| record.at < *before) {
            return wrong(format!(
                "but node {node} recorded {} in the same stream before",
                before
            ));
        }
    }
    Ok(())
}
