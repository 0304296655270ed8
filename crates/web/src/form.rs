//! What a form of ours sends.

use std::collections::HashMap;

use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;

use crate::body;
use crate::origin::MadeOn;
use crate::page::problem::{Kept, Problem};
use crate::visitor::Visitor;
use crate::web::Shared;

/// The hidden field that shows that a form comes from our page.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// The fields of a form, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(HashMap<String, String>);

impl Fields {
    /// What stands in a field; nothing where the form has none of this name.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What stands in a field, without surrounding white space; none where that is nothing.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        let text = self.get(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Everything that a later form may carry on, which a password is not.
    fn kept(&self) -> Vec<(String, String)> {
        let mut kept: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), CSRF_FIELD | "password"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        kept.sort();
        kept
    }

    /// Reads a form's fields. Browsers send line ends as CR LF, whatever was typed.
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name, value.replace("\r\n", "\n")))
                .collect(),
        )
    }

    /// The fields whose names begin with `prefix`, without it.
    pub(crate) fn beginning_with(&self, prefix: &str) -> Vec<(String, String)> {
        let mut fields: Vec<_> = self
            .0
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
            })
            .collect();
        fields.sort();
        fields
    }
}

/// A form sent by one of our pages, by whoever the page was made for.
#[derive(Debug)]
pub(crate) struct OurForm {
    /// Who sent it.
    pub(crate) visitor: Visitor,
    /// What is in it.
    pub(crate) fields: Fields,
}

/// A form that need not belong to a session: the one that begins a session.
#[derive(Debug)]
pub(crate) struct OpenForm {
    /// Who sent it.
    pub(crate) visitor: Visitor,
    /// What is in it.
    pub(crate) fields: Fields,
}

impl FromRequest<Shared> for OpenForm {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        let (mut parts, sent) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        if MadeOn::read(&parts.headers, web.settings.public_url.as_deref()) == MadeOn::ForeignPage {
            return Err(Problem::NotOurForm(None));
        }
        let bytes = body::read(&parts.headers, sent)
            .await
            .map_err(|error| match error {
                body::BodyError::TooLarge => Problem::TooLarge,
                body::BodyError::Broken => Problem::Unreadable,
            })?;
        let again = Request::builder()
            .method(Method::POST)
            .header(
                CONTENT_TYPE,
                parts
                    .headers
                    .get(CONTENT_TYPE)
                    .cloned()
                    .ok_or(Problem::Unreadable)?,
            )
            .body(bytes.into())
            .map_err(|_| Problem::Unreadable)?;
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(again, &())
            .await
            .map_err(|_| Problem::Unreadable)?;
        Ok(Self {
            visitor,
            fields: Fields::new(pairs),
        })
    }
}

impl FromRequest<Shared> for OurForm {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        let comes_from_us =
            MadeOn::read(request.headers(), web.settings.public_url.as_deref()) == MadeOn::OurPage;
        let OpenForm { visitor, fields } = OpenForm::from_request(request, web).await?;
        let kept = Kept {
            path: visitor.path.clone(),
            fields: fields.kept(),
        };
        let Some(session) = &visitor.session else {
            // Whatever was typed waits until its author has signed in again.
            return Err(Problem::SignIn {
                next: visitor.path.clone(),
                has_ended: true,
                kept: Some(kept),
            });
        };
        if !session.csrf_matches(fields.get(CSRF_FIELD)) {
            // The page was made for an earlier session; its fields are worth keeping if it was ours.
            let again = comes_from_us.then(|| (kept, session.csrf.expose().to_owned()));
            return Err(Problem::NotOurForm(again));
        }
        Ok(Self { visitor, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_form_carries_neither_password_nor_token() {
        let pairs = [
            ("csrf", "x"),
            ("password", "secret"),
            ("text", "増加した。\r\n次へ"),
        ];
        let fields = Fields::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(
            fields.kept(),
            [("text".to_owned(), "増加した。\n次へ".to_owned())]
        );
    }
}
