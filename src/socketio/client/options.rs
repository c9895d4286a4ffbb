//! Options of a client, and which clients may share a connection.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::socketio::codec::Value;
use crate::socketio::proto::{Address, Auth, Config, TransportKind};
use crate::socketio::sync::{BoxFuture, Lock, MaybeSend, Shared};
#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
use crate::socketio::transport::Cookies;
use crate::socketio::transport::TransportConfig;

/// Function that returns the `auth` of a socket, called for each CONNECT.
pub(super) trait ProvideAuth: MaybeSend {
    fn call(&self) -> BoxFuture<Result<Value, String>>;
}

struct AuthFn<F>(F);

impl<F, R> ProvideAuth for AuthFn<F>
where
    F: Fn() -> R + MaybeSend,
    R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
{
    fn call(&self) -> BoxFuture<Result<Value, String>> {
        Box::pin((self.0)())
    }
}

/// Shared [`ProvideAuth`] function of the program.
#[derive(Clone)]
pub(crate) struct AuthProvider(Shared<Lock<dyn ProvideAuth>>);

impl AuthProvider {
    /// Provider that calls a function for each CONNECT.
    pub(crate) fn new<F, R>(ask: F) -> Self
    where
        F: Fn() -> R + MaybeSend + 'static,
        R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
    {
        Self(Shared::new(Lock::new(AuthFn(ask))))
    }

    /// Calls the function. It is locked while it runs, but not while its future does.
    pub(super) fn call(&self) -> BoxFuture<Result<Value, String>> {
        self.0.lock().call()
    }
}

/// Options of a client, with the official names and defaults.
///
/// ```
/// use pesan::socketio::{Options, Value};
///
/// let options = Options::new()
///     .path("/chat/socket.io")
///     .auth(Value::object([("token", Value::from("s3cret"))]))
///     .reconnection_attempts(10);
/// assert_eq!(options.config.path, "/chat/socket.io");
/// ```
#[derive(Clone)]
pub struct Options {
    /// Settings of the connection; the address is set when the client is opened.
    pub config: Config,
    /// Whether a socket connects as soon as it is created. Defaults to `true`.
    pub auto_connect: bool,
    /// Whether to open a separate connection even if one with the same options could be shared.
    pub force_new: bool,
    /// WebSocket sub-protocols. Empty by default.
    pub protocols: Vec<String>,
    /// Headers of all requests; in a browser of polling requests only, since browsers do not allow headers on WebSockets.
    pub extra_headers: Vec<(String, String)>,
    /// Whether cookies are sent: in a browser by polling to other origins; natively, those that the server has set, by all
    /// requests. Defaults to `false`.
    pub with_credentials: bool,
    /// PEM certificates to trust in addition to the bundled ones. Native only.
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub ca: Vec<u8>,
    pub(crate) auth_provider: Option<AuthProvider>,
}

impl Options {
    /// Official defaults, except that WebSocket is tried first.
    #[must_use]
    pub fn new() -> Self {
        Self {
            config: Config::new(Address::local()),
            auto_connect: true,
            force_new: false,
            protocols: Vec::new(),
            extra_headers: Vec::new(),
            with_credentials: false,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca: Vec::new(),
            auth_provider: None,
        }
    }

