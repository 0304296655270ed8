//! A password does not get into an error, however the connection string is written.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::error::Error;

use daicho_eventlog::LogError;
use daicho_eventlog_postgres::{Options, PostgresLog, migrate};

/// Everything that the error and its causes say of themselves.
fn printed(error: &LogError) -> String {
    let mut printed = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        printed = format!("{printed} {error} {error:?}");
        cause = error.source();
    }
    printed
}

/// What is said when the log is opened, and when it is set up.
async fn refusals(url: &str) -> [String; 2] {
    let options = Options::new(url);
    let opened = PostgresLog::open(&options).await.map(drop).unwrap_err();
    let set_up = migrate(&options, "daicho_service").await.unwrap_err();
    [opened, set_up].map(|error| printed(&error))
}

#[tokio::test]
async fn a_password_with_an_at_sign_in_it_is_not_shown_as_a_host_or_a_database() {
    for url in [
        "postgresql://daicho:pa55@w0rd-hidden@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@w0rd-hidden/x@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@w0rd-hidden?x@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@w0rd-hidden,x@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@w0rd:w0rd-hidden@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@%2Fw0rd-hidden@127.0.0.1:1/daicho",
        "postgresql://daicho:pa55@127.0.0.1:w0rd-hidden/daicho",
        "host=127.0.0.1 port=1 password=pa55 w0rd-hidden=5",
    ] {
        for printed in refusals(url).await {
            assert!(printed.contains("%40 for @"), "{printed}");
            for part in ["pa55", "w0rd"] {
                assert!(!printed.contains(part), "{part} in {printed}");
            }
        }
    }
}

#[tokio::test]
async fn a_password_that_is_written_as_it_should_is_not_shown_either() {
    let url = "postgresql://daicho:pa55%40w0rd@127.0.0.1:1/daicho";
    for printed in refusals(url).await {
        assert!(printed.contains("127.0.0.1:1: "), "{printed}");
        for part in ["pa55", "w0rd"] {
            assert!(!printed.contains(part), "{part} in {printed}");
        }
    }
}
