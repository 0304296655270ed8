//! The cookie that lets a browser see on every node what it has just done on one.
//!
//! After a form was sent the next page may come from another node, which may be some milliseconds
//! behind. So the answer to a form that did something names the position that it reached, and every page waits for it
//! first, which on a node that has it takes no time.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use daicho_app::Position;

use crate::web::Shared;

const COOKIE: &str = "daicho_position";

/// Waits before, and names the position afterwards.
pub(crate) async fn follow(
    State(web): State<Shared>,
    jar: CookieJar,
    request: Request,
    next: Next,
) -> Response {
    let seen = jar
        .get(COOKIE)
        .and_then(|cookie| cookie.value().parse().ok());
    if let Some(seen) = seen {
        wait_for(&web, seen).await;
    }
    let is_form = request.method() == Method::POST && request.uri().path() != "/graphql";
    let response = next.run(request).await;
    match web.app.position() {
        Some(position) if is_form && response.status().is_redirection() => {
            (jar.add(cookie(&web, position)), response).into_response()
        }
        _ => response,
    }
}

async fn wait_for(web: &Shared, seen: Position) {
    if let Err(error) = web.app.reach(seen).await {
        // An older page is better than none; why the node is behind shows on every page.
        tracing::debug!(%error, "a page could not wait for what its reader has seen");
    }
}

fn cookie(web: &Shared, position: Position) -> Cookie<'static> {
    Cookie::build((COOKIE, position.to_string()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(web.settings.secure_cookies)
        .build()
}
