//! A sample city and its years, played through the service as people would: nothing is
//! written past it.
//!
//! Structure and figures are those of a real municipality's published sheet; the commentary
//! and the people are made up. Everything is decided by the seed, so that two cities made from
//! the same seed are the same.

mod city;
mod numbers;
mod people;
mod story;
mod surroundings;

pub use city::{CITY_NAME, LOCAL_GOV_CODE, PLAN_FILE, SHEET_FILE_NAME, SHEET_TSV};
pub use people::{Duty, Person, people};
pub use story::{Played, StoryError, play};
pub use surroundings::{SeededIds, StoryClock};
