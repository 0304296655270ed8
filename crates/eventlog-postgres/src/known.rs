//! What a node knows of the log without asking, as long as nobody else has moved the head.

use std::{collections::HashMap, sync::Arc};

use daicho_eventlog::{
    AdmittedEvent, Append, ExpectedVersion, GlobalPosition, LogError, Recorded, StreamName,
    StreamPosition,
    evidence::{FullTile, Tree, leaf_hash},
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::tree::{self, unsigned};

/// Streams whose version is remembered: some ten megabytes. Beyond that all are forgotten and
/// asked for again.
const STREAMS_MAX: usize = 65_536;

/// The tree over everything recorded, and the versions of streams that were in use.
pub(crate) struct Known {
    tree: Arc<Tree>,
    /// The head's term when this node last looked.
    pub(crate) term: i64,
    versions: HashMap<String, Option<StreamPosition>>,
}

/// Commands that are recorded, with first and last position.
pub(crate) type Commands = HashMap<Uuid, (GlobalPosition, GlobalPosition)>;

/// Admitted events as they will be recorded.
pub(crate) struct Grown {
    pub(crate) tree: Arc<Tree>,
    pub(crate) full: Vec<FullTile>,
}

impl Known {
    pub(crate) fn new(tree: Arc<Tree>) -> Self {
        Self {
            tree,
            term: 0,
            versions: HashMap::new(),
        }
    }

    pub(crate) fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Number of events.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Adds a page of events that others recorded.
    pub(crate) fn read_on(&mut self, rows: &[Row]) -> Result<(), LogError> {
        if rows.is_empty() {
            return Ok(());
        }
        tree::grow(Arc::make_mut(&mut self.tree), rows)?;
        for row in rows {
            let stream: &str = row.get(2);
            // Only what is remembered has to be kept right.
            if let Some(version) = self.versions.get_mut(stream) {
                *version = Some(StreamPosition(unsigned(row.get(3))));
            }
        }
        Ok(())
    }

    /// Remembers what the database said of a stream.
    pub(crate) fn learn(&mut self, stream: &StreamName, version: Option<StreamPosition>) {
        self.versions.insert(stream.as_str().to_owned(), version);
    }

    /// Forgets streams, if they are too many.
    pub(crate) fn make_room(&mut self) {
        if self.versions.len() > STREAMS_MAX {
            self.versions = HashMap::new();
        }
    }

    /// Whether the append can be judged without asking. A stream that is not remembered may be
    /// taken for new if the append writes it: if that is wrong, the database has its position
    /// already and refuses.
    pub(crate) fn can_judge(&self, append: &Append) -> bool {
        append.expected.iter().all(|(stream, expected)| {
            self.versions.contains_key(stream.as_str())
                || *expected == ExpectedVersion::NoStream
                    && append.events.iter().any(|event| event.stream == *stream)
        })
    }

    /// The tree with these events in it.
    pub(crate) fn with(&self, admitted: &[AdmittedEvent]) -> Grown {
        let mut tree = (*self.tree).clone();
        let mut full = Vec::new();
        for event in admitted {
            tree.push(leaf_hash(&event.stored), &mut full);
        }
        Grown {
            tree: Arc::new(tree),
            full,
        }
    }

    /// The events have been recorded, or will have been if all goes well.
    pub(crate) fn move_to(&mut self, tree: Arc<Tree>, recorded: &[AdmittedEvent]) {
        self.tree = tree;
        for event in recorded {
            match self.versions.get_mut(event.stream.as_str()) {
                Some(version) => *version = Some(event.stream_position),
                None => {
                    let version = Some(event.stream_position);
                    self.versions
                        .insert(event.stream.as_str().to_owned(), version);
                }
            }
        }
    }

    /// What was to be recorded behind this tree was not.
    pub(crate) fn back_to(&mut self, tree: Arc<Tree>) {
        self.tree = tree;
        self.versions.clear();
    }
}

/// What a group is judged by: what the node knows, and the commands that the database has.
pub(crate) struct Ground<'a> {
    pub(crate) known: &'a Known,
    pub(crate) commands: &'a Commands,
}

impl Recorded for Ground<'_> {
    fn next_position(&self) -> GlobalPosition {
        GlobalPosition(self.known.size())
    }

    fn stream_version(&self, stream: &StreamName) -> Option<StreamPosition> {
        let version = self.known.versions.get(stream.as_str());
        version.copied().flatten()
    }

    fn command_outcome(&self, command_id: Uuid) -> Option<(GlobalPosition, GlobalPosition)> {
        self.commands.get(&command_id).copied()
    }
}

#[cfg(test)]
mod tests {
    use daicho_eventlog::{
        Admission,
        conformance::{append, exact, no_stream, stream},
    };

    use super::*;

    #[test]
    fn only_what_is_remembered_or_written_anew_is_judged_without_asking() {
        let mut known = Known::new(Arc::default());
        known.learn(&stream("a"), Some(StreamPosition(4)));
        known.learn(&stream("b"), None);
        assert!(known.can_judge(&append(1, &[("a", exact(4)), ("b", no_stream())])));
        // The database keeps it from being there twice.
        assert!(known.can_judge(&append(1, &[("new", no_stream())])));
        assert!(!known.can_judge(&append(1, &[("other", exact(0))])));
        let mut relies_on_it = append(1, &[("a", exact(4)), ("other", no_stream())]);
        relies_on_it.events.pop();
        assert!(!known.can_judge(&relies_on_it));
    }

    #[test]
    fn what_was_recorded_is_known() {
        let mut known = Known::new(Arc::default());
        let none = Commands::new();
        for (number, version) in [(1, no_stream()), (2, exact(0)), (3, exact(1))] {
            let ground = Ground {
                known: &known,
                commands: &none,
            };
            let mut admission = Admission::onto(&ground);
            let sent = append(number, &[("a", version)]);
            assert_eq!(admission.admit(&ground, sent).unwrap().first.0, number - 1);
            let grown = known.with(admission.events());
            known.move_to(grown.tree, admission.events());
        }
        assert_eq!(known.size(), 3);
    }
}
