//! Opens sessions: the handshake over either transport.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::header::{self, HeaderValue};
use http::{Method, Response};
use pesan::socketio::engine::Handshake;

use super::Engine;
use super::poll::text_response;
use super::upgrade::{WebSocketHandshake, switching_protocols};
use crate::engineio::body::ResponseBody;
use crate::engineio::connection::Connection;
use crate::engineio::connection_state::{ConnectionState, Sink};
use crate::engineio::handshake::{HandshakeRequest, random_id};
use crate::engineio::hub::HubCommand;
use crate::engineio::memory::MemoryUsage;
use crate::engineio::message::EncodedMessage;
use crate::engineio::polling::Polling;
use crate::engineio::protocol::EngineContext;
use crate::engineio::refusal::{Refusal, RefuseCode};
use crate::engineio::session::ActiveTransport;
use crate::engineio::session_registry::SessionPermit;
use crate::engineio::websocket::WebSocket;

/// Opens a session.
pub(super) async fn open(
    engine: &Engine,
    handshake: Arc<HandshakeRequest>,
    method: &Method,
    websocket: Option<WebSocketHandshake>,
) -> Result<Response<ResponseBody>, Refusal> {
    let context = &engine.context;
    if *method != Method::GET {
        return Err(Refusal::new(
            RefuseCode::BadHandshakeMethod,
            format!("handshake by {method}"),
        ));
    }
    if handshake.param("transport") == Some("websocket") && websocket.is_none() {
        return Err(Refusal::new(
            RefuseCode::BadRequest,
            "transport 'websocket' without a websocket handshake",
        ));
    }
    if let Some(allow) = &context.config.allow_request
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
    let permit = context.sessions.admit(handshake.address.ip(), Instant::now())?;
    let sid: Box<str> = random_id().into();
    let mut response = match websocket {
        Some(accept) => {
            let response = switching_protocols(&accept);
            tokio::spawn(open_websocket(
                engine.clone(),
                handshake,
                accept,
                sid.clone(),
                permit,
            ));
            response
        }
        None => {
            let upgrades = context.config.allow_upgrades && context.config.websocket;
            let packet = open_packet(context, &sid, upgrades);
            let memory = Arc::default();
            let sink = Sink::Polling(Box::new(Polling::new(&memory)));
            start(
                engine,
                sid.clone(),
                &memory,
                sink,
                ActiveTransport::Polling,
                handshake,
                permit,
            );
            text_response(context, &memory, format!("0{packet}"), false)
        }
    };
    if let Some(cookie) = &context.config.cookie
        && let Ok(value) = HeaderValue::try_from(format!("{}={sid}; {}", cookie.name, cookie.attributes))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Payload of the open packet.
fn open_packet(context: &EngineContext, sid: &str, upgrades: bool) -> String {
    let config = &context.config;
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

/// Waits for the upgraded socket, then opens the session on it.
async fn open_websocket(
    engine: Engine,
    handshake: Arc<HandshakeRequest>,
    accept: WebSocketHandshake,
    sid: Box<str>,
    permit: SessionPermit,
) {
    let options = engine.context.config.deflate().filter(|_| accept.deflate);
    let mut ws = match accept.upgrade.await {
        Ok(upgraded) => WebSocket::new(upgraded, engine.context.config.max_payload, options),
        Err(error) => return tracing::debug!(%error, "client disconnected during its handshake"),
    };
    let sink = Sink::of_websocket(&mut ws);
    start(
        &engine,
        sid,
        &Arc::default(),
        sink,
        ActiveTransport::WebSocket(ws),
        handshake,
        permit,
    );
}

/// Opens a session and starts its task.
fn start(
    engine: &Engine,
    sid: Box<str>,
    memory: &Arc<MemoryUsage>,
    sink: Sink,
    transport: ActiveTransport,
    handshake: Arc<HandshakeRequest>,
    permit: SessionPermit,
) {
    let context = &engine.context;
    let id = context.next_id.fetch_add(1, Ordering::Relaxed);
    let Some(hub) = context.hub_of(id) else { return };
    hub.start();
    let now = Instant::now();
    let config = &context.config;
    let transport_name = match &transport {
        ActiveTransport::Polling => "polling",
        ActiveTransport::WebSocket(_) => "websocket",
    };
    let first = match &transport {
        ActiveTransport::Polling => None,
        ActiveTransport::WebSocket(_) => Some(EncodedMessage::packet(&format!(
            "0{}",
            open_packet(context, &sid, false)
        ))),
    };
    let deadline = now + config.ping_interval + config.ping_timeout;
    let connection = Arc::new(ConnectionState::new(
        id,
        sid,
        hub.id(),
        Arc::clone(config),
        Arc::clone(memory),
        sink,
        deadline,
    ));
    memory.set_incoming(handshake.held_bytes());
    if !context.sessions.insert(&connection, handshake.address.ip()) {
        return;
    }
    if let Some(first) = first {
        connection.send_packet(&first);
    }
    hub.push(HubCommand::SchedulePing(
        Arc::downgrade(&connection),
        now + config.ping_interval,
    ));
    crate::meter::gauge!("engine_sessions", "transport" => transport_name).increment(1.0);
    crate::meter::counter!("engine_opened_total", "transport" => transport_name).increment(1);
    tracing::debug!(connection = id, address = %handshake.address, transport = transport_name, "connection opened");
    let connection = Connection::new(connection, Arc::clone(hub));
    engine
        .factory
        .open(context, connection, transport, handshake, permit);
}
