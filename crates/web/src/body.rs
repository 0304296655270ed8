//! Request bodies, up to a limit.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use futures::StreamExt;

/// The most that a request may bring: 1 MiB.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How much of a body that is too large is read and dropped: 32 MiB.
const DROPPED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// For how long that is done.
const DROPPING_MAX: Duration = Duration::from_secs(10);

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

/// Reads all of `body`. The rest of a body that is too large is read and dropped: many clients, browsers
/// among them, show a broken connection instead of the answer when they cannot finish sending.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    let announced: Option<u64> = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > DROPPED_BYTES_MAX as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut chunks = body.into_data_stream();
    let mut read = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        if read.len() + chunk.len() > BODY_BYTES_MAX {
            drop(read);
            // Whoever sends slowly or for ever gets the answer all the same.
            let _ = tokio::time::timeout(DROPPING_MAX, drop_rest(chunks)).await;
            return Err(BodyError::TooLarge);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.into())
}

async fn drop_rest(mut chunks: BodyDataStream) {
    let mut dropped = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        dropped += chunk.len();
        if dropped > DROPPED_BYTES_MAX {
            return;
        }
    }
}
