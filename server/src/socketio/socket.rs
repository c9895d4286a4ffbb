//! A socket: one client in one namespace. Its state, rooms, listeners, connection and disconnection.
//!
//! Sending is in [`emit`].

mod emit;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pesan::socketio::Event;
use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;
use tokio::runtime::Handle;

use super::backlog::Backlog;
use super::data::Data;
use super::disconnect_reason::DisconnectReason;
use super::flags::Flags;
use super::handler::{EventHandler, Handler, PacketMiddleware};
use super::handles::{AckSender, Client, Io, Namespace, Socket, SocketState};
use super::handshake::Handshake;
use super::hooks::{ErrorKind, ErrorReport};
use super::listeners::{Direction, ListenerId, Listeners, Position};
use super::pending_acks::PendingAcks;
use super::recovery::{ReplayBuffer, RestoredSession, SavedSession};
use super::rooms::{JoinError, RoomMember, RoomNames};
pub use emit::Emitter;

use crate::engineio::{CloseReason, Connection, EncodedMessage, random_id};

const CONNECTING: u8 = 0;
const CONNECTED: u8 = 1;
/// Its `disconnecting` listeners were called, or it was never connected.
const DISCONNECTED: u8 = 2;
/// Leaving; the code of the reason is added.
const LEAVING: u8 = 3;

fn reason_of_phase(phase: u8) -> Option<DisconnectReason> {
    DisconnectReason::from_code(phase.checked_sub(LEAVING)?)
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.0.id)
            .field("namespace", &self.0.namespace.name())
            .field("connected", &self.connected())
            .finish_non_exhaustive()
    }
}

impl Socket {
    pub(super) fn new(
        namespace: &Namespace,
        client: &Arc<Client>,
        auth: Value,
        restored: Option<&RestoredSession>,
    ) -> Self {
        let data = Data::default();
        let mut rooms = Vec::new();
        let (id, pid) = match restored.map(|restored| &restored.session) {
            Some(session) => {
                data.restore(session.data.clone());
                rooms.extend(session.rooms.iter().map(|room| Arc::from(room.as_str())));
                (session.sid.clone(), Some(session.pid.as_str().into()))
            }
            None => (random_id(), namespace.recovery().map(|_| random_id().into())),
        };
        Self(Arc::new(SocketState {
            id: id.into(),
            pid,
            recovered: restored.is_some(),
            namespace: namespace.clone(),
            client: client.clone(),
            handshake: Handshake::new(client.request.clone(), auth),
            data,
            listeners: Listeners::default(),
            acks: PendingAcks::default(),
            phase: AtomicU8::new(CONNECTING),
            closing: Mutex::default(),
            superseded: AtomicBool::new(false),
            early_rooms: Mutex::new(rooms),
        }))
    }

    /// Random id, different in each namespace. The id of the connection is secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        self.0.id.clone()
    }

    /// Secret with which the client resumes its session.
    pub(super) fn pid(&self) -> Option<&str> {
        self.0.pid.as_deref()
    }

    /// Whether the client resumed an earlier session: id, rooms and named data are the same.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.0.recovered
    }

    /// Whether the socket is connected.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == CONNECTED
    }

    /// Session to be saved, if recovery is on.
    pub(super) fn session(&self) -> Option<SavedSession> {
        Some(SavedSession {
            sid: self.id().to_owned(),
            pid: self.pid()?.to_owned(),
            rooms: self.rooms().iter().map(ToString::to_string).collect(),
            since: self.0.namespace.replay()?.join_offsets(self.pid()?),
            data: self.data().to_value(),
        })
    }

    pub(super) fn set_superseded(&self) {
        self.0.superseded.store(true, Ordering::Release);
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.0.superseded.load(Ordering::Acquire)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) >= DISCONNECTED
    }

    /// Whether received events are handled: the socket is connected, or its client disconnected by itself.
    pub(super) fn handles_events(&self) -> bool {
        match self.0.phase.load(Ordering::Acquire) {
            CONNECTED => true,
            CONNECTING | DISCONNECTED => false,
            leaving => reason_of_phase(leaving).is_some_and(|reason| !reason.is_by_server()),
        }
    }

    /// Reason of the disconnection, if the socket is leaving. Waits for a concurrent [`close`](Self::close).
    pub(super) fn leaving_reason(&self) -> Option<DisconnectReason> {
        let reason = reason_of_phase(self.0.phase.load(Ordering::Acquire))?;
        drop(self.0.closing.lock().unwrap_or_else(PoisonError::into_inner));
        Some(reason)
    }

    /// Namespace of the socket.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// Short name of [`namespace`](Self::namespace).
    #[must_use]
    pub fn nsp(&self) -> &Namespace {
        &self.0.namespace
    }

    /// Server of the socket.
    #[must_use]
    pub fn io(&self) -> Io {
        self.0.namespace.io()
    }

    /// Request that opened the connection, and the `auth` payload.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    /// Data that the program attaches to the socket.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.0.data
    }

    /// Connection of the client, which sockets in several namespaces may share.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.0.client.connection
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.0.client.runtime
    }

    pub(super) fn listeners(&self) -> &Listeners<Self, AckSender> {
        &self.0.listeners
    }

    pub(super) fn acks(&self) -> &PendingAcks {
        &self.0.acks
    }

    pub(super) fn backlog(&self) -> &Backlog {
        &self.0.client.backlog
    }

    /// Wakes the connection if its reading is paused: an event was handled, or an ack is awaited now.
    pub(super) fn wake_if_paused(&self) {
        self.0.client.wake_if_paused();
    }
}

