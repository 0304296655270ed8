//! The log on PostgreSQL keeps the contract.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod support;

use std::sync::{Arc, Mutex};

use daicho_eventlog::{
    EventLog, MemoryLog, RestoreLog,
    conformance::{Backend, RestoreBackend},
};
use daicho_eventlog_postgres::{Options, PostgresLog};
use futures::{FutureExt, future::BoxFuture};
use support::{Database, RUNTIME, available};

struct OnPostgres {
    open: Mutex<Option<Arc<PostgresLog>>>,
    // Where there is no PostgreSQL, which has been said, a case still has to run on something.
    instead: Arc<MemoryLog>,
    // Behind the log, so that the server goes last.
    database: Option<Database>,
}

impl OnPostgres {
    fn new() -> Self {
        Self {
            open: Mutex::default(),
            instead: Arc::default(),
            database: available().then(Database::new),
        }
    }
}

impl RestoreBackend for OnPostgres {
    fn open_to_restore(&self) -> BoxFuture<'_, Arc<dyn RestoreLog>> {
        async {
            let Some(database) = &self.database else {
                return Arc::clone(&self.instead) as Arc<dyn RestoreLog>;
            };
            let options = Options::new(&database.service_url);
            let opening = RUNTIME.spawn(async move { PostgresLog::open(&options).await });
            let log = Arc::new(opening.await.unwrap().unwrap());
            *self.open.lock().unwrap() = Some(Arc::clone(&log));
            log
        }
        .boxed()
    }
}

impl Backend for OnPostgres {
    fn open(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        async { self.open_to_restore().await as Arc<dyn EventLog> }.boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        async {
            let open = self.open.lock().unwrap().take();
            match open {
                Some(log) => log.close().await.unwrap(),
                None => self.instead.reopen(),
            }
            self.open().await
        }
        .boxed()
    }
}

daicho_eventlog::conformance_suite!(OnPostgres::new());

mod restoring {
    use super::OnPostgres;

    daicho_eventlog::restore_suite!(OnPostgres::new());
}
