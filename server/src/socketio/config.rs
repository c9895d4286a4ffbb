//! Options of a Socket.IO server, with the official defaults.

use std::time::Duration;

use pesan::socketio::{Frame, Packet, Parser, msgpack};

use crate::engineio::EncodedMessage;

/// Options of [`Io`](super::Io).
///
/// ```
/// use pesan_server::socketio::{Io, IoConfig, Recovery};
///
/// let io = Io::new(IoConfig { recovery: Some(Recovery::default()), ..IoConfig::default() });
/// # drop(io);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoConfig {
    /// Wire format; clients must use the same. Defaults to [`Parser::Default`]; [`Parser::Msgpack`] is that of
    /// `socket.io-msgpack-parser`.
    pub parser: Parser,
    /// Time in which a client must join its first namespace. Defaults to 45 s.
    pub connect_timeout: Duration,
    /// Time in which each attachment of a packet must follow. Defaults to 45 s; then the connection is closed.
    pub attachment_timeout: Duration,
    /// Whether a namespace made from a pattern goes when its last socket goes. Defaults to `false`.
    pub cleanup_empty_child_namespaces: bool,
    /// Connection state recovery; off unless set.
    pub recovery: Option<Recovery>,
    /// Time to wait for answers of many sockets and nodes when none is given. Defaults to 5 s.
    pub request_timeout: Duration,
    /// Time that each handler may take after its client left. Defaults to 30 s; then it is dropped.
    pub close_grace: Duration,
    /// Caps on what clients may make the server hold.
    pub limits: SocketIoLimits,
}

impl Default for IoConfig {
    fn default() -> Self {
        Self {
            parser: Parser::Default,
            connect_timeout: Duration::from_secs(45),
            attachment_timeout: Duration::from_secs(45),
            cleanup_empty_child_namespaces: false,
            recovery: None,
            request_timeout: Duration::from_secs(5),
            close_grace: Duration::from_secs(30),
            limits: SocketIoLimits::default(),
        }
    }
}

impl IoConfig {
    /// Frames a packet in the server's format, for all who get it.
    pub(super) fn frame(&self, packet: &Packet) -> EncodedMessage {
        match self.parser {
            Parser::Msgpack => EncodedMessage::from_frame(&Frame::Binary(msgpack::encode(packet))),
            _ => EncodedMessage::new(&packet.encode()),
        }
    }
}

/// Connection state recovery: a client that comes back in time keeps its id, rooms and data, and gets what it missed.
///
/// ```
/// use pesan_server::socketio::Recovery;
/// assert_eq!(Recovery::default().max_disconnection_duration.as_secs(), 120);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Longest absence. Defaults to 2 min.
    pub max_disconnection_duration: Duration,
    /// Whether a recovered socket passes by the middleware. Defaults to `true`.
    pub skip_middlewares: bool,
    /// Most packets kept for those who are away, in one namespace. Defaults to 10,000.
    pub max_packets: usize,
    /// Most bytes kept for those who are away, in one namespace. Defaults to 16 MiB.
    pub max_bytes: usize,
    /// Most sessions kept in one namespace; the oldest goes first. Defaults to 10,000.
    pub max_sessions: usize,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            max_disconnection_duration: Duration::from_secs(120),
            skip_middlewares: true,
            max_packets: 10_000,
            max_bytes: 16 << 20,
            max_sessions: 10_000,
        }
    }
}

/// Caps on what clients may make the server hold above the transport.
///
/// ```
/// use pesan_server::socketio::{IoConfig, SocketIoLimits};
///
/// let limits = SocketIoLimits { max_rooms_per_socket: 100, ..SocketIoLimits::default() };
/// let config = IoConfig { limits, ..IoConfig::default() };
/// # drop(config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketIoLimits {
    /// Most attachments of one packet, in either direction. Beyond it the connection is closed. Defaults to 10.
    pub max_attachments: usize,
    /// Most bytes of one packet's attachments together, each counted as often as it is used. Beyond it the connection is
    /// closed. Defaults to `None`: as many as [`max_attachments`](Self::max_attachments) of the largest size that the
    /// transport takes.
    pub max_attachment_bytes: Option<usize>,
    /// Deepest nesting of a payload. Beyond it the connection is closed. Defaults to 512.
    pub max_depth: usize,
    /// Longest name of a namespace, in bytes. Beyond it a CONNECT is refused. Defaults to 256.
    pub max_namespace_bytes: usize,
    /// Events of one connection that wait for their handlers. Then it is not read until half of them are handled, while its
    /// ping deadline rests; where the server waits for an ack of this client, it is read up to four times as far, and then
    /// the ack fails. Defaults to 10,000.
    pub max_queued_events: usize,
    /// Memory of those events, in bytes, with the same effect. Defaults to 1 MiB.
    pub max_queued_event_bytes: usize,
    /// Events to one socket that may wait for their answer. Then emitting with an ack fails. Defaults to 10,000.
    pub max_pending_acks: usize,
    /// Rooms of one socket, its own not counted. Then joining fails. Defaults to 10,000.
    pub max_rooms_per_socket: usize,
    /// Namespaces of one connection. Then a CONNECT is refused. Defaults to 64.
    pub max_namespaces_per_connection: usize,
    /// Namespaces made from patterns at one time. Then a CONNECT is refused. Defaults to 10,000.
    pub max_dynamic_namespaces: usize,
}

impl Default for SocketIoLimits {
    fn default() -> Self {
        Self {
            max_attachments: 10,
            max_attachment_bytes: None,
            max_depth: 512,
            max_namespace_bytes: 256,
            max_queued_events: 10_000,
            max_queued_event_bytes: 1 << 20,
            max_pending_acks: 10_000,
            max_rooms_per_socket: 10_000,
            max_namespaces_per_connection: 64,
            max_dynamic_namespaces: 10_000,
        }
    }
}

impl SocketIoLimits {
    /// The codec's share of them. The size of a frame is the transport's business; the names of namespaces are checked
    /// where the answer is given.
    pub(super) fn codec(&self, max_payload: usize) -> pesan::socketio::Limits {
        let mut limits = pesan::socketio::Limits::default();
        limits.max_frame_bytes = usize::MAX;
        limits.max_attachments = self.max_attachments;
        limits.max_attachment_bytes = self
            .max_attachment_bytes
            .unwrap_or(self.max_attachments.saturating_mul(max_payload));
        limits.max_depth = self.max_depth;
        limits.max_namespace_bytes = usize::MAX;
        limits
    }
}
