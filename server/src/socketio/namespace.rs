//! A namespace: its sockets, their rooms, and who may come in.

mod delivery;
mod returning;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use pesan::socketio::Event;
use pesan::socketio::packet::ROOT;
use pesan::socketio::value::{Value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::{from_args, to_args};
use super::config::{IoConfig, Recovery};
use super::error::{ConnectError, EmitError};
use super::handler::{Called, ConnectHandler, Failure, Middleware};
use super::hooks::{Hooks, Meters};
use super::operator::BroadcastOperator;
use super::parent::Parent;
use super::recovery::Log;
use super::remote::FetchedSockets;
use super::responses::{NodeResponses, Responses};
use super::rooms::{RoomNames, Rooms, Target};
use super::server::{Io, Server};
use super::socket::Socket;

pub(super) type ConnectCall = dyn Fn(Socket) -> Called<Result<(), Failure>> + Send + Sync;
pub(super) type MiddlewareCall = dyn Fn(Socket) -> Called<Result<(), ConnectError>> + Send + Sync;

type ServerCall = dyn Fn(Vec<Value>) -> Option<Value> + Send + Sync;

/// Handlers and middleware, of a namespace or of all that belong to a pattern.
#[derive(Default)]
pub(super) struct Entrance {
    connection: RwLock<Arc<Vec<Arc<ConnectCall>>>>,
    middleware: RwLock<Arc<Vec<Arc<MiddlewareCall>>>>,
}

impl Entrance {
    pub(super) fn on_connection<M>(&self, handler: impl ConnectHandler<M>) {
        let mut list = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut *list).push(Arc::new(move |socket| handler.call(socket)));
    }

    pub(super) fn with_middleware<M>(&self, middleware: impl Middleware<M>) {
        let mut list = self.middleware.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut *list).push(Arc::new(move |socket| middleware.call(socket)));
    }

    pub(super) fn handlers(&self) -> Arc<Vec<Arc<ConnectCall>>> {
        self.connection
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn middlewares(&self) -> Arc<Vec<Arc<MiddlewareCall>>> {
        self.middleware
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether it has neither.
    fn is_empty(&self) -> bool {
        self.handlers().is_empty() && self.middlewares().is_empty()
    }
}

/// What a pattern gives to all its namespaces, then what a namespace has of its own.
fn joined<T: Clone>(inherited: Arc<Vec<T>>, own: Arc<Vec<T>>) -> Arc<Vec<T>> {
    match (inherited.is_empty(), own.is_empty()) {
        (true, _) => own,
        (_, true) => inherited,
        (false, false) => Arc::new(inherited.iter().chain(own.iter()).cloned().collect()),
    }
}

/// Channel of its own over the shared connection; cheap to clone.
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
pub struct Namespace(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    server: Arc<Server>,
    entrance: Entrance,
    /// Pattern that it belongs to.
    parent: OnceLock<Parent>,
    rooms: Rooms,
    ack_ids: AtomicU64,
    /// Whether any socket listens to what goes out.
    watched: AtomicBool,
    /// What returning clients missed; `None` without connection state recovery.
    log: Option<Log>,
    /// What other nodes may ask.
    server_events: RwLock<Vec<(Box<str>, Arc<ServerCall>)>>,
    /// Whether a client has made it by asking for a name that fits a pattern.
    dynamic: bool,
    /// Clients on their way in.
    entering: AtomicUsize,
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

impl Namespace {
    pub(super) fn new(server: &Arc<Server>, name: &str, parent: Option<Parent>, dynamic: bool) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            server: server.clone(),
            entrance: Entrance::default(),
            parent: parent.map_or_else(OnceLock::new, OnceLock::from),
            rooms: Rooms::default(),
            ack_ids: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            log: server
                .config
                .recovery
                .clone()
                .map(|recovery| Log::new(recovery, server.cluster.is_some())),
            server_events: RwLock::default(),
            dynamic,
            entering: AtomicUsize::new(0),
        }))
    }

    /// Its name; begins with `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its server.
    #[must_use]
    pub fn io(&self) -> Io {
        Io::of_server(&self.0.server)
    }

    /// Calls `handler` with each socket that joined; several handlers in the order in which they were added.
    pub fn on_connection<M>(&self, handler: impl ConnectHandler<M>) {
        self.0.entrance.on_connection(handler);
    }

    /// Lets `middleware` decide who may come in; several in the order in which they were added.
    pub fn with_middleware<M>(&self, middleware: impl Middleware<M>) {
        self.0.entrance.with_middleware(middleware);
    }

    /// Official name of [`with_middleware`](Self::with_middleware), as far as Rust allows it.
    pub fn use_<M>(&self, middleware: impl Middleware<M>) {
        self.with_middleware(middleware);
    }

    /// Sends an event to everyone. It is encoded once.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        self.everyone().emit(event, args)
    }

    /// Sends the event `message` to everyone.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send<T: Serialize>(&self, args: T) -> Result<(), EmitError> {
        self.everyone().send(args)
    }

    /// Sends a typed event to everyone.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<(), EmitError> {
        self.everyone().emit_event(event)
    }

    /// Sends an event to everyone, and gathers the answers.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub async fn emit_with_ack<R: DeserializeOwned + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<Responses<R>, EmitError> {
        self.everyone().emit_with_ack(event, args).await
    }

    /// Those in these rooms.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.everyone().to(rooms)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Everyone but those in these rooms.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.everyone().except(rooms)
    }

    /// Everyone on this node.
    pub fn local(&self) -> BroadcastOperator {
        self.everyone().local()
    }

    /// Everyone, where the event may be lost for clients that are not ready for it.
    pub fn volatile(&self) -> BroadcastOperator {
        self.everyone().volatile()
    }

    /// Everyone, with answers awaited at most this long.
    pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
        self.everyone().timeout(timeout)
    }

    /// Everyone, and whether events may be compressed.
    pub fn compress(&self, compress: bool) -> BroadcastOperator {
        self.everyone().compress(compress)
    }

    /// All sockets, with what is known about them, and how many nodes did not name theirs in time.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        self.everyone().fetch_sockets().await
    }

    /// Makes all sockets join rooms.
    pub fn sockets_join(&self, rooms: impl RoomNames) {
        self.everyone().sockets_join(rooms);
    }

    /// Makes all sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl RoomNames) {
        self.everyone().sockets_leave(rooms);
    }

    /// Makes all sockets leave; with `close` all namespaces, and closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.everyone().disconnect_sockets(close);
    }

    /// Calls `handler` for each event of this name that another node sends by
    /// [`server_side_emit`](Self::server_side_emit); what it returns is the answer. The last handler of a name counts.
    ///
    /// ```
    /// let io = pesan_server::socketio::Io::default();
    /// io.on_server_event("count", |(): ()| 7);
    /// ```
    pub fn on_server_event<T, R>(&self, event: &str, handler: impl Fn(T) -> R + Send + Sync + 'static)
    where
        T: DeserializeOwned + 'static,
        R: Serialize,
    {
        let name = event.to_owned();
        let call = move |values| {
            let outcome = from_args(values).map_err(|error| error.to_string());
            let answer = outcome.and_then(|args| to_value(&handler(args)).map_err(|error| error.to_string()));
            answer
                .inspect_err(|error| tracing::warn!(event = name, %error, "event of another node"))
                .ok()
        };
        let mut events = self
            .0
            .server_events
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        events.retain(|(known, _)| **known != *event);
        events.push((event.into(), Arc::new(call)));
    }

    pub(super) fn server_event(&self, event: &str, values: Vec<Value>) -> Option<Value> {
        let events = self
            .0
            .server_events
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let call = events
            .iter()
            .find(|(known, _)| **known == *event)
            .map(|(_, call)| call.clone());
        drop(events);
        call?(values)
    }

    /// Sends an event to the other nodes, not to clients; says whether it could be sent.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn server_side_emit(&self, event: &str, args: impl Serialize) -> Result<bool, EmitError> {
        let args = vec![Value::from(event), Value::from(to_args(&args)?)];
        let cluster = self.0.server.cluster.as_ref();
        Ok(cluster.is_some_and(|cluster| cluster.tell(self.name(), "server", args)))
    }

    /// Sends an event to the other nodes, and gathers an answer of each but this one, for at most
    /// [`IoConfig::request_timeout`].
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub async fn server_side_emit_with_ack<R: DeserializeOwned + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<NodeResponses<R>, EmitError> {
        let args = vec![Value::from(event), Value::from(to_args(&args)?)];
        let mut responses = NodeResponses {
            answers: Vec::new(),
            missing: 0,
        };
        let Some(cluster) = &self.0.server.cluster else {
            return Ok(responses);
        };
        let asked = cluster.ask(self.name(), "server", args, self.config().request_timeout);
        let mut unfit = 0;
        let take = |answer: Vec<Value>| {
            match from_args(answer) {
                Ok(answer) => responses.answers.push(answer),
                Err(error) => {
                    tracing::warn!(event, %error, "answer of another node does not fit");
                    unfit += 1;
                }
            }
            true
        };
        let silent = cluster.gather(asked, take).await;
        responses.missing = silent + unfit;
        Ok(responses)
    }

    /// Socket of this node with this id.
    #[must_use]
    pub fn socket(&self, id: &str) -> Option<Socket> {
        self.0.rooms.socket(id)
    }

    /// Sockets of this node.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.0.rooms.select(&Target::default())
    }

    /// How many sockets this node has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.rooms.len()
    }

    /// Whether this node has no socket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rooms with sockets of this node and their numbers, rooms of single ids left out.
    #[must_use]
    pub fn room_sizes(&self) -> Vec<(Arc<str>, usize)> {
        self.0.rooms.sizes()
    }

    fn everyone(&self) -> BroadcastOperator {
        BroadcastOperator::new(self)
    }
}

