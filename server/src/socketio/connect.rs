//! Connecting a socket to its namespace: an earlier session is restored, middleware is asked, then the socket is added;
//! and its removal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pesan::socketio::Packet;
use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;

use super::disconnect_reason::DisconnectReason;
use super::error::ConnectError;
use super::handles::{Client, MiddlewareCall, Namespace, Socket};
use super::hooks::Reconnected;
use super::listeners::MaybeFuture;
use super::recovery::{ReplayBuffer, RestoredSession};
use crate::engineio::EncodedMessage;
use crate::log_limit::LogLimit;

/// Clients can cause these log lines at any rate.
static CONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));
static DISCONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));

/// Socket that was accepted. If its connection ends before [`enter`](Self::enter), it is abandoned, and an earlier session
/// can be resumed later.
pub(super) struct AdmittedSocket {
    socket: Socket,
    restored: Option<RestoredSession>,
    is_connected: bool,
}

impl Drop for AdmittedSocket {
    fn drop(&mut self) {
        if self.is_connected {
            return;
        }
        self.socket.abandon();
        if let Some(restored) = self.restored.take() {
            let namespace = self.socket.namespace();
            namespace.return_session(restored, self.socket.runtime());
        }
    }
}

impl AdmittedSocket {
    /// Socket without an earlier session and without middleware.
    pub(super) fn without_middleware(namespace: &Namespace, client: &Arc<Client>, auth: Value) -> Self {
        Self {
            socket: Socket::new(namespace, client, auth, None),
            restored: None,
            is_connected: false,
        }
    }

    /// Sends the reply and adds the socket to the namespace. `resumes`: whether the client sent an earlier session.
    pub(super) fn enter(mut self, resumes: bool) -> Socket {
        self.is_connected = true;
        let (socket, restored) = (self.socket.clone(), self.restored.take());
        let namespace = socket.namespace();
        let sid = ("sid", Value::from(socket.id()));
        let pid = socket.pid().map(|pid| ("pid", Value::from(pid)));
        let reply = Value::object(std::iter::once(sid).chain(pid));
        let reply = Packet::new(namespace.name(), Body::Connect(Some(reply)));
        let missed = namespace.add_socket(&socket, &namespace.config().frame(&reply), restored.as_ref());
        if let Some(left_out) = CONNECTED.ready() {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                namespace = namespace.name(),
                recovered = socket.recovered(),
                left_out,
                "A user connected"
            );
        }
        namespace.meters().sockets.increment(1.0);
        if resumes {
            namespace.hooks().reconnect(&Reconnected {
                namespace: namespace.name().to_owned(),
                socket: socket.id().to_owned(),
                recovered: socket.recovered(),
                after: restored.and_then(|restored| restored.after),
                missed,
            });
        }
        socket
    }
}

/// Restores an earlier session, then calls the middlewares, one after the other.
pub(super) async fn admit(
    namespace: Namespace,
    client: Arc<Client>,
    auth: Value,
    middlewares: Arc<Vec<Arc<MiddlewareCall>>>,
) -> Result<AdmittedSocket, ConnectError> {
    let text = |key| auth.get(key).and_then(Value::as_str);
    let restored = match (text("pid"), text("offset")) {
        (Some(pid), Some(offset)) => namespace.restore(pid, offset, &client.runtime).await,
        _ => None,
    };
    let skips = namespace
        .recovery()
        .is_some_and(|recovery| recovery.skip_middlewares);
    let socket = Socket::new(&namespace, &client, auth, restored.as_ref());
    let mut admitted = AdmittedSocket {
        socket,
        restored,
        is_connected: false,
    };
    if !(skips && admitted.restored.is_some()) {
        for middleware in middlewares.iter() {
            let verdict = match middleware(admitted.socket.clone()) {
                MaybeFuture::Ready(verdict) => verdict,
                MaybeFuture::Future(future) => future.await,
            };
            if let Err(error) = verdict {
                admitted.restored = None;
                return Err(error);
            }
        }
    }
    Ok(admitted)
}

/// Keeps a dynamic namespace while a client connects to it, until the client is connected or refused.
pub(super) struct NamespaceGuard(Namespace);

impl NamespaceGuard {
    /// Must be called with the lock on the list of namespaces, so that this one is not removed in between.
    pub(super) fn new(namespace: &Namespace) -> Self {
        namespace.0.pending_connects.fetch_add(1, Ordering::AcqRel);
        Self(namespace.clone())
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.0
    }
}

impl Drop for NamespaceGuard {
    fn drop(&mut self) {
        self.0.0.pending_connects.fetch_sub(1, Ordering::AcqRel);
        self.0.remove_if_unused();
    }
}

impl Namespace {
    /// Connects a socket: sends the missed events and the reply, and adds it to the namespace. Returns the number of missed
    /// events.
    pub(super) fn add_socket(
        &self,
        socket: &Socket,
        reply: &EncodedMessage,
        restored: Option<&RestoredSession>,
    ) -> usize {
        let mut missed = 0;
        // Under the lock, so that no event is sent between the last missed one and the socket being added.
        let mut replay = self.0.replay.as_ref().map(ReplayBuffer::lock);
        if let (Some(replay), Some(restored)) = (&replay, restored) {
            for message in ReplayBuffer::missed(replay, restored) {
                socket.connection().send(message);
                missed += 1;
            }
        }
        socket.open(reply);
        if let (Some(replay), Some(pid)) = (&mut replay, socket.pid()) {
            let weak = Arc::downgrade(&socket.0);
            ReplayBuffer::add_connected(replay, pid, weak, || socket.rooms(), restored);
        }
        drop(replay);
        self.save_session(socket);
        missed
    }

    /// Begins to remove a socket: nothing is sent to it any more, but it stays in its rooms until its `disconnecting`
    /// listeners were called.
    pub(super) fn begin_removal(&self, socket: &Socket, reason: DisconnectReason) {
        self.0.rooms.retire(socket);
        if let Some(left_out) = DISCONNECTED.ready() {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                namespace = self.name(),
                reason = reason.as_str(),
                left_out,
                "User disconnected"
            );
        }
        self.meters().sockets.decrement(1.0);
        if let (Some(buffer), Some(session), false) =
            (&self.0.replay, socket.session(), socket.is_superseded())
        {
            if reason.is_recoverable() {
                self.keep_session(buffer, session, socket.runtime());
            } else if let Some(cluster) = &self.0.server.cluster {
                cluster.forget(self.name(), &session.pid, socket.runtime());
            }
        }
    }

    /// Removes a socket whose `disconnecting` listeners were called, and updates its saved session.
    pub(super) fn finish_removal(&self, socket: &Socket) {
        if let (Some(buffer), Some(session), false) =
            (&self.0.replay, socket.session(), socket.is_superseded())
        {
            buffer.update(session);
        }
        self.0.rooms.remove(socket);
        if let (Some(buffer), Some(pid)) = (&self.0.replay, socket.pid()) {
            buffer.remove_connected(pid, &Arc::downgrade(&socket.0));
        }
        self.remove_if_unused();
    }

    /// Removes a dynamic namespace that has no sockets, no pending connects and no saved sessions, if so configured.
    pub(super) fn remove_if_unused(&self) {
        if self.0.dynamic && self.config().cleanup_empty_child_namespaces && self.is_unused() {
            self.0.server.remove_namespace(self);
        }
    }
}
