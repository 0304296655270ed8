//! The file of a backup: a tar archive packed with zstd, which anybody's tools can open.
//!
//! | entry | |
//! |---|---|
//! | `manifest.json` | format, number of events, root of the tree, when and by which version |
//! | `events/POSITION.bundle` | stored events from POSITION on, each behind its length (tlog-tiles' entry bundle) |
//! | `checkpoints.jsonl` | every signed head, a JSON string a line |
//!
//! The root in the manifest is that of the tree over exactly these events: whoever reads the file
//! derives it again, so a backup is verified by being read.

use std::io::{Read, Write};

use daicho_eventlog::evidence::{
    Checkpoint, Hash, Tree, TreeHead, decode_bundle, encode_bundle, leaf_hash,
};
use daicho_eventlog::{EventLog, GlobalPosition, LogError, StoredEventHead};
use serde::{Deserialize, Serialize};

/// Format of the archive.
const FORMAT: &str = "daicho-backup.v1";
/// Stored events in one entry of the archive, at least; a command's events stay together.
const BUNDLE_EVENTS: usize = 4096;
/// Checkpoints read from the log at a time.
const CHECKPOINTS_PAGE: usize = 1000;
const ZSTD_LEVEL: i32 = 3;

const MANIFEST: &str = "manifest.json";
const CHECKPOINTS: &str = "checkpoints.jsonl";
const EVENTS: &str = "events/";

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Number of events.
    pub events: u64,
    /// Root of the tree over them, in base64.
    pub root: String,
    /// When it was made.
    pub made_at: String,
    /// The version that made it.
    pub version: String,
    /// What a restored service needs besides.
    pub not_included: String,
}

/// Why a backup could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file could not be written or read.
    #[error("the backup file could not be read or written")]
    Io(#[from] std::io::Error),
    /// The log did not do it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file is something else, or not whole.
    #[error("this is no whole backup: {0}")]
    Malformed(String),
    /// The events do not lead to the root.
    #[error(
        "the events of the backup lead to the root {found}, not to {expected} as it says: it has been changed or damaged"
    )]
    OtherRoot {
        /// What the manifest says.
        expected: String,
        /// What the events lead to.
        found: String,
    },
}

fn malformed(what: impl Into<String>) -> ArchiveError {
    ArchiveError::Malformed(what.into())
}

/// Writes what `log` holds at this moment. Appends may go on: they are not in it.
///
/// # Errors
/// [`ArchiveError`]; what was written is then no backup.
pub async fn write<W: Write + Send>(
    log: &dyn EventLog,
    made_at: String,
    not_included: &str,
    file: W,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<(Manifest, W), ArchiveError> {
    let head = log.tree_head().await?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        events: head.size,
        root: head.root.to_string(),
        made_at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        not_included: not_included.to_owned(),
    };
    let mut archive = tar::Builder::new(zstd::Encoder::new(file, ZSTD_LEVEL)?);
    let document = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::other)?;
    add(&mut archive, MANIFEST, &document)?;

    let mut tree = Tree::default();
    let mut next = 0;
    while next < head.size {
        let events = read_commands(log, next, head.size).await?;
        for event in &events {
            tree.push(leaf_hash(event), &mut Vec::new());
        }
        let bundle = encode_bundle(events.iter().map(Vec::as_slice));
        add(&mut archive, &format!("{EVENTS}{next:020}.bundle"), &bundle)?;
        next += events.len() as u64;
        progress(next, head.size);
    }
    if tree.head() != head {
        return Err(ArchiveError::OtherRoot {
            expected: head.root.to_string(),
            found: tree.head().root.to_string(),
        });
    }

    let mut lines = Vec::new();
    let mut from = 0;
    loop {
        let page = log.checkpoints(from, CHECKPOINTS_PAGE).await?;
        for checkpoint in page.iter().filter(|kept| kept.head.size <= head.size) {
            serde_json::to_writer(&mut lines, checkpoint.text()).map_err(std::io::Error::other)?;
            lines.push(b'\n');
        }
        match page.last() {
            Some(last) if page.len() == CHECKPOINTS_PAGE => from = last.head.size + 1,
            _ => break,
        }
    }
    add(&mut archive, CHECKPOINTS, &lines)?;
    let file = archive.into_inner()?.finish()?;
    Ok((manifest, file))
}

