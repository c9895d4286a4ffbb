//! Settings of a client: the machine's, and what only a driver can do.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::driver::Connection;
use crate::socketio::Value;
use crate::socketio::proto::{Address, Auth, AuthRequest, Config, TransportKind};
use crate::socketio::sync::{BoxFuture, Lock, MaybeSend, Shared};

/// Function that says who the socket is, asked at each CONNECT.
pub(super) trait AskAuth: MaybeSend {
    fn ask(&self) -> BoxFuture<Result<Value, String>>;
}

struct Asked<F>(F);

impl<F, R> AskAuth for Asked<F>
where
    F: Fn() -> R + MaybeSend,
    R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
{
    fn ask(&self) -> BoxFuture<Result<Value, String>> {
        Box::pin((self.0)())
    }
}

/// Function of the program that says who a socket is.
#[derive(Clone)]
pub(crate) struct Asker(Shared<Lock<dyn AskAuth>>);

impl Asker {
    /// Function that is asked at each CONNECT.
    pub(crate) fn new<F, R>(ask: F) -> Self
    where
        F: Fn() -> R + MaybeSend + 'static,
        R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
    {
        Self(Shared::new(Lock::new(Asked(ask))))
    }

    /// Asks in a task of its own: a connection that shares the function may be made to ask it while it runs.
    ///
    /// The connection gets the answer when it is there, unless it asks again before, or is gone.
    pub(super) fn ask(self, connection: &Connection, request: AuthRequest) {
        let name = request.namespace().to_owned();
        let answered = connection.hear_auth(request);
        let ask = async move {
            let answer = self.0.lock().ask();
            answered(answer.await);
        };
        let mut asking = Some(connection.platform.spawn(Box::pin(ask)));
        // What was asked before, or nobody wants to know any more, is dropped without the lock.
        connection.look(|state, _| {
            if let Some(known) = state.namespaces.iter_mut().find(|known| *known.name == name) {
                std::mem::swap(&mut known.asking, &mut asking);
            }
        });
        drop(asking);
    }
}

/// Settings of a client, with the official names and defaults.
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
    /// All settings of the machine; the address is set when the client is opened.
    pub config: Config,
    /// Whether a socket connects as soon as it is made. Defaults to `true`.
    pub auto_connect: bool,
    /// Whether to open an own connection, even where one to the same server with the same settings could be shared.
    pub force_new: bool,
    /// WebSocket sub-protocols. Empty by default.
    pub protocols: Vec<String>,
    /// Headers of every request, natively. A browser lets nobody set them on a WebSocket, there they go with
    /// polling alone.
    pub extra_headers: Vec<(String, String)>,
    /// Whether polling in a browser sends cookies to other origins. Defaults to `false`.
    pub with_credentials: bool,
    /// Certificates in PEM that are trusted beside the bundled ones. A browser has its own.
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub ca: Vec<u8>,
    pub(crate) asker: Option<Asker>,
}

impl Options {
    /// Official defaults, and WebSocket first.
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
            asker: None,
        }
    }

    /// Path of the requests; `/socket.io` unless set.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.config.path = path.into();
        self
    }

    /// Adds to the handshake's query.
    #[must_use]
    pub fn query(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.query.push((key.into(), value.into()));
        self
    }

    /// Says who the socket is, the same each time; an object.
    #[must_use]
    pub fn auth(mut self, auth: Value) -> Self {
        self.config.auth = Auth::Value(auth);
        self
    }

    /// Asks a function who the socket is, at each CONNECT. An error ends in `connect_error`.
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
        self.asker = Some(Asker::new(ask));
        self
    }

    /// Transports in the order in which they are tried.
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = TransportKind>) -> Self {
        self.config.transports = transports.into_iter().collect();
        self
    }

    /// Whether to come back after a connection was lost.
    #[must_use]
    pub fn reconnection(mut self, on: bool) -> Self {
        self.config.reconnection.enabled = on;
        self
    }

    /// How often to try before `reconnect_failed`; without end unless set.
    #[must_use]
    pub fn reconnection_attempts(mut self, attempts: u32) -> Self {
        self.config.reconnection.attempts = Some(attempts);
        self
    }

    /// First and longest pause between two attempts; 1 s and 5 s unless set.
    #[must_use]
    pub fn reconnection_delay(mut self, first: Duration, longest: Duration) -> Self {
        self.config.reconnection.delay = first;
        self.config.reconnection.delay_max = longest;
        self
    }

    /// Sends an event that is not answered again, this often; needs a server that answers.
    #[must_use]
    pub fn retries(mut self, retries: u32, ack_timeout: Duration) -> Self {
        self.config.retries = retries;
        self.config.ack_timeout = Some(ack_timeout);
        self
    }

    /// Time for an answer when an event does not bring its own.
    #[must_use]
    pub fn ack_timeout(mut self, time: Duration) -> Self {
        self.config.ack_timeout = Some(time);
        self
    }

    /// Time to open the connection; 20 s unless set.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.config.timeout = Some(time);
        self
    }

    /// Whether a socket connects as soon as it is made.
    #[must_use]
    pub fn auto_connect(mut self, on: bool) -> Self {
        self.auto_connect = on;
        self
    }

    /// Opens an own connection even where one could be shared.
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

    /// Sends cookies to other origins when polling in a browser.
    #[must_use]
    pub fn with_credentials(mut self) -> Self {
        self.with_credentials = true;
        self
    }

    /// Trusts the certificates of a PEM file beside the bundled ones, for a server with an authority of its own.
    /// Natively alone; what is no certificate fails the attempts to connect, with a `connect_error` that says so.
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