/// Rooms.
impl Socket {
    /// Joins rooms; returns whether the socket is in all of them now.
    ///
    /// It is not if it is disconnected, or has reached [`SocketIoLimits::max_rooms_per_socket`](super::SocketIoLimits), which
    /// is reported to the `error` hook.
    pub fn join(&self, rooms: impl RoomNames) -> bool {
        let rooms = rooms.names();
        let limit = self.0.namespace.config().limits.max_rooms_per_socket;
        if let Some(mut early) = self.rooms_before_connected() {
            let fits = early.len() + rooms.len() <= limit;
            if fits {
                early.extend(rooms);
            }
            return fits;
        }
        match self.join_now(rooms, limit) {
            Ok(()) => {
                self.0.namespace.save_session(self);
                true
            }
            Err(JoinError::Disconnected) => false,
            Err(JoinError::TooManyRooms) => {
                self.report(ErrorKind::Handler, format!("already in {limit} rooms"), None);
                false
            }
        }
    }

    fn join_now(&self, names: Vec<Arc<str>>, limit: usize) -> Result<(), JoinError> {
        let rooms = self.0.namespace.rooms();
        let (Some(buffer), Some(pid)) = (self.0.namespace.replay(), self.pid()) else {
            return rooms.join(&self.0.id, names, limit);
        };
        // Under the lock, so that no event is sent between noting the offset and joining.
        let mut replay = buffer.lock();
        for name in &names {
            if !rooms.has(&self.0.id, name) {
                ReplayBuffer::note_room(&mut replay, pid, name);
            }
        }
        rooms.join(&self.0.id, names, limit)
    }

    /// Leaves rooms.
    pub fn leave(&self, room: impl RoomNames) {
        let rooms = room.names();
        if let Some(mut early) = self.rooms_before_connected() {
            early.retain(|known| !rooms.contains(known));
            return;
        }
        for room in rooms {
            self.0.namespace.rooms().leave(&self.0.id, &room);
        }
        self.0.namespace.save_session(self);
    }

