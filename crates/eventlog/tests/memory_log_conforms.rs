//! The log in memory keeps the contract.

use std::sync::Arc;

use daicho_eventlog::{
    EventLog, MemoryLog, RestoreLog,
    conformance::{Backend, RestoreBackend},
};
use futures::{FutureExt, future, future::BoxFuture};

struct Memory(Arc<MemoryLog>);

impl Backend for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        future::ready(Arc::clone(&self.0) as Arc<dyn EventLog>).boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn EventLog>> {
        self.0.reopen();
        self.open()
    }
}

impl RestoreBackend for Memory {
    fn open_to_restore(&self) -> BoxFuture<'_, Arc<dyn RestoreLog>> {
        future::ready(Arc::clone(&self.0) as Arc<dyn RestoreLog>).boxed()
    }
}

daicho_eventlog::restore_suite!(Memory(Arc::new(MemoryLog::new())));
daicho_eventlog::conformance_suite!(Memory(Arc::new(MemoryLog::new())));
