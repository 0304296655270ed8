//! Executing a request, and giving every error a code.

use async_graphql::{ErrorExtensionValues, Request, Response, ServerError};

use crate::document::DocumentRefused;
use crate::schema::DaichoSchema;

/// The longest message of an error, in characters: some quote what was sent.
const MESSAGE_CHARS_MAX: usize = 500;

/// What `schema` answers to `request`. Every error has `code` and `messageJa` in its
/// extensions: those that come from no resolver are about the request itself, and are
/// `bad_input` or `query_too_complex`.
///
/// A request of which nothing is known goes through
/// [`check_document`](crate::check_document) before.
pub async fn answer(schema: &DaichoSchema, request: Request) -> Response {
    let mut response = schema.execute(request).await;
    response.errors.iter_mut().for_each(complete);
    response
}

fn complete(error: &mut ServerError) {
    if let Some((cut, _)) = error.message.char_indices().nth(MESSAGE_CHARS_MAX) {
        error.message.truncate(cut);
        error.message.push('…');
    }
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_some() {
        return;
    }
    let (code, message_ja) = if is_about_limits(&error.message) {
        let refused = DocumentRefused::TooComplex;
        (refused.code(), refused.ja())
    } else {
        (
            "bad_input",
            "要求の内容を読み取れません。項目名と、識別番号・日付・数値などの書き方を確認してください。",
        )
    };
    extensions.set("code", code);
    extensions.set("messageJa", message_ja);
}

/// GraphQL's own limits have no code; their words are all there is.
fn is_about_limits(message: &str) -> bool {
    [
        "Query is too complex",
        "Query is nested too deep",
        "The recursion depth of the query",
    ]
    .iter()
    .any(|words| message.starts_with(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut error = ServerError::new("値".repeat(700), None);
        complete(&mut error);
        assert_eq!(error.message.chars().count(), MESSAGE_CHARS_MAX + 1);
        assert!(error.message.ends_with('…'));
        let mut short = ServerError::new("値", None);
        complete(&mut short);
        assert_eq!(short.message, "値");
    }
}
