//! Namespaces: their handlers, middleware, sockets and events between nodes; and the parents of dynamic namespaces.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use pesan::socketio::packet::ROOT;
use pesan::socketio::value::Value;
use pesan::socketio::{ArgReader, Event, FromArg, to_args};
use serde::Serialize;

use super::broadcast::{BroadcastOperator, ParentBroadcast};
use super::config::{IoConfig, Recovery};
use super::error::EmitError;
use super::handler::{ConnectHandler, Middleware, ServerEventHandler};
use super::handles::{
    ConnectCall, ConnectHooks, Io, MiddlewareCall, Namespace, NamespaceState, ParentNamespace, ParentState,
    Server, Socket, SocketState,
};
use super::hooks::{Hooks, Meters};
use super::namespace_matcher::NamespaceMatcher;
use super::recovery::ReplayBuffer;
use super::remote_socket::FetchedSockets;
use super::responses::{NodeResponses, Responses};
use super::rooms::{RoomNames, Rooms, Target};

/// Inherited items, then own ones.
fn joined<T: Clone>(inherited: Arc<Vec<T>>, own: Arc<Vec<T>>) -> Arc<Vec<T>> {
    match (inherited.is_empty(), own.is_empty()) {
        (true, _) => own,
        (_, true) => inherited,
        (false, false) => Arc::new(inherited.iter().chain(own.iter()).cloned().collect()),
    }
}

impl Namespace {
    pub(super) fn new(
        server: &Arc<Server>,
        name: &str,
        parent: Option<ParentNamespace>,
        dynamic: bool,
    ) -> Self {
        Self(Arc::new(NamespaceState {
            name: name.into(),
            meters: Meters::new(name, dynamic),
            server: server.clone(),
            connect_hooks: ConnectHooks::default(),
            parent: parent.map_or_else(OnceLock::new, OnceLock::from),
            rooms: Rooms::default(),
            ack_ids: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            replay: server
                .config
                .recovery
                .clone()
                .map(|recovery| ReplayBuffer::new(recovery, server.cluster.is_some())),
            server_events: RwLock::default(),
            dynamic,
            pending_connects: AtomicUsize::new(0),
        }))
    }

    /// Name; begins with `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Server of the namespace.
    #[must_use]
    pub fn io(&self) -> Io {
        Io::of_server(&self.0.server)
    }

    /// Calls `handler` with each new socket; several handlers are called in the order in which they were added.
    pub fn on_connection<M>(&self, handler: impl ConnectHandler<M>) {
        self.0
            .connect_hooks
            .add_handler(Arc::new(move |socket| handler.call(socket)));
    }

    /// Adds a middleware that accepts or refuses clients; several are called in the order in which they were added. It is
    /// `use` in the official server.
    pub fn with_middleware<M>(&self, middleware: impl Middleware<M>) {
        self.0
            .connect_hooks
            .add_middleware(Arc::new(move |socket| middleware.call(socket)));
    }

