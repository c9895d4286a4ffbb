//! State of one connection: what is queued for the client, and where it is written.
//!
//! Shared by the connection's session task, its hub and its HTTP requests; none of them is known here. The hub writes
//! from here as far as the socket accepts; the rest stays queued, and the session task ([`super::session`]) sends it
//! when there is room again.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;

use super::close_reason::CloseReason;
use super::config::{Deflate, EngineConfig};
use super::memory::MemoryUsage;
use super::message::{EncodedMessage, MessageBatch};
use super::polling::Polling;
use super::send_queue::{SendQueue, write_at_once};
use super::websocket::WebSocket;

/// State that all parts of a connection share.
///
/// A broadcast to thousands finds none of this in the processor's cache. What a delivery reads therefore comes first and
/// lies together: mark, lock, sink and queue.
#[repr(C, align(64))]
pub(crate) struct ConnectionState {
    /// Number of the hub's last batch in which this connection needs more than the broadcast.
    pub(crate) mark: AtomicU32,
    pub(crate) closed: AtomicBool,
    /// Whether a pong is awaited; saves taking the lock when it is not.
    pub(crate) awaiting_pong: AtomicBool,
    outbound: Mutex<Outbound>,
    /// Hub that writes to the client.
    pub(crate) hub_id: u32,
    config: Arc<EngineConfig>,
    pub(crate) id: u64,
    pub(crate) sid: Box<str>,
    pub(crate) memory: Arc<MemoryUsage>,
    /// Bytes sent to this client alone that its hub has not processed yet.
    in_hub: AtomicUsize,
}

impl fmt::Debug for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionState")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Outgoing side of a connection, in the order in which a delivery reads it.
#[repr(C)]
pub(crate) struct Outbound {
    pub(crate) closing: Option<CloseReason>,
    pub(crate) sink: Sink,
    pub(crate) queue: SendQueue,
    pub(crate) waker: Option<Waker>,
    /// See [`EngineLimits::max_queued_bytes`](super::EngineLimits::max_queued_bytes).
    max_queued: usize,
    /// The session task does not read until the client has taken more.
    paused: bool,
    /// The session task does not read until the session has room, so that a pong may stay unread.
    pub(crate) session_full: bool,
    pub(crate) heartbeat: Heartbeat,
}

/// Where messages are written.
pub(crate) enum Sink {
    /// Responses to polls.
    Polling(Box<Polling>),
    /// A TCP socket that any thread may write to.
    Tcp {
        write: OwnedWriteHalf,
        deflate: Option<Deflate>,
    },
    /// A stream that only the session task can write to (TLS).
    Stream { deflate: Option<Deflate> },
    /// Nowhere: the connection has ended.
    Closed,
}

impl Sink {
    /// Sink of a WebSocket that begins to carry messages.
    pub(crate) fn of_websocket(ws: &mut WebSocket) -> Self {
        let deflate = ws.deflate();
        if ws.is_stream() {
            return Self::Stream { deflate };
        }
        ws.take_write_half()
            .map_or(Self::Closed, |write| Self::Tcp { write, deflate })
    }
}

/// Heartbeat of a connection.
pub(crate) struct Heartbeat {
    /// Time of the ping that waits for its pong.
    pub(crate) pinged: Option<Instant>,
    /// Time of the first other packet since that ping; it extends the pong's deadline, once.
    pub(crate) last_activity: Option<Instant>,
    /// Time at which the connection counts as dead unless a pong arrives.
    pub(crate) deadline: Instant,
}

impl Outbound {
    /// Whether the client may be sent more. If too much is queued, one more write is tried; a client that accepts
    /// nothing then is closed as a slow reader. The message being written does not count, however large it is.
    fn has_room(&mut self) -> bool {
        let is_over = |outbound: &Self| {
            let queued = match &outbound.sink {
                Sink::Polling(polling) => polling.queued_bytes(),
                Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => outbound.queue.bytes(),
            };
            queued > outbound.max_queued && queued.saturating_sub(outbound.first_len()) > outbound.max_queued
        };
        if !is_over(self) {
            return true;
        }
        if let Sink::Tcp { write, .. } = &self.sink
            && self.queue.write_to(write).is_err()
        {
            self.fail(CloseReason::TransportClose);
            return false;
        }
        let has_room = !is_over(self);
        if !has_room {
            self.fail(CloseReason::SlowReader);
        }
        has_room
    }