/// Stored events of whole commands from `next` on, some thousand at most, of a log that has `size`
/// events.
///
/// # Errors
/// [`ArchiveError::Log`], or [`ArchiveError::Malformed`] where the log does not have them.
pub async fn read_commands(
    log: &dyn EventLog,
    next: u64,
    size: u64,
) -> Result<Vec<Vec<u8>>, ArchiveError> {
    let max = usize::try_from(size - next).unwrap_or(usize::MAX);
    let mut events = log
        .read_stored(GlobalPosition(next), BUNDLE_EVENTS.min(max))
        .await?;
    if events.is_empty() {
        return Err(malformed(format!(
            "the log has no event at position {next}"
        )));
    }
    if next + (events.len() as u64) < size {
        keep_whole_commands(&mut events)?;
    }
    Ok(events)
}

/// Takes the last command off, which may go on behind these events; unless it is the only one.
fn keep_whole_commands(events: &mut Vec<Vec<u8>>) -> Result<(), ArchiveError> {
    let command = |bytes: &[u8]| {
        StoredEventHead::from_stored_bytes(bytes)
            .map(|head| head.command_id)
            .map_err(|error| malformed(error.to_string()))
    };
    let Some(last) = events.last() else {
        return Ok(());
    };
    let last = command(last)?;
    let mut whole = events.len();
    while whole > 0 && command(&events[whole - 1])? == last {
        whole -= 1;
    }
    if whole == 0 {
        return Err(malformed(format!(
            "one command has more than {BUNDLE_EVENTS} events"
        )));
    }
    events.truncate(whole);
    Ok(())
}

fn add<W: Write>(archive: &mut tar::Builder<W>, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, path, bytes)
}

/// Something of a backup, in the order of the file.
pub enum Part {
    /// Stored events from the next position on: whole commands.
    Events(Vec<Vec<u8>>),
    /// Every signed head.
    Checkpoints(Vec<Checkpoint>),
}

/// Reads a backup from its beginning to its end, shows every part to `visit`, and derives the root.
///
/// # Errors
/// [`ArchiveError`]; what `visit` got is then not to be used.
pub fn read<R: Read>(
    file: R,
    mut visit: impl FnMut(Part) -> Result<(), ArchiveError>,
) -> Result<Manifest, ArchiveError> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(file)?);
    let mut manifest: Option<Manifest> = None;
    let mut tree = Tree::default();
    let mut checkpoints: Option<Vec<TreeHead>> = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if path == MANIFEST && manifest.is_none() {
            let read: Manifest = serde_json::from_slice(&bytes)
                .map_err(|error| malformed(format!("its manifest cannot be read: {error}")))?;
            if read.format != FORMAT {
                return Err(malformed(format!(
                    "its format is '{}', this program reads {FORMAT}",
                    read.format
                )));
            }
            manifest = Some(read);
        } else if let Some(from) = path.strip_prefix(EVENTS) {
            let from = from
                .strip_suffix(".bundle")
                .and_then(|from| from.parse().ok());
            if from != Some(tree.size()) {
                return Err(malformed(format!(
                    "{path} stands where position {} comes next",
                    tree.size()
                )));
            }
            let events = decode_bundle(&bytes).map_err(|error| malformed(error.to_string()))?;
            for event in &events {
                tree.push(leaf_hash(event), &mut Vec::new());
            }
            visit(Part::Events(
                events.into_iter().map(<[u8]>::to_vec).collect(),
            ))?;
        } else if path == CHECKPOINTS {
            let kept = checkpoints_of(&bytes)?;
            checkpoints = Some(kept.iter().map(|kept| kept.head).collect());
            visit(Part::Checkpoints(kept))?;
        } else {
            return Err(malformed(format!("it has an entry '{path}'")));
        }
    }
    let manifest = manifest.ok_or_else(|| malformed("its manifest is missing"))?;
    if checkpoints.is_none() {
        return Err(malformed("it ends before its last entry"));
    }
    let found = tree.head();
    if found.size != manifest.events {
        return Err(malformed(format!(
            "it holds {} events and says {}",
            found.size, manifest.events
        )));
    }
    if found.root.to_string() != manifest.root {
        return Err(ArchiveError::OtherRoot {
            expected: manifest.root,
            found: found.root.to_string(),
        });
    }
    Ok(manifest)
}

fn checkpoints_of(bytes: &[u8]) -> Result<Vec<Checkpoint>, ArchiveError> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice::<String>(line)
                .ok()
                .and_then(|text| Checkpoint::parse(text.as_bytes()).ok())
                .ok_or_else(|| malformed("a checkpoint cannot be read"))
        })
        .collect()
}

/// The root that a manifest names.
pub fn root_of(manifest: &Manifest) -> Result<Hash, ArchiveError> {
    Hash::parse_hash(&manifest.root).map_err(|_| malformed("its root is not a hash"))
}
