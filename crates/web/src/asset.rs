//! The stylesheet: part of the program, served under a name that changes with its content.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const STYLESHEET: &str = include_str!("asset/daicho.css");

static STYLESHEET_PATH: LazyLock<String> = LazyLock::new(|| {
    format!(
        "/assets/daicho-{}.css",
        &hex::encode(Sha256::digest(STYLESHEET))[..16]
    )
});

/// Where the stylesheet is.
pub(crate) fn stylesheet_path() -> &'static str {
    &STYLESHEET_PATH
}

/// The stylesheet; it may be kept for ever, because another content has another name.
pub(crate) async fn stylesheet() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, STYLESHEET).into_response()
}
