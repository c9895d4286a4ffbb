//! One client in one namespace.

mod listening;
mod talking;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;

use tokio::runtime::Handle;

use super::acks::PendingAcks;
use super::client::Client;
use super::data::Data;
use super::handshake::Handshake;
use super::id;
use super::listeners::Listeners;
use super::namespace::Namespace;
use super::operator::Flags;
use super::reason::DisconnectReason;
use super::recovery::{Restored, Session};
use super::rooms::{JoinError, RoomNames};
use super::{ErrorKind, ErrorReport, Io};
use crate::engine::{Connection, Outgoing};

/// A client in a namespace; cheap to clone and usable from any thread.
///
/// ```
/// use pesan_server::io::{DisconnectReason, Io, Socket};
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
/// Events come in the order in which the client sent them. A handler may be async; then the next event of this socket
/// waits for it, while other sockets go on. `disconnecting` (its rooms are still there) and `disconnect` are the last
/// events; both give a [`DisconnectReason`]. `error` gives the text of what went wrong with this socket.
#[derive(Clone)]
pub struct Socket(Arc<SocketInner>);

pub(super) struct SocketInner {
    id: Arc<str>,
    pid: Option<Box<str>>,
    recovered: bool,
    namespace: Namespace,
    client: Arc<Client>,
    handshake: Handshake,
    data: Data,
    listeners: Listeners,
    acks: PendingAcks,
    state: AtomicU8,
    /// Its client has taken the session up anew.
    taken: AtomicBool,
    /// Rooms while they are not with the namespace: before it is connected, and while it says good-bye.
    rooms: Mutex<Vec<Arc<str>>>,
}

const CONNECTING: u8 = 0;
const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 2;

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.0.id)
            .field("namespace", &self.0.namespace.name())
            .field("connected", &self.connected())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl Socket {
    pub(super) fn new(
        namespace: &Namespace,
        client: &Arc<Client>,
        auth: Value,
        restored: Option<&Restored>,
    ) -> Self {
        let data = Data::default();
        let mut rooms = Vec::new();
        let (id, pid) = match restored.map(|restored| &restored.session) {
            Some(session) => {
                data.restore(session.data.clone());
                rooms.extend(session.rooms.iter().map(|room| Arc::from(room.as_str())));
                (session.sid.clone(), Some(session.pid.as_str().into()))
            }
            None => (id::random(), namespace.recovery().map(|_| id::random().into())),
        };
        Self(Arc::new(SocketInner {
            id: id.into(),
            pid,
            recovered: restored.is_some(),
            namespace: namespace.clone(),
            client: client.clone(),
            handshake: Handshake::new(client.request.clone(), auth),
            data,
            listeners: Listeners::default(),
            acks: PendingAcks::default(),
            state: AtomicU8::new(CONNECTING),
            taken: AtomicBool::new(false),
            rooms: Mutex::new(rooms),
        }))
    }

    /// Id: random, another one in each namespace, and not that of the connection, which is secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        self.0.id.clone()
    }

    /// Secret that lets the client take its session up again.
    pub(super) fn pid(&self) -> Option<&str> {
        self.0.pid.as_deref()
    }

    /// Whether the client took an earlier session up: same id, rooms and named data.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.0.recovered
    }

    /// Whether it can be talked to.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == CONNECTED
    }

    /// What its client needs to take the session up, if it may.
    pub(super) fn session(&self) -> Option<Session> {
        Some(Session {
            sid: self.id().to_owned(),
            pid: self.pid()?.to_owned(),
            rooms: self.rooms().iter().map(ToString::to_string).collect(),
            data: self.data().to_value(),
        })
    }

    pub(super) fn set_taken(&self) {
        self.0.taken.store(true, Ordering::Release);
    }

    pub(super) fn is_taken(&self) -> bool {
        self.0.taken.load(Ordering::Acquire)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == DISCONNECTED
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// Official short name of [`namespace`](Self::namespace).
    #[must_use]
    pub fn nsp(&self) -> &Namespace {
        &self.0.namespace
    }

    /// Its server.
    #[must_use]
    pub fn io(&self) -> Io {
        self.0.namespace.io()
    }

    /// Request that opened the connection, and `auth`.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    /// What the program keeps with it.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.0.data
    }

    /// Its connection, which sockets of several namespaces may share.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.0.client.connection
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.0.client.runtime
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    pub(super) fn acks(&self) -> &PendingAcks {
        &self.0.acks
    }

    pub(super) fn downgrade(&self) -> Weak<SocketInner> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(weak: &Weak<SocketInner>) -> Option<Self> {
        weak.upgrade().map(Self)
    }
}

