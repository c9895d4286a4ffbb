//! Settings and limits of the engine, with their defaults.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::cors::{Cors, Origins};
use super::handshake::HandshakeRequest;
use super::refusal::ConnectionError;

/// Hook that accepts or refuses a handshake; the error text is sent to the client.
pub type AllowRequest = Arc<
    dyn Fn(Arc<HandshakeRequest>) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync,
>;

/// Hook that is called with each refused request.
pub type OnConnectionError = Arc<dyn Fn(&HandshakeRequest, &ConnectionError) + Send + Sync>;

/// Settings of an [`Engine`](super::Engine); the defaults are those of the official server.
///
/// ```
/// use pesan_server::engineio::EngineConfig;
/// use std::time::Duration;
///
/// let config = EngineConfig { ping_interval: Duration::from_secs(10), ..EngineConfig::default() };
/// assert_eq!(config.path, "/socket.io/");
/// ```
#[derive(Clone)]
pub struct EngineConfig {
    /// Path of the requests, compared literally; slashes at both ends are added. Defaults to `/socket.io/`.
    pub path: String,
    /// Time from the handshake or a pong to the next ping. Defaults to 25 s.
    pub ping_interval: Duration,
    /// Longest time from a ping to its pong. Defaults to 20 s.
    pub ping_timeout: Duration,
    /// Longest time for an upgrade to WebSocket. Defaults to 10 s.
    pub upgrade_timeout: Duration,
    /// Largest message or polling body that is accepted, in bytes. Defaults to 1,000,000.
    pub max_payload: usize,
    /// Whether HTTP long-polling is offered. Defaults to true.
    pub polling: bool,
    /// Whether WebSocket is offered. Defaults to true.
    pub websocket: bool,
    /// Whether a session may upgrade from polling to WebSocket. Defaults to true.
    pub allow_upgrades: bool,
    /// Cookie that carries the session id to a load balancer. Defaults to none.
    pub cookie: Option<Cookie>,
    /// Cross-origin headers. Defaults to none: browsers then allow polling from the same origin only.
    pub cors: Option<Cors>,
    /// Origins whose pages may connect, by either transport. Defaults to any; requests without `Origin` always may.
    pub origins: Origins,
    /// Compression of WebSocket messages (RFC 7692); feature `deflate`. Defaults to none.
    #[cfg(feature = "deflate")]
    pub per_message_deflate: Option<Deflate>,
    /// Smallest polling body that is compressed with gzip, in bytes, for clients that accept it; feature `deflate`. Defaults
    /// to 1024; `None` turns it off.
    #[cfg(feature = "deflate")]
    pub http_compression: Option<usize>,
    /// Hook called before each handshake. Defaults to none: all are accepted.
    pub allow_request: Option<AllowRequest>,
    /// Hook called for each refused request. Defaults to none.
    pub on_connection_error: Option<OnConnectionError>,
    /// Number of hubs: tasks that each write to a share of the connections. Defaults to the number of processors.
    pub hubs: usize,
    /// Limits.
    pub limits: EngineLimits,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            path: "/socket.io/".to_owned(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            cookie: None,
            cors: None,
            origins: Origins::Any,
            #[cfg(feature = "deflate")]
            per_message_deflate: None,
            #[cfg(feature = "deflate")]
            http_compression: Some(1024),
            allow_request: None,
            on_connection_error: None,
            hubs: std::thread::available_parallelism().map_or(1, usize::from),
            limits: EngineLimits::default(),
        }
    }
}

#[cfg(feature = "deflate")]
impl EngineConfig {
    pub(super) fn deflate(&self) -> Option<Deflate> {
        self.per_message_deflate
    }

    pub(super) fn gzip_threshold(&self) -> Option<usize> {
        self.http_compression
    }
}

#[cfg(not(feature = "deflate"))]
impl EngineConfig {
    pub(super) fn deflate(&self) -> Option<Deflate> {
        None
    }

    pub(super) fn gzip_threshold(&self) -> Option<usize> {
        None
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("path", &self.path)
            .field("ping_interval", &self.ping_interval)
            .field("ping_timeout", &self.ping_timeout)
            .field("max_payload", &self.max_payload)
            .field("hubs", &self.hubs)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Limits of the engine, each with what happens when it is reached.
///
/// Clients learn `max_payload` from the handshake. Limits that they cannot know lead to waiting or to an explicit refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineLimits {
    /// Total number of sessions. Defaults to 100,000. At the limit, a handshake replaces the oldest session that is open
    /// for more than a second without having joined a namespace; without such a session it gets status 503.
    pub max_sessions: usize,
    /// Number of sessions of one IPv4 address or IPv6 /64 network. Defaults to 20,000. At the limit, a handshake replaces
    /// such a session of the same address; without one it gets status 429.
    pub max_sessions_per_address: usize,
    /// Handshakes per second, which is also the burst size. Defaults to 20,000; beyond it a handshake gets status 429.
    pub max_handshakes_per_second: u32,
    /// Bytes that the process holds for its clients: queued messages, and received data that is not handled yet. Defaults
    /// to 256 MiB. Beyond it the connections that hold the most are closed, those without a namespace first, with reason
    /// [`SlowReader`](super::CloseReason::SlowReader) or [`Overload`](super::CloseReason::Overload).
    pub max_held_bytes: usize,
    /// Bytes queued for one client before a message is added, however large that message is. Defaults to 64 MiB. Beyond it
    /// [`Connection::try_send`](super::Connection::try_send) fails, and a broadcast disconnects the client as a slow
    /// reader. A client that reads nothing at all is disconnected when its ping times out.
    pub max_queued_bytes: usize,
    /// Bytes queued for one WebSocket client. Defaults to 256 KiB. Beyond it nothing more is read from this client until it
    /// has read some, so that its requests cannot outrun its reading.
    pub max_unread_bytes: usize,
    /// Bytes of commands that wait for one hub. Defaults to 16 MiB. Beyond it nothing more is read from any client until the
    /// hub has caught up. Messages sent outside of handlers are not delayed.
    pub max_waiting_bytes: usize,
    /// Longest time for the body of a POST. Defaults to 30 s; then the session is closed.
    pub body_timeout: Duration,
    /// Longest wait for the answer to a close frame before the socket is dropped. Defaults to 2 s.
    pub close_timeout: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            max_sessions: 100_000,
            max_sessions_per_address: 20_000,
            max_handshakes_per_second: 20_000,
            max_held_bytes: 256 << 20,
            max_queued_bytes: 64 << 20,
            max_unread_bytes: 256 << 10,
            max_waiting_bytes: 16 << 20,
            body_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
        }
    }
}

/// Cookie of the first response, for sticky sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Name. Defaults to `io`.
    pub name: String,
    /// Attributes after the value. Defaults to `Path=/; HttpOnly; SameSite=Lax`.
    pub attributes: String,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "io".to_owned(),
            attributes: "Path=/; HttpOnly; SameSite=Lax".to_owned(),
        }
    }
}

/// Compression of WebSocket messages (permessage-deflate), without state between messages, so that a broadcast is
/// compressed once.
#[cfg(feature = "deflate")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// Smallest message that is compressed, in bytes. Defaults to 1024.
    pub threshold: usize,
    /// Compression level, 1 to 9. Defaults to 3.
    pub level: u32,
}

/// Compression, which does not exist without the feature `deflate`.
#[cfg(not(feature = "deflate"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deflate {}

#[cfg(feature = "deflate")]
impl Default for Deflate {
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 3,
        }
    }
}