    /// Queues one message in the sink's format.
    pub(crate) fn push(&mut self, message: &EncodedMessage) {
        let is_ready = match &self.sink {
            Sink::Polling(polling) => polling.is_ready(),
            Sink::Tcp { .. } | Sink::Stream { .. } => self.queue.is_empty(),
            Sink::Closed => return,
        };
        if message.is_volatile() && !is_ready {
            return crate::meter::counter!("engine_volatile_dropped_total").increment(1);
        }
        if self.closing.is_none() && self.has_room() {
            self.push_packet(message);
        }
    }

    /// Queues a packet of the engine itself: small, and sent regardless of the limits.
    pub(crate) fn push_packet(&mut self, message: &EncodedMessage) {
        let options = match &mut self.sink {
            Sink::Polling(polling) => return polling.push(message),
            Sink::Tcp { deflate, .. } | Sink::Stream { deflate } => *deflate,
            Sink::Closed => return,
        };
        self.queue.push(match options {
            Some(options) => message.deflated(options).clone(),
            None => message.frame_bytes().clone(),
        });
    }

    /// Queues messages of a batch in the sink's format.
    pub(crate) fn push_batch(&mut self, batch: &MessageBatch, range: Range<usize>) {
        if self.closing.is_some() || range.is_empty() {
            return;
        }
        let options = match &self.sink {
            Sink::Tcp { deflate, .. } | Sink::Stream { deflate } if !batch.is_volatile() => *deflate,
            Sink::Polling(_) | Sink::Tcp { .. } | Sink::Stream { .. } => {
                return batch
                    .messages(range)
                    .iter()
                    .for_each(|message| self.push(message));
            }
            Sink::Closed => return,
        };
        if self.has_room() {
            self.queue.push(batch.slice(range, options));
        }
    }

