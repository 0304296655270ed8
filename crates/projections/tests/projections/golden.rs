//! A small log that is kept for ever, and the digest of what is made of it.

use daicho_eventlog::RecordedEvent;
use daicho_projections::{READ_MODELS_FORMAT, ReadModels};

/// One indicator of the sample city with its plan, people and years, an event a line.
const LOG: &str = include_str!("golden_log.jsonl");

/// The format and the digest that it gave.
const KNOWN: (u32, &str) = (
    1,
    "ad3a91038448737554df3f87a8f42b525dccd3e7b4c40062f0120cef7ba96cb7",
);

#[test]
fn another_fold_has_another_format() {
    let mut models = ReadModels::default();
    for line in LOG.lines() {
        let event = RecordedEvent::from_stored_bytes(line.as_bytes()).unwrap();
        models.apply(&event).unwrap();
    }
    assert_eq!(
        (READ_MODELS_FORMAT, models.digest().to_string().as_str()),
        KNOWN,
        "read models of the same events have changed: raise READ_MODELS_FORMAT, so that nobody believes a snapshot of the old ones, and note the new digest here"
    );
}
