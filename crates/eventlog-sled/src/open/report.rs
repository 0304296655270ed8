//! What opening found and did.

use std::path::PathBuf;

use crate::{TornTail, journal::scan::Scan};

/// What was found and done when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Events in the log.
    pub events: u64,
    /// The last user of the folder had closed the log properly (or there was none).
    pub clean_shutdown: bool,
    /// Events that sled lacked and now has from the journal.
    pub replayed_events: u64,
    /// Remains of an interrupted write that were taken off the journal.
    pub torn_tail: Option<TornTail>,
    /// Unfinished snapshots of sled that were removed.
    pub removed_snapshots: Vec<PathBuf>,
    /// A sled that did not open.
    pub set_aside: Option<SetAside>,
    /// Files that sled made for large values. More than 0 is a fault to report.
    pub blob_files: usize,
    /// Events whose index had to be derived, because no index file had them.
    pub indexed_events: u64,
    /// The ballast was given up to make room on a full disk.
    pub gave_up_ballast: bool,
    /// Checkpoints that sled lacked and now has from their file.
    pub replayed_checkpoints: usize,
    /// A file of checkpoints that was not whole. What sled and the rest of it have is in a new one.
    pub checkpoints_set_aside: Option<SetAside>,
}

/// Something that was not whole and has been made anew: sled from the journal, the file of
/// checkpoints from sled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is kept.
    pub path: PathBuf,
    /// What it said, or what was wrong with it.
    pub reason: String,
}

impl OpenReport {
    /// Of a journal that has been read, with `known` events known before. What else is found and
    /// done is added to it.
    pub(super) fn of_journal(scan: &Scan, known: u64, clean_shutdown: bool) -> Self {
        Self {
            events: scan.next,
            clean_shutdown,
            replayed_events: 0,
            torn_tail: scan.torn.clone(),
            removed_snapshots: Vec::new(),
            set_aside: None,
            blob_files: 0,
            indexed_events: scan.next.saturating_sub(known),
            gave_up_ballast: false,
            replayed_checkpoints: 0,
            checkpoints_set_aside: None,
        }
    }
}
