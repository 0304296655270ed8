//! Read models: kept in snapshots, made anew, and stuck where the log cannot be followed.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod city;
mod golden;
mod rebuilding;
mod snapshots;
mod stuck;
