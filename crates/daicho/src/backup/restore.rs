//! `restore`: a new log out of a backup.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::archive::{self, ArchiveError, Part};
use crate::failure::{EXIT_DISCREPANCY, Failure, with_causes};
use crate::operation::Outcome;
use crate::place::Place;
use crate::progress::Progress;
use crate::storage::Storage;

/// Makes a log in `place`, which must have none, out of the backup `file`, and
/// verifies it.
///
/// # Errors
/// The cause and the next step. A log that was begun is left for looking at, and is not used: it
/// has no end mark, so a second `restore` refuses the folder.
pub async fn restore(file: &Path, place: &Place) -> Result<Outcome, Failure> {
    let failed = |error: &ArchiveError| {
        let failure = Failure::new(format!("{}: {}", file.display(), with_causes(error)));
        match error {
            ArchiveError::OtherRoot { .. } | ArchiveError::Malformed(_) => failure
                .exit(EXIT_DISCREPANCY)
                .help("take another backup; nothing of this one may be used"),
            _ => failure.help("mend the cause, remove the folder that was begun, and run it again"),
        }
    };
    let open = || {
        File::open(file)
            .map(BufReader::new)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))
    };
    // All of it before anything is made: a damaged backup leaves no half of a log behind.
    let manifest = archive::read(open()?, |_| Ok(())).map_err(|error| failed(&error))?;

    let storage = Storage::new(place).await?;
    let log = storage.restoring();
    let mut progress = Progress::of("restoring");
    let (mut restored, mut checkpoints) = (0, 0);
    // The archive is read on this thread, part by part, and each part is made durable before the
    // next one is read.
    let handle = tokio::runtime::Handle::current();
    let visit = |part: Part| {
        match part {
            Part::Events(events) => {
                restored += events.len() as u64;
                handle.block_on(log.append_stored(events))?;
                progress.tell(restored, manifest.events);
            }
            Part::Checkpoints(kept) => {
                checkpoints += kept.len();
                for checkpoint in kept {
                    handle.block_on(log.keep_checkpoint(checkpoint))?;
                }
            }
        }
        Ok(())
    };
    let read = tokio::task::block_in_place(|| open().map(|file| archive::read(file, visit)))?;
    read.map_err(|error| failed(&error))?;
    drop(progress);

    let (_, discrepancies) = storage.verify().await?;
    let head = log.tree_head().await?;
    if let Some(discrepancy) = discrepancies.first() {
        return Err(Failure::new(format!(
            "the restored log is wrong at {}",
            discrepancy.found
        ))
        .exit(EXIT_DISCREPANCY)
        .help("check the disk, and restore into another folder"));
    }
    if head.root.to_string() != manifest.root {
        return Err(Failure::new(format!(
            "the restored log has the root {}, not {} as the backup says",
            head.root, manifest.root
        ))
        .exit(EXIT_DISCREPANCY)
        .help("check the disk, and restore into another place"));
    }
    log.close().await?;
    Ok(Outcome::lines([
        format!("{restored} events restored to {place}"),
        format!(
            "root {}, as the backup says; {checkpoints} checkpoints kept",
            head.root
        ),
        format!(
            "next: put {} there from their own copy, then start the service",
            manifest.not_included
        ),
    ]))
}