    /// Sends an event to all sockets. It is encoded once.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        self.all_sockets().emit(event, args)
    }

    /// Sends the event `message` to all sockets.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send<T: Serialize>(&self, args: T) -> Result<(), EmitError> {
        self.all_sockets().send(args)
    }

    /// Sends a typed event to all sockets.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<(), EmitError> {
        self.all_sockets().emit_event(event)
    }

    /// Sends an event to all sockets, and collects their acks.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub async fn emit_with_ack<R: FromArg<()> + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<Responses<R>, EmitError> {
        self.all_sockets().emit_with_ack(event, args).await
    }

    /// Broadcast to the sockets in these rooms.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.all_sockets().to(rooms)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Broadcast to all sockets that are not in these rooms.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.all_sockets().except(rooms)
    }

    /// Broadcast to all sockets of this node.
    pub fn local(&self) -> BroadcastOperator {
        self.all_sockets().local()
    }

    /// Broadcast to all sockets, whose events may be lost for clients that are not ready for them.
    pub fn volatile(&self) -> BroadcastOperator {
        self.all_sockets().volatile()
    }

    /// Broadcast to all sockets, with the longest wait for acks.
    pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
        self.all_sockets().timeout(timeout)
    }

    /// Broadcast to all sockets, whose events may be compressed or not.
    pub fn compress(&self, compress: bool) -> BroadcastOperator {
        self.all_sockets().compress(compress)
    }

    /// Returns all sockets, and the number of nodes that did not reply in time.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        self.all_sockets().fetch_sockets().await
    }

    /// Makes all sockets join rooms.
    pub fn sockets_join(&self, rooms: impl RoomNames) {
        self.all_sockets().sockets_join(rooms);
    }

    /// Makes all sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl RoomNames) {
        self.all_sockets().sockets_leave(rooms);
    }

    /// Disconnects all sockets; with `close`, closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.all_sockets().disconnect_sockets(close);
    }

    /// Calls `handler` for each event of this name that another node sends by
    /// [`server_side_emit`](Self::server_side_emit); its return value is the reply. A handler replaces an earlier one of the
    /// same name.
    ///
    /// ```
    /// let io = pesan_server::socketio::Io::default();
    /// io.on_server_event("count", || 7);
    /// ```
    pub fn on_server_event<M>(&self, event: &str, handler: impl ServerEventHandler<M>) {
        let call = Arc::new(move |values| handler.call(values));
        let mut events = self
            .0
            .server_events
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        events.retain(|(known, _)| **known != *event);
        events.push((event.into(), call));
    }

    /// Handles an event of another node; `None` if it cannot be handled.
    pub(super) fn server_event(&self, event: &str, values: Vec<Value>) -> Option<Vec<Value>> {
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
            .inspect_err(|error| tracing::warn!(event, %error, "cannot handle event of another node"))
            .ok()
    }

    /// Sends an event to the other nodes, not to clients; returns whether it could be sent.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn server_side_emit(&self, event: &str, args: impl Serialize) -> Result<bool, EmitError> {
        let args = vec![Value::from(event), Value::from(to_args(&args)?)];
        let cluster = self.0.server.cluster.as_ref();
        Ok(cluster.is_some_and(|cluster| cluster.publish(self.name(), "server", args)))
    }

    /// Sends an event to the other nodes, and collects a reply of each, for at most
    /// [`IoConfig::request_timeout`].
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub async fn server_side_emit_with_ack<R: FromArg<()>>(
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
        let request = cluster.request(self.name(), "server", args, self.config().request_timeout);
        let mut invalid = 0;
        let take = |answer: Vec<Value>| {
            match R::from_arg(&mut ArgReader::new(answer), &mut ()) {
                Ok(answer) => responses.answers.push(answer),
                Err(error) => {
                    tracing::warn!(event, %error, "reply of another node has another type");
                    invalid += 1;
                }
            }
            true
        };
        let silent = cluster.collect_replies(request, take).await;
        responses.missing = silent + invalid;
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

    /// Number of sockets of this node.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.rooms.len()
    }

    /// Whether this node has no sockets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names and sizes of the rooms on this node, without those of the sockets' own ids.
    #[must_use]
    pub fn room_sizes(&self) -> Vec<(Arc<str>, usize)> {
        self.0.rooms.sizes()
    }

    fn all_sockets(&self) -> BroadcastOperator {
        BroadcastOperator::new(self)
    }
}

/// Access for the other parts of the server.
impl Namespace {
    pub(super) fn config(&self) -> &IoConfig {
        &self.0.server.config
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.config().recovery.as_ref()
    }

    /// Events for reconnecting clients; `None` without connection state recovery.
    pub(super) fn replay(&self) -> Option<&ReplayBuffer<SocketState>> {
        self.0.replay.as_ref()
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.0.server.hooks
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.0.meters
    }

    pub(super) fn rooms(&self) -> &Rooms<Socket> {
        &self.0.rooms
    }

    /// Connection handlers: those of the parent, then its own.
    pub(super) fn handlers(&self) -> Arc<Vec<Arc<ConnectCall>>> {
        let own = self.0.connect_hooks.handlers();
        match self.parent() {
            Some(parent) => joined(parent.0.connect_hooks.handlers(), own),
            None => own,
        }
    }

