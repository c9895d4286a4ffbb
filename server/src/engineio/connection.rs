//! Handles of clients: [`Connection`] for one, [`Group`] for the recipients of a broadcast.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::close_reason::CloseReason;
use super::connection_state::{ConnectionState, Sink};
use super::hub::{Hub, HubCommand, HubShare};
use super::message::EncodedMessage;

/// Transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl Transport {
    /// Name in the query of a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// Handle to one client; cheap to clone, usable from any thread.
///
/// Messages reach the client in the order in which [`send`](Self::send) and
/// [`broadcast`](super::Engine::broadcast) were called.
#[derive(Clone)]
pub struct Connection {
    state: Arc<ConnectionState>,
    hub: Arc<Hub>,
}

impl Connection {
    pub(crate) fn new(state: Arc<ConnectionState>, hub: Arc<Hub>) -> Self {
        Self { state, hub }
    }

    pub(crate) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Number of the connection, unique within its engine. The session id is a secret and is not exposed.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.state.id
    }

    /// Sends a message that must not be lost: a client whose queue is full is disconnected as a slow reader.
    pub fn send(&self, message: &EncodedMessage) {
        if !self.is_closed() {
            self.state.enter_hub(message);
            self.hub
                .push(HubCommand::Send(Arc::clone(&self.state), message.clone()));
        }
    }

    /// Sends a message, unless too much is queued for the client already.
    ///
    /// # Errors
    /// [`SendError`]; the client does not get the message, and stays connected.
    pub fn try_send(&self, message: &EncodedMessage) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let (queued, limit) = (
            self.state.waiting_bytes(),
            self.hub.config().limits.max_queued_bytes,
        );
        if queued > limit {
            return Err(SendError::QueueFull { queued, limit });
        }
        self.send(message);
        Ok(())
    }

    /// Closes the connection after everything sent before has been written.
    pub fn close(&self, reason: CloseReason) {
        if !self.is_closed() {
            self.hub.push(HubCommand::Close(Arc::clone(&self.state), reason));
        }
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    /// Bytes queued for the client.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.state.memory.queued()
    }

    /// Reports how many bytes received from the client the protocol holds; they count towards
    /// [`EngineLimits::max_held_bytes`](super::EngineLimits::max_held_bytes).
    pub fn set_protocol_bytes(&self, bytes: usize) {
        self.state.memory.set_protocol_bytes(bytes);
    }

    /// Marks the client as established: when there is no room left, others are disconnected first.
    pub fn establish(&self) {
        self.state.memory.establish();
    }

    /// Current transport; after the end, the last one.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.state.lock().sink {
            Sink::Polling(_) => Transport::Polling,
            Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => Transport::WebSocket,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.state.id).finish()
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl Eq for Connection {}

impl std::hash::Hash for Connection {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.state.id.hash(state);
    }
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Connection has ended.
    #[error("connection is closed")]
    Closed,
    /// Client has not read enough of what was sent before.
    #[error("{queued} bytes wait for this client; the maximum is {limit}")]
    QueueFull {
        /// Bytes that wait.
        queued: usize,
        /// [`EngineLimits::max_queued_bytes`](super::EngineLimits::max_queued_bytes).
        limit: usize,
    },
}

/// Recipients of a broadcast, split by the hub that writes to them.
///
/// Build a group once, share it, and build a new one when the membership changes: broadcasts to the same `Arc<Group>`
/// that wait together reach each member in one write.
#[derive(Debug)]
pub struct Group {
    shares: Vec<(Arc<Hub>, Arc<HubShare>)>,
    len: usize,
}

impl Group {
    /// Group of `members`, each of which must occur once.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Connection>) -> Arc<Self> {
        let mut by_hub: Vec<(Arc<Hub>, Vec<Arc<ConnectionState>>)> = Vec::new();
        let mut len = 0;
        for Connection { state, hub } in members {
            len += 1;
            match by_hub.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &hub)) {
                Some((_, members)) => members.push(state),
                None => by_hub.push((hub, vec![state])),
            }
        }
        let share = |(hub, members)| (hub, Arc::new(HubShare::new(members)));
        Arc::new(Self {
            shares: by_hub.into_iter().map(share).collect(),
            len,
        })
    }

    /// Sends a message to all members.
    pub fn send(self: &Arc<Self>, message: &EncodedMessage) {
        self.push(message, None);
    }

    /// Sends a message to all members but these. Meant for a few exceptions; for many, build another group.
    pub fn send_except(self: &Arc<Self>, except: &[Connection], message: &EncodedMessage) {
        let except = except.iter().map(|connection| Arc::clone(&connection.state));
        self.push(message, Some(&except.collect()));
    }

    fn push(&self, message: &EncodedMessage, except: Option<&Arc<[Arc<ConnectionState>]>>) {
        let command = |recipients: &Arc<HubShare>| HubCommand::Broadcast {
            recipients: Arc::clone(recipients),
            message: message.clone(),
            except: except.cloned(),
        };
        match self.shares.as_slice() {
            [] => {}
            [(hub, recipients)] => hub.push(command(recipients)),
            [(first, _), ..] => {
                // Without the lock, two concurrent broadcasts could be in different orders on different hubs.
                let order = first.lock_broadcast_order();
                let added = self
                    .shares
                    .iter()
                    .filter_map(|(hub, recipients)| hub.add(command(recipients)));
                let wakers: Vec<_> = added.collect();
                drop(order);
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the group has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
