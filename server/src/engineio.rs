//! Engine.IO 4 for servers: sessions over WebSocket and HTTP long-polling, the change from one to the other,
//! heartbeat, limits, and broadcasts that are framed once.
//!
//! What the messages mean is left to a [`Protocol`]: [`io`](crate::socketio) is one, an echo another. Requests come in
//! through [`Engine::router`] or [`Engine::handle`]; [`http::serve`](crate::http::serve) is the accept loop that
//! gives the engine the raw sockets, so that a hub can write to them from where a broadcast happens.
//!
//! ```
//! use std::sync::Arc;
//! use std::task::{Context, Poll};
//! use pesan::socketio::Frame;
//! use pesan_server::engineio::*;
//!
//! struct Echo;
//! struct Client(Connection);
//!
//! impl Protocol for Echo {
//!     type Session = Client;
//!     fn open(&self, connection: Connection, _: Arc<HandshakeRequest>) -> Client {
//!         Client(connection)
//!     }
//! }
//!
//! impl Session for Client {
//!     fn receive(&mut self, message: Frame) {
//!         self.0.send(&Outgoing::from_frame(&message));
//!     }
//!     fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
//!         Poll::Ready(())
//!     }
//!     fn closed(self, _: CloseReason) {}
//! }
//!
//! let engine = Engine::new(EngineConfig { path: "/engine.io/".to_owned(), ..EngineConfig::default() }, Echo);
//! let router: axum::Router = engine.router();
//! ```

mod account;
pub(crate) mod coding;
mod config;
mod connection;
mod cors;
mod deflate;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod hub;
mod outgoing;
mod path;
mod polling;
mod reason;
mod request;
mod requests;
mod run;
mod sessions;
mod task;
pub(crate) mod turn;
mod websocket;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{Request, Response, StatusCode};
use pesan::socketio::Frame;

pub use config::{AllowRequest, Cookie, Cors, Deflate, EngineConfig, Limits, OnConnectionError, Origins};
pub use connection::{Connection, SendError, Transport};
pub use group::Group;
pub use outgoing::Outgoing;
pub use reason::{CloseReason, ConnectionError, RefuseCode};
pub use request::{HandshakeRequest, Headers, Peer};

use hub::Hub;
use sessions::{Seat, Sessions};
use task::{Link, Task};

/// What runs on top of Engine.IO.
pub trait Protocol: Send + Sync + 'static {
    /// State of one connection.
    type Session: Session;

    /// A connection is open: the handshake is sent, what is sent from here on follows it.
    fn open(&self, connection: Connection, handshake: Arc<HandshakeRequest>) -> Self::Session;
}

/// One connection, as the protocol sees it. All calls come from the connection's own task.
pub trait Session: Send + 'static {
    /// One Engine.IO message, in the order of the wire. Only called after [`poll`](Self::poll) last returned `Ready`.
    fn receive(&mut self, message: Frame);

    /// Drives what is under way, async handlers for example: they run inside the connection's task.
    ///
    /// `Ready`: more may be received. `Pending`: full, stop reading (back-pressure); the ping deadline rests meanwhile, as
    /// a pong cannot be read either. Register the waker whenever work is under way, also when `Ready`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The connection has ended; nothing that is sent now arrives.
    fn closed(self, reason: CloseReason);
}

/// Engine.IO server for one protocol; cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What all parts of an engine share.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) next_id: AtomicU64,
    hubs: Box<[Arc<Hub>]>,
    opener: Box<dyn Opener>,
}

impl Shared {
    /// Hub that writes to connection `id`.
    pub(crate) fn hub_of(&self, id: u64) -> Option<&Arc<Hub>> {
        self.hubs.get((id % self.hubs.len() as u64) as usize)
    }
}

/// Opens sessions of a protocol whose type only it knows.
trait Opener: Send + Sync {
    fn open(
        &self,
        shared: &Arc<Shared>,
        connection: Connection,
        link: Link,
        handshake: Arc<HandshakeRequest>,
        seat: Seat,
    );
}

impl<P: Protocol> Opener for P {
    fn open(
        &self,
        shared: &Arc<Shared>,
        connection: Connection,
        link: Link,
        handshake: Arc<HandshakeRequest>,
        seat: Seat,
    ) {
        let inner = Arc::clone(&connection.0);
        let session = Protocol::open(self, connection, Arc::clone(&handshake));
        tokio::spawn(Task::new(
            Arc::clone(shared),
            inner,
            session,
            link,
            &handshake,
            seat,
        ));
    }
}

impl Engine {
    /// Engine with these settings. Nothing runs before the first request.
    #[must_use]
    pub fn new(mut config: EngineConfig, protocol: impl Protocol) -> Self {
        config.path = path::normalize(&config.path);
        let order = Arc::default();
        let sessions = Arc::new(Sessions::new(&config.limits));
        let hub = |_| {
            Hub::new(
                config.limits.clone(),
                config.ping_interval,
                config.ping_timeout,
                Arc::clone(&order),
                Arc::downgrade(&sessions),
            )
        };
        Self(Arc::new(Shared {
            next_id: AtomicU64::new(1),
            hubs: (0..config.hubs.max(1)).map(hub).collect(),
            sessions,
            opener: Box::new(protocol),
            config,
        }))
    }

    /// Settings it was made with.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.0.config
    }

    /// Sends a message to all members of a group.
    pub fn broadcast(&self, group: &Arc<Group>, outgoing: &Outgoing) {
        group.send(outgoing);
    }

    /// Sends a message to all members of a group but these. For a few exceptions; for many, make another group.
    pub fn broadcast_except(&self, group: &Arc<Group>, except: &[Connection], outgoing: &Outgoing) {
        group.send_except(except, outgoing);
    }

    /// Number of open sessions, those in their handshake included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.sessions.count()
    }

    /// Bytes that the process holds for the clients of all its engines; see [`Limits::max_held_bytes`].
    #[must_use]
    pub fn held_bytes() -> usize {
        account::process_bytes()
    }

    /// Number of sessions whose client can be told something now; a polling client that has gone cannot.
    #[must_use]
    pub fn reachable_sessions(&self) -> usize {
        self.0.sessions.reachable()
    }

    /// Routes of the engine: its path, for every method.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let engine = self.clone();
        let route = path::route(&self.0.config.path);
        // A route with a placeholder takes other paths too.
        let is_exact = !route.contains("{engine_path_");
        let handler = async move |request: Request<Body>| {
            if is_exact || request.uri().path() == engine.0.config.path {
                engine.handle(request).await
            } else {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        };
        Router::new().route(&route, any(handler))
    }

    /// Answers one request of the engine's path.
    pub fn handle(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send + use<> {
        requests::handle(Arc::clone(&self.0), request)
    }

    /// Closes all connections after what was sent before has gone out; takes no further ones.
    ///
    /// [`sessions`](Self::sessions) falls to 0 when all have ended.
    pub fn close(&self) {
        for inner in self.0.sessions.close() {
            Connection(inner).close(CloseReason::ServerShuttingDown);
        }
    }
}

impl Engine {
    /// Takes connections again after [`close`](Self::close).
    pub(crate) fn reopen(&self) {
        self.0.sessions.reopen();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for hub in &self.hubs {
            hub.stop();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.0.config)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}
