//! Requests of the engine's path: checks them in the official order and turns them into calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::upgrade::OnUpgrade;
use pesan::socketio::Limits as CodecLimits;
use pesan::socketio::engine::{Handshake, Packet, payload};
use tokio::sync::oneshot;

use super::config::EngineConfig;
use super::connection::{Connection, Inner, Line};
use super::deflate;
use super::hub::Op;
use super::outgoing::Outgoing;
use super::polling::Polled;
use super::reason::{CloseReason, ConnectionError, RefuseCode};
use super::request::HandshakeRequest;
use super::sessions::{Refused, Seat};
use super::task::Link;
use super::websocket::Ws;
use super::{Shared, cors, wire};

/// A refusal on its way to the client.
struct Refusal {
    status: StatusCode,
    error: ConnectionError,
}

impl Refusal {
    fn new(code: RefuseCode, context: impl Into<String>) -> Self {
        let status = match code {
            RefuseCode::Forbidden => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error: ConnectionError {
                code,
                message: code.message().to_owned(),
                context: context.into(),
            },
        }
    }

    fn into_response(self) -> Response<Body> {
        let ConnectionError { code, message, .. } = self.error;
        let body = serde_json::json!({ "code": code.code(), "message": message }).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let (status, context) = match refused {
            Refused::ServerFull => (StatusCode::SERVICE_UNAVAILABLE, "too many sessions"),
            Refused::AddressFull => (StatusCode::TOO_MANY_REQUESTS, "too many sessions of this address"),
            Refused::Rate => (StatusCode::TOO_MANY_REQUESTS, "too many handshakes a second"),
            Refused::Closed => (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down"),
        };
        let mut refusal = Self::new(RefuseCode::Forbidden, context);
        refusal.status = status;
        refusal.error.message = context.to_owned();
        refusal
    }
}

/// A request after the checks that need no session.
struct Incoming {
    handshake: Arc<HandshakeRequest>,
    method: Method,
    websocket: Option<Accept>,
    gzip: bool,
    octets: bool,
}

/// What the answer to a WebSocket handshake needs.
struct Accept {
    key: String,
    deflate: bool,
    upgrade: OnUpgrade,
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
    let websocket = if is_upgrade(&parts.headers) {
        Some(accept(config, parts, transport)?)
    } else {
        None
    };
    let contains = |name: HeaderName, what: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.contains(what))
    };
    Ok(Incoming {
        method: parts.method.clone(),
        websocket,
        gzip: contains(header::ACCEPT_ENCODING, "gzip"),
        octets: contains(header::CONTENT_TYPE, "application/octet-stream"),
        handshake,
    })
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The checks of RFC 6455, section 4.2.1.
fn accept(config: &EngineConfig, parts: &mut Parts, transport: &str) -> Result<Accept, Refusal> {
    let bad = |context: &str| Refusal::new(RefuseCode::BadRequest, context);
    if transport != "websocket" {
        return Err(bad("a websocket handshake for another transport"));
    }
    if parts.method != Method::GET {
        return Err(Refusal::new(
            RefuseCode::BadHandshakeMethod,
            format!("websocket handshake by {}", parts.method),
        ));
    }
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let tokens = text(header::CONNECTION).unwrap_or_default();
    if !tokens
        .split(',')
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    {
        return Err(bad("websocket handshake without 'Connection: Upgrade'"));
    }
    if text(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        let mut refusal = bad("websocket version other than 13");
        refusal.status = StatusCode::UPGRADE_REQUIRED;
        return Err(refusal);
    }
    let key = text(header::SEC_WEBSOCKET_KEY).unwrap_or_default();
    if STANDARD.decode(key).map(|nonce| nonce.len()) != Ok(16) {
        return Err(bad("websocket key is not 16 bytes in base64"));
    }
    let mut offers = parts.headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let deflate = config.per_message_deflate.is_some()
        && offers.any(|offer| offer.to_str().is_ok_and(deflate::is_offered));
    let key = key.to_owned();
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Err(bad("the connection cannot be upgraded"));
    };
    Ok(Accept {
        key,
        deflate,
        upgrade,
    })
}

