//! Restores and saves the sessions of clients: on this node, and through the adapter on the others.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{ReplayBuffer, RestoredSession, SavedSession};
use crate::engineio::CloseReason;
use crate::socketio::adapter::Health;
use crate::socketio::disconnect_reason::DisconnectReason;
use crate::socketio::handles::{Namespace, Socket, SocketState};
use crate::socketio::hooks::ReconnectFailed;

/// Additional time for which the session of a connected socket is saved; it is renewed before.
const SAVED_WHILE_CONNECTED: Duration = Duration::from_secs(30);

/// Pause before a session is saved again that the adapter could not take.
const SAVE_RETRY: Duration = Duration::from_millis(5);

/// Longest wait until this node has read the shared log up to the offset of a reconnecting client.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Session that was taken out for a client; saved again on drop, if the client is lost meanwhile.
struct TakenSession {
    namespace: Namespace,
    session: Option<SavedSession>,
    after: Option<Duration>,
    runtime: Handle,
}

impl Drop for TakenSession {
    fn drop(&mut self) {
        if let (Some(session), Some(buffer)) = (self.session.take(), self.namespace.replay()) {
            self.namespace.keep_session(buffer, session, &self.runtime);
        }
    }
}

impl Namespace {
    /// Takes out the session of a reconnecting client, if it can be resumed from `offset`.
    pub(in crate::socketio) async fn restore(
        &self,
        pid: &str,
        offset: &str,
        runtime: &Handle,
    ) -> Option<RestoredSession> {
        let buffer = self.replay()?;
        let (done, taken) = oneshot::channel();
        let (namespace, pid, handle) = (self.clone(), pid.to_owned(), runtime.clone());
        // In a task of its own: a session taken from the other nodes must not be lost if this future is dropped.
        runtime.spawn(async move {
            let taken = namespace.take(&pid).await.map(|(session, after)| TakenSession {
                namespace: namespace.clone(),
                session: Some(session),
                after,
                runtime: handle,
            });
            // If the receiver is gone, the session is dropped here, and thereby saved again.
            drop(done.send(taken));
        });
        let mut taken = taken.await.ok()??;
        let deadline = Instant::now() + LOG_TIMEOUT;
        while !buffer.has_reached(offset) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        buffer.resume(taken.session.take()?, taken.after, offset)
    }

    async fn take(&self, pid: &str) -> Option<(SavedSession, Option<Duration>)> {
        let buffer = self.replay()?;
        // The client may reconnect before this node has noticed that its connection was lost.
        let connected = || {
            let socket = Socket(buffer.connected(pid)?);
            let session = socket.connected().then(|| socket.session())??;
            Some((session, Duration::ZERO))
        };
        let here = buffer.take(pid).or_else(connected);
        let (session, after) = match &self.0.server.cluster {
            None => here.map(|(session, after)| (session, Some(after)))?,
            Some(cluster) => match (cluster.take(self.name(), pid).await, here) {
                (Some(session), here) => (session, here.map(|(_, after)| after)),
                (None, Some((session, after))) if cluster.health() == Health::Down => (session, Some(after)),
                (None, _) => return None,
            },
        };
        self.evict(&session.sid);
        Some((session, after))
    }

    /// Saves the session of a socket for the other nodes, in case this one crashes.
    pub(in crate::socketio) fn save_session(&self, socket: &Socket) {
        if !self.try_save_session(socket) {
            tracing::debug!(socket = socket.id(), "session is saved later");
        }
    }

    /// Returns `false` if the session cannot be saved now.
    fn try_save_session(&self, socket: &Socket) -> bool {
        let (Some(cluster), Some(recovery)) = (&self.0.server.cluster, self.recovery()) else {
            return true;
        };
        match socket.session() {
            Some(session) if socket.connected() => cluster.save(
                self.name(),
                &session,
                recovery.max_disconnection_duration + SAVED_WHILE_CONNECTED,
            ),
            Some(_) | None => true,
        }
    }

    /// Saves the sessions of all sockets, so that none expires while its client is connected. Waits when the adapter is
    /// busy.
    pub(in crate::socketio) async fn save_all_sessions(&self) {
        let Some(cluster) = self.0.server.cluster.as_ref().filter(|_| self.0.replay.is_some()) else {
            return;
        };
        for socket in self.sockets() {
            while !self.try_save_session(&socket) {
                if cluster.health() == Health::Down {
                    return;
                }
                tokio::time::sleep(SAVE_RETRY).await;
            }
        }
    }

    /// Removes the socket of a session that its client has resumed: the id belongs to the new socket.
    pub(in crate::socketio) fn evict(&self, sid: &str) {
        if let Some(socket) = self.socket(sid) {
            socket.set_superseded();
            socket.close(DisconnectReason::TransportClose);
            self.0.rooms.remove(&socket);
            socket.connection().close(CloseReason::ForcedClose);
        }
    }

    /// Saves a session for a reconnecting client.
    pub(in crate::socketio) fn keep_session(
        &self,
        buffer: &ReplayBuffer<SocketState>,
        session: SavedSession,
        runtime: &Handle,
    ) {
        if let (Some(cluster), Some(recovery)) = (&self.0.server.cluster, self.recovery())
            && !cluster.save(self.name(), &session, recovery.max_disconnection_duration)
        {
            tracing::debug!(socket = session.sid, "session is saved on this node only");
        }
        if let Some(due) = buffer.save(session) {
            runtime.spawn(expire(self.clone(), due));
        }
    }

    /// Saves a restored session again whose client was lost before it was connected.
    pub(in crate::socketio) fn return_session(&self, restored: RestoredSession, runtime: &Handle) {
        if let Some(buffer) = &self.0.replay {
            self.keep_session(buffer, restored.session, runtime);
        }
    }
}

/// Reports expired sessions, until none is saved.
async fn expire(namespace: Namespace, mut due: Instant) {
    loop {
        tokio::time::sleep_until(due).await;
        let Some(buffer) = &namespace.0.replay else { return };
        let (expired, next) = buffer.expire();
        for session in expired {
            namespace.hooks().reconnect_failed(&ReconnectFailed {
                namespace: namespace.name().to_owned(),
                socket: session.sid,
            });
        }
        match next {
            Some(next) => due = next,
            None => return namespace.remove_if_unused(),
        }
    }
}
