//! WebSocket handshakes: checks of RFC 6455, the 101 response, and the upgrade of a polling session.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use crate::engineio::body::ResponseBody;
use crate::engineio::config::EngineConfig;
use crate::engineio::connection_state::{ConnectionState, Sink};
use crate::engineio::protocol::EngineContext;
use crate::engineio::refusal::{Refusal, RefuseCode};
use crate::engineio::websocket::{WebSocket, deflate, frame};

/// Largest message before an upgrade is complete; probes are short.
const MAX_PROBE: usize = 1024;

/// Accepted WebSocket handshake.
pub(super) struct WebSocketHandshake {
    key: String,
    /// First subprotocol that the client offers; the official server chooses the same.
    protocol: Option<HeaderValue>,
    pub(super) deflate: bool,
    pub(super) upgrade: OnUpgrade,
}

pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Checks a WebSocket handshake by RFC 6455, section 4.2.1.
pub(super) fn check(
    config: &EngineConfig,
    parts: &Parts,
    on_upgrade: Option<OnUpgrade>,
    transport: &str,
) -> Result<WebSocketHandshake, Refusal> {
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
    // The list may be spread over several header lines.
    let lines = parts.headers.get_all(header::CONNECTION).iter();
    let mut tokens = lines
        .filter_map(|sink| sink.to_str().ok())
        .flat_map(|sink| sink.split(','));
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
    let deflate =
        config.deflate().is_some() && offers.any(|offer| offer.to_str().is_ok_and(deflate::is_offered));
    let key = key.to_owned();
    let Some(upgrade) = on_upgrade else {
        return Err(bad("the connection cannot be upgraded"));
    };
    Ok(WebSocketHandshake {
        key,
        protocol,
        deflate,
        upgrade,
    })
}

/// First subprotocol that the client offers; an error unless the offers are distinct tokens.
fn subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, ()> {
    let is_token = |name: &str| {
        let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(is_tchar)
    };
    let mut offered = Vec::new();
    for sink in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        for name in sink.to_str().map_err(drop)?.split(',').map(str::trim) {
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

/// Begins the upgrade of a polling session; a WebSocket that may not upgrade it is closed at once.
pub(super) fn upgrade(
    context: &EngineContext,
    session: Arc<ConnectionState>,
    accept: WebSocketHandshake,
) -> Response<ResponseBody> {
    let allowed = match &mut session.lock().sink {
        Sink::Polling(polling) if context.config.allow_upgrades && !polling.upgrading => {
            polling.upgrading = true;
            true
        }
        Sink::Polling(_) | Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => false,
    };
    let response = switching_protocols(&accept);
    let options = context.config.deflate().filter(|_| accept.deflate);
    tokio::spawn(async move {
        let upgraded = accept.upgrade.await;
        let ws = upgraded.map(|upgraded| Box::new(WebSocket::new(upgraded, MAX_PROBE, options)));
        if let Some(mut ws) = hand_over(&session, ws, allowed) {
            let close = Bytes::from(frame::close_frame(1000));
            std::future::poll_fn(|cx| std::task::Poll::Ready(ws.write_short(cx, &close))).await;
        }
    });
    response
}

/// Passes the WebSocket to the session task; returns it if it may not upgrade the session.
fn hand_over(
    session: &ConnectionState,
    ws: hyper::Result<Box<WebSocket>>,
    allowed: bool,
) -> Option<Box<WebSocket>> {
    let mut outbound = session.lock();
    match (ws, &mut outbound.sink) {
        (Ok(ws), Sink::Polling(polling)) if allowed => {
            polling.candidate = Some(ws);
            outbound.wake();
            None
        }
        (Err(_), Sink::Polling(polling)) if allowed => {
            polling.upgrading = false;
            None
        }
        (ws, _) => ws.ok(),
    }
}

/// Response with status 101.
pub(super) fn switching_protocols(accept: &WebSocketHandshake) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
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
