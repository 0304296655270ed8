//! Errors before GraphQL: in the shape of a GraphQL answer, so that clients read one shape.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use daicho_graphql::DocumentRefused;
use serde_json::json;

/// Why a request did not reach the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ApiProblem {
    /// The status.
    pub(crate) status: StatusCode,
    /// Stable code.
    pub(crate) code: &'static str,
    /// In English, with what to do.
    pub(crate) message: &'static str,
    /// In Japanese, with what to do.
    pub(crate) message_ja: &'static str,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $message:literal, $ja:literal;)*) => {
        impl ApiProblem {
            $($(#[$doc])* pub(crate) const $name: Self = Self {
                status: StatusCode::$status, code: $code, message: $message, message_ja: $ja,
            };)*
        }
    };
}

problems! {
    /// The access token has run out.
    TOKEN_EXPIRED = UNAUTHORIZED, "token_expired",
        "the access token has expired; get a new one with refreshSession, or sign in again",
        "アクセストークンの有効期限が切れています。refreshSession で更新するか、もう一度サインインしてください。";
    /// The access token is not one of ours, or its sign-in was ended.
    TOKEN_INVALID = UNAUTHORIZED, "token_invalid",
        "the access token is not valid here, or its sign-in was ended; sign in again",
        "アクセストークンが無効です。もう一度サインインしてください。";
    /// The cookie's session is over.
    SESSION_ENDED = UNAUTHORIZED, "session_ended",
        "the session has ended; sign in again",
        "サインインの有効期限が切れています。もう一度サインインしてください。";
    /// A page of another site made the request.
    CROSS_SITE = FORBIDDEN, "cross_site",
        "a request with a session cookie must come from this site; use an access token instead",
        "ほかのサイトからの要求は受け付けません。";
    /// A mutation with a cookie lacks the session's token.
    CSRF = FORBIDDEN, "csrf",
        "a mutation with a session cookie needs the session's token in the header x-daicho-csrf; reload the page",
        "画面の有効期限が切れています。画面を開き直してください。";
    /// Not JSON.
    NOT_JSON = UNSUPPORTED_MEDIA_TYPE, "not_json",
        "send the request as JSON with content-type: application/json",
        "content-type: application/json で送信してください。";
    /// JSON, but no GraphQL request.
    NO_REQUEST = BAD_REQUEST, "bad_request",
        "this is no GraphQL request; send {\"query\": …, \"variables\": …} as JSON, one request at a time",
        "GraphQL の要求として読めません。";
    /// Too large.
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too_large",
        "the request is larger than 1 MiB; send less at once, or use the command line (daicho import) for large files",
        "要求が 1 MiB を超えています。分けて送信するか、コマンド(daicho import)を使ってください。";
    /// The connection broke.
    BROKEN = BAD_REQUEST, "incomplete",
        "the request did not arrive completely; send it again",
        "要求が途中で切れました。もう一度送信してください。";
    /// A mutation by GET.
    MUTATION_BY_GET = METHOD_NOT_ALLOWED, "mutation_by_get",
        "GET answers queries only; send mutations by POST",
        "変更は POST で送信してください。";
    /// A stranger asks for what auditors may fetch.
    SIGN_IN = UNAUTHORIZED, "sign_in_first",
        "this is for auditors; send an access token from the mutation signIn as 'Authorization: Bearer …'",
        "監査の権限が必要です。signIn で得たアクセストークンを付けて送信してください。";
    /// Somebody who is no auditor asks, or for more than one municipality's auditor may read.
    NO_AUDITOR = FORBIDDEN, "forbidden",
        "hash tiles are for auditors, entry bundles for the auditor of a service that holds one municipality; ask for the proof of a figure instead",
        "この記録を取得できるのは監査の担当者だけです。数値の証明書は別に発行を依頼できます。";
    /// There is no such tile.
    NO_TILE = NOT_FOUND, "not_found",
        "there is no such tile (yet); ask for what the size in /log/checkpoint gives, in the paths of c2sp.org/tlog-tiles",
        "指定された記録はありません。";
    /// The log was never signed.
    NO_CHECKPOINT = NOT_FOUND, "not_found",
        "nothing has been signed yet; the service signs its log within a second of the first record",
        "署名された記録はまだありません。";
    /// The records or the register cannot be reached.
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable",
        "the service cannot answer right now; try again later",
        "現在、処理できません。少し待ってからもう一度送信してください。";
}

impl From<DocumentRefused> for ApiProblem {
    fn from(refused: DocumentRefused) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: refused.code(),
            message: refused.message(),
            message_ja: refused.ja(),
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let body = json!({
            "data": null,
            "errors": [{
                "message": self.message,
                "extensions": { "code": self.code, "messageJa": self.message_ja },
            }],
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
