//! The handles of the API and the state behind them: [`Io`], [`Namespace`], [`ParentNamespace`], [`Socket`],
//! [`AckSender`], and the connection that sockets share.
//!
//! A namespace has sockets, a socket has a namespace and listeners that take sockets: these types refer to each other and
//! are therefore defined in one file. Their methods are in files of their own, by subject: `server`, `namespace`,
//! `broadcast`, `connect`, `socket`, `ack`, `recovery::restore`.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use pesan::socketio::value::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::backlog::Backlog;
use super::cluster::Cluster;
use super::config::IoConfig;
use super::data::Data;
use super::error::ConnectError;
use super::handshake::Handshake;
use super::hooks::{HookList, Hooks, Meters};
use super::listeners::{HandlerError, Listeners, MaybeFuture};
use super::namespace_matcher::NamespaceMatcher;
use super::pending_acks::PendingAcks;
use super::recovery::ReplayBuffer;
use super::rooms::Rooms;
use crate::engineio::{Connection, Engine, HandshakeRequest};

/// A Socket.IO server; cheap to clone and usable from any thread.
///
/// It dereferences to its root namespace: everything that a [`Namespace`] can do, it does for `/`.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| {
///     println!("A user connected");
///     socket.on("message", |socket: Socket, message: String| socket.io().emit("message", message));
///     socket.on("disconnect", || println!("User disconnected"));
/// });
/// ```
#[derive(Clone)]
pub struct Io {
    pub(super) server: Arc<Server>,
    pub(super) root: Namespace,
}

/// State that all namespaces share.
pub(super) struct Server {
    pub(super) config: IoConfig,
    pub(super) hooks: Hooks,
    /// State of the application, by type.
    pub(super) state: Data,
    pub(super) cluster: Option<Cluster>,
    pub(super) namespaces: RwLock<HashMap<Arc<str>, Namespace>>,
    pub(super) parents: RwLock<Vec<ParentNamespace>>,
    pub(super) new_namespace: HookList<Namespace>,
    pub(super) root: OnceLock<Namespace>,
    pub(super) engine: OnceLock<Engine>,
    /// Whether the server is closed; [`Io::listen`] waits for it.
    pub(super) closed: watch::Sender<bool>,
}

/// Communication channel over the shared connection; cheap to clone.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// let orders = io.of("/orders").expect("a legal name");
/// orders.on_connection(|socket: Socket| {
///     socket.join("room1");
/// });
/// orders.to("room1").emit("hello", ()).expect("can be sent");
/// ```
#[derive(Clone)]
pub struct Namespace(pub(super) Arc<NamespaceState>);

pub(super) struct NamespaceState {
    pub(super) name: Arc<str>,
    pub(super) meters: Meters,
    pub(super) server: Arc<Server>,
    pub(super) connect_hooks: ConnectHooks,
    /// Pattern that the namespace belongs to.
    pub(super) parent: OnceLock<ParentNamespace>,
    pub(super) rooms: Rooms<Socket>,
    pub(super) ack_ids: AtomicU64,
    /// Whether any socket listens to outgoing events.
    pub(super) watched: AtomicBool,
    /// Events for clients that reconnect; `None` without connection state recovery.
    pub(super) replay: Option<ReplayBuffer<SocketState>>,
    /// Handlers of events from other nodes.
    pub(super) server_events: RwLock<Vec<(Box<str>, Arc<ServerEventCall>)>>,
    /// Whether a client created the namespace by connecting to a name that matches a pattern.
    pub(super) dynamic: bool,
    /// Number of clients whose CONNECT is in progress.
    pub(super) pending_connects: AtomicUsize,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.0.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Namespace {}

/// Handlers and middleware of all namespaces that match a pattern; returned by [`Io::of_dynamic`].
///
/// They apply to each client that connects after they were added, also in a namespace that exists already, whether another
/// client or [`Io::of`] created it.
#[derive(Clone)]
pub struct ParentNamespace(pub(super) Arc<ParentState>);

pub(super) struct ParentState {
    pub(super) matcher: Box<dyn NamespaceMatcher>,
    pub(super) connect_hooks: ConnectHooks,
    pub(super) children: Mutex<Vec<Namespace>>,
}

/// Handler of new sockets.
pub(super) type ConnectCall = dyn Fn(Socket) -> MaybeFuture<Result<(), HandlerError>> + Send + Sync;
/// Middleware of a namespace.
pub(super) type MiddlewareCall = dyn Fn(Socket) -> MaybeFuture<Result<(), ConnectError>> + Send + Sync;
/// Handler of an event from another node.
pub(super) type ServerEventCall = dyn Fn(Vec<Value>) -> Result<Vec<Value>, HandlerError> + Send + Sync;

/// Connection handlers and middleware, of a namespace or a pattern. Lists are copied on change, so that they are called
/// without a lock.
#[derive(Default)]
pub(super) struct ConnectHooks {
    handlers: RwLock<Arc<Vec<Arc<ConnectCall>>>>,
    middlewares: RwLock<Arc<Vec<Arc<MiddlewareCall>>>>,
}

impl ConnectHooks {
    pub(super) fn add_handler(&self, handler: Arc<ConnectCall>) {
        let mut list = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut *list).push(handler);
    }

