//! Handles received packets: messages go to the session, pongs to the heartbeat, and others may end the session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use pesan::socketio::Frame;
use pesan::socketio::engine::{Packet, PacketError};

use crate::engineio::close_reason::CloseReason;
use crate::engineio::connection_state::ConnectionState;
use crate::engineio::hub::{Hub, HubCommand};
use crate::engineio::protocol::Session;
use crate::engineio::websocket::ReadEnd;
use crate::engineio::websocket::frame::{self, InboundFrame, Opcode};

/// Why a session ends.
pub(super) struct SessionEnd {
    pub(super) reason: CloseReason,
    /// Code of the close frame; `None` if the client is gone.
    pub(super) code: Option<u16>,
}

impl SessionEnd {
    pub(super) fn of(reason: CloseReason) -> Self {
        Self {
            reason,
            code: Some(reason.close_code()),
        }
    }

    pub(super) fn from_packet(error: &PacketError, id: u64) -> Self {
        tracing::debug!(connection = id, %error, "invalid packet from the client");
        Self::of(CloseReason::ParseError)
    }

    pub(super) fn from_read(end: &ReadEnd, id: u64) -> Self {
        match end {
            ReadEnd::Eof => Self {
                reason: CloseReason::TransportClose,
                code: None,
            },
            ReadEnd::Io(error) => {
                tracing::debug!(connection = id, %error, "socket error");
                Self {
                    reason: CloseReason::TransportClose,
                    code: None,
                }
            }
            ReadEnd::Frame(error) => {
                tracing::debug!(connection = id, %error, "client violated the WebSocket protocol");
                Self {
                    reason: CloseReason::TransportError,
                    code: Some(error.close_code()),
                }
            }
        }
    }
}

/// Notes activity of a client whose pong is awaited.
pub(super) fn touch_unless_pong(connection: &ConnectionState, packet: &Packet) {
    if connection.awaiting_pong.load(Ordering::Relaxed) && !matches!(packet, Packet::Pong(_)) {
        connection.touch();
    }
}

/// Handles one WebSocket frame. Returns `true` if the session received a message.
pub(super) fn on_frame<S: Session>(
    session: &mut S,
    connection: &Arc<ConnectionState>,
    hub: &Hub,
    incoming: InboundFrame<'_>,
) -> Result<bool, SessionEnd> {
    let awaiting = connection.awaiting_pong.load(Ordering::Relaxed);
    let frame = match incoming {
        InboundFrame::Text(text) => match text.strip_prefix('4') {
            Some(message) => Frame::Text(message.to_owned()),
            None => {
                let packet = Packet::decode(Frame::Text(text.into_owned()))
                    .map_err(|error| SessionEnd::from_packet(&error, connection.id))?;
                touch_unless_pong(connection, &packet);
                return on_packet(session, connection, hub, packet);
            }
        },
        InboundFrame::Binary(data) => Frame::Binary(data.into_owned()),
        InboundFrame::Ping(data) => {
            let mut pong = Vec::with_capacity(data.len() + 2);
            frame::push_frame(&mut pong, Opcode::Pong, false, data);
            let mut outbound = connection.lock();
            outbound.queue.push(Bytes::from(pong));
            outbound.flush();
            return Ok(false);
        }
        InboundFrame::Close(code) => {
            return Err(SessionEnd {
                reason: CloseReason::TransportClose,
                code: Some(code.unwrap_or(1000)),
            });
        }
        InboundFrame::Nothing => return Ok(false),
    };
    if awaiting {
        connection.touch();
    }
    session.receive(frame);
    Ok(true)
}

/// Handles one packet. Returns `true` if the session received a message.
pub(super) fn on_packet<S: Session>(
    session: &mut S,
    connection: &Arc<ConnectionState>,
    hub: &Hub,
    packet: Packet,
) -> Result<bool, SessionEnd> {
    match packet {
        Packet::Message(frame) => {
            session.receive(frame);
            Ok(true)
        }
        Packet::Pong(_) => {
            let now = Instant::now();
            let mut outbound = connection.lock();
            if outbound.heartbeat.pinged.take().is_some() {
                connection.awaiting_pong.store(false, Ordering::Relaxed);
                outbound.heartbeat.deadline = now + hub.config().ping_interval + hub.config().ping_timeout;
                drop(outbound);
                let next = now + hub.config().ping_interval;
                hub.push(HubCommand::SchedulePing(Arc::downgrade(connection), next));
            }
            Ok(false)
        }
        Packet::Close => Err(SessionEnd::of(CloseReason::TransportClose)),
        // In protocol 4 only the server sends pings.
        Packet::Ping(_) => Err(SessionEnd::of(CloseReason::TransportError)),
        Packet::Open(_) | Packet::Upgrade | Packet::Noop => Ok(false),
    }
}
