//! Handles of listeners, which remove them when dropped: [`Subscription`], and [`EventStream`] to await events.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::driver::Driver;
use super::listeners::{ErasedListener, ListenerId, ListenerKind};
use super::message::Message;
use crate::socketio::sync::{Lock, Name, Shared, Weak};

/// Removes a listener when it is dropped; created by [`Socket::on_scoped`](super::Socket::on_scoped) and
/// [`Socket::scope`](super::Socket::scope).
///
/// ```no_run
/// # use pesan::socketio::Socket;
/// # fn listen(socket: &Socket) {
/// let first = socket.on_scoped("pesan", |text: String| println!("{text}"));
/// socket.on("pesan", |text: String| println!("{}", text.len()));
/// drop(first); // only the second listener remains
/// # }
/// ```
#[must_use = "dropping it removes the listener; use `on` for one that remains"]
pub struct Subscription {
    driver: Weak<Driver>,
    id: ListenerId,
}

impl Subscription {
    pub(super) fn new(driver: Weak<Driver>, id: ListenerId) -> Self {
        Self { driver, id }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.upgrade() {
            driver.unlisten(self.id);
        }
    }
}

impl Driver {
    /// Adds a listener.
    pub(super) fn listen(
        &self,
        namespace: &Name,
        kind: ListenerKind,
        name: &str,
        once: bool,
        listener: Box<dyn ErasedListener>,
    ) -> ListenerId {
        self.with_state(|state, _| state.listeners.add(namespace, kind, name, once, listener))
    }

    /// Removes a listener and drops it without holding the lock; returns whether it was there.
    pub(super) fn unlisten(&self, id: ListenerId) -> bool {
        let removed = self.with_state(|state, _| {
            let removed = state.listeners.remove(id)?;
            if removed.kind == ListenerKind::Frames {
                state.connection.config_mut().observe_frames = state.listeners.any(ListenerKind::Frames);
            }
            Some(removed)
        });
        removed.is_some()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Maximum of events that wait in a stream; beyond it the oldest are dropped and counted.
const CAPACITY: usize = 65_536;

/// Stream of a socket's events, created by [`Socket::events`](super::Socket::events).
///
/// It ends when the connection is closed or dropped, but not when the socket is disconnected, since it may connect again.
/// A stream that is not read keeps the last 65,536 events.
///
/// ```no_run
/// # async fn read(socket: pesan::socketio::Socket) {
/// let mut events = socket.events();
/// while let Some(message) = events.recv().await {
///     println!("{} {:?}", message.name, message.args);
/// }
/// # }
/// ```
pub struct EventStream {
    buffer: Shared<Lock<Buffer>>,
    _listening: Subscription,
}

#[derive(Default)]
pub(super) struct Buffer {
    waiting: VecDeque<Message>,
    missed: u64,
    waker: Option<Waker>,
    last_end: bool,
}

/// Sending half of a stream, owned by its listener. The stream ends when it is dropped.
pub(super) struct EventSender(pub(super) Shared<Lock<Buffer>>);

impl EventSender {
    pub(super) fn push(&self, message: Message) {
        let waker = self.0.lock().push(message);
        wake(waker);
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        let mut buffer = self.0.lock();
        buffer.last_end = true;
        let waker = buffer.waker.take();
        drop(buffer);
        wake(waker);
    }
}

/// Must be called without holding the lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Buffer {
    /// Adds an event; returns the waker to call after the lock is released.
    fn push(&mut self, message: Message) -> Option<Waker> {
        if self.waiting.len() >= CAPACITY {
            self.waiting.pop_front();
            self.missed += 1;
        }
        self.waiting.push_back(message);
        self.waker.take()
    }
}

impl EventStream {
    pub(super) fn new(buffer: Shared<Lock<Buffer>>, subscription: Subscription) -> Self {
        Self {
            buffer,
            _listening: subscription,
        }
    }

    /// Next event; `None` at the end of the stream.
    pub async fn recv(&mut self) -> Option<Message> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Number of events that were dropped because they were not read in time.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.buffer.lock().missed
    }
}

impl Stream for EventStream {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut buffer = self.buffer.lock();
        match buffer.waiting.pop_front() {
            Some(message) => Poll::Ready(Some(message)),
            None if buffer.last_end => Poll::Ready(None),
            None => {
                buffer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}