/// Rooms.
impl Socket {
    /// Joins rooms; says whether it is in all of them now.
    ///
    /// It is not when the socket is gone, or in [`Limits::max_rooms_per_socket`](super::Limits) rooms already, which the
    /// `error` hook tells.
    pub fn join(&self, rooms: impl RoomNames) -> bool {
        let rooms = rooms.names();
        let limit = self.0.namespace.config().limits.max_rooms_per_socket;
        if let Some(mut early) = self.before_it_is_in() {
            let fits = early.len() + rooms.len() <= limit;
            if fits {
                early.extend(rooms);
            }
            return fits;
        }
        match self.0.namespace.rooms().join(&self.0.id, rooms, limit) {
            Ok(()) => {
                self.0.namespace.save(self);
                true
            }
            Err(JoinError::Gone) => false,
            Err(JoinError::TooMany) => {
                self.report(ErrorKind::Handler, format!("already in {limit} rooms"), None);
                false
            }
        }
    }

    /// Leaves a room.
    pub fn leave(&self, room: impl RoomNames) {
        let rooms = room.names();
        if let Some(mut early) = self.before_it_is_in() {
            early.retain(|known| !rooms.contains(known));
            return;
        }
        for room in rooms {
            self.0.namespace.rooms().leave(&self.0.id, &room);
        }
        self.0.namespace.save(self);
    }

    /// Rooms it is in, that of its own id included.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<str>> {
        if self.connected() {
            self.0.namespace.rooms().of(&self.0.id)
        } else {
            self.early_rooms().clone()
        }
    }

    /// Its rooms, if they are not with the namespace yet.
    fn before_it_is_in(&self) -> Option<MutexGuard<'_, Vec<Arc<str>>>> {
        let early = self.early_rooms();
        (self.0.state.load(Ordering::Acquire) == CONNECTING).then_some(early)
    }

    fn early_rooms(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Beginning and end.
impl Socket {
    /// Leaves the namespace; with `close` all namespaces, and closes the connection.
    pub fn disconnect(&self, close: bool) {
        if close {
            if !self.is_gone() {
                self.0.client.disconnect();
            }
        } else if self.connected() {
            // Whoever closes it at the same time has the same to say.
            if let Err(error) = self.send_body(Body::Disconnect, &Flags::default()) {
                tracing::debug!(%error, "good-bye not sent");
            }
            self.close(DisconnectReason::ServerNamespaceDisconnect);
        }
    }

    /// Becomes a member of its namespace, and is told so.
    pub(super) fn open(&self, reply: &Outgoing) {
        self.0.namespace.rooms().insert(self, reply);
        self.0.client.add(self);
    }

    /// From now on it can be talked to; gives the rooms that it joined before.
    pub(super) fn begin(&self) -> Vec<Arc<str>> {
        let mut early = self.early_rooms();
        self.0.state.store(CONNECTED, Ordering::Release);
        std::mem::take(&mut *early)
    }

    /// Leaves its rooms and namespace at once; its listeners hear of it in the connection's own task.
    pub(super) fn close(&self, reason: DisconnectReason) {
        let change =
            self.0
                .state
                .compare_exchange(CONNECTED, DISCONNECTED, Ordering::AcqRel, Ordering::Acquire);
        if change.is_err() {
            return;
        }
        *self.early_rooms() = self.0.namespace.rooms().remove(&self.0.id);
        self.0.acks.cancel();
        self.0.namespace.removed(self, reason);
        self.0.client.push_gone(self.clone(), reason);
    }

    /// The good-byes were said: nothing is kept.
    pub(super) fn rest(&self) {
        self.early_rooms().clear();
    }

    /// A refused or abandoned CONNECT.
    pub(super) fn abandon(&self) {
        self.0.state.store(DISCONNECTED, Ordering::Release);
        self.0.listeners.clear();
    }

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