async fn answer(shared: &Arc<Shared>, incoming: Incoming, body: Body) -> Result<Response<Body>, Refusal> {
    let handshake = Arc::clone(&incoming.handshake);
    match handshake.param("sid").filter(|sid| !sid.is_empty()) {
        Some(sid) => {
            let session = find(shared, sid, &incoming)?;
            match incoming.websocket {
                Some(accept) => Ok(upgrade(shared, session, accept)),
                None if incoming.method == Method::GET => poll(shared, &session, incoming.gzip).await,
                None if incoming.method == Method::POST => {
                    post(shared, &session, incoming.octets, body).await
                }
                None => Err(Refusal::new(
                    RefuseCode::BadRequest,
                    format!("method {}", incoming.method),
                )),
            }
        }
        None => open(shared, incoming).await,
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

/// Opens a session.
async fn open(shared: &Arc<Shared>, incoming: Incoming) -> Result<Response<Body>, Refusal> {
    let handshake = incoming.handshake;
    if incoming.method != Method::GET {
        return Err(Refusal::new(
            RefuseCode::BadHandshakeMethod,
            format!("handshake by {}", incoming.method),
        ));
    }
    if handshake.param("transport") == Some("websocket") && incoming.websocket.is_none() {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            "transport 'websocket' without a websocket handshake",
        ));
    }
    if let Some(allow) = &shared.config.allow_request
        && let Err(message) = allow(Arc::clone(&handshake)).await
    {
        let mut refusal = Refusal::new(RefuseCode::Forbidden, "not allowed");
        refusal.error.message = message;
        return Err(refusal);
    }
    match handshake.param("EIO") {
        Some("4") => {}
        version => {
            let version = version.unwrap_or("none");
            return Err(Refusal::new(
                RefuseCode::UnsupportedVersion,
                format!("protocol version '{version}'"),
            ));
        }
    }
    let seat = shared
        .sessions
        .admit(handshake.address.ip(), &shared.config.limits, Instant::now())?;
    let sid = new_sid();
    let mut response = match incoming.websocket {
        Some(accept) => {
            let response = switching(&accept);
            tokio::spawn(open_websocket(
                Arc::clone(shared),
                handshake,
                accept,
                sid.clone(),
                seat,
            ));
            response
        }
        None => {
            let upgrades = shared.config.allow_upgrades && shared.config.websocket;
            let packet = open_packet(shared, &sid, upgrades);
            let line = Line::Polling(Box::default());
            start(shared, sid.clone(), line, Link::Polling, handshake, seat);
            text_response(shared, format!("0{packet}"), false)
        }
    };
    if let Some(cookie) = &shared.config.cookie
        && let Ok(value) = HeaderValue::try_from(format!("{}={sid}; {}", cookie.name, cookie.attributes))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Secret and unique: 120 random bits.
fn new_sid() -> Box<str> {
    let bytes: [u8; 15] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// Data of the open packet.
fn open_packet(shared: &Shared, sid: &str, upgrades: bool) -> String {
    let config = &shared.config;
    let upgrades = if upgrades {
        vec!["websocket".to_owned()]
    } else {
        Vec::new()
    };
    Handshake {
        sid: sid.to_owned(),
        upgrades,
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        max_payload: Some(config.max_payload as u64),
    }
    .encode()
}

/// Waits for hyper to hand the socket over, then opens the session on it.
async fn open_websocket(
    shared: Arc<Shared>,
    handshake: Arc<HandshakeRequest>,
    accept: Accept,
    sid: Box<str>,
    seat: Seat,
) {
    let options = shared.config.per_message_deflate.filter(|_| accept.deflate);
    let mut ws = match accept.upgrade.await {
        Ok(upgraded) => Ws::new(upgraded, shared.config.max_payload, options),
        Err(error) => return tracing::debug!(%error, "the client left during its handshake"),
    };
    let line = ws.take_line();
    start(&shared, sid, line, Link::WebSocket(ws), handshake, seat);
}

/// Opens a session and starts its task.
fn start(
    shared: &Arc<Shared>,
    sid: Box<str>,
    line: Line,
    link: Link,
    handshake: Arc<HandshakeRequest>,
    seat: Seat,
) {
    let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
    let Some(hub) = shared.hub_of(id) else { return };
    hub.start();
    let now = Instant::now();
    let config = &shared.config;
    let transport = match &link {
        Link::Polling => "polling",
        Link::WebSocket(_) => "websocket",
    };
    let first = match &link {
        Link::Polling => None,
        Link::WebSocket(_) => Some(Outgoing::packet(&format!(
            "0{}",
            open_packet(shared, &sid, false)
        ))),
    };
    let deadline = now + config.ping_interval + config.ping_timeout;
    let inner = Arc::new(Inner::new(id, sid, Arc::clone(hub), line, deadline));
    if !shared.sessions.insert(&inner) {
        return;
    }
    if let Some(first) = first {
        inner.send_packet(&first);
    }
    hub.push(Op::Beat(Arc::downgrade(&inner), now + config.ping_interval));
    metrics::gauge!("engine_sessions", "transport" => transport).increment(1.0);
    metrics::counter!("engine_opened_total", "transport" => transport).increment(1);
    tracing::debug!(connection = id, address = %handshake.address, transport, "connection opened");
    shared
        .opener
        .open(shared, Connection(inner), link, handshake, seat);
}

/// Lets a WebSocket try to take a polling session over; one that may not is closed at once.
fn upgrade(shared: &Arc<Shared>, session: Arc<Inner>, accept: Accept) -> Response<Body> {
    let allowed = match &mut session.lock().line {
        Line::Polling(polling) if shared.config.allow_upgrades && !polling.upgrading => {
            polling.upgrading = true;
            true
        }
        Line::Polling(_) | Line::Tcp { .. } | Line::Task { .. } | Line::Done => false,
    };
    let response = switching(&accept);
    let options = shared.config.per_message_deflate.filter(|_| accept.deflate);
    let max = shared.config.max_payload;
    tokio::spawn(async move {
        let upgraded = accept.upgrade.await;
        let ws = upgraded.map(|upgraded| Box::new(Ws::new(upgraded, max, options)));
        if let Some(mut ws) = hand_over(&session, ws, allowed) {
            let goodbye = bytes::Bytes::from(wire::close_frame(1000));
            std::future::poll_fn(|cx| std::task::Poll::Ready(ws.write_short(cx, &goodbye))).await;
        }
    });
    response
}

/// Leaves the WebSocket where the session's task finds it; gives one back that may not take over.
fn hand_over(session: &Inner, ws: hyper::Result<Box<Ws>>, allowed: bool) -> Option<Box<Ws>> {
    let mut state = session.lock();
    match (ws, &mut state.line) {
        (Ok(ws), Line::Polling(polling)) if allowed => {
            polling.candidate = Some(ws);
            state.wake();
            None
        }
        (Err(_), Line::Polling(polling)) if allowed => {
            polling.upgrading = false;
            None
        }
        (ws, _) => ws.ok(),
    }
}

/// Status 101.
fn switching(accept: &Accept) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let key = tungstenite::handshake::derive_accept_key(accept.key.as_bytes());
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    if accept.deflate {
        let agreed = HeaderValue::from_static(deflate::AGREED);
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
    }
    response
}

/// Ends the session when a poll or a POST is aborted.
struct Guard<'a> {
    session: &'a Inner,
    kind: Guarded,
}