    /// Path of the requests. Defaults to `/socket.io`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.config.path = path.into();
        self
    }

    /// Adds a query parameter to the handshake.
    #[must_use]
    pub fn query(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.query.push((key.into(), value.into()));
        self
    }

    /// Sets the `auth` object that is sent with each CONNECT.
    #[must_use]
    pub fn auth(mut self, auth: Value) -> Self {
        self.config.auth = Auth::Value(auth);
        self
    }

    /// Calls a function for the `auth` of each CONNECT. Its error results in `connect_error`.
    ///
    /// ```
    /// use pesan::socketio::{Options, Value};
    ///
    /// let options = Options::new().auth_with(|| async {
    ///     // fetch a fresh token here
    ///     Ok(Value::object([("token", Value::from("fresh"))]))
    /// });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn auth_with<F, R>(mut self, ask: F) -> Self
    where
        F: Fn() -> R + MaybeSend + 'static,
        R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
    {
        self.config.auth = Auth::Ask;
        self.auth_provider = Some(AuthProvider::new(ask));
        self
    }

    /// Transports in the order of trying.
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = TransportKind>) -> Self {
        self.config.transports = transports.into_iter().collect();
        self
    }

    /// Whether to reconnect after the connection was lost.
    #[must_use]
    pub fn reconnection(mut self, on: bool) -> Self {
        self.config.reconnection.enabled = on;
        self
    }

    /// Maximum of reconnection attempts before `reconnect_failed`. Unlimited by default.
    #[must_use]
    pub fn reconnection_attempts(mut self, attempts: u32) -> Self {
        self.config.reconnection.attempts = Some(attempts);
        self
    }

    /// First and longest pause between two attempts. Defaults to 1 s and 5 s.
    #[must_use]
    pub fn reconnection_delay(mut self, first: Duration, longest: Duration) -> Self {
        self.config.reconnection.delay = first;
        self.config.reconnection.delay_max = longest;
        self
    }

    /// Sends an event without an ack again, up to this number of times. The server must acknowledge events.
    #[must_use]
    pub fn retries(mut self, retries: u32, ack_timeout: Duration) -> Self {
        self.config.retries = retries;
        self.config.ack_timeout = Some(ack_timeout);
        self
    }

    /// Time limit for acks of events without their own limit.
    #[must_use]
    pub fn ack_timeout(mut self, time: Duration) -> Self {
        self.config.ack_timeout = Some(time);
        self
    }

    /// Time limit for opening the connection. Defaults to 20 s.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.config.timeout = Some(time);
        self
    }

    /// Whether a socket connects as soon as it is created.
    #[must_use]
    pub fn auto_connect(mut self, on: bool) -> Self {
        self.auto_connect = on;
        self
    }

    /// Opens a separate connection even if one could be shared.
    #[must_use]
    pub fn force_new(mut self) -> Self {
        self.force_new = true;
        self
    }

    /// Adds a WebSocket sub-protocol.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocols.push(name.into());
        self
    }

    /// Adds a header; see [`Self::extra_headers`].
    #[must_use]
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_headers.push((name.into(), value.into()));
        self
    }

    /// Sends cookies: in a browser to other origins when polling, natively those that the server has set.
    #[must_use]
    pub fn with_credentials(mut self) -> Self {
        self.with_credentials = true;
        self
    }

    /// Trusts the certificates of a PEM file in addition to the bundled ones, for a server with a private authority.
    /// Native only. An invalid certificate results in a `connect_error` at each attempt.
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    #[must_use]
    pub fn ca(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.ca.extend_from_slice(pem.as_ref());
        self.ca.push(b'\n');
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Options that concern neither the connection's state machine nor the transports.
pub(super) struct Settings {
    pub(super) auto_connect: bool,
    /// Origin of the server, for debugging.
    pub(super) origin: String,
    pub(super) sharing_key: SharingKey,
}

impl Options {
    /// Splits the options by the layer that they concern.
    pub(super) fn split(self) -> (Config, TransportConfig, Settings, Option<AuthProvider>) {
        let settings = Settings {
            auto_connect: self.auto_connect,
            origin: self.config.address.origin(),
            sharing_key: SharingKey::of(&self),
        };
        let transport = TransportConfig {
            protocols: self.protocols,
            extra_headers: self.extra_headers,
            #[cfg(target_arch = "wasm32")]
            with_credentials: self.with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            cookies: Cookies::new(self.with_credentials),
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca: self.ca,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            max_frame_bytes: self.config.limits.max_frame_bytes,
            max_unsent_bytes: self.config.limits.max_unsent_bytes,
        };
        (self.config, transport, settings, self.auth_provider)
    }
}

/// Options that must be equal for clients to share a connection.
#[derive(PartialEq)]
pub(super) struct SharingKey {
    config: Config,
    auto_connect: bool,
    protocols: Vec<String>,
    extra_headers: Vec<(String, String)>,
    with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    ca: Vec<u8>,
}

impl SharingKey {
    pub(super) fn of(options: &Options) -> Self {
        // Destructured completely, so that a new option cannot be forgotten here.
        let Options {
            config,
            auto_connect,
            force_new: _,
            protocols,
            extra_headers,
            with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca,
            auth_provider: _,
        } = options;
        Self {
            config: config.clone(),
            auto_connect: *auto_connect,
            protocols: protocols.clone(),
            extra_headers: extra_headers.clone(),
            with_credentials: *with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca: ca.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sharing_key_differs_for_every_option() {
        let plain = SharingKey::of(&Options::new());
        assert!(
            plain == SharingKey::of(&Options::new().force_new()),
            "`force_new` concerns only the new client"
        );
        let hour = Duration::from_secs(3600);
        let others = [
            Options::new().path("/other"),
            Options::new().query("a", "b"),
            Options::new().query("a", ""),
            Options::new().extra_header("a", "b"),
            Options::new().auth(Value::object([("a", Value::from(1))])),
            Options::new().auth(Value::object([("a", Value::from("1"))])),
            Options::new().auth(Value::object([("a", Value::from(1234))])),
            Options::new().auth(Value::object([("a", Value::from(vec![0xd7, 0x6d, 0xf8]))])),
            Options::new().auth_with(|| async { Ok(Value::Null) }),
            Options::new().transports([]),
            Options::new().reconnection(false),
            Options::new().reconnection_attempts(3),
            Options::new().reconnection_delay(hour, hour),
            Options::new().retries(1, hour),
            Options::new().ack_timeout(hour),
            Options::new().timeout(hour),
            Options::new().auto_connect(false),
            Options::new().protocol("a"),
            Options::new().with_credentials(),
        ];
        let mut keys: Vec<SharingKey> = others.iter().map(SharingKey::of).collect();
        keys.push(plain);
        for (index, key) in keys.iter().enumerate() {
            let same = keys.iter().filter(|other| *other == key).count();
            assert_eq!(same, 1, "options {index}");
        }
    }
}
