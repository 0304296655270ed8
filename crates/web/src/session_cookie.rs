//! The cookie that keeps a browser signed in.

use axum_extra::extract::cookie::{Cookie, SameSite};
use daicho_identity::Credential;

use crate::web::WebSettings;

/// Its name.
pub(crate) const SESSION_COOKIE: &str = "daicho_session";

/// The cookie of a new session. It ends with the browser; the session has limits of its own.
pub(crate) fn begun(token: &Credential, settings: &WebSettings) -> Cookie<'static> {
    cookie(token.expose().to_owned(), settings)
}

/// The cookie that takes it away.
pub(crate) fn ended(settings: &WebSettings) -> Cookie<'static> {
    let mut cookie = cookie(String::new(), settings);
    cookie.make_removal();
    cookie
}

fn cookie(value: String, settings: &WebSettings) -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.secure_cookies)
        .build()
}
