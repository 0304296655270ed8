//! The running service: pages, API, health, and the socket for commands.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use daicho_identity::JwtIssuer;
use daicho_web::{Web, WebSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::control::Control;
use crate::failure::{Failure, with_causes};
use crate::service::{DRAIN, Service};

/// Serves `service` on `listen` until the process is told to stop, then lets requests under way
/// finish. `ready` is called once connections are taken.
///
/// # Errors
/// Where the address or the control socket cannot be had.
pub async fn serve(
    service: Service,
    folder: &Path,
    listen: SocketAddr,
    settings: WebSettings,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(format!("{listen} cannot be listened on: {error}"))
            .help("choose another address with --listen")
    })?;
    let address = listener.local_addr().map_err(Failure::new)?;
    let control = Control::listen(folder)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::new)?;

    let service = Arc::new(service);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let router = router(&service, settings)?;
    let mut draining = stopped.clone();
    let mut server = tokio::spawn(
        axum::serve(
            listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move {
            // The sender lives until the server has ended.
            let _ = draining.wait_for(|stop| *stop).await;
        })
        .into_future(),
    );
    ready(address);
    let mut calls = JoinSet::new();
    let mut ended_by_itself = false;
    tokio::select! {
        () = control.answer(Arc::clone(&service), &mut calls) => {}
        _ = terminate.recv() => tracing::info!("told to stop"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        ended = &mut server => {
            tracing::error!(?ended, "the server ended by itself");
            ended_by_itself = true;
        }
    }
    let _ = stop.send(true);
    let drained = tokio::time::timeout(DRAIN, async {
        if !ended_by_itself {
            // Whatever it ends with, it has ended.
            let _ = server.await;
        }
        while calls.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!("requests that were still under way are cut off");
    }
    drop(control);
    match Arc::try_unwrap(service) {
        Ok(service) => service.close().await?,
        // A request that was cut off still holds it.
        Err(service) => service.app.close().await?,
    }
    if ended_by_itself {
        return Err(Failure::new("the server ended by itself")
            .help("the lines above say why; start the service again"));
    }
    Ok(())
}

fn router(service: &Arc<Service>, settings: WebSettings) -> Result<Router, Failure> {
    // The issuer is the service, the audience its API; nobody else makes or takes these tokens.
    let tokens = JwtIssuer::new(Arc::clone(&service.identity), "daicho", "daicho-api");
    let tokens = Arc::new(tokens.map_err(|error| Failure::new(with_causes(&error)))?);
    let (app, identity) = (Arc::clone(&service.app), Arc::clone(&service.identity));
    let schema =
        daicho_graphql::build_schema(Arc::clone(&app), Arc::clone(&identity), Arc::clone(&tokens));
    let web = daicho_web::router(Web {
        app,
        identity,
        tokens,
        schema,
        settings,
    });
    let health = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&service.app));
    Ok(web.merge(health))
}

/// Ready once the read models have everything that the log has, and while it can be written to.
async fn readyz(State(app): State<Arc<daicho_app::App>>) -> impl IntoResponse {
    if let Some(reason) = app.read_only_reason() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("read-only: {reason}; mend the cause and restart the service\n"),
        );
    }
    match app.lag().await {
        Ok(0) => (StatusCode::OK, "caught up\n".to_owned()),
        Ok(behind) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{behind} events behind\n"),
        ),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// What a monitoring system wants to know, in the Prometheus text format.
async fn metrics(State(app): State<Arc<daicho_app::App>>) -> impl IntoResponse {
    let position = app
        .position()
        .map_or_else(|| "NaN".to_owned(), |position| position.to_string());
    let lag = app
        .lag()
        .await
        .map_or_else(|_| "NaN".to_owned(), |lag| lag.to_string());
    let read_only = u8::from(app.read_only_reason().is_some());
    let text = format!(
        "# HELP daicho_read_only Whether a failed write keeps the log from being written to.\n\
         # TYPE daicho_read_only gauge\n\
         daicho_read_only {read_only}\n\
         # HELP daicho_position Position of the last event in the read models.\n\
         # TYPE daicho_position gauge\n\
         daicho_position {position}\n\
         # HELP daicho_lag_events Events in the log that the read models do not have yet.\n\
         # TYPE daicho_lag_events gauge\n\
         daicho_lag_events {lag}\n"
    );
    ([("content-type", "text/plain; version=0.0.4")], text)
}
