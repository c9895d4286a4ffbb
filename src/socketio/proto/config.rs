//! Everything that a client can be told, with the official names and defaults where there are any.

use std::time::Duration;

use super::{Address, Reconnection, TransportKind};
use crate::socketio::{Limits, Parser, Value};

/// Settings of a [`Machine`](super::Machine). Changes through
/// [`config_mut`](super::Machine::config_mut) count from the next connection on.
///
/// ```
/// use pesan::socketio::proto::{Config, TransportKind};
/// use std::time::Duration;
///
/// let mut config = Config::new("http://localhost:5000".parse().expect("a legal address"));
/// config.transports = vec![TransportKind::WebSocket];
/// config.outbox.max_age = Some(Duration::from_secs(60));
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
    /// Query of the handshake, not encoded; the query of the address takes its place. Empty by default.
    pub query: Vec<(String, String)>,
    /// Transports in the order in which they are tried. Defaults to WebSocket, then polling: the other way round
    /// than the official client, which saves two round trips wherever WebSocket works.
    pub transports: Vec<TransportKind>,
    /// Whether to try the next transport when one cannot be opened. Defaults to `true`, unlike the official
    /// client, since with WebSocket first this is what networks without WebSocket need. All of them together
    /// have [`Self::timeout`]; each has an equal share of what is left of it.
    pub try_all_transports: bool,
    /// Whether a polling session moves to WebSocket when it can. Defaults to `true`.
    pub upgrade: bool,
    /// Whether to begin with WebSocket when it worked last time, whatever the order. Defaults to `false`.
    pub remember_upgrade: bool,
    /// Whether binary travels as base64 text on WebSocket too. Defaults to `false`.
    pub force_base64: bool,
    /// Name of the query parameter that makes each request unique. Defaults to `t`.
    pub timestamp_param: String,
    /// Whether to add it; `None`, the default, means on polling only.
    pub timestamp_requests: Option<bool>,
    /// Time to open the connection; `None` waits for ever. Defaults to 20 s.
    pub timeout: Option<Duration>,
    /// Time for the answer to a namespace's CONNECT, its `auth` included; `None` waits for ever. Defaults to
    /// 20 s. The official client has no such limit.
    pub connect_timeout: Option<Duration>,
    /// When a lost connection is tried again.
    pub reconnection: Reconnection,
    /// Who a namespace says it is, unless [`set_auth`](super::Machine::set_auth) says otherwise for one.
    pub auth: Auth,
    /// How often an event that is not answered is sent again, one event at a time, in order. Defaults to 0, which
    /// turns this off. The first sending is not counted: an event is sent at most `retries + 1` times.
    pub retries: u32,
    /// Time for an answer when an event does not bring its own. `None`, the default, waits for ever.
    pub ack_timeout: Option<Duration>,
    /// Queue for events that cannot be sent yet, one for each namespace.
    pub outbox: OutboxConfig,
    /// Caps on what the server may make the client hold.
    pub limits: Limits,
    /// Events of one namespace that are kept until its CONNECT is answered. Defaults to 4096; their frames
    /// may together have `limits.max_frame_bytes`. Beyond either, the connection is given up.
    pub early_events: usize,
    /// Format of the packets; both ends must use the same. Defaults to that of `socket.io-parser`. To be set before
    /// the first emit, since what is queued has its form already.
    pub parser: Parser,
    /// Whether each frame becomes an [`Event::Frame`](super::Event::Frame). Defaults to `false`.
    pub observe_frames: bool,
    /// Whether each event that leaves becomes an [`Event::Outgoing`](super::Event::Outgoing). Defaults to `false`.
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
            outbox: OutboxConfig::default(),
            limits: Limits::default(),
            early_events: 4096,
            parser: Parser::default(),
            observe_frames: false,
            observe_outgoing: false,
        }
    }
}

/// Who a namespace says it is in its CONNECT.
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
    /// Nothing.
    #[default]
    None,
    /// This object, each time.
    Value(Value),
    /// What the program answers to [`Event::AuthNeeded`](super::Event::AuthNeeded), asked at each CONNECT.
    Ask,
}

/// Bounds of the queue for events that cannot be sent yet.
///
/// ```
/// use pesan::socketio::proto::{OutboxConfig, WhenFull};
///
/// let short = OutboxConfig { messages: 10, when_full: WhenFull::DropOldest, ..OutboxConfig::default() };
/// assert_eq!(short.bytes, 16 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxConfig {
    /// Most messages of one namespace. Defaults to 10,000.
    pub messages: usize,
    /// Most bytes of one namespace. Defaults to 16 MiB.
    pub bytes: usize,
    /// Longest that a message may wait; `None`, the default, is for ever. While a try of a retried one is under way, it
    /// does not count as waiting.
    pub max_age: Option<Duration>,
    /// What happens when a message finds no place.
    pub when_full: WhenFull,
    /// When the queue is sent.
    pub flush: Flush,
}

impl Default for OutboxConfig {
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

/// What a full queue does with the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// [`EmitError::OutboxFull`](super::EmitError::OutboxFull); what waits is kept.
    #[default]
    RefuseNew,
    /// The oldest give way and fail with [`Failure::Evicted`](super::Failure::Evicted).
    DropOldest,
}

/// When the queue is sent after a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// Before the `connect` event, as the official client does.
    #[default]
    BeforeConnect,
    /// At the first timeout after the `connect` event, which is due at once: the program can look at the
    /// queue, or clear it, while it handles the event. When nothing waits, what it emits then leaves at once.
    AfterConnect,
}
