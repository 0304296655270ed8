//! One log in a folder: what is found when it is opened, and how it is written to and closed.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

mod damage_is_found_and_mended;
mod filled_log;
mod many_at_once;
mod writing_and_closing;