/// For the other parts of the server.
impl Namespace {
    pub(super) fn config(&self) -> &IoConfig {
        &self.0.server.config
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.config().recovery.as_ref()
    }

    pub(super) fn log(&self) -> Option<&Log> {
        self.0.log.as_ref()
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.0.server.hooks
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.0.server.meters
    }

    pub(super) fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    /// Connection handlers: those of its pattern, then its own.
    pub(super) fn handlers(&self) -> Arc<Vec<Arc<ConnectCall>>> {
        let own = self.0.entrance.handlers();
        match self.parent() {
            Some(parent) => joined(parent.entrance().handlers(), own),
            None => own,
        }
    }

    /// Middleware: that of its pattern, then its own.
    pub(super) fn middlewares(&self) -> Arc<Vec<Arc<MiddlewareCall>>> {
        let own = self.0.entrance.middlewares();
        match self.parent() {
            Some(parent) => joined(parent.entrance().middlewares(), own),
            None => own,
        }
    }

    /// Pattern that it belongs to.
    pub(super) fn parent(&self) -> Option<&Parent> {
        self.0.parent.get()
    }

    /// Makes it belong to a pattern, unless it belongs to one already; gives the one that it belongs to.
    pub(super) fn belong_to(&self, parent: &Parent) -> &Parent {
        self.0.parent.get_or_init(|| parent.clone())
    }

    /// Whether it was only named so far: neither the program nor a pattern says what becomes of its clients.
    pub(super) fn is_bare(&self) -> bool {
        self.parent().is_none() && self.0.entrance.is_empty() && self.name() != ROOT
    }

    pub(super) fn is_dynamic(&self) -> bool {
        self.0.dynamic
    }

    /// Clients on their way in.
    pub(super) fn entering(&self) -> &AtomicUsize {
        &self.0.entering
    }

    /// Whether nobody is in it, on the way in, or expected back.
    pub(super) fn is_unused(&self) -> bool {
        self.0.entering.load(Ordering::Acquire) == 0
            && self.is_empty()
            && self.0.log.as_ref().is_none_or(Log::is_empty)
    }

    pub(super) fn next_ack_id(&self) -> u64 {
        self.0.ack_ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn watch_outgoing(&self) {
        self.0.watched.store(true, Ordering::Relaxed);
    }
}
