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
use super::backlog::Backlog;
use super::client::Client;
use super::data::Data;
use super::handshake::Handshake;
use super::listeners::Listeners;
use super::namespace::Namespace;
use super::operator::Flags;
use super::reason::DisconnectReason;
use super::recovery::{Log, Restored, Session};
use super::rooms::{JoinError, RoomNames};
use super::{ErrorKind, ErrorReport, Io};
use crate::engineio::{Connection, EncodedMessage, random_id};

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
    /// Held while it is ended.
    closing: Mutex<()>,
    /// Its client has taken the session up anew.
    taken: AtomicBool,
    /// Rooms while they are not with the namespace: before it is connected.
    rooms: Mutex<Vec<Arc<str>>>,
}

const CONNECTING: u8 = 0;
const CONNECTED: u8 = 1;
/// `disconnecting` was told, or it never came in.
const DISCONNECTED: u8 = 2;
/// On its way out, for the reason with this code and those above it.
const LEAVING: u8 = 3;

fn leaving_reason(state: u8) -> Option<DisconnectReason> {
    DisconnectReason::from_code(state.checked_sub(LEAVING)?)
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
            None => (random_id(), namespace.recovery().map(|_| random_id().into())),
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
            closing: Mutex::default(),
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
            since: self.0.namespace.log()?.since(self),
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
        self.0.state.load(Ordering::Acquire) >= DISCONNECTED
    }

    /// Whether events that were read are handled: it is connected, or its client went by itself.
    pub(super) fn handles_events(&self) -> bool {
        match self.0.state.load(Ordering::Acquire) {
            CONNECTED => true,
            CONNECTING | DISCONNECTED => false,
            leaving => leaving_reason(leaving).is_some_and(|reason| !reason.is_by_server()),
        }
    }

    /// Why it is on its way out, if it is; waits for whoever ends it at this moment.
    pub(super) fn leaves(&self) -> Option<DisconnectReason> {
        let reason = leaving_reason(self.0.state.load(Ordering::Acquire))?;
        drop(self.0.closing.lock().unwrap_or_else(PoisonError::into_inner));
        Some(reason)
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

    pub(super) fn backlog(&self) -> &Backlog {
        &self.0.client.backlog
    }

    /// Lets the connection be read again, if an event of it was handled or an ack of it is awaited now.
    pub(super) fn wake_if_paused(&self) {
        self.0.client.wake_if_paused();
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
        match self.join_now(rooms, limit) {
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

    fn join_now(&self, names: Vec<Arc<str>>, limit: usize) -> Result<(), JoinError> {
        let rooms = self.0.namespace.rooms();
        let (Some(log), Some(pid)) = (self.0.namespace.log(), self.pid()) else {
            return rooms.join(&self.0.id, names, limit);
        };
        // nothing is sent between the place that is noted and the membership
        let mut kept = log.lock();
        for name in &names {
            if !rooms.has(&self.0.id, name) {
                Log::note_room(&mut kept, pid, name);
            }
        }
        rooms.join(&self.0.id, names, limit)
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
        match self.before_it_is_in() {
            Some(early) => early.clone(),
            None => self.0.namespace.rooms().of_socket(self),
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
    pub(super) fn open(&self, reply: &EncodedMessage) {
        self.0.namespace.rooms().insert(self, reply);
        self.0.client.add(self);
    }

    /// From now on it can be talked to; gives the rooms that it joined before.
    pub(super) fn begin(&self) -> Vec<Arc<str>> {
        let mut early = self.early_rooms();
        self.0.state.store(CONNECTED, Ordering::Release);
        std::mem::take(&mut *early)
    }

    /// Ends it: from now on nothing is sent to it. The connection's own task handles the events that were read, tells its
    /// listeners, and takes it out of its rooms.
    pub(super) fn close(&self, reason: DisconnectReason) {
        let closing = self.0.closing.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving = LEAVING + reason.code();
        let change = self
            .0
            .state
            .compare_exchange(CONNECTED, leaving, Ordering::AcqRel, Ordering::Acquire);
        if change.is_err() {
            return;
        }
        self.0.acks.cancel();
        self.0.namespace.left(self, reason);
        drop(closing);
        self.0.client.tell_gone();
    }

    /// `disconnecting` was told: leaves its rooms and its namespace.
    pub(super) fn remove(&self) {
        self.0.namespace.remove(self);
        self.0.state.store(DISCONNECTED, Ordering::Release);
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
