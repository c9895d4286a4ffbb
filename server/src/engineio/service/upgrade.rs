//! WebSocket handshakes: the checks of RFC 6455, the answer, and the change of a session that polls.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use super::Refusal;
use crate::engineio::connection::{Inner, Line};
use crate::engineio::reason::RefuseCode;
use crate::engineio::websocket::Ws;
use crate::engineio::{EngineConfig, Shared, deflate, wire};

/// Largest message of a WebSocket before it has taken a session over: probes are short.
const MAX_PROBE: usize = 1024;

/// What the answer to a WebSocket handshake needs.
pub(super) struct Accept {
    key: String,
    /// First subprotocol that the client offers, as `ws` chooses it.
    protocol: Option<HeaderValue>,
    pub(super) deflate: bool,
    pub(super) upgrade: OnUpgrade,
}

pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The checks of RFC 6455, section 4.2.1.
pub(super) fn accept(config: &EngineConfig, parts: &mut Parts, transport: &str) -> Result<Accept, Refusal> {
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
    // a list may be in several lines
    let lines = parts.headers.get_all(header::CONNECTION).iter();
    let mut tokens = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    if !tokens.any(|token| token.trim().eq_ignore_ascii_case("upgrade")) {
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
    let protocol = subprotocol(&parts.headers).map_err(|()| bad("malformed Sec-WebSocket-Protocol"))?;
    let mut offers = parts.headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let deflate = config.per_message_deflate.is_some()
        && offers.any(|offer| offer.to_str().is_ok_and(deflate::is_offered));
    let key = key.to_owned();
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Err(bad("the connection cannot be upgraded"));
    };
    Ok(Accept {
        key,
        protocol,
        deflate,
        upgrade,
    })
}

/// First of the subprotocols that a client offers; an error if they are no list of distinct tokens.
fn subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, ()> {
    let is_token = |name: &str| {
        let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(is_tchar)
    };
    let mut offered = Vec::new();
    for line in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        for name in line.to_str().map_err(drop)?.split(',').map(str::trim) {
            if !is_token(name) || offered.contains(&name) {
                return Err(());
            }
            offered.push(name);
        }
    }
    offered
        .first()
        .map(|first| HeaderValue::from_str(first).map_err(drop))
        .transpose()
}

/// Lets a WebSocket try to take a polling session over; one that may not is closed at once.
pub(super) fn upgrade(shared: &Arc<Shared>, session: Arc<Inner>, accept: Accept) -> Response<Body> {
    let allowed = match &mut session.lock().line {
        Line::Polling(polling) if shared.config.allow_upgrades && !polling.upgrading => {
            polling.upgrading = true;
            true
        }
        Line::Polling(_) | Line::Tcp { .. } | Line::Task { .. } | Line::Done => false,
    };
    let response = switching(&accept);
    let options = shared.config.per_message_deflate.filter(|_| accept.deflate);
    tokio::spawn(async move {
        let upgraded = accept.upgrade.await;
        let ws = upgraded.map(|upgraded| Box::new(Ws::new(upgraded, MAX_PROBE, options)));
        if let Some(mut ws) = hand_over(&session, ws, allowed) {
            let goodbye = Bytes::from(wire::close_frame(1000));
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
pub(super) fn switching(accept: &Accept) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let key = tungstenite::handshake::derive_accept_key(accept.key.as_bytes());
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    if let Some(protocol) = &accept.protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    if accept.deflate {
        let agreed = HeaderValue::from_static(deflate::AGREED);
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
    }
    response
}
