//! Who asks for a page.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use daicho_app::{Caller, Through};
use daicho_graphql::RequestContext;
use daicho_identity::{IdentityStore, Session, SessionError, StoreError};

use crate::page::problem::Problem;
use crate::session_cookie::SESSION_COOKIE;
use crate::web::{Shared, Web};

/// Who asks for a page, and for which one.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// The session, for somebody signed in.
    pub(crate) session: Option<Session>,
    /// Whether there was a session that is over.
    pub(crate) has_ended: bool,
    /// The network address.
    pub(crate) source: String,
    /// Path and query as asked for.
    pub(crate) path: String,
}

impl Visitor {
    /// The one who asks, for the use cases.
    pub(crate) fn caller(&self) -> Caller {
        self.session.as_ref().map_or(Caller::Anonymous, |session| {
            Caller::Account(session.account)
        })
    }

    /// What the schema is told.
    pub(crate) fn context(&self) -> RequestContext {
        RequestContext {
            caller: self.caller(),
            session: self.session.as_ref().map(|session| session.id),
            source: self.source.clone(),
            through: Through::Page,
        }
    }

    /// What forms carry to show that they come from our page; empty for strangers.
    pub(crate) fn csrf(&self) -> String {
        self.session
            .as_ref()
            .map_or_else(String::new, |session| session.csrf.expose().to_owned())
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        let found = session(web, &parts.headers).await?;
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        let path = uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        Ok(Self {
            has_ended: matches!(found, Found::Over),
            session: match found {
                Found::Session(session) => Some(*session),
                Found::None | Found::Over => None,
            },
            source: source(parts, web),
            path,
        })
    }
}

/// What a request's cookie leads to.
pub(crate) enum Found {
    /// No cookie.
    None,
    /// A session that is over.
    Over,
    /// A session.
    Session(Box<Session>),
}

/// The session of a request's cookie.
pub(crate) async fn session(web: &Web, headers: &HeaderMap) -> Result<Found, Problem> {
    let jar = CookieJar::from_headers(headers);
    let Some(token) = jar
        .get(SESSION_COOKIE)
        .map(|cookie| cookie.value().to_owned())
    else {
        return Ok(Found::None);
    };
    let now = web.app.now();
    match with_identity(web, move |identity| identity.session(&token, now)).await? {
        Ok(session) => Ok(Found::Session(Box::new(session))),
        Err(SessionError::Store(error)) => Err(Problem::store(&error)),
        Err(_) => Ok(Found::Over),
    }
}

/// Does `work` with the register of people on a thread that may block.
pub(crate) async fn with_identity<T: Send + 'static>(
    web: &Web,
    work: impl FnOnce(&IdentityStore) -> T + Send + 'static,
) -> Result<T, Problem> {
    let identity = Arc::clone(&web.identity);
    tokio::task::spawn_blocking(move || work(&identity))
        .await
        .map_err(|error| Problem::internal(&error))
}

/// The network address that a request comes from.
pub(crate) fn source(parts: &Parts, web: &Web) -> String {
    if web.settings.behind_proxy {
        // The last address is the one that our own proxy added; anything before it is hearsay.
        let forwarded = parts
            .headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok());
        if let Some(address) = forwarded.and_then(|list| list.rsplit(',').next()) {
            return address.trim().to_owned();
        }
    }
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or_else(
        || "unknown".to_owned(),
        |address| address.0.ip().to_string(),
    )
}

impl Problem {
    /// The register of people cannot be used.
    pub(crate) fn store(error: &StoreError) -> Self {
        tracing::error!(%error, "the register of people cannot be used");
        Self::Unavailable(None)
    }
}
