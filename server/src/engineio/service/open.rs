//! Handshakes: a new session over either transport.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use pesan::socketio::engine::Handshake;

use super::poll::text_response;
use super::upgrade::{Accept, switching};
use super::{Incoming, Refusal};
use crate::engineio::account::Account;
use crate::engineio::connection::{Connection, Inner, Line};
use crate::engineio::hub::Op;
use crate::engineio::polling::Polling;
use crate::engineio::sessions::Seat;
use crate::engineio::task::Link;
use crate::engineio::websocket::Ws;
use crate::engineio::{HandshakeRequest, Outgoing, RefuseCode, Shared};

/// Opens a session.
pub(super) async fn open(shared: &Arc<Shared>, incoming: Incoming) -> Result<Response<Body>, Refusal> {
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
    let seat = shared.sessions.admit(handshake.address.ip(), Instant::now())?;
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
            let account = Arc::default();
            let line = Line::Polling(Box::new(Polling::new(&account)));
            start(
                shared,
                sid.clone(),
                &account,
                line,
                Link::Polling,
                handshake,
                seat,
            );
            text_response(shared, &account, format!("0{packet}"), false)
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
    start(
        &shared,
        sid,
        &Arc::default(),
        line,
        Link::WebSocket(ws),
        handshake,
        seat,
    );
}

/// Opens a session and starts its task.
fn start(
    shared: &Arc<Shared>,
    sid: Box<str>,
    account: &Arc<Account>,
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
    let inner = Arc::new(Inner::new(
        id,
        sid,
        Arc::clone(hub),
        Arc::clone(account),
        line,
        deadline,
    ));
    account.set_incoming(handshake.held_bytes());
    if !shared.sessions.insert(&inner, handshake.address.ip()) {
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
