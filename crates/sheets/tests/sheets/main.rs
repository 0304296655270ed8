//! The sample sheet and, where it is there, the original it was made after: read, adopted,
//! derived, written.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod city;
mod originals;
mod reading;
mod writing;
