//! Every route on one page.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::HOST;

use super::AppState;
use crate::config::is_loopback;
use crate::engineio::Peer;
use crate::http::health;
use crate::http::security_headers::{self, Policy};

/// What the public address serves.
pub fn router(state: &AppState) -> Router {
    let mut routes = Router::new()
        // load balancers
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    if !state.metrics_elsewhere {
        // Prometheus on this machine
        routes = routes.route("/metrics", get(local_metrics));
    }
    // Socket.IO
    let routes = routes.merge(state.engine.router());
    // people
    let routes = routes.fallback(page).with_state(state.clone());
    security_headers::layers(routes, state.policy.clone())
}

/// What `--admin-listen` serves.
pub fn admin_router(state: &AppState) -> Router {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(state.clone());
    security_headers::layers(routes, Policy::default())
}

async fn healthz(State(state): State<AppState>) -> Response {
    health::liveness(state.trouble().as_deref())
}

async fn readyz(State(state): State<AppState>) -> Response {
    health::readiness(state.trouble().as_deref())
}

/// `/metrics` of the public address: for this machine only, and not for whom a proxy on it speaks.
async fn local_metrics(State(state): State<AppState>, request: Request) -> Response {
    let headers = request.headers();
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .into_iter()
        .any(|name| headers.contains_key(name));
    let local = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    if local && !forwarded && named.is_none_or(is_loopback) {
        metrics(State(state)).await
    } else {
        page(State(state), request).await
    }
}

async fn metrics(State(state): State<AppState>) -> Response {
    state.record_metrics();
    health::metrics_page()
}

async fn page(State(state): State<AppState>, request: Request) -> Response {
    state.assets.respond(&request).into_response()
}
