//! The log on sled keeps the contract.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::sync::{Arc, Mutex};

use daicho_eventlog::{
    EventLog, RestoreLog,
    conformance::{Backend, RestoreBackend},
};
use daicho_eventlog_sled::{Options, SledLog};
use futures::{FutureExt, future, future::BoxFuture};

struct OnSled {
    // Before the folder, so that the log is closed before its folder goes.
    open: Mutex<Option<Arc<SledLog>>>,
    folder: tempfile::TempDir,
}

impl OnSled {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            open: Mutex::default(),
        }
    }
}

impl OnSled {
    fn open_now(&self) -> Arc<SledLog> {
        let options = Options {
            journal_file_bytes: 1 << 20,
            ..Options::default()
        };
        let log = Arc::new(SledLog::open(self.folder.path(), options).unwrap().0);
        *self.open.lock().unwrap() = Some(Arc::clone(&log));
        log
    }
}

impl RestoreBackend for OnSled {
    fn open_to_restore(&self) -> BoxFuture<'_, Arc<dyn RestoreLog>> {
        future::ready(self.open_now() as Arc<dyn RestoreLog>).boxed()
    }
}

impl Backend for OnSled {
    fn open(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        future::ready(self.open_now() as Arc<dyn EventLog>).boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        let log = self.open.lock().unwrap().take().unwrap();
        log.close_now().unwrap();
        assert_eq!(log_difference(self.folder.path()), None);
        self.open()
    }
}

/// Every reopening also shows that journal and sled agree.
fn log_difference(folder: &std::path::Path) -> Option<daicho_eventlog_sled::Difference> {
    let (log, report) = SledLog::open(folder, Options::default()).unwrap();
    assert!(report.clean_shutdown);
    assert_eq!(report.replayed_events, 0);
    log.verify().unwrap().difference
}

daicho_eventlog::restore_suite!(OnSled::new());
daicho_eventlog::conformance_suite!(OnSled::new());
