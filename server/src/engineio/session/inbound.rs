//! What a client's packets mean: messages for the session, pongs for the heartbeat, or the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use pesan::socketio::Frame;
use pesan::socketio::engine::{Packet, PacketError};

use crate::engineio::connection::Inner;
use crate::engineio::hub::Op;
use crate::engineio::websocket::ReadEnd;
use crate::engineio::wire::{self, Incoming, Opcode};
use crate::engineio::{CloseReason, Session};

/// Why a connection ends, as its task found out.
pub(super) struct End {
    pub(super) reason: CloseReason,
    /// For the close frame; `None` when the other side is gone.
    pub(super) code: Option<u16>,
}

impl End {
    pub(super) fn of(reason: CloseReason) -> Self {
        Self {
            reason,
            code: Some(reason.close_code()),
        }
    }

    pub(super) fn from_packet(error: &PacketError, id: u64) -> Self {
        tracing::debug!(connection = id, %error, "the client sent no packet");
        Self::of(CloseReason::ParseError)
    }

    pub(super) fn from_read(end: &ReadEnd, id: u64) -> Self {
        match end {
            ReadEnd::Eof => Self {
                reason: CloseReason::TransportClose,
                code: None,
            },
            ReadEnd::Io(error) => {
                tracing::debug!(connection = id, %error, "the socket failed");
                Self {
                    reason: CloseReason::TransportClose,
                    code: None,
                }
            }
            ReadEnd::Wire(error) => {
                tracing::debug!(connection = id, %error, "the client broke the protocol");
                Self {
                    reason: CloseReason::TransportError,
                    code: Some(error.close_code()),
                }
            }
        }
    }
}

/// Notes that the client is alive, for a ping that waits for its pong.
pub(super) fn hear(inner: &Inner, packet: &Packet) {
    if inner.awaiting_pong.load(Ordering::Relaxed) && !matches!(packet, Packet::Pong(_)) {
        heard(inner);
    }
}

fn heard(inner: &Inner) {
    let mut state = inner.lock();
    if state.beat.pinged.is_some() && state.beat.heard.is_none() {
        let now = Instant::now();
        state.beat.heard = Some(now);
        state.beat.deadline = now + inner.hub.ping_timeout;
    }
}

/// Takes one message of a WebSocket. `true`: the session got something.
pub(super) fn accept<S: Session>(
    session: &mut S,
    inner: &Arc<Inner>,
    incoming: Incoming<'_>,
) -> Result<bool, End> {
    let awaiting = inner.awaiting_pong.load(Ordering::Relaxed);
    let frame = match incoming {
        Incoming::Text(text) => match text.strip_prefix('4') {
            Some(message) => Frame::Text(message.to_owned()),
            None => {
                let packet = Packet::decode(Frame::Text(text.into_owned()))
                    .map_err(|error| End::from_packet(&error, inner.id))?;
                hear(inner, &packet);
                return receive(session, inner, packet);
            }
        },
        Incoming::Binary(data) => Frame::Binary(data.into_owned()),
        Incoming::Ping(data) => {
            let mut pong = Vec::with_capacity(data.len() + 2);
            wire::push_frame(&mut pong, Opcode::Pong, false, data);
            let mut state = inner.lock();
            state.queue.push(Bytes::from(pong));
            state.flush();
            return Ok(false);
        }
        Incoming::Close(code) => {
            return Err(End {
                reason: CloseReason::TransportClose,
                code: Some(code.unwrap_or(1000)),
            });
        }
        Incoming::Nothing => return Ok(false),
    };
    if awaiting {
        heard(inner);
    }
    session.receive(frame);
    Ok(true)
}

/// Takes one packet. `true`: the session got something.
pub(super) fn receive<S: Session>(session: &mut S, inner: &Arc<Inner>, packet: Packet) -> Result<bool, End> {
    match packet {
        Packet::Message(frame) => {
            session.receive(frame);
            Ok(true)
        }
        Packet::Pong(_) => {
            let now = Instant::now();
            let mut state = inner.lock();
            if state.beat.pinged.take().is_some() {
                inner.awaiting_pong.store(false, Ordering::Relaxed);
                state.beat.deadline = now + inner.hub.ping_interval + inner.hub.ping_timeout;
                drop(state);
                let next = now + inner.hub.ping_interval;
                inner.hub.push(Op::Beat(Arc::downgrade(inner), next));
            }
            Ok(false)
        }
        Packet::Close => Err(End::of(CloseReason::TransportClose)),
        // In protocol 4 only the server pings.
        Packet::Ping(_) => Err(End::of(CloseReason::TransportError)),
        Packet::Open(_) | Packet::Upgrade | Packet::Noop => Ok(false),
    }
}
