//! The domain's rules, told as sentences: given events, when a command, then events or a refusal.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod duties;
mod entry;
mod golden_events;
mod period;
mod plan;
mod random_commands;
mod route;
mod scenario;
mod targets;
