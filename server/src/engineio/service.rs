//! Requests of the engine's path: checks them in the official order and turns them into calls.

mod open;
mod poll;
mod refusal;
mod upgrade;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{Method, Request, Response};

use super::config::EngineConfig;
use super::connection::{Inner, Line};
use super::reason::{CloseReason, RefuseCode};
use super::request::HandshakeRequest;
use super::{Shared, coding, cors};
use refusal::Refusal;
use upgrade::Accept;

/// A request after the checks that need no session.
struct Incoming {
    handshake: Arc<HandshakeRequest>,
    method: Method,
    websocket: Option<Accept>,
    gzip: bool,
    octets: bool,
}

/// Answers a request.
pub(crate) async fn handle(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    if let Some(response) = shared
        .config
        .cors
        .as_ref()
        .and_then(|cors| cors::preflight(cors, &parts))
    {
        return response;
    }
    let handshake = Arc::new(HandshakeRequest::new(&parts));
    let checked = check(&shared.config, &mut parts, Arc::clone(&handshake));
    let answered = match checked {
        Ok(incoming) => answer(&shared, incoming, body).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = answered.unwrap_or_else(|refusal| {
        let code = refusal.error.code.code().to_string();
        metrics::counter!("engine_refused_total", "code" => code).increment(1);
        tracing::debug!(address = %handshake.address, url = %handshake.url, error = %refusal.error, "refused");
        if let Some(hook) = &shared.config.on_connection_error {
            hook(&handshake, &refusal.error);
        }
        refusal.into_response()
    });
    if let Some(cors) = &shared.config.cors {
        cors::apply(cors, handshake.headers.get("origin"), response.headers_mut());
    }
    response
}

/// The checks that need no session.
fn check(
    config: &EngineConfig,
    parts: &mut Parts,
    handshake: Arc<HandshakeRequest>,
) -> Result<Incoming, Refusal> {
    let transport = handshake.param("transport").unwrap_or_default();
    if transport == "polling" && handshake.param("j").is_some() {
        let mut refusal = Refusal::new(RefuseCode::BadRequest, "JSONP");
        "JSONP polling (parameter j) is not supported".clone_into(&mut refusal.error.message);
        return Err(refusal);
    }
    let known = match transport {
        "polling" => config.polling,
        "websocket" => config.websocket,
        _ => false,
    };
    if !known {
        return Err(Refusal::new(
            RefuseCode::TransportUnknown,
            format!("unknown transport '{transport}'"),
        ));
    }
    let (origin, host) = (handshake.headers.get("origin"), handshake.headers.get("host"));
    if let Some(origin) = origin
        && !config.origins.contains(origin, host)
    {
        return Err(Refusal::new(
            RefuseCode::Forbidden,
            format!("origin '{origin}' is not allowed"),
        ));
    }
    let websocket = if upgrade::is_upgrade(&parts.headers) {
        Some(upgrade::accept(config, parts, transport)?)
    } else {
        None
    };
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Incoming {
        method: parts.method.clone(),
        websocket,
        gzip: coding::is_accepted("gzip", text(header::ACCEPT_ENCODING)),
        octets: text(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("application/octet-stream")),
        handshake,
    })
}

async fn answer(shared: &Arc<Shared>, incoming: Incoming, body: Body) -> Result<Response<Body>, Refusal> {
    let handshake = Arc::clone(&incoming.handshake);
    match handshake.param("sid").filter(|sid| !sid.is_empty()) {
        Some(sid) => {
            let session = find(shared, sid, &incoming)?;
            match incoming.websocket {
                Some(accept) => Ok(upgrade::upgrade(shared, session, accept)),
                None if incoming.method == Method::GET => poll::poll(shared, &session, incoming.gzip).await,
                None if incoming.method == Method::POST => {
                    poll::post(shared, &session, incoming.octets, body).await
                }
                None => Err(Refusal::new(
                    RefuseCode::BadRequest,
                    format!("method {}", incoming.method),
                )),
            }
        }
        None => open::open(shared, incoming).await,
    }
}

/// The session of a request, if it may talk to it.
fn find(shared: &Shared, sid: &str, incoming: &Incoming) -> Result<Arc<Inner>, Refusal> {
    let unknown = || Refusal::new(RefuseCode::UnknownSid, format!("unknown sid '{sid}'"));
    let session = shared.sessions.get(sid).ok_or_else(unknown)?;
    if session.is_overdue(Instant::now()) {
        session.lock().fail(CloseReason::PingTimeout);
        return Err(unknown());
    }
    let state = session.lock();
    let polls = matches!(state.line, Line::Polling(_));
    if state
        .closing
        .is_some_and(|reason| !(polls && reason.is_orderly()))
    {
        return Err(unknown());
    }
    drop(state);
    let transport = incoming.handshake.param("transport").unwrap_or_default();
    if incoming.websocket.is_none() && !(polls && transport == "polling") {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            format!("transport '{transport}' without upgrade"),
        ));
    }
    if incoming.handshake.param("EIO") != Some("4") {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            "another protocol version than at the handshake",
        ));
    }
    Ok(session)
}
