//! Options and limits of a Socket.IO server, with the defaults of the official server.

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
    /// Longest time until a client has joined its first namespace. Defaults to 45 s; then the connection is closed.
    pub connect_timeout: Duration,
    /// Longest time until the next attachment of a packet. Defaults to 45 s; then the connection is closed.
    pub attachment_timeout: Duration,
    /// Whether a dynamic namespace is removed when its last socket disconnects. Defaults to `false`.
    pub cleanup_empty_child_namespaces: bool,
    /// Connection state recovery; off unless set.
    pub recovery: Option<Recovery>,
    /// Longest wait for acks of many sockets and replies of nodes, unless a timeout is given. Defaults to 5 s.
    pub request_timeout: Duration,
    /// Longest wait for the ack of one socket, unless a timeout is given. Defaults to none: until it is disconnected.
    pub ack_timeout: Option<Duration>,
    /// Longest time that a handler may run after its client disconnected. Defaults to 30 s; then it is dropped.
    pub close_grace: Duration,
    /// Limits on what clients can make the server hold.
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
            ack_timeout: None,
            close_grace: Duration::from_secs(30),
            limits: SocketIoLimits::default(),
        }
    }
}

impl IoConfig {
    /// Encodes and frames a packet in the server's wire format, once for all recipients.
    pub(super) fn frame(&self, packet: &Packet) -> EncodedMessage {
        match self.parser {
            Parser::Msgpack => EncodedMessage::from_frame(&Frame::Binary(msgpack::encode(packet))),
            _ => EncodedMessage::new(&packet.encode()),
        }
    }
}

/// Connection state recovery: a client that reconnects in time keeps its id, rooms and data, and gets the missed events.
///
/// ```
/// use pesan_server::socketio::Recovery;
/// assert_eq!(Recovery::default().max_disconnection_duration.as_secs(), 120);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Longest disconnection. Defaults to 2 min.
    pub max_disconnection_duration: Duration,
    /// Whether the middleware is skipped for a recovered socket. Defaults to `true`.
    pub skip_middlewares: bool,
    /// Most packets stored for replay, in one namespace. Defaults to 10,000.
    pub max_packets: usize,
    /// Most bytes stored for replay, in one namespace. Defaults to 16 MiB.
    pub max_bytes: usize,
    /// Most sessions saved in one namespace; the oldest is dropped first. Defaults to 10,000.
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

/// Limits on what clients can make the server hold, above the transport.
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
    /// closed. Defaults to `None`: [`max_attachments`](Self::max_attachments) times the largest message of the transport.
    pub max_attachment_bytes: Option<usize>,
    /// Deepest nesting of a payload. Beyond it the connection is closed. Defaults to 512.
    pub max_depth: usize,
    /// Longest name of a namespace, in bytes. Beyond it a CONNECT is refused. Defaults to 256.
    pub max_namespace_bytes: usize,
    /// Events of one connection that wait for their handlers. At the limit the connection is not read until half of them are
    /// handled, and its ping timeout is suspended. While an ack of this client is awaited, up to four times as many events
    /// are read; then the ack fails. Defaults to 10,000.
    pub max_queued_events: usize,
    /// Memory of those events, in bytes, with the same effect. Defaults to 1 MiB.
    pub max_queued_event_bytes: usize,
    /// Pending acks of one socket. At the limit, emitting with an ack fails. Defaults to 10,000.
    pub max_pending_acks: usize,
    /// Rooms of one socket, without that of its own id. At the limit, joining fails. Defaults to 10,000.
    pub max_rooms_per_socket: usize,
    /// Namespaces of one connection. At the limit, a CONNECT is refused. Defaults to 64.
    pub max_namespaces_per_connection: usize,
    /// Number of dynamic namespaces. At the limit, a CONNECT that would create another is refused. Defaults to 10,000.
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
    /// Limits of the codec. The transport limits the size of frames, and the packet handler the names of namespaces, as it
    /// can refuse the CONNECT.
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
