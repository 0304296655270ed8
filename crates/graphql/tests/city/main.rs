//! The schema over the sample city: a service in memory, real people, real sign-ins.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "test code; a panic is how a test fails"
)]

mod a_report_takes_its_route;
mod answers_by_role;
mod documents;
mod limits;
mod naming;
mod service;
mod signing_in;
mod strangers;
