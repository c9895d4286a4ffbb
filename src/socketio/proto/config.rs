//! Settings of a connection, with the official names and defaults where they exist.

use std::time::Duration;

use super::address::Address;
use super::backoff::Reconnection;
use super::transport::TransportKind;
use crate::socketio::codec::{Limits, Parser, Value};

/// Settings of a [`Connection`](super::Connection). Changes through
/// [`config_mut`](super::Connection::config_mut) apply from the next connection.
///
/// ```
/// use pesan::socketio::proto::{Config, TransportKind};
/// use std::time::Duration;
///
/// let mut config = Config::new("http://localhost:5000".parse().expect("a legal address"));
/// config.transports = vec![TransportKind::WebSocket];
/// config.send_buffer.max_age = Some(Duration::from_secs(60));
/// assert_eq!(config.timeout, Some(Duration::from_secs(20)));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Server and handshake query.
    pub address: Address,
    /// Path of the requests. Defaults to `/socket.io`.
    pub path: String,
    /// Whether the path ends with a slash. Defaults to `true`.
    pub add_trailing_slash: bool,
    /// Query of the handshake, not encoded; replaced by the query of the address if there is one. Empty by default.
    pub query: Vec<(String, String)>,
    /// Transports in the order of trying. Defaults to WebSocket, then polling. The official client tries polling first,
    /// which costs two more round trips where WebSocket works.
    pub transports: Vec<TransportKind>,
    /// Whether to try the next transport when one fails to open. Defaults to `true`, unlike in the official client: with
    /// WebSocket first, networks without WebSocket need it. [`Self::timeout`] applies to all transports together; each
    /// gets an equal share of the remaining time.
    pub try_all_transports: bool,
    /// Whether to upgrade from polling to WebSocket. Defaults to `true`.
    pub upgrade: bool,
    /// Whether to try WebSocket first if it worked last time. Defaults to `false`.
    pub remember_upgrade: bool,
    /// Whether to send binary as base64 text over WebSocket too. Defaults to `false`.
    pub force_base64: bool,
    /// Name of the query parameter that makes each request unique. Defaults to `t`.
    pub timestamp_param: String,
    /// Whether to add it; `None`, the default, means on polling only.
    pub timestamp_requests: Option<bool>,
    /// Time limit for opening the connection; `None` means no limit. Defaults to 20 s.
    pub timeout: Option<Duration>,
    /// Time limit for the answer to a namespace's CONNECT, including its `auth`; `None` means no limit. Defaults to
    /// 20 s. The official client has no such limit.
    pub connect_timeout: Option<Duration>,
    /// Reconnection settings.
    pub reconnection: Reconnection,
    /// `auth` of all namespaces without their own, see [`set_auth`](super::Connection::set_auth).
    pub auth: Auth,
    /// How many times an unacknowledged event is sent again; events are then sent one at a time, in order. Defaults to 0,
    /// which turns retries off. An event is sent at most `retries + 1` times.
    pub retries: u32,
    /// Time limit for acks of events without their own limit. Defaults to `None`: no limit.
    pub ack_timeout: Option<Duration>,
    /// Settings of the send buffer, which holds events that cannot be sent yet; there is one for each namespace.
    pub send_buffer: SendBufferConfig,
    /// Limits for data of the server.
    pub limits: Limits,
    /// Maximum of events of one namespace that are buffered until its CONNECT is answered. Defaults to 4096. Their total
    /// size is limited by `limits.max_frame_bytes`. Exceeding either limit closes the connection.
    pub receive_buffer_events: usize,
    /// Wire format of packets; both ends must use the same. Defaults to that of `socket.io-parser`. Set it before the
    /// first emit, since queued events are already encoded.
    pub parser: Parser,
    /// Whether each frame is reported by [`Event::Frame`](super::Event::Frame). Defaults to `false`.
    pub observe_frames: bool,
    /// Whether each sent event is reported by [`Event::Outgoing`](super::Event::Outgoing). Defaults to `false`.
    pub observe_outgoing: bool,
}

impl Config {
    /// Default settings for a server.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            path: "/socket.io".to_owned(),
            add_trailing_slash: true,
            query: Vec::new(),
            transports: TransportKind::ALL.to_vec(),
            try_all_transports: true,
            upgrade: true,
            remember_upgrade: false,
            force_base64: false,
            timestamp_param: "t".to_owned(),
            timestamp_requests: None,
            timeout: Some(Duration::from_secs(20)),
            connect_timeout: Some(Duration::from_secs(20)),
            reconnection: Reconnection::default(),
            auth: Auth::None,
            retries: 0,
            ack_timeout: None,
            send_buffer: SendBufferConfig::default(),
            limits: Limits::default(),
            receive_buffer_events: 4096,
            parser: Parser::default(),
            observe_frames: false,
            observe_outgoing: false,
        }
    }
}

/// `auth` payload of CONNECT.
///
/// ```
/// use pesan::socketio::proto::Auth;
/// use pesan::socketio::Value;
///
/// let auth = Auth::Value(Value::object([("name", Value::from("Afief"))]));
/// assert_ne!(auth, Auth::None);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Auth {
    /// No payload.
    #[default]
    None,
    /// The same object for each CONNECT.
    Value(Value),
    /// Requested from the program for each CONNECT, by [`Event::AuthNeeded`](super::Event::AuthNeeded).
    Ask,
}

/// Settings of the send buffer.
///
/// ```
/// use pesan::socketio::proto::{SendBufferConfig, WhenFull};
///
/// let short = SendBufferConfig { messages: 10, when_full: WhenFull::DropOldest, ..SendBufferConfig::default() };
/// assert_eq!(short.bytes, 16 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendBufferConfig {
    /// Maximum of events of one namespace. Defaults to 10,000.
    pub messages: usize,
    /// Maximum of bytes of one namespace. Defaults to 16 MiB.
    pub bytes: usize,
    /// Maximum time in the buffer. Defaults to `None`: no limit. The time limit does not apply to a retried event in
    /// flight.
    pub max_age: Option<Duration>,
    /// What to do with a new event when the buffer is full.
    pub when_full: WhenFull,
    /// When the buffer is flushed after a connect.
    pub flush: Flush,
}

impl Default for SendBufferConfig {
    fn default() -> Self {
        Self {
            messages: 10_000,
            bytes: 16 << 20,
            max_age: None,
            when_full: WhenFull::default(),
            flush: Flush::default(),
        }
    }
}

/// Policy of a full send buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The new event fails with [`EmitError::SendBufferFull`](super::EmitError::SendBufferFull).
    #[default]
    RefuseNew,
    /// The oldest events are removed and fail with [`Failure::Evicted`](super::Failure::Evicted).
    DropOldest,
}

/// When the send buffer is flushed after a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// Before the `connect` event, as in the official client.
    #[default]
    BeforeConnect,
    /// At the first timeout after the `connect` event, which is due immediately: the program can inspect or clear the
    /// buffer while it handles the event. If the buffer is empty, new events are sent immediately.
    AfterConnect,
}
