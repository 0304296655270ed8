//! Who sends an API request: by token, by cookie, or nobody that is known.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use daicho_app::{Caller, Through};
use daicho_graphql::RequestContext;
use daicho_identity::{AccessTokenError, Session};

use super::ApiProblem;
use crate::origin::MadeOn;
use crate::visitor::{Found, session, source, with_identity};
use crate::web::Web;

/// The header that carries the CSRF token of a cookie's session.
const CSRF_HEADER: &str = "x-daicho-csrf";

/// Who sends an API request.
pub(super) struct Client {
    /// What the schema is told.
    pub(super) context: RequestContext,
    /// The page session, where the request rests on a cookie.
    session: Option<Session>,
    csrf: Option<String>,
}

impl Client {
    /// Finds out. A token goes before a cookie.
    pub(super) async fn of(parts: &Parts, web: &Web) -> Result<Self, ApiProblem> {
        let source = source(parts, web);
        if let Some(value) = parts.headers.get(AUTHORIZATION) {
            let token = value
                .to_str()
                .ok()
                .and_then(bearer)
                .ok_or(ApiProblem::TOKEN_INVALID)?;
            return Self::by_token(token, source, web).await;
        }
        let session = match session(web, &parts.headers)
            .await
            .map_err(|_| ApiProblem::UNAVAILABLE)?
        {
            Found::None => None,
            Found::Over => return Err(ApiProblem::SESSION_ENDED),
            Found::Session(session) => Some(*session),
        };
        if session.is_some()
            && MadeOn::read(&parts.headers, web.settings.public_url.as_deref())
                == MadeOn::ForeignPage
        {
            return Err(ApiProblem::CROSS_SITE);
        }
        Ok(Self {
            context: RequestContext {
                caller: session.as_ref().map_or(Caller::Anonymous, |session| {
                    Caller::Account(session.account)
                }),
                session: session.as_ref().map(|session| session.id),
                source,
                through: if session.is_some() {
                    Through::Page
                } else {
                    Through::Api
                },
            },
            csrf: parts
                .headers
                .get(CSRF_HEADER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            session,
        })
    }

    async fn by_token(token: &str, source: String, web: &Web) -> Result<Self, ApiProblem> {
        let now = web.app.now();
        let access = web.tokens.verify(token, now).map_err(|error| match error {
            AccessTokenError::Expired { .. } => ApiProblem::TOKEN_EXPIRED,
            _ => ApiProblem::TOKEN_INVALID,
        })?;
        let signed_in = access.signed_in;
        // A token does not know that its sign-in was ended.
        let still = with_identity(web, move |identity| {
            identity.still_signed_in(&signed_in, now)
        })
        .await;
        match still {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(ApiProblem::TOKEN_INVALID),
            _ => return Err(ApiProblem::UNAVAILABLE),
        }
        Ok(Self {
            context: RequestContext {
                caller: Caller::Account(signed_in.account),
                session: Some(signed_in.session),
                source,
                through: Through::Api,
            },
            session: None,
            csrf: None,
        })
    }

    /// Whether it may send a mutation: a browser attaches cookies to whatever any page sends,
    /// so a cookie alone is no proof that somebody meant it.
    pub(super) fn may_mutate(&self) -> Result<(), ApiProblem> {
        match &self.session {
            Some(session)
                if !self
                    .csrf
                    .as_deref()
                    .is_some_and(|token| session.csrf_matches(token)) =>
            {
                Err(ApiProblem::CSRF)
            }
            _ => Ok(()),
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
