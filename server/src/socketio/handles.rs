//! One connection, as its sockets share it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::runtime::Handle;

use super::backlog::Backlog;
use super::socket::{Socket, SocketInner};
use crate::engineio::{CloseReason, Connection, HandshakeRequest};

/// What the sockets of one connection share.
pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) request: Arc<HandshakeRequest>,
    sockets: Mutex<Vec<Weak<SocketInner>>>,
    /// Some of its sockets are on their way out: the connection's own task is to tell their listeners.
    gone: AtomicBool,
    /// Events that wait for their handlers.
    pub(super) backlog: Backlog,
    /// The server has ended it: what it sends is left.
    ended: AtomicBool,
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
            gone: AtomicBool::new(false),
            backlog: Backlog::default(),
            ended: AtomicBool::new(false),
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
        self.ended.store(true, Ordering::Release);
        let sockets = std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        for socket in sockets.iter().filter_map(Socket::upgrade) {
            socket.disconnect(false);
        }
        self.connection.close(CloseReason::ForcedServerClose);
    }

    /// Whether nothing of this client counts any more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.connection.is_closed()
    }

    /// Something has changed that a connection which is not read waits for: an event was handled elsewhere, or an ack is
    /// awaited now.
    pub(super) fn wake_if_paused(&self) {
        if self.backlog.is_paused() {
            self.waker.wake();
        }
    }

    /// A socket is on its way out.
    pub(super) fn tell_gone(&self) {
        self.gone.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether a socket was ended since it was last asked.
    pub(super) fn take_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) && self.gone.swap(false, Ordering::AcqRel)
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