/// What a guard guards.
enum Guarded {
    Poll(u64),
    Post { whole: bool },
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        let Line::Polling(polling) = &mut state.line else {
            return;
        };
        let aborted = match self.kind {
            Guarded::Poll(number) => polling.is_waiting(number),
            Guarded::Post { whole } => {
                polling.posting = false;
                !whole
            }
        };
        if aborted {
            state.fail(CloseReason::TransportError);
        }
    }
}

/// A poll: answers at once, or when there is something to say.
async fn poll(shared: &Shared, session: &Arc<Inner>, gzip: bool) -> Result<Response<Body>, Refusal> {
    let polled = {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(Refusal::new(
                RefuseCode::UnknownSid,
                "the session has left polling",
            ));
        };
        if state.closing.is_some() && !polling.has_poll() {
            let body = polling.last_body(false);
            state.line = Line::Done;
            state.wake();
            return Ok(text_response(shared, body, gzip));
        }
        polling.poll()
    };
    let (number, answer) = match polled {
        Polled::Answer(body) => return Ok(text_response(shared, body, gzip)),
        Polled::Wait { number, answer } => (number, answer),
        Polled::Overlap => {
            session.lock().fail(CloseReason::TransportError);
            return Err(Refusal::new(RefuseCode::BadRequest, "two polls at a time"));
        }
    };
    let guard = Guard {
        session,
        kind: Guarded::Poll(number),
    };
    let answer = answer.await;
    drop(guard);
    match answer {
        Ok(body) => Ok(text_response(shared, body, gzip)),
        Err(_) => Err(Refusal::new(RefuseCode::UnknownSid, "the session has ended")),
    }
}

