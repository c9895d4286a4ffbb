//! Every setting and every cap of the engine in one place, with its default.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{ConnectionError, HandshakeRequest};

/// Decides whether a handshake may go on; the text of a refusal is sent to the client.
pub type AllowRequest = Arc<
    dyn Fn(Arc<HandshakeRequest>) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync,
>;

/// Hears of every request that was refused.
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
    /// Path of the requests, compared as it stands in them; slashes at its beginning and its end are added. Defaults to
    /// `/socket.io/`.
    pub path: String,
    /// Time from the handshake or a pong to the next ping. Defaults to 25 s.
    pub ping_interval: Duration,
    /// Time that a pong may take. Defaults to 20 s.
    pub ping_timeout: Duration,
    /// Time that a change to WebSocket may take. Defaults to 10 s.
    pub upgrade_timeout: Duration,
    /// Largest message or polling body that is taken, in bytes. Defaults to 1,000,000.
    pub max_payload: usize,
    /// Whether HTTP long-polling is offered. Defaults to true.
    pub polling: bool,
    /// Whether WebSocket is offered. Defaults to true.
    pub websocket: bool,
    /// Whether a session may change from polling to WebSocket. Defaults to true.
    pub allow_upgrades: bool,
    /// Cookie that carries the session id to a load balancer. Defaults to none.
    pub cookie: Option<Cookie>,
    /// Answers for scripts of other origins. Defaults to none: browsers let only pages of the same origin poll.
    pub cors: Option<Cors>,
    /// Origins whose pages may connect, by either transport. Defaults to any; requests without `Origin` always may.
    pub origins: Origins,
    /// Compression of WebSocket messages (RFC 7692). Defaults to none.
    pub per_message_deflate: Option<Deflate>,
    /// Smallest polling body that is sent with gzip, if the client takes it, in bytes. Defaults to 1024; `None` never.
    pub http_compression: Option<usize>,
    /// Asked before each handshake. Defaults to none: all may.
    pub allow_request: Option<AllowRequest>,
    /// Told of each refusal. Defaults to none.
    pub on_connection_error: Option<OnConnectionError>,
    /// Tasks that write, each for its share of the connections. Defaults to one for each processor.
    pub hubs: usize,
    /// Caps.
    pub limits: Limits,
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
            per_message_deflate: None,
            http_compression: Some(1024),
            allow_request: None,
            on_connection_error: None,
            hubs: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
        }
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

/// Caps of the engine. What happens at each is stated with it.
///
/// Only `max_payload` is known to the peers; a limit that they cannot know is answered by waiting or by a clear refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions in all. Defaults to 100,000. A further handshake takes the place of the oldest session that has not joined a
    /// namespace for more than a second; where there is none, it gets status 503.
    pub max_sessions: usize,
    /// Sessions of one address, or of one IPv6 network of 64 bits. Defaults to 20,000. A further handshake takes the place of
    /// such a session of the same address; where there is none, it gets status 429.
    pub max_sessions_per_address: usize,
    /// Handshakes a second, and as many at once. Defaults to 20,000; a further one gets status 429.
    pub max_handshakes_per_second: u32,
    /// Bytes that the process holds for its clients: messages that wait to be read, and what came from clients and is not
    /// handled yet. Defaults to 256 MiB. Over it the connections that hold the most are ended, those without a namespace
    /// first, with reason [`SlowReader`](super::CloseReason::SlowReader) or [`Overload`](super::CloseReason::Overload).
    pub max_held_bytes: usize,
    /// Bytes that may wait for one client before one more message, however large that is. Defaults to 64 MiB. Over it
    /// [`Connection::try_send`](super::Connection::try_send) fails, and a client that is to get a broadcast is disconnected
    /// as a slow reader. A client that takes nothing at all is disconnected when its ping is not answered.
    pub max_queued_bytes: usize,
    /// Bytes that wait for one client over a WebSocket. Defaults to 256 KiB; over it nothing more is read from this client
    /// until it has taken some: nobody is answered faster than they read.
    pub max_unread_bytes: usize,
    /// Bytes that were sent and not yet handed to the sockets, for each hub. Defaults to 16 MiB; over it nothing more is
    /// read from any client until they have been. What a program sends by itself, outside of a handler, is not held up.
    pub max_waiting_bytes: usize,
    /// Time in which the body of a POST must be there. Defaults to 30 s; the session ends after it.
    pub body_timeout: Duration,
    /// Time that a client has to answer a close frame before the socket is dropped. Defaults to 2 s.
    pub close_timeout: Duration,
}

impl Default for Limits {
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

/// Origins in the sense of the `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// The server's own host, and those listed, each like `https://example.org` or `http://localhost:3000`.
    Listed(Vec<String>),
}

impl Origins {
    /// Whether `origin` is among them; `host` is what the request's `Host` says.
    #[must_use]
    pub fn contains(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => {
                let own = origin.split_once("://").map(|(_, authority)| authority);
                own.is_some() && own == host
                    || list.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
            }
        }
    }
}

/// Cookie of the first response, for sticky sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Name. Defaults to `io`.
    pub name: String,
    /// What follows the value. Defaults to `Path=/; HttpOnly; SameSite=Lax`.
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

/// Cross-origin resource sharing, in the sense of the `cors` option of the official server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins whose scripts may read the answers. Defaults to any.
    pub origins: Origins,
    /// Whether they may send cookies. Defaults to false.
    pub credentials: bool,
    /// Methods that a preflight allows. Defaults to `GET,HEAD,PUT,PATCH,POST,DELETE`.
    pub methods: String,
    /// Headers that a preflight allows. Defaults to `None`: those that were asked for.
    pub headers: Option<String>,
    /// Headers that scripts may read. Defaults to `None`.
    pub exposed_headers: Option<String>,
    /// Time that a preflight stays valid. Defaults to `None`: as the browser likes.
    pub max_age: Option<Duration>,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Origins::Any,
            credentials: false,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".to_owned(),
            headers: None,
            exposed_headers: None,
            max_age: None,
        }
    }
}

/// Compression of WebSocket messages. No state is kept between messages, so that a broadcast is compressed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// Smallest message that is compressed, in bytes. Defaults to 1024.
    pub threshold: usize,
    /// Effort, 1 to 9. Defaults to 3.
    pub level: u32,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_when_it_is_listed_or_the_servers_own() {
        let origins = Origins::Listed(vec!["https://a.example".to_owned()]);
        assert!(origins.contains("https://a.example", Some("b.example")));
        assert!(origins.contains("https://b.example", Some("b.example")));
        assert!(!origins.contains("https://c.example", Some("b.example")));
        assert!(!origins.contains("null", None));
        assert!(Origins::Any.contains("null", None));
    }
}
