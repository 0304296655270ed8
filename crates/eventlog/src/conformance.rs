//! The suite that every backend runs. A backend's test file is this:
//!
//! ```ignore
//! struct Memory(Arc<MemoryLog>);
//! impl Backend for Memory { /* open, reopen */ }
//! daicho_eventlog::conformance_suite!(Memory(Arc::new(MemoryLog::new())));
//! ```
//!
//! Each case starts on an empty log and becomes a test of its own.

pub mod appending;
pub mod concurrency;
pub mod contents;
pub mod proving;
pub mod reading;
pub mod reopening;
pub mod restoring;
mod sample;

use std::sync::Arc;

use futures::future::BoxFuture;

pub use sample::{append, at, command, event, exact, long_event, no_stream, stream};

use crate::EventLog;

/// How the suite gets at a backend's log.
pub trait Backend: Send + Sync {
    /// Opens the log, which is empty. Called once a case.
    fn open(&self) -> BoxFuture<'_, Arc<dyn EventLog>>;

    /// Closes what was opened and opens it again with what it holds.
    fn reopen(&self) -> BoxFuture<'_, Arc<dyn EventLog>>;
}

/// Runs one case on several threads.
///
/// # Panics
/// If the case does, or if no runtime can be started.
pub fn run<B: Backend, F: Future<Output = ()>>(backend: B, case: impl FnOnce(Arc<B>) -> F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime can be started")
        .block_on(case(Arc::new(backend)));
}

/// How the suite gets at a backend that can take over another log.
pub trait RestoreBackend: Backend {
    /// As [`Backend::open`].
    fn open_to_restore(&self) -> BoxFuture<'_, Arc<dyn crate::RestoreLog>>;
}

/// Makes one test of each case of restoring. The argument is an expression that gives a new
/// [`RestoreBackend`](crate::conformance::RestoreBackend) with an empty log.
#[macro_export]
macro_rules! restore_suite {
    ($backend:expr) => {
        $crate::conformance_suite! { @cases $backend;
            restoring::a_restored_log_is_the_same_log,
            restoring::what_does_not_continue_a_log_is_refused,
        }
    };
}

/// Makes one test of each case of the suite. The argument is an expression that gives
/// a new [`Backend`](crate::conformance::Backend) with an empty log.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr) => {
        $crate::conformance_suite! { @cases $backend;
            appending::positions_count_from_0_without_gaps,
            appending::every_stream_written_is_checked,
            appending::a_stream_only_relied_on_is_checked_and_stays_as_it_is,
            appending::a_refusal_names_the_stream_and_both_versions,
            appending::a_refused_append_leaves_nothing_behind,
            appending::a_malformed_append_is_refused,
            appending::a_command_sent_again_gives_its_first_outcome,
            appending::an_unknown_command_has_no_outcome,
            concurrency::of_many_writers_with_one_expectation_exactly_one_wins,
            concurrency::many_writers_lose_nothing_and_double_nothing,
            concurrency::one_command_sent_many_times_at_once_is_recorded_once,
            concurrency::a_relied_on_stream_cannot_move_under_a_writer,
            contents::an_event_comes_back_exactly_as_it_was_written,
            contents::an_event_at_the_limit_is_taken_and_one_above_is_not,
            contents::an_append_above_the_limit_is_refused_and_a_large_one_is_whole,
            reading::a_stream_is_read_in_pages,
            reading::the_log_is_read_in_pages,
            reading::reading_beyond_the_end_gives_nothing,
            reading::a_subscriber_sees_every_event,
            reading::a_late_subscriber_learns_the_head_at_once,
            proving::the_tree_is_over_the_stored_bytes_of_every_event,
            proving::tiles_hold_the_hashes_that_lead_to_the_root,
            proving::every_event_is_proven_in_every_later_tree,
            proving::a_tree_is_the_beginning_of_every_later_tree,
            proving::a_tile_that_is_not_there_yet_is_refused,
            proving::kept_checkpoints_outlive_the_process,
            reopening::everything_is_there_after_reopening,
            reopening::a_command_sent_again_after_reopening_gives_its_first_outcome,
            reopening::positions_go_on_after_reopening,
            reopening::a_closed_log_says_so,
        }
    };
    (@cases $backend:expr; $($group:ident :: $case:ident),+ $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run($backend, $crate::conformance::$group::$case);
            }
        )+
    };
}
