//! Every route on one page.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::headers::{self, Policy};
use super::health;
use crate::state::AppState;

/// What the public address serves.
pub fn router(state: &AppState) -> Router {
    let mut routes = Router::new()
        // load balancers
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    if !state.metrics_elsewhere {
        // Prometheus
        routes = routes.route("/metrics", get(metrics));
    }
    // Socket.IO
    let routes = routes.merge(state.engine.router());
    // people
    let routes = routes.fallback(page).with_state(state.clone());
    headers::layers(routes, state.policy.clone())
}

/// What `--admin-listen` serves.
pub fn admin_router(state: &AppState) -> Router {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(state.clone());
    headers::layers(routes, Policy::default())
}

async fn healthz(State(state): State<AppState>) -> Response {
    health::alive(state.trouble().as_deref())
}

async fn readyz(State(state): State<AppState>) -> Response {
    health::answer(state.trouble().as_deref())
}

async fn metrics(State(state): State<AppState>) -> Response {
    state.chat.measure();
    health::metrics_page()
}

async fn page(State(state): State<AppState>, request: Request) -> Response {
    state.assets.respond(&request).into_response()
}
