//! The pages and the API over the sample city, without a network between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "a test may panic"
)]

mod api;
mod city;
mod headers;
mod offices;
mod pages;
mod reporting;
mod signing_in;
mod stuck;
