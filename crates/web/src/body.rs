//! Request bodies, up to a limit.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;

/// The most that a request may bring: 1 MiB.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than [`BODY_BYTES_MAX`].
    #[error(
        "the request is larger than 1 MiB; send less at once, or use the command line for large files"
    )]
    TooLarge,
    /// The connection broke.
    #[error("the request did not arrive completely; send it again")]
    Broken,
}

/// Reads all of `body`. What a client announces as too large is not even begun.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    let announced: Option<u64> = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(BodyError::TooLarge);
    }
    to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        // axum wraps the limit's error; a body that was cut off by the client is another.
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(current) = cause {
            if current.to_string().contains("length limit exceeded") {
                return BodyError::TooLarge;
            }
            cause = current.source();
        }
        BodyError::Broken
    })
}
