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

/// Bytes of one event, as the log's own are about as long.
pub(super) const EVENT_BYTES: usize = 320;
/// The file is written around in a circle.
const FILE_BYTES: u64 = 256 << 20;
/// So many events are synced at once, as many as the log takes.
const GROUP_MAX: usize = 1024;

/// Events a second that `writers` get made durable, each waiting for its own.
pub(super) async fn durable_appends(
    folder: &Path,
    writers: u32,
    length: Duration,
) -> Result<f64, Failure> {
    let path = folder.join("limit");
    let file = filled(&path).map_err(Failure::new)?;
    let (queue, waiting) = mpsc::channel(GROUP_MAX);
    let committer = std::thread::spawn(move || commit(&file, waiting));
    let stop = Arc::new(AtomicBool::new(false));
    let started = now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (queue, stop) = (queue.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut count = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let (answer, answered) = oneshot::channel();
                    if queue.send(answer).await.is_err() || answered.await.is_err() {
                        break;
                    }
                    count += 1;
                }
                count
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let mut count = 0;
    for task in tasks {
        count += task.await.map_err(Failure::new)?;
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

fn commit(file: &File, mut waiting: mpsc::Receiver<oneshot::Sender<()>>) -> std::io::Result<()> {
    let event = [b'x'; EVENT_BYTES];
    let (mut at, mut group, mut answers) = (0, Vec::new(), Vec::new());
    while let Some(first) = waiting.blocking_recv() {
        answers.push(first);
        while answers.len() < GROUP_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            answers.push(next);
        }
        group.clear();
        for _ in &answers {
            group.extend_from_slice(&event);
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
