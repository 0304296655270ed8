//! What the log does when a disk, a process or the power fails: damaged copies, kill -9, power cuts.
//!
//! Each test takes a small share of its trials by default and all of them with `DAICHO_TORTURE=1`.
//! `DAICHO_SEED=N` repeats the one trial that a failure has named.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, that is how it fails; and it says what it has seen"
)]

mod cut_file_system;
mod damaged_copies;
mod kill_9;
mod load;
mod opening_time;
mod power_cuts;
mod recorded_writes;
mod share;
mod truth;
