//! One connection, as its sockets share it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::runtime::Handle;

use super::reason::DisconnectReason;
use super::socket::{Socket, SocketInner};
use crate::engine::{CloseReason, Connection, HandshakeRequest};

/// What the sockets of one connection share.
pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) request: Arc<HandshakeRequest>,
    sockets: Mutex<Vec<Weak<SocketInner>>>,
    /// Sockets that are gone, for the connection's own task to tell their listeners.
    gone: Mutex<Vec<(Socket, DisconnectReason)>>,
    waker: AtomicWaker,
    /// Where its tasks run: a socket may be used from threads that know of no runtime.
    pub(super) runtime: Handle,
}

impl Client {
    /// Called by the transport, in its runtime.
    pub(super) fn new(connection: Connection, request: Arc<HandshakeRequest>) -> Self {
        Self {
            connection,
            request,
            sockets: Mutex::default(),
            gone: Mutex::default(),
            waker: AtomicWaker::new(),
            runtime: Handle::current(),
        }
    }

    pub(super) fn add(&self, socket: &Socket) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|known| known.strong_count() > 0);
        sockets.push(socket.downgrade());
    }

    /// Leaves all namespaces, then closes the connection.
    pub(super) fn disconnect(&self) {
        let sockets = std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        for socket in sockets.iter().filter_map(Socket::upgrade) {
            socket.disconnect(false);
        }
        self.connection.close(CloseReason::ForcedServerClose);
    }

    pub(super) fn push_gone(&self, socket: Socket, reason: DisconnectReason) {
        self.gone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((socket, reason));
        self.waker.wake();
    }

    pub(super) fn take_gone(&self) -> Vec<(Socket, DisconnectReason)> {
        std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
