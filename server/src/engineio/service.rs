//! The engine: checks requests in the order of the official server, and passes them to sessions.

mod open;
mod poll;
mod upgrade;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::upgrade::OnUpgrade;
use tower_service::Service;

use super::body::{RequestBody, ResponseBody};
use super::close_reason::CloseReason;
use super::config::EngineConfig;
use super::connection::{Connection, Group};
use super::connection_state::{ConnectionState, Sink};
use super::cors;
use super::handshake::HandshakeRequest;
use super::hub::Hub;
use super::memory;
use super::message::EncodedMessage;
use super::protocol::{EngineContext, Protocol};
use super::refusal::{Refusal, RefuseCode};
use super::session::SessionFactory;
use super::session_registry::SessionRegistry;
use crate::http::accept_encoding;
use upgrade::WebSocketHandshake;

/// Engine.IO server for one protocol; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    context: Arc<EngineContext>,
    factory: Arc<dyn SessionFactory>,
}

impl Engine {
    /// Engine with these settings. Nothing runs before the first request.
    #[must_use]
    pub fn new(mut config: EngineConfig, protocol: impl Protocol) -> Self {
        config.path = normalize_path(&config.path);
        let order = Arc::default();
        let sessions = Arc::new(SessionRegistry::new(&config.limits));
        let config = Arc::new(config);
        let hub = |_| Hub::new(Arc::clone(&config), Arc::clone(&order), Arc::downgrade(&sessions));
        Self {
            context: Arc::new(EngineContext {
                next_id: AtomicU64::new(1),
                hubs: (0..config.hubs.max(1)).map(hub).collect(),
                sessions,
                config,
            }),
            factory: Arc::new(protocol),
        }
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.context.config
    }

    /// Sends a message to all members of a group.
    pub fn broadcast(&self, group: &Arc<Group>, message: &EncodedMessage) {
        group.send(message);
    }

    /// Sends a message to all members of a group but these. Meant for a few exceptions; for many, build another group.
    pub fn broadcast_except(&self, group: &Arc<Group>, except: &[Connection], message: &EncodedMessage) {
        group.send_except(except, message);
    }

    /// Number of open sessions, including those in their handshake.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.context.sessions.count()
    }

    /// Bytes that the process holds for the clients of all its engines; see
    /// [`EngineLimits::max_held_bytes`](super::EngineLimits::max_held_bytes).
    #[must_use]
    pub fn held_bytes() -> usize {
        memory::process_bytes()
    }

    /// Number of sessions whose client can be sent a message now. A polling client between two polls cannot.
    #[must_use]
    pub fn reachable_sessions(&self) -> usize {
        self.context.sessions.reachable()
    }

    /// Answers one request, whatever its path is.
    pub fn handle<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send + use<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        handle(self.clone(), request)
    }

    /// Closes all connections after everything sent before was written; refuses further ones.
    ///
    /// [`sessions`](Self::sessions) falls to 0 when all have ended.
    pub fn close(&self) {
        for state in self.context.sessions.close() {
            if let Some(hub) = self.context.hub_of(state.id) {
                Connection::new(state, Arc::clone(hub)).close(CloseReason::ServerShuttingDown);
            }
        }
    }
}

impl Engine {
    /// Accepts connections again after [`close`](Self::close).
    pub(crate) fn reopen(&self) {
        self.context.sessions.reopen();
    }
}

/// Answers requests of the engine's path, and others with status 404.
///
/// Any HTTP server that takes tower services can serve it: hyper by `TowerToHyperService`, axum by
/// `Router::fallback_service` (or `Engine::router`, with the feature `axum`).
impl<B> Service<Request<B>> for Engine
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.uri().path() == self.context.config.path {
            let response = self.handle(request);
            return Box::pin(async { Ok(response.await) });
        }
        let mut response = Response::new(ResponseBody::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Box::pin(std::future::ready(Ok(response)))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.context.config)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}

/// Request that passed the checks that need no session.
struct CheckedRequest {
    handshake: Arc<HandshakeRequest>,
    method: Method,
    websocket: Option<WebSocketHandshake>,
    gzip: bool,
    octets: bool,
}