/// A POST: its packets go to the session in order, then `ok`.
async fn post(
    shared: &Shared,
    session: &Arc<Inner>,
    octets: bool,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let bad = |context: &str| Refusal::new(RefuseCode::BadRequest, context);
    {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(bad("the session has left polling"));
        };
        let problem = if polling.posting {
            Some("two bodies at a time")
        } else if octets {
            Some("binary body")
        } else {
            None
        };
        if let Some(problem) = problem {
            state.fail(CloseReason::TransportError);
            return Err(bad(problem));
        }
        polling.posting = true;
    }
    let mut guard = Guard {
        session,
        kind: Guarded::Post { whole: false },
    };
    let limited = Limited::new(body, shared.config.max_payload).collect();
    let collected = match tokio::time::timeout(shared.config.limits.body_timeout, limited).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            guard.kind = Guarded::Post { whole: true };
            let mut refusal = bad("body too large");
            refusal.status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(refusal);
        }
        Ok(Err(_)) => return Err(bad("body cut off")),
        Err(_) => return Err(bad("body too slow")),
    };
    guard.kind = Guarded::Post { whole: true };
    let mut limits = CodecLimits::default();
    limits.max_payload_packets = shared.config.limits.max_payload_packets;
    let packets = std::str::from_utf8(&collected)
        .map_err(|_| "body is not UTF-8".to_owned())
        .and_then(|text| payload::decode(text, &limits).map_err(|error| error.to_string()));
    let packets = match packets {
        Ok(packets) => packets,
        Err(problem) => {
            session.lock().fail(CloseReason::ParseError);
            return Err(bad(&problem));
        }
    };
    let by_client = packets.contains(&Packet::Close);
    let (sender, taken) = oneshot::channel();
    {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(bad("the session has left polling"));
        };
        polling.inbound.extend(packets);
        polling.taken = Some(sender);
        state.wake();
    }
    // Dropped when the session ends first.
    if taken.await.is_err() && !by_client {
        return Err(bad("the session has ended"));
    }
    let mut response = Response::new(Body::from("ok"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Answer to a poll.
fn text_response(shared: &Shared, body: String, gzip: bool) -> Response<Body> {
    let compress = gzip
        && shared
            .config
            .http_compression
            .is_some_and(|threshold| body.len() >= threshold);
    let body = if compress {
        deflate::gzip(body.as_bytes())
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    if compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