    pub(super) fn add_middleware(&self, middleware: Arc<MiddlewareCall>) {
        let mut list = self.middlewares.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut *list).push(middleware);
    }

    pub(super) fn handlers(&self) -> Arc<Vec<Arc<ConnectCall>>> {
        self.handlers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn middlewares(&self) -> Arc<Vec<Arc<MiddlewareCall>>> {
        self.middlewares
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handlers().is_empty() && self.middlewares().is_empty()
    }
}

/// A client in a namespace; cheap to clone and usable from any thread.
///
/// ```
/// use pesan_server::socketio::{DisconnectReason, Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| {
///     println!("A user connected: {}", socket.id());
///     socket.on("sendMessage", |socket: Socket, message: String| {
///         socket.broadcast().emit("receiveMessage", message)
///     });
///     socket.on("disconnect", |socket: Socket, reason: DisconnectReason| {
///         println!("User disconnected: {} {reason}", socket.id());
///     });
/// });
/// ```
///
/// # Listening
/// Events are handled in the order in which the client sent them. A handler may be async; then the next event of this
/// socket waits for it, while other sockets continue. `disconnecting` (the socket is still in its rooms) and `disconnect`
/// are the last events; both have a [`DisconnectReason`](super::DisconnectReason). `error` has the text of what went wrong
/// with this socket.
#[derive(Clone)]
pub struct Socket(pub(super) Arc<SocketState>);

pub(super) struct SocketState {
    pub(super) id: Arc<str>,
    pub(super) pid: Option<Box<str>>,
    pub(super) recovered: bool,
    pub(super) namespace: Namespace,
    pub(super) client: Arc<Client>,
    pub(super) handshake: Handshake,
    pub(super) data: Data,
    pub(super) listeners: Listeners<Socket, AckSender>,
    pub(super) acks: PendingAcks,
    /// Phase, see `socket`.
    pub(super) phase: AtomicU8,
    /// Held while the socket is being closed.
    pub(super) closing: Mutex<()>,
    /// Whether the client has resumed the session with another socket.
    pub(super) superseded: AtomicBool,
    /// Rooms joined before the socket is connected; later the namespace has them.
    pub(super) early_rooms: Mutex<Vec<Arc<str>>>,
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

/// Sends the acknowledgement of one event, at most once. Dropping it sends none.
///
/// ```
/// use pesan_server::socketio::{AckSender, Socket};
///
/// fn listen(socket: &Socket) {
///     socket.on("add", |_: Socket, a: i32, b: i32, ack: AckSender| ack.send(a + b));
/// }
/// ```
#[derive(Debug)]
pub struct AckSender(pub(super) Option<RequestedAck>);

/// Acknowledgement that the client asked for.
#[derive(Debug)]
pub(super) struct RequestedAck {
    pub(super) socket: Socket,
    pub(super) id: u64,
    /// Shared by the listeners of one event: only the first acknowledgement is sent.
    pub(super) sent: Arc<AtomicBool>,
}

/// One connection, shared by its sockets in several namespaces.
pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) request: Arc<HandshakeRequest>,
    sockets: Mutex<Vec<Weak<SocketState>>>,
    /// Whether sockets were closed whose listeners the connection's task has not called yet.
    has_disconnected: AtomicBool,
    /// Events that wait for their handlers.
    pub(super) backlog: Backlog,
    /// Whether the server has closed the connection, so that further events are ignored.
    closed: AtomicBool,
    waker: AtomicWaker,
    /// Runtime of the connection: sockets may be used from threads outside of it.
    pub(super) runtime: Handle,
}

impl Client {
    /// Must be called in the connection's runtime.
    pub(super) fn new(connection: Connection, request: Arc<HandshakeRequest>) -> Self {
        Self {
            connection,
            request,
            sockets: Mutex::default(),
            has_disconnected: AtomicBool::new(false),
            backlog: Backlog::default(),
            closed: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            runtime: Handle::current(),
        }
    }

    pub(super) fn add(&self, socket: &Socket) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|known| known.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket.0));
    }

    /// Marks the connection as closed by the server; returns its sockets.
    pub(super) fn close(&self) -> Vec<Socket> {
        self.closed.store(true, Ordering::Release);
        let sockets = std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        sockets
            .iter()
            .filter_map(|socket| socket.upgrade().map(Socket))
            .collect()
    }

    /// Whether events of this client are ignored.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.connection.is_closed()
    }

    /// Wakes a connection whose reading is paused: an event was handled, or an ack is awaited now.
    pub(super) fn wake_if_paused(&self) {
        if self.backlog.is_paused() {
            self.waker.wake();
        }
    }

    /// Notifies the connection's task that a socket was closed.
    pub(super) fn notify_disconnect(&self) {
        self.has_disconnected.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether a socket was closed since the last call.
    pub(super) fn take_disconnected(&self) -> bool {
        self.has_disconnected.load(Ordering::Acquire) && self.has_disconnected.swap(false, Ordering::AcqRel)
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