    /// Middleware: that of the parent, then its own.
    pub(super) fn middlewares(&self) -> Arc<Vec<Arc<MiddlewareCall>>> {
        let own = self.0.connect_hooks.middlewares();
        match self.parent() {
            Some(parent) => joined(parent.0.connect_hooks.middlewares(), own),
            None => own,
        }
    }

    /// Parent, if the namespace matches a pattern.
    pub(super) fn parent(&self) -> Option<&ParentNamespace> {
        self.0.parent.get()
    }

    /// Sets the parent, unless the namespace has one; returns the parent.
    pub(super) fn adopt_by(&self, parent: &ParentNamespace) -> &ParentNamespace {
        self.0.parent.get_or_init(|| parent.clone())
    }

    /// Whether the namespace has no parent, handlers or middleware, and is not the root.
    pub(super) fn is_unclaimed(&self) -> bool {
        self.parent().is_none() && self.0.connect_hooks.is_empty() && self.name() != ROOT
    }

    pub(super) fn is_dynamic(&self) -> bool {
        self.0.dynamic
    }

    /// Whether the namespace has no sockets, no pending connects and no saved sessions.
    pub(super) fn is_unused(&self) -> bool {
        self.0.pending_connects.load(Ordering::Acquire) == 0
            && self.is_empty()
            && self.0.replay.as_ref().is_none_or(ReplayBuffer::is_empty)
    }

    pub(super) fn next_ack_id(&self) -> u64 {
        self.0.ack_ids.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for ParentNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParentNamespace")
            .field("children", &self.children())
            .finish_non_exhaustive()
    }
}

impl ParentNamespace {
    pub(super) fn new(matcher: impl NamespaceMatcher) -> Self {
        Self(Arc::new(ParentState {
            matcher: Box::new(matcher),
            connect_hooks: ConnectHooks::default(),
            children: Mutex::default(),
        }))
    }

    pub(super) fn matches(&self, name: &str, auth: &Value) -> bool {
        self.0.matcher.matches(name, auth)
    }

    /// Whether a name matches for every client; `None` if that may depend on `auth`.
    pub(super) fn matches_name(&self, name: &str) -> Option<bool> {
        self.0.matcher.matches_name(name)
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn adopt(&self, child: &Namespace) {
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        if !children.contains(child) {
            children.push(child.clone());
        }
    }

    pub(super) fn forget(&self, child: &Namespace) {
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|known| known != child);
    }

    /// Calls `handler` with each socket of the matching namespaces, before their own handlers.
    pub fn on_connection<M>(&self, handler: impl ConnectHandler<M>) {
        self.0
            .connect_hooks
            .add_handler(Arc::new(move |socket| handler.call(socket)));
    }

    /// Adds a middleware that accepts or refuses clients of the matching namespaces, before their own middleware.
    pub fn with_middleware<M>(&self, middleware: impl Middleware<M>) {
        self.0
            .connect_hooks
            .add_middleware(Arc::new(move |socket| middleware.call(socket)));
    }

    /// Matching namespaces that exist.
    #[must_use]
    pub fn children(&self) -> Vec<Namespace> {
        self.0
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn all_sockets(&self) -> ParentBroadcast {
        ParentBroadcast(self.children().iter().map(BroadcastOperator::new).collect())
    }

    /// Sends an event to all sockets of the matching namespaces.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        self.all_sockets().emit(event, args)
    }

    /// Broadcast to the sockets in these rooms, of the namespaces that exist now.
    pub fn to(&self, rooms: impl RoomNames) -> ParentBroadcast {
        self.all_sockets().to(rooms)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, rooms: impl RoomNames) -> ParentBroadcast {
        self.to(rooms)
    }

    /// Broadcast to all sockets that are not in these rooms, of the namespaces that exist now.
    pub fn except(&self, rooms: impl RoomNames) -> ParentBroadcast {
        self.all_sockets().except(rooms)
    }

    /// Returns the sockets of all matching namespaces.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        self.all_sockets().fetch_sockets().await
    }

    /// Disconnects all sockets of the matching namespaces; with `close`, closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.all_sockets().disconnect_sockets(close);
    }
}
