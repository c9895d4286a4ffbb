//! A namespace: its sockets, their rooms, and who may come in.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::value::Value;
use pesan::socketio::{Event, Packet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::acks::Waiter;
use super::config::{IoConfig, Recovery};
use super::error::{ConnectError, EmitError};
use super::handler::{Called, ConnectHandler, Failure, Middleware};
use super::hooks::{Hooks, Meters};
use super::operator::{BroadcastOperator, Flags};
use super::reason::DisconnectReason;
use super::remote::RemoteSocket;
use super::responses::{Gathering, Responses};
use super::rooms::{Receivers, RoomNames, Rooms, Target};
use super::server::{Io, Server};
use super::socket::Socket;
use crate::engine::Outgoing;

pub(super) type ConnectCall = dyn Fn(Socket) -> Called<Result<(), Failure>> + Send + Sync;
pub(super) type MiddlewareCall = dyn Fn(Socket) -> Called<Result<(), ConnectError>> + Send + Sync;

/// Handlers and middleware, which a namespace made from a pattern takes over from it.
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

    /// The same handlers and middleware for another namespace.
    pub(super) fn copy(&self) -> Self {
        Self {
            connection: RwLock::new(self.handlers()),
            middleware: RwLock::new(self.middlewares()),
        }
    }

    pub(super) fn clear(&self) {
        let connection =
            std::mem::take(&mut *self.connection.write().unwrap_or_else(PoisonError::into_inner));
        let middleware =
            std::mem::take(&mut *self.middleware.write().unwrap_or_else(PoisonError::into_inner));
        drop((connection, middleware));
    }
}

/// Channel of its own over the shared connection; cheap to clone.
///
/// ```
/// use pesan_server::io::{Io, Socket};
///
/// let io = Io::default();
/// let orders = io.of("/orders");
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
    rooms: Rooms,
    ack_ids: AtomicU64,
    /// Whether any socket listens to what goes out.
    watched: AtomicBool,
    /// Whether it was made from a pattern.
    dynamic: bool,
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
    pub(super) fn new(server: &Arc<Server>, name: &str, entrance: Entrance, dynamic: bool) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            server: server.clone(),
            entrance,
            rooms: Rooms::default(),
            ack_ids: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            dynamic,
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

    /// All sockets, with what is known about them.
    pub async fn fetch_sockets(&self) -> Vec<RemoteSocket> {
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

    pub(super) fn hooks(&self) -> &Hooks {
        &self.0.server.hooks
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.0.server.meters
    }

    pub(super) fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    pub(super) fn entrance(&self) -> &Entrance {
        &self.0.entrance
    }

    pub(super) fn is_dynamic(&self) -> bool {
        self.0.dynamic
    }

    pub(super) fn next_ack_id(&self) -> u64 {
        self.0.ack_ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn watch_outgoing(&self) {
        self.0.watched.store(true, Ordering::Relaxed);
    }

    /// Tells the sockets' catch-all listeners what goes out.
    pub(super) fn tell_outgoing(&self, sockets: &[Socket], event: &str, args: &[Value]) {
        if !self.0.watched.load(Ordering::Relaxed) {
            return;
        }
        for socket in sockets {
            for (_, listener) in socket.listeners().any_outgoing().iter() {
                listener(socket, event, args);
            }
        }
    }

    /// Frames a packet once for all who get it.
    pub(super) fn encode(&self, packet: &Packet) -> Result<Outgoing, EmitError> {
        packet.check()?;
        let encoded = packet.encode();
        let limit = self.config().limits.max_attachments;
        if encoded.attachments.len() > limit {
            return Err(EmitError::TooManyAttachments { limit });
        }
        Ok(Outgoing::new(&encoded))
    }

    fn event(&self, id: Option<u64>, name: EventName, args: Vec<Value>) -> Packet {
        Packet::new(self.name(), Body::Event { id, name, args })
    }

    /// An event to one socket.
    pub(super) fn emit_to(
        &self,
        socket: &Socket,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        self.tell_outgoing(std::slice::from_ref(socket), event, &args);
        self.meters().events_out.increment(1);
        let name = EventName::from(event);
        socket.send_body(Body::Event { id: None, name, args }, flags.volatile)
    }

    /// An event to many sockets, here and on the other nodes.
    pub(super) fn broadcast(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        if self.0.watched.load(Ordering::Relaxed) {
            self.tell_outgoing(&self.0.rooms.select(target), name.as_str(), &args);
        }
        self.meters().events_out.increment(1);
        let outgoing = self
            .encode(&self.event(None, name, args))?
            .volatile(flags.volatile);
        self.deliver(target, &outgoing);
        Ok(())
    }

    /// Sends what is framed already to the sockets of this node.
    fn deliver(&self, target: &Target, outgoing: &Outgoing) {
        let Some(engine) = self.0.server.engine() else {
            return;
        };
        match self.0.rooms.receivers(target) {
            Some(Receivers::All(group)) => engine.broadcast(&group, outgoing),
            Some(Receivers::Except(group, except)) => engine.broadcast_except(&group, &except, outgoing),
            None => {}
        }
    }

    pub(super) fn broadcast_with_ack(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<Gathering, EmitError> {
        let sockets = self.0.rooms.select(target);
        self.tell_outgoing(&sockets, event, &args);
        self.meters().events_out.increment(1);
        let id = self.next_ack_id();
        let outgoing = self
            .encode(&self.event(Some(id), EventName::from(event), args))?
            .volatile(flags.volatile);
        let (sender, receiver) = mpsc::unbounded_channel();
        let limit = self.config().limits.max_pending_acks;
        for socket in &sockets {
            let waiter = Waiter::Many(sender.clone(), socket.shared_id());
            if let Err(error) = socket.acks().add(id, waiter, limit) {
                tracing::warn!(socket = socket.id(), %error, "socket is not asked");
                continue;
            }
            socket.connection().send(&outgoing);
            if !socket.connected() {
                socket.acks().remove(id);
            }
        }
        Ok(Gathering {
            id,
            asked: sockets,
            receiver,
            deadline: flags.timeout.unwrap_or(self.config().request_timeout),
        })
    }

    pub(super) async fn fetch(&self, target: &Target, _flags: &Flags) -> Vec<RemoteSocket> {
        self.0.rooms.select(target).iter().map(RemoteSocket::of).collect()
    }

    pub(super) fn join_all(&self, target: &Target, rooms: &[Arc<str>], _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.join(rooms);
        }
    }

    pub(super) fn leave_all(&self, target: &Target, rooms: &[Arc<str>], _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.leave(rooms);
        }
    }

    pub(super) fn disconnect_all(&self, target: &Target, close: bool, _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.disconnect(close);
        }
    }

    /// A socket has left; its rooms are known to it alone now.
    pub(super) fn removed(&self, socket: &Socket, reason: DisconnectReason) {
        tracing::info!(
            socket = socket.id(),
            namespace = self.name(),
            reason = reason.as_str(),
            "User disconnected"
        );
        self.0.server.meters.sockets.decrement(1);
        if self.0.dynamic && self.config().cleanup_empty_child_namespaces && self.is_empty() {
            self.0.server.forget(self);
        }
    }

    /// What the socket keeps has changed.
    pub(super) fn save(&self, _socket: &Socket) {}
}
