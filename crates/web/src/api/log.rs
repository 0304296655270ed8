//! `/log`: the log's signed heads, its public keys, and its tiles for auditors, as
//! [c2sp.org/tlog-tiles](https://c2sp.org/tlog-tiles) says.

use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use daicho_app::{AppError, Caller, TileAddress};

use super::ApiProblem;
use super::authentication::Client;
use crate::web::Shared;

const PLAIN_TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
/// The next head comes within a second of the next event.
const ASK_AGAIN: (HeaderName, &str) = (CACHE_CONTROL, "no-cache");
/// A full tile never changes; what only auditors may fetch stays out of shared caches.
const FOR_EVER: (HeaderName, &str) = (CACHE_CONTROL, "private, max-age=31536000, immutable");

/// The newest signed head with its countersignatures. Public.
pub(crate) async fn checkpoint(State(web): State<Shared>) -> Result<Response, ApiProblem> {
    let latest = web
        .app
        .latest_checkpoint()
        .await
        .map_err(|error| problem(&error))?;
    let latest = latest.ok_or(ApiProblem::NO_CHECKPOINT)?;
    Ok(([PLAIN_TEXT, ASK_AGAIN], latest).into_response())
}

/// The public keys of all keys that ever signed, newest first, one a line. Public.
pub(crate) async fn keys(State(web): State<Shared>) -> Result<Response, ApiProblem> {
    let keys = web.app.log_keys().ok_or(ApiProblem::NO_CHECKPOINT)?;
    let lines: String = keys
        .verifiers()
        .iter()
        .map(|key| format!("{key}\n"))
        .collect();
    Ok(([PLAIN_TEXT, ASK_AGAIN], lines).into_response())
}

/// A tile of hashes or a bundle of entries, for auditors.
pub(crate) async fn tile(
    State(web): State<Shared>,
    Path(path): Path<String>,
    request: Request,
) -> Result<Response, ApiProblem> {
    let (parts, _) = request.into_parts();
    let caller = Client::of(&parts, &web).await?.context.caller;
    if caller == Caller::Anonymous {
        return Err(ApiProblem::SIGN_IN);
    }
    let tile: TileAddress = path.parse().map_err(|_| ApiProblem::NO_TILE)?;
    let bytes = web
        .app
        .tile(&caller, tile)
        .await
        .map_err(|error| problem(&error))?;
    let kind = (CONTENT_TYPE, "application/octet-stream");
    Ok(if tile.is_full() {
        ([kind, FOR_EVER], bytes).into_response()
    } else {
        ([kind, ASK_AGAIN], bytes).into_response()
    })
}

fn problem(error: &AppError) -> ApiProblem {
    match error {
        AppError::Refused(_) if error.code() == "not_found" => ApiProblem::NO_TILE,
        AppError::Refused(_) => ApiProblem::NO_AUDITOR,
        error => {
            tracing::error!(%error, "a part of the log cannot be served");
            ApiProblem::UNAVAILABLE
        }
    }
}
