//! The running service: pages, API, health, and the socket for commands.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use daicho_app::{App, Position};
use daicho_identity::JwtIssuer;
use daicho_web::{Web, WebSettings};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::control::Control;
use crate::failure::{Failure, with_causes};
use crate::place::Place;
use crate::service::{DRAIN, Service};

/// Serves `service` on `listen` until the process is told to stop, then lets requests under way
/// finish. `ready` is called once connections are taken.
///
/// # Errors
/// Where the address or the control socket cannot be had.
pub async fn serve(
    service: Service,
    listen: SocketAddr,
    settings: WebSettings,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(format!("{listen} cannot be listened on: {error}"))
            .help("choose another address with --listen")
    })?;
    let address = listener.local_addr().map_err(Failure::new)?;
    // Commands reach a shared database by themselves.
    let control = match &service.place {
        Place::Folder(folder) => Some(Control::listen(folder)?),
        Place::Database(_) => None,
    };
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
        () = answer(control.as_ref(), &service, &mut calls) => {}
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

async fn answer(control: Option<&Control>, service: &Arc<Service>, calls: &mut JoinSet<()>) {
    match control {
        Some(control) => control.answer(Arc::clone(service), calls).await,
        None => std::future::pending().await,
    }
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
/// The answer names position and head of the records, and why it is not ready.
async fn readyz(State(app): State<Arc<App>>) -> impl IntoResponse {
    let readiness = Readiness::of(&app).await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

/// Whether the service can do its work.
#[derive(Debug, Default, Serialize)]
struct Readiness {
    ready: bool,
    position: Option<Position>,
    head: Option<Position>,
    lag_events: Option<u64>,
    reason: Option<String>,
}

impl Readiness {
    async fn of(app: &App) -> Self {
        let health = match app.projection_health().await {
            Ok(health) => health,
            Err(error) => {
                return Self {
                    reason: Some(with_causes(&error)),
                    ..Self::default()
                };
            }
        };
        let read_only = app.read_only_reason().map(|reason| {
            format!("read-only: {reason}; writing goes on by itself once that is mended")
        });
        let reason = match &health.stuck {
            Some(stuck) => Some(format!(
                "stuck at event {}: {}",
                stuck.position, stuck.reason
            )),
            None if read_only.is_some() => read_only,
            None => (!health.is_well()).then(|| format!("{} events behind", health.lag_events)),
        };
        Self {
            ready: reason.is_none(),
            position: health.position,
            head: health.head,
            lag_events: Some(health.lag_events),
            reason,
        }
    }
}

/// What a monitoring system wants to know, in the Prometheus text format.
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let position = app
        .position()
        .map_or_else(|| "NaN".to_owned(), |position| position.to_string());
    let lag = app
        .lag()
        .await
        .map_or_else(|_| "NaN".to_owned(), |lag| lag.to_string());
    let read_only = u8::from(app.read_only_reason().is_some());
    let stuck = u8::from(app.is_stuck());
    let text = format!(
        "# HELP daicho_read_only Whether a failed write keeps the log from being written to.\n\
         # TYPE daicho_read_only gauge\n\
         daicho_read_only {read_only}\n\
         # HELP daicho_stuck Whether the log holds an event that the read models cannot get past.\n\
         # TYPE daicho_stuck gauge\n\
         daicho_stuck {stuck}\n\
         # HELP daicho_position Position of the last event in the read models.\n\
         # TYPE daicho_position gauge\n\
         daicho_position {position}\n\
         # HELP daicho_lag_events Events in the log that the read models do not have yet.\n\
         # TYPE daicho_lag_events gauge\n\
         daicho_lag_events {lag}\n"
    );
    ([("content-type", "text/plain; version=0.0.4")], text)
}

#[cfg(test)]
mod tests {
    use daicho_testkit::TestApp;

    use super::*;

    #[tokio::test]
    async fn a_service_that_is_stuck_is_not_ready_and_says_at_which_event() {
        let (service, _) = TestApp::sample_city().await;
        let well = Readiness::of(&service.app).await;
        assert!(well.ready && well.reason.is_none(), "{well:?}");
        assert_eq!(well.position, well.head);

        let at = service.append_what_nobody_understands().await;
        let behind = Readiness::of(&service.app).await;
        assert_eq!(behind.reason.as_deref(), Some("1 events behind"));

        service.app.verify().await.unwrap();
        let answer = readyz(State(service.app)).await.into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        let json: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
        assert_eq!(json["ready"], false);
        assert_eq!(
            (&json["position"], &json["head"]),
            (&(at - 1).into(), &at.into())
        );
        let reason = json["reason"].as_str().unwrap();
        assert!(
            reason.starts_with(&format!("stuck at event {at}: "))
                && reason.contains("department-split.v7"),
            "{reason}"
        );
    }
}