    /// Writes what is queued as far as the sink accepts it; the session task writes the rest.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.wake();
        }
        match &mut self.sink {
            Sink::Polling(polling) => return polling.flush(),
            Sink::Tcp { write, .. } => match self.queue.write_to(write) {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => return self.fail(CloseReason::TransportClose),
            },
            Sink::Stream { .. } => self.queue.publish(),
            Sink::Closed => return self.queue.clear(),
        }
        if !self.queue.is_empty() {
            self.wake();
        }
    }

    /// Writes what is queued when the connection is closing already.
    pub(crate) fn flush_closing(&mut self) {
        if let Sink::Tcp { write, .. } = &self.sink
            && self.queue.write_to(write).is_err()
        {
            self.finish();
        }
    }

    /// Closes the sink and drops what is queued.
    pub(crate) fn finish(&mut self) {
        self.sink = Sink::Closed;
        self.queue.clear();
    }

    /// Bytes that closing the connection would free. The message being written is not the client's fault and does not
    /// count.
    pub(crate) fn releasable_bytes(&self, memory: &MemoryUsage) -> usize {
        memory.inbound() + memory.queued().saturating_sub(self.first_len())
    }

    /// Bytes of the message being written.
    fn first_len(&self) -> usize {
        match &self.sink {
            Sink::Polling(polling) => polling.first_len(),
            Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => self.queue.first_len(),
        }
    }

    /// Requests the end of the connection; the first reason counts.
    pub(crate) fn fail(&mut self, reason: CloseReason) {
        if self.closing.is_none() {
            self.closing = Some(reason);
            self.wake();
        }
    }

    /// Wakes the session task.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl ConnectionState {
    pub(crate) fn new(
        id: u64,
        sid: Box<str>,
        hub_id: u32,
        config: Arc<EngineConfig>,
        memory: Arc<MemoryUsage>,
        sink: Sink,
        deadline: Instant,
    ) -> Self {
        let outbound = Outbound {
            closing: None,
            sink,
            queue: SendQueue::new(&memory),
            waker: None,
            max_queued: config.limits.max_queued_bytes,
            paused: false,
            session_full: false,
            heartbeat: Heartbeat {
                pinged: None,
                last_activity: None,
                deadline,
            },
        };
        Self {
            mark: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            awaiting_pong: AtomicBool::new(false),
            outbound: Mutex::new(outbound),
            hub_id,
            config,
            id,
            sid,
            memory,
            in_hub: AtomicUsize::new(0),
        }
    }

    /// A message to this client alone has joined the list of its hub.
    pub(crate) fn enter_hub(&self, message: &EncodedMessage) {
        self.in_hub.fetch_add(message.len(), Ordering::Relaxed);
    }

    /// The hub has processed a message to this client alone.
    pub(crate) fn leave_hub(&self, message: &EncodedMessage) {
        self.in_hub.fetch_sub(message.len(), Ordering::Relaxed);
    }

    /// Bytes that wait for the client: in its queue, and sent to it alone in its hub's list.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.memory.queued() + self.in_hub.load(Ordering::Relaxed)
    }

    /// Whether too much waits for the client to read more from it. A polling client is exempt: it takes what waits with
    /// a request, which must not be held up.
    fn is_backed_up(&self, outbound: &Outbound) -> bool {
        let queued = match outbound.sink {
            Sink::Polling(_) => 0,
            Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => outbound.queue.bytes(),
        };
        queued + self.in_hub.load(Ordering::Relaxed) > self.config.limits.max_unread_bytes
    }

    /// Whether the session task must stop reading because the client does not; the next write wakes it.
    pub(crate) fn pause(&self, outbound: &mut Outbound) -> bool {
        outbound.paused = self.is_backed_up(outbound);
        outbound.paused
    }

    /// First queued chunk, for a stream that only the session task writes to. `written`: bytes of the chunk before that
    /// the stream has accepted.
    pub(crate) fn next_chunk(&self, written: usize) -> Option<Bytes> {
        let mut outbound = self.lock();
        if written > 0 {
            outbound.queue.advance(written);
            outbound.queue.publish();
        }
        outbound.queue.front()
    }

    /// Ignores poisoning: no code panics while the state is half changed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Outbound> {
        self.outbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a whole batch. Nearly every delivery takes this path: one lock, one write.
    pub(crate) fn deliver(&self, batch: &MessageBatch) {
        let mut guard = self.lock();
        let outbound = &mut *guard;
        if let Sink::Tcp { write, deflate: None } = &outbound.sink
            && outbound.queue.is_empty()
            && outbound.closing.is_none()
            && !batch.has_volatile_rest()
        {
            let plain = batch.plain();
            let written = match write_at_once(write, plain) {
                Ok(written) if written == plain.len() => return,
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => return outbound.fail(CloseReason::TransportClose),
            };
            outbound.queue.push(batch.slice(batch.all(), None));
            outbound.queue.advance(written);
        } else {
            outbound.push_batch(batch, batch.all());
        }
        outbound.flush();
    }

    /// Sends one packet of the engine itself without the hub: heartbeats and transport responses.
    pub(crate) fn send_packet(&self, message: &EncodedMessage) {
        let mut outbound = self.lock();
        outbound.push_packet(message);
        outbound.flush();
    }

    /// Whether the pong is overdue.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let outbound = self.lock();
        let heartbeat = &outbound.heartbeat;
        !outbound.session_full && heartbeat.pinged.is_some() && heartbeat.deadline <= now
    }

    /// Notes whether the session is full, so that the client is not read. When it has room again, the pong gets its
    /// whole time from now on.
    pub(crate) fn set_session_full(&self, full: bool) {
        let mut outbound = self.lock();
        outbound.session_full = full;
        if !full && outbound.heartbeat.pinged.is_some() {
            let now = Instant::now();
            outbound.heartbeat.last_activity = Some(now);
            outbound.heartbeat.deadline = now + self.config.ping_timeout;
        }
    }

    /// Notes activity of a client whose pong is awaited.
    pub(crate) fn touch(&self) {
        let mut outbound = self.lock();
        let heartbeat = &mut outbound.heartbeat;
        if heartbeat.pinged.is_some() && heartbeat.last_activity.is_none() {
            let now = Instant::now();
            heartbeat.last_activity = Some(now);
            heartbeat.deadline = now + self.config.ping_timeout;
        }
    }
}
