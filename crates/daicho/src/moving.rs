//! `move`: everything from one place to another, with the same root.

use daicho_eventlog::{EventLog, RestoreLog};

use crate::backup::read_commands;
use crate::evidence::KeyPlace;
use crate::failure::{EXIT_DISCREPANCY, Failure, with_causes};
use crate::operation::Outcome;
use crate::place::Place;
use crate::progress::Progress;
use crate::service::{open_identity, settings};
use crate::storage::Storage;
use crate::surroundings;

/// Checkpoints read at a time.
const CHECKPOINTS_PAGE: usize = 1000;

/// Copies log, people, secrets and keys from `from` to `to`, which must be empty, and compares the
/// roots. What `from` holds stays there.
///
/// # Errors
/// The cause and the next step. What was begun in `to` is then not to be used.
pub async fn run(from: &Place, to: &Place) -> Result<Outcome, Failure> {
    let now = surroundings::of_this_machine().clock.now();
    let (source, events) = Storage::open(from).await?;
    if events == 0 {
        return Err(Failure::new(format!("{from} holds no records"))
            .help("look whether the right place is named"));
    }
    let people = open_identity(from, settings(), now).await?;
    let target = Storage::new(to).await?;
    let new_people = open_identity(to, settings(), now).await?;

    let head = source.log().tree_head().await?;
    let checkpoints = copy_log(source.log().as_ref(), target.restoring().as_ref()).await?;
    let copied = target.log().tree_head().await?;
    if copied != head {
        return Err(Failure::new(format!(
            "the log that was copied has {} events and the root {}, not {} and {}",
            copied.size, copied.root, head.size, head.root
        ))
        .exit(EXIT_DISCREPANCY)
        .help(
            "run 'daicho verify' on the records as they were, and move them to another new place",
        ));
    }
    let keys = tokio::task::block_in_place(|| {
        people
            .copy_all_to(&new_people)
            .map_err(|error| Failure::new(with_causes(&error)))?;
        let Some((signing, verifiers)) = KeyPlace::at(from, &people).read()? else {
            return Ok(0);
        };
        let new_keys = KeyPlace::at(to, &new_people);
        // Secrets move with the register, the keys among them.
        if new_keys.read()?.is_none() {
            new_keys.keep(signing, verifiers.clone())?;
        }
        Ok::<_, Failure>(verifiers.len())
    })?;
    if source.log().tree_head().await? != head {
        return Err(
            Failure::new(format!("somebody has added to {from} while it was moved"))
                .help("stop every node of the service, and move it to another new place"),
        );
    }
    target.log().close().await?;
    source.log().close().await?;
    Ok(Outcome::lines([
        format!(
            "{} events moved to {to}, with {checkpoints} checkpoints",
            head.size
        ),
        format!("root {}, the same in both", head.root),
        format!("people, passwords, sessions and {keys} keys of the log moved"),
        format!(
            "next: start the service over {to}, run 'daicho verify', and then destroy what {from} holds: people's secrets are still there"
        ),
    ]))
}

/// Copies every event and every signed head. Returns the number of heads.
async fn copy_log(from: &dyn EventLog, to: &dyn RestoreLog) -> Result<usize, Failure> {
    let size = from.tree_head().await?.size;
    let mut progress = Progress::of("moving the records");
    let mut next = 0;
    while next < size {
        let events = read_commands(from, next, size)
            .await
            .map_err(|error| Failure::new(with_causes(&error)))?;
        next += events.len() as u64;
        to.append_stored(events).await?;
        progress.tell(next, size);
    }
    let (mut from_size, mut copied) = (0, 0);
    loop {
        let page = from.checkpoints(from_size, CHECKPOINTS_PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(copied);
        };
        from_size = last.head.size + 1;
        copied += page.len();
        for checkpoint in page {
            to.keep_checkpoint(checkpoint).await?;
        }
    }
}
