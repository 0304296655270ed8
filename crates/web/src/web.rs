//! The pages and the API as one router.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use daicho_app::App;
use daicho_graphql::DaichoSchema;
use daicho_identity::{IdentityStore, JwtIssuer};
use tower_http::catch_panic::CatchPanicLayer;

use crate::page::problem::Problem;
use crate::{api, asset, page, security_headers, seen_position};

/// How long a request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How the pages are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSettings {
    /// Whether cookies are sent over TLS only. True wherever people reach the service by https.
    pub secure_cookies: bool,
    /// The address that people use (`https://daicho.city.example.jp`), where a proxy stands in
    /// front; without it the `Host` header is believed.
    pub public_url: Option<String>,
    /// Whether the last address in `X-Forwarded-For` is the visitor's. Only where every request
    /// passes a proxy that writes it: failed sign-ins are counted by this address.
    pub behind_proxy: bool,
}

/// What the pages and the API are made from.
pub struct Web {
    /// The use cases.
    pub app: Arc<App>,
    /// The register of people and sessions.
    pub identity: Arc<IdentityStore>,
    /// Makes and checks access tokens; the same one that `schema` was made with.
    pub tokens: Arc<JwtIssuer>,
    /// The schema that pages and API clients ask.
    pub schema: DaichoSchema,
    /// How the pages are reached.
    pub settings: WebSettings,
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web")
            .field("app", &self.app)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

pub(crate) type Shared = Arc<Web>;

/// All pages, `/graphql`, `/schema.graphql`, `/.well-known/jwks.json`, `/log` and the stylesheet, with
/// a page for every other address. Serve it with connect info (`SocketAddr`), so that failed
/// sign-ins are counted by network address.
pub fn router(web: Web) -> Router {
    let web: Shared = Arc::new(web);
    let sdl: Arc<str> = daicho_graphql::sdl().into();
    Router::new()
        .route("/graphql", get(api::graphql::get).post(api::graphql::post))
        .route("/schema.graphql", get(api::schema_document))
        .route("/.well-known/jwks.json", get(api::jwks))
        .route("/log/checkpoint", get(api::log::checkpoint))
        .route("/log/keys", get(api::log::keys))
        .route("/log/tile/{*path}", get(api::log::tile))
        .route(asset::stylesheet_path(), get(asset::stylesheet))
        .route("/", get(page::start::show))
        .route(
            "/sign-in",
            get(page::sign_in::show).post(page::sign_in::sign_in),
        )
        .route("/sign-out", post(page::sign_in::sign_out))
        .route("/work", get(page::work::show))
        .route("/plans/{plan}/{year}", get(page::sheet::show))
        .route("/plans/{plan}/{year}/progress", get(page::progress::show))
        .route(
            "/plans/{plan}/{year}/progress/{act}",
            post(page::progress::act),
        )
        .route(
            "/plans/{plan}/{year}/reports/{indicator}",
            get(page::report::show).post(page::report::save),
        )
        .route(
            "/plans/{plan}/{year}/reports/{indicator}/history",
            get(page::history::show),
        )
        .route(
            "/plans/{plan}/{year}/reports/{indicator}/{act}",
            post(page::report::act),
        )
        .route("/public/{plan}/{year}", get(page::public_sheet::show))
        .route("/accounts", get(page::accounts::show))
        .route("/accounts/{act}", post(page::accounts::act))
        .route("/refusals", get(page::refusals::show))
        .fallback(async || Problem::NotFound(None))
        .method_not_allowed_fallback(async || Problem::WrongMethod)
        .layer(Extension(api::SchemaDocument(sdl)))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&web),
            seen_position::follow,
        ))
        .layer(middleware::from_fn(within_time))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::Internal.into_response()
        }))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&web),
            security_headers::add,
        ))
        .with_state(web)
}

async fn within_time(request: Request, next: Next) -> Response {
    let is_api = request.uri().path() == "/graphql";
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) if is_api => api::ApiProblem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "timeout",
            message: "the request took longer than 30 seconds; send it again with the same command id to learn whether it was recorded",
            message_ja: "処理に30秒以上かかったため中断しました。同じ操作番号でもう一度送信してください。",
        }
        .into_response(),
        Err(_) => Problem::Unavailable(None).into_response(),
    }
}
