//! What runs on top of Engine.IO, and what all sessions of an engine share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use pesan::socketio::Frame;

use super::close_reason::CloseReason;
use super::config::EngineConfig;
use super::connection::Connection;
use super::handshake::HandshakeRequest;
use super::hub::Hub;
use super::session_registry::SessionRegistry;

/// Protocol on top of Engine.IO, such as Socket.IO.
pub trait Protocol: Send + Sync + 'static {
    /// State of one connection.
    type Session: Session;

    /// Called when a connection is open: the handshake is sent, later messages follow it.
    fn open(&self, connection: Connection, handshake: Arc<HandshakeRequest>) -> Self::Session;
}

/// One connection, as the protocol sees it. All methods are called from the connection's own task.
pub trait Session: Send + 'static {
    /// Receives one Engine.IO message, in the order of the wire. Only called after [`poll`](Self::poll) returned `Ready`.
    fn receive(&mut self, message: Frame);

    /// Drives pending work, such as async handlers, inside the connection's task.
    ///
    /// `Ready`: more messages may be received. `Pending`: the session is full and reading stops (back-pressure); the ping
    /// timeout is suspended meanwhile, as a pong cannot be read either. Register the waker whenever work is pending, also
    /// when returning `Ready`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Called when the connection has ended; messages sent from now on are lost.
    fn closed(self, reason: CloseReason);
}

/// State that all sessions of one engine share.
pub(crate) struct EngineContext {
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) sessions: Arc<SessionRegistry>,
    pub(crate) next_id: AtomicU64,
    pub(crate) hubs: Box<[Arc<Hub>]>,
}

impl EngineContext {
    /// Hub that writes to connection `id`.
    pub(crate) fn hub_of(&self, id: u64) -> Option<&Arc<Hub>> {
        self.hubs.get((id % self.hubs.len() as u64) as usize)
    }
}

impl Drop for EngineContext {
    fn drop(&mut self) {
        for hub in &self.hubs {
            hub.stop();
        }
    }
}
