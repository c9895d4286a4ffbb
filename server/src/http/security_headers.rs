//! All layers around the routes, in order: security headers, Content-Security-Policy, request log.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http::HeaderValue;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use super::csp::{InlineHashes, Policy, content_policy, loopback_server};

/// Puts the layers around the routes; the last one added sees a request first.
pub fn layers(routes: Router, policy: Policy) -> Router {
    routes
        // restricts the page to what it needs, even if someone injects content into it
        .layer(from_fn_with_state(policy, protect))
        // logs each request with status and duration
        .layer(from_fn(log))
}

/// Headers that every response gets.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    // browsers must not guess content types
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // URLs contain room names, which other sites must not see
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // no framing, also in old browsers
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // no access from windows that opened this one, or were opened by it
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // other sites cannot embed these files
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // the chat needs none of these features
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

async fn protect(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    // the engine sets its own headers for other origins; paths below it belong to the page
    if request.uri().path() == "/socket.io/" {
        return next.run(request).await;
    }
    let local = loopback_server(&request);
    let mut response = next.run(request).await;
    let inline = response.extensions_mut().remove::<InlineHashes>();
    let text = content_policy(&policy, inline.as_ref(), local.as_ref());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if policy.secure {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(CONTENT_SECURITY_POLICY, value);
    }
    response
}

async fn log(request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = started.elapsed();
    // the query may contain private data, so it is not logged
    tracing::debug!(%method, path, status, ?took, "request");
    metrics::counter!("pesan_http_requests_total", "status" => status.to_string()).increment(1);
    response
}
