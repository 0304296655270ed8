//! What the machine allows: a file that was filled before, group commit, fdatasync, nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::now;
use crate::failure::Failure;

/// The file is written around in a circle.
const FILE_BYTES: u64 = 256 << 20;
/// So many events are synced at once, as many as the log takes.
const GROUP_MAX: usize = 1024;

/// Events a second that are made durable for as many writers as there are `writers`, each making
/// its event and waiting until that is durable.
pub(super) async fn durable_appends<W>(
    folder: &Path,
    writers: Vec<W>,
    length: Duration,
) -> Result<f64, Failure>
where
    W: FnMut() -> Result<Vec<u8>, Failure> + Send + 'static,
{
    let path = folder.join("limit");
    let file = filled(&path).map_err(Failure::new)?;
    let (queue, waiting) = mpsc::channel(GROUP_MAX);
    let committer = std::thread::spawn(move || commit(&file, waiting));
    let stop = Arc::new(AtomicBool::new(false));
    let started = now();
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut next_event| {
            let (queue, stop) = (queue.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut count = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let (answer, answered) = oneshot::channel();
                    let event = next_event()?;
                    if queue.send((event, answer)).await.is_err() || answered.await.is_err() {
                        break;
                    }
                    count += 1;
                }
                Ok::<_, Failure>(count)
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let mut count = 0;
    for task in tasks {
        count += task.await.map_err(Failure::new)??;
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(queue);
    let committed = committer
        .join()
        .map_err(|_| Failure::new("the limit could not be measured"))?;
    committed.map_err(Failure::new)?;
    fs::remove_file(path).map_err(Failure::new)?;
    Ok(count as f64 / seconds)
}

fn filled(path: &Path) -> std::io::Result<File> {
    let mut file = File::create(path)?;
    let part = vec![0; 1 << 20];
    for _ in 0..FILE_BYTES / part.len() as u64 {
        file.write_all(&part)?;
    }
    file.sync_all()?;
    OpenOptions::new().write(true).open(path)
}

fn commit(
    file: &File,
    mut waiting: mpsc::Receiver<(Vec<u8>, oneshot::Sender<()>)>,
) -> std::io::Result<()> {
    let (mut at, mut group, mut answers) = (0, Vec::new(), Vec::new());
    while let Some(first) = waiting.blocking_recv() {
        group.clear();
        let mut next = Some(first);
        while let Some((event, answer)) = next {
            group.extend_from_slice(&event);
            answers.push(answer);
            next = if answers.len() < GROUP_MAX {
                waiting.try_recv().ok()
            } else {
                None
            };
        }
        if at + group.len() as u64 > FILE_BYTES {
            at = 0;
        }
        file.write_all_at(&group, at)?;
        file.sync_data()?;
        at += group.len() as u64;
        for answer in answers.drain(..) {
            // Whoever has stopped waits no more.
            let _ = answer.send(());
        }
    }
    Ok(())
}
