//! What the whole sheet costs through the schema, every field of it, beside the same data
//! written by serde: `cargo run --release -p daicho-graphql --example whole_sheet_cost`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    dead_code,
    reason = "a measurement for people, with the tests' city"
)]

#[path = "../tests/city/documents.rs"]
mod documents;
#[path = "../tests/city/service.rs"]
mod service;

use std::time::{Duration, Instant};

use daicho_app::Caller;
use documents::Walk;
use service::City;

const ROUNDS: usize = 200;

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// The middle one of many.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let city = City::new().await;
    let (document, variables) = Walk::new().ask_for(&city, "Query", "sheet");
    let auditor = Caller::Account(city.account("auditor"));
    let (mut derived, mut encoded, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bytes_of_serde, mut bytes_of_schema) = (0, 0);
    for _ in 0..ROUNDS {
        let start = now();
        let sheet = city
            .service
            .app
            .sheet(&auditor, city.played.plan, city.played.published_year)
            .unwrap();
        derived.push(start.elapsed());

        let start = now();
        bytes_of_serde = serde_json::to_vec(&sheet).unwrap().len();
        encoded.push(start.elapsed());

        let start = now();
        let response = city.ask("auditor", &document, variables.clone()).await;
        bytes_of_schema = serde_json::to_vec(&response).unwrap().len();
        answered.push(start.elapsed());
        assert!(response.errors.is_empty());
    }
    let (derived, encoded, answered) = (median(derived), median(encoded), median(answered));
    println!("medians of {ROUNDS} rounds, sheet of {} rows", {
        city.service
            .app
            .sheet(&auditor, city.played.plan, city.played.published_year)
            .unwrap()
            .rows()
            .count()
    });
    println!("deriving the sheet:              {derived:>10.1?}");
    println!("the sheet by serde:              {encoded:>10.1?}  {bytes_of_serde:>9} bytes");
    println!(
        "the query, every field (it derives too): {answered:>10.1?}  {bytes_of_schema:>9} bytes"
    );
    let beyond_deriving = answered.saturating_sub(derived);
    println!(
        "presenting ÷ serde: {:.1} × time, {:.1} × bytes",
        beyond_deriving.as_secs_f64() / encoded.as_secs_f64(),
        bytes_of_schema as f64 / bytes_of_serde as f64
    );
}