/// Answers a request.
async fn handle(engine: Engine, request: Request<RequestBody>) -> Response<ResponseBody> {
    let (mut parts, body) = request.into_parts();
    let context = &engine.context;
    if let Some(response) = context
        .config
        .cors
        .as_ref()
        .and_then(|cors| cors::preflight(cors, &parts))
    {
        return response;
    }
    let on_upgrade = parts.extensions.remove::<OnUpgrade>();
    let handshake = Arc::new(HandshakeRequest::new(&parts));
    let checked = check(&context.config, &parts, on_upgrade, Arc::clone(&handshake));
    let answered = match checked {
        Ok(incoming) => answer(&engine, incoming, body).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = answered.unwrap_or_else(|refusal| {
        let code = refusal.error.code.code().to_string();
        crate::meter::counter!("engine_refused_total", "code" => code).increment(1);
        tracing::debug!(address = %handshake.address, url = %handshake.url, error = %refusal.error, "refused");
        if let Some(hook) = &context.config.on_connection_error {
            hook(&handshake, &refusal.error);
        }
        refusal.into_response()
    });
    if let Some(cors) = &context.config.cors {
        cors::apply(cors, handshake.headers.get("origin"), response.headers_mut());
    }
    response
}

/// Checks that need no session.
fn check(
    config: &EngineConfig,
    parts: &Parts,
    on_upgrade: Option<OnUpgrade>,
    handshake: Arc<HandshakeRequest>,
) -> Result<CheckedRequest, Refusal> {
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
        Some(upgrade::check(config, parts, on_upgrade, transport)?)
    } else {
        None
    };
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(CheckedRequest {
        method: parts.method.clone(),
        websocket,
        gzip: accept_encoding::is_accepted("gzip", text(header::ACCEPT_ENCODING)),
        octets: text(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("application/octet-stream")),
        handshake,
    })
}

async fn answer(
    engine: &Engine,
    incoming: CheckedRequest,
    body: RequestBody,
) -> Result<Response<ResponseBody>, Refusal> {
    let context = &engine.context;
    let handshake = Arc::clone(&incoming.handshake);
    match handshake.param("sid").filter(|sid| !sid.is_empty()) {
        Some(sid) => {
            let session = find(context, sid, &incoming)?;
            match incoming.websocket {
                Some(accept) => Ok(upgrade::upgrade(context, session, accept)),
                None if incoming.method == Method::GET => poll::poll(context, &session, incoming.gzip).await,
                None if incoming.method == Method::POST => {
                    poll::post(context, &session, incoming.octets, body).await
                }
                None => Err(Refusal::new(
                    RefuseCode::BadRequest,
                    format!("method {}", incoming.method),
                )),
            }
        }
        None => {
            let CheckedRequest {
                method, websocket, ..
            } = incoming;
            open::open(engine, handshake, &method, websocket).await
        }
    }
}

/// Finds the session of a request, and checks that the request may use it.
fn find(
    context: &EngineContext,
    sid: &str,
    incoming: &CheckedRequest,
) -> Result<Arc<ConnectionState>, Refusal> {
    let unknown = || Refusal::new(RefuseCode::UnknownSid, format!("unknown sid '{sid}'"));
    let session = context.sessions.get(sid).ok_or_else(unknown)?;
    if session.is_overdue(Instant::now()) {
        session.lock().fail(CloseReason::PingTimeout);
        return Err(unknown());
    }
    let outbound = session.lock();
    let is_polling = matches!(outbound.sink, Sink::Polling(_));
    if outbound
        .closing
        .is_some_and(|reason| !(is_polling && reason.is_orderly()))
    {
        return Err(unknown());
    }
    drop(outbound);
    let transport = incoming.handshake.param("transport").unwrap_or_default();
    if incoming.websocket.is_none() && !(is_polling && transport == "polling") {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            format!("transport '{transport}' without upgrade"),
        ));
    }
    if incoming.handshake.param("EIO") != Some("4") {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            "protocol version differs from that of the handshake",
        ));
    }
    Ok(session)
}

/// Adds a slash at both ends, like the `path` option of the official server.
fn normalize_path(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_normalized_has_a_slash_at_both_ends() {
        for (given, path) in [
            ("/socket.io/", "/socket.io/"),
            ("/my-path", "/my-path/"),
            ("my/path", "/my/path/"),
            ("", "/"),
            ("/", "/"),
        ] {
            assert_eq!(normalize_path(given), path);
        }
    }
}
