//! What is recorded in one transaction.

use std::collections::HashSet;

use daicho_eventlog::{
    Admission, Append, AppendOutcome, GlobalPosition, LogError, Recorded, StoredEventHead,
    StreamName,
};
use uuid::Uuid;

pub(crate) type Answer = Result<AppendOutcome, LogError>;

pub(crate) enum Group {
    /// Appends of several callers, each to be judged and answered by itself. Without any, the
    /// transaction only tries whether appending works.
    Appends(Vec<Append>),
    /// Events of another log, to be taken over as they are, all or none.
    Stored(Vec<Vec<u8>>),
}

impl Group {
    /// The streams and commands that it is judged by.
    pub(crate) fn asks_for(&self) -> (Vec<StreamName>, Vec<Uuid>) {
        let mut streams = HashSet::new();
        let mut commands = HashSet::new();
        match self {
            Self::Appends(appends) => {
                for append in appends {
                    streams.extend(append.expected.iter().map(|(stream, _)| stream.clone()));
                    let first = append.events.first();
                    commands.extend(first.map(|event| event.metadata.command_id));
                }
            }
            Self::Stored(events) => {
                // What is no event is refused when it is judged.
                for head in events
                    .iter()
                    .filter_map(|bytes| StoredEventHead::from_stored_bytes(bytes).ok())
                {
                    streams.insert(head.stream);
                    commands.insert(head.command_id);
                }
            }
        }
        (
            streams.into_iter().collect(),
            commands.into_iter().collect(),
        )
    }

    /// Whether there is nothing to record in it.
    pub(crate) fn is_probe(&self) -> bool {
        matches!(self, Self::Appends(appends) if appends.is_empty())
    }

    /// What of it can be recorded, and the answers once that is done. A refusal may rest on
    /// appends admitted before it, so it must not be told sooner.
    pub(crate) fn judge(self, recorded: &impl Recorded) -> (Admission, Vec<Answer>) {
        let mut admission = Admission::onto(recorded);
        let answers = match self {
            Self::Appends(appends) => appends
                .into_iter()
                .map(|append| admission.admit(recorded, append))
                .collect(),
            Self::Stored(events) => match admission.admit_stored(recorded, events) {
                Ok(()) => vec![Ok(whole(&admission))],
                Err(refusal) => {
                    admission = Admission::onto(recorded);
                    vec![Err(refusal)]
                }
            },
        };
        (admission, answers)
    }
}

fn whole(admission: &Admission) -> AppendOutcome {
    let first = admission.from();
    let count = admission.events().len() as u64;
    AppendOutcome {
        first,
        last: GlobalPosition(first.0 + count.saturating_sub(1)),
        replayed: false,
    }
}
