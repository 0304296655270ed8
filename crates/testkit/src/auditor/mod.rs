//! An auditor who trusts nobody: reads the stored bytes of the events, knows what was sent and
//! what was answered, and has a small model of the rules of its own. Nothing here is shared with
//! the service: no types of the domain, none of its code.

mod answers;
mod finding;
mod readings;
mod record;
mod report;
mod rules;
mod tree;

pub use answers::{Answer, Attempt, Sent};
pub use finding::Finding;
pub use readings::Reading;

use rules::Rules;

/// Everything that the auditor is given.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The stored bytes of every event, in order.
    pub stored: Vec<Vec<u8>>,
    /// Number of leaves that the log says its tree has.
    pub tree_size: u64,
    /// The root that the log says its tree has.
    pub tree_root: [u8; 32],
    /// Every command that somebody sent, with all answers.
    pub sent: Vec<Sent>,
    /// What the nodes answer now that everything is quiet.
    pub readings: Vec<Reading>,
}

/// Checks everything there is against everything else.
///
/// # Errors
/// The first thing that does not agree.
pub fn audit(evidence: &Evidence) -> Result<(), Finding> {
    let records = record::read_all(&evidence.stored)?;
    record::are_in_order(&records)?;
    answers::are_in_the_log(&evidence.sent, &records)?;
    answers::were_asked_for(&evidence.sent, &records)?;
    answers::have_honest_times(&evidence.sent, &records)?;
    let mut rules = Rules::default();
    for record in &records {
        rules.follow(record)?;
    }
    tree::is_the_one_of(&evidence.stored, evidence.tree_size, &evidence.tree_root)?;
    for reading in &evidence.readings {
        readings::agrees(reading, &records, &mut rules)?;
    }
    Ok(())
}
