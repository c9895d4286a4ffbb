//! Events as a stream, for programs that would rather wait than be called.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::message::Message;
use super::subscription::Listening;
use crate::socketio::sync::{Lock, Shared};

/// Most events that wait in a stream; beyond it the oldest are dropped and counted.
const CAPACITY: usize = 65_536;

/// Events of a socket, in order; made by [`Socket::events`](super::Socket::events). Stops listening when dropped.
///
/// It ends when the client is closed, or its last handle dropped; not before, since a socket that is disconnected may
/// connect again. A stream that nobody reads keeps the last 65,536 events.
///
/// ```no_run
/// # async fn read(socket: pesan::socketio::Socket) {
/// let mut events = socket.events();
/// while let Some(message) = events.recv().await {
///     println!("{} {:?}", message.name, message.args);
/// }
/// # }
/// ```
pub struct Messages {
    buffer: Shared<Lock<Buffer>>,
    _listening: Listening,
}

#[derive(Default)]
pub(super) struct Buffer {
    waiting: VecDeque<Message>,
    missed: u64,
    waker: Option<Waker>,
    ended: bool,
}

/// End of a stream that its listener has: when that goes, nothing more comes.
pub(super) struct Filling(pub(super) Shared<Lock<Buffer>>);

impl Filling {
    pub(super) fn push(&self, message: Message) {
        let waker = self.0.lock().push(message);
        wake(waker);
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let mut buffer = self.0.lock();
        buffer.ended = true;
        let waker = buffer.waker.take();
        drop(buffer);
        wake(waker);
    }
}

/// To be called without the lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Buffer {
    /// Adds an event; hands back whom to wake, without the lock.
    fn push(&mut self, message: Message) -> Option<Waker> {
        if self.waiting.len() >= CAPACITY {
            self.waiting.pop_front();
            self.missed += 1;
        }
        self.waiting.push_back(message);
        self.waker.take()
    }
}

impl Messages {
    pub(super) fn new(buffer: Shared<Lock<Buffer>>, listening: Listening) -> Self {
        Self {
            buffer,
            _listening: listening,
        }
    }

    /// Next event; `None` when there will be no more.
    pub async fn recv(&mut self) -> Option<Message> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// How many events were dropped because nobody read them in time.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.buffer.lock().missed
    }
}

impl Stream for Messages {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut buffer = self.buffer.lock();
        match buffer.waiting.pop_front() {
            Some(message) => Poll::Ready(Some(message)),
            None if buffer.ended => Poll::Ready(None),
            None => {
                buffer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messages")
    }
}