    /// Rooms of the socket, including that of its own id.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<str>> {
        match self.rooms_before_connected() {
            Some(early) => early.clone(),
            None => self.0.namespace.rooms().of_socket(self),
        }
    }

    /// Rooms joined so far, if the socket is not connected yet.
    fn rooms_before_connected(&self) -> Option<MutexGuard<'_, Vec<Arc<str>>>> {
        let early = self.early_rooms();
        (self.0.phase.load(Ordering::Acquire) == CONNECTING).then_some(early)
    }

    fn early_rooms(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.0.early_rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connection and disconnection.
impl Socket {
    /// Disconnects from the namespace; with `close` from all namespaces, and closes the connection.
    pub fn disconnect(&self, close: bool) {
        if close {
            if !self.is_gone() {
                for socket in self.0.client.close() {
                    socket.disconnect(false);
                }
                self.connection().close(CloseReason::ForcedServerClose);
            }
        } else if self.connected() {
            if let Err(error) = self.send_body(Body::Disconnect, &Flags::default()) {
                tracing::debug!(%error, "DISCONNECT packet not sent");
            }
            self.close(DisconnectReason::ServerNamespaceDisconnect);
        }
    }

    /// Adds the socket to its namespace and sends it the reply.
    pub(super) fn open(&self, reply: &EncodedMessage) {
        self.0.namespace.rooms().insert(self, reply);
        self.0.client.add(self);
    }

    /// Begins the disconnection: from now on nothing is sent to the socket. The connection's task handles the events that
    /// were received, calls the listeners, and removes the socket from its rooms.
    pub(super) fn close(&self, reason: DisconnectReason) {
        let closing = self.0.closing.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving = LEAVING + reason.code();
        let changed = self
            .0
            .phase
            .compare_exchange(CONNECTED, leaving, Ordering::AcqRel, Ordering::Acquire);
        if changed.is_err() {
            return;
        }
        self.0.acks.cancel();
        self.0.namespace.begin_removal(self, reason);
        drop(closing);
        self.0.client.notify_disconnect();
    }

    /// Completes the disconnection after the `disconnecting` listeners: leaves the rooms and the namespace.
    pub(super) fn remove(&self) {
        self.0.namespace.finish_removal(self);
        self.0.phase.store(DISCONNECTED, Ordering::Release);
    }

    /// Marks a socket as disconnected whose CONNECT was refused or abandoned.
    pub(super) fn abandon(&self) {
        self.0.phase.store(DISCONNECTED, Ordering::Release);
        self.0.listeners.clear();
    }

    /// Reports an error of this socket to the `error` hook.
    pub(super) fn report(&self, kind: ErrorKind, message: String, event: Option<&str>) {
        self.0.namespace.hooks().error(&ErrorReport {
            kind,
            message,
            namespace: Some(self.0.namespace.name().to_owned()),
            socket: Some(self.id().to_owned()),
            event: event.map(str::to_owned),
        });
    }
}

/// Listeners.
impl Socket {
    /// Calls `handler` for each event of this name; several handlers are called in the order in which they were added.
    pub fn on<M>(&self, event: &str, handler: impl Handler<M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(event, false, call)
    }

    /// Calls `handler` for the next event of this name only.
    pub fn once<M>(&self, event: &str, handler: impl Handler<M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(event, true, call)
    }

    /// Calls `handler` for each typed event; its return value is sent as the ack.
    pub fn on_event<E: Event, M>(&self, handler: impl EventHandler<E, M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(E::NAME, false, call)
    }

    /// Removes a listener of any kind; returns whether it was there.
    pub fn off(&self, subscription: ListenerId) -> bool {
        self.0.listeners.remove(subscription)
    }

    /// Removes all listeners of an event.
    pub fn remove_all_listeners(&self, event: &str) {
        self.0.listeners.remove_all(event);
    }

    /// Number of listeners of an event.
    #[must_use]
    pub fn listener_count(&self, event: &str) -> usize {
        self.0.listeners.count(event)
    }

    /// Calls `listener` with the name and arguments of each incoming event, before the listeners of the event.
    pub fn on_any(&self, listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static) -> ListenerId {
        self.0
            .listeners
            .add_any(Direction::Incoming, Position::Last, Arc::new(listener))
    }

    /// Like [`on_any`](Self::on_any), before the other catch-all listeners.
    pub fn prepend_any(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0
            .listeners
            .add_any(Direction::Incoming, Position::First, Arc::new(listener))
    }

    /// Calls `listener` with the name and arguments of each event sent to this socket, including broadcasts.
    pub fn on_any_outgoing(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.namespace.0.watched.store(true, Ordering::Relaxed);
        self.0
            .listeners
            .add_any(Direction::Outgoing, Position::Last, Arc::new(listener))
    }

    /// Like [`on_any_outgoing`](Self::on_any_outgoing), before the other listeners of outgoing events.
    pub fn prepend_any_outgoing(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.namespace.0.watched.store(true, Ordering::Relaxed);
        self.0
            .listeners
            .add_any(Direction::Outgoing, Position::First, Arc::new(listener))
    }

    /// Adds a packet middleware, which may change or refuse each event; `socket.use` in the official server.
    pub fn use_packet<M>(&self, middleware: impl PacketMiddleware<M>) {
        let call = Arc::new(move |socket, event| middleware.call(socket, event));
        self.0.listeners.add_packet(call);
    }
}

impl RoomMember for Socket {
    fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    fn connection(&self) -> &Connection {
        &self.0.client.connection
    }

    fn is_connected(&self) -> bool {
        self.connected()
    }

    fn begin(&self) -> Vec<Arc<str>> {
        let mut early = self.early_rooms();
        self.0.phase.store(CONNECTED, Ordering::Release);
        std::mem::take(&mut *early)
    }
}
