//! A thread that makes records durable while the writer prepares the next one.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use crate::{
    named_thread,
    request::{Request, Teller},
};

/// Records that may wait for the thread.
const WAITING_MAX: usize = 4;

/// A record, and where it is to be.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

impl Placed {
    /// Returns when it is durable.
    pub(super) fn make_durable(&self) -> io::Result<()> {
        self.file.write_all_at(&self.bytes, self.at)?;
        self.file.sync_data()
    }
}

/// The thread, and what it has said. Dropping it waits for what it has begun.
#[derive(Debug)]
pub(super) struct Syncing {
    records: Option<mpsc::SyncSender<Placed>>,
    synced: mpsc::Receiver<io::Result<()>>,
    /// Records handed over of which the thread has not been heard.
    unheard: usize,
    /// What the thread has said of the records behind, oldest first.
    heard: VecDeque<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncing {
    /// `writer` is told whenever records are done.
    ///
    /// # Errors
    /// If the system does not give a thread.
    pub(super) fn start(writer: Teller) -> io::Result<Self> {
        let (records, waiting) = mpsc::sync_channel(WAITING_MAX);
        let (answers, synced) = mpsc::channel();
        let thread =
            named_thread::try_spawn("log-journal", move || sync(&waiting, &answers, &writer))?;
        Ok(Self {
            records: Some(records),
            synced,
            unheard: 0,
            heard: VecDeque::new(),
            thread: Some(thread),
        })
    }

    /// Hands a record over; [`Self::wait`] is to be called for each.
    pub(super) fn begin(&mut self, placed: Placed) -> io::Result<()> {
        let sent = self
            .records
            .as_ref()
            .is_some_and(|records| records.send(placed).is_ok());
        if !sent {
            return Err(stopped());
        }
        self.unheard += 1;
        Ok(())
    }

    /// A record is durable that was not handed over; [`Self::wait`] is to be called for it too.
    /// Everything handed over before has been waited for or heard of.
    pub(super) fn count_as_done(&mut self) {
        self.heard.push_back(Ok(()));
    }

    /// Whether something was handed over of which nothing has been heard.
    pub(super) fn is_busy(&self) -> bool {
        self.unheard > 0
    }

    /// Whether [`Self::wait`] would return at once.
    pub(super) fn is_done(&mut self) -> bool {
        while self.unheard > 0 {
            match self.synced.try_recv() {
                Ok(outcome) => self.hear(outcome),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => self.hear(Err(stopped())),
            }
        }
        !self.heard.is_empty() || self.unheard == 0
    }

    /// Waits until the oldest record that was not waited for is durable.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        if let Some(outcome) = self.heard.pop_front() {
            return outcome;
        }
        if self.unheard == 0 {
            return Ok(());
        }
        self.unheard -= 1;
        self.synced.recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Returns when everything handed over is durable; [`Self::wait`] is still to be called.
    pub(super) fn wait_for_all(&mut self) -> io::Result<()> {
        while self.unheard > 0 {
            let outcome = self.synced.recv().unwrap_or_else(|_| Err(stopped()));
            self.hear(outcome);
        }
        match self.heard.iter().find_map(|outcome| outcome.as_ref().err()) {
            Some(error) => Err(copy(error)),
            None => Ok(()),
        }
    }

    fn hear(&mut self, outcome: io::Result<()>) {
        self.unheard -= 1;
        self.heard.push_back(outcome);
    }
}

/// Each record is durable before the next is written: after a power cut only the last one can be
/// missing or torn, and nothing stands behind it.
fn sync(waiting: &mpsc::Receiver<Placed>, answers: &mpsc::Sender<io::Result<()>>, writer: &Teller) {
    for placed in waiting {
        let outcome = placed.make_durable();
        let failed = outcome.is_err();
        if answers.send(outcome).is_err() {
            return;
        }
        writer.tell(Request::Synced);
        if failed {
            return;
        }
    }
}

/// Again, as an error cannot be cloned.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn stopped() -> io::Error {
    io::Error::other("the thread that syncs the journal has stopped")
}

impl Drop for Syncing {
    fn drop(&mut self) {
        drop(self.records.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::way_to_the_writer;

    fn started() -> Syncing {
        let (requests, _) = way_to_the_writer(1);
        Syncing::start(requests.teller()).unwrap()
    }

    fn placed(file: &Arc<File>, at: u64, byte: u8) -> Placed {
        Placed {
            file: Arc::clone(file),
            at,
            bytes: vec![byte; 100],
        }
    }

    #[test]
    fn records_are_answered_for_one_by_one() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut syncing = started();
        for number in 0..3 {
            syncing.begin(placed(&file, number * 100, 7)).unwrap();
        }
        syncing.wait_for_all().unwrap();
        syncing.count_as_done();
        for _ in 0..4 {
            assert!(syncing.is_done());
            syncing.wait().unwrap();
        }
        let mut bytes = [0; 300];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, [7; 300]);
    }

    #[test]
    fn nothing_is_written_behind_what_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let writable = Arc::new(File::create(&path).unwrap());
        let only_readable = Arc::new(File::open(&path).unwrap());
        let mut syncing = started();
        syncing.begin(placed(&only_readable, 0, 7)).unwrap();
        // Whether the thread still takes what comes behind is chance.
        let is_taken = syncing.begin(placed(&writable, 100, 7)).is_ok();
        assert!(syncing.wait_for_all().is_err());
        let failed = syncing.wait().unwrap_err();
        assert_eq!(failed.raw_os_error(), Some(9), "{failed}");
        if is_taken {
            assert!(syncing.wait().is_err());
        }
        if syncing.begin(placed(&writable, 200, 7)).is_ok() {
            assert!(syncing.wait().is_err());
        }
        drop(syncing);
        assert_eq!(writable.metadata().unwrap().len(), 0);
    }
}
