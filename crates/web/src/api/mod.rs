//! What programs use: GraphQL, its schema, the keys that check our tokens, and the log's evidence.

mod authentication;
pub(crate) mod graphql;
pub(crate) mod log;
mod problem;

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

pub(crate) use problem::ApiProblem;

use crate::page::problem::Problem;
use crate::web::Shared;

/// The schema as text.
#[derive(Clone)]
pub(crate) struct SchemaDocument(pub(crate) Arc<str>);

/// The schema as text.
pub(crate) async fn schema_document(
    Extension(SchemaDocument(sdl)): Extension<SchemaDocument>,
) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, sdl.to_string()).into_response()
}

/// The public keys that our access tokens are checked with.
pub(crate) async fn jwks(State(web): State<Shared>) -> Result<Response, Problem> {
    let keys = web
        .tokens
        .jwks(web.app.now())
        .map_err(|error| Problem::store(&error))?;
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(keys)).into_response())
}
