//! One client as the rest of the program sees it, and what is queued for it.
//!
//! The hub writes from here where the socket takes it; what the socket does not take stays in the queue, and the
//! connection's own task ([`super::task`]) sends it when there is room again.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use super::config::Deflate;
use super::hub::{Hub, Op};
use super::outgoing::Outgoing;
use super::polling::Polling;
use super::reason::CloseReason;
use super::run::Run;

/// How a client is connected at the moment.
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
pub struct Connection(pub(crate) Arc<Inner>);

impl Connection {
    /// Number of the connection, never used twice by one engine. The session id is a secret and stays inside.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Sends a message.
    pub fn send(&self, outgoing: &Outgoing) {
        if !self.is_closed() {
            self.0.in_hub.fetch_add(outgoing.len(), Ordering::Relaxed);
            self.0.hub.push(Op::Send(Arc::clone(&self.0), outgoing.clone()));
        }
    }

    /// Closes the connection after what was sent before has gone out.
    pub fn close(&self, reason: CloseReason) {
        if !self.is_closed() {
            self.0.hub.push(Op::Close(Arc::clone(&self.0), reason));
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Bytes that wait for the client to read.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let state = self.0.lock();
        match &state.line {
            Line::Polling(polling) => polling.waiting_bytes(),
            Line::Tcp { .. } | Line::Task { .. } | Line::Done => state.queue.bytes,
        }
    }

    /// How the client is connected; after the end, how it was last.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.0.lock().line {
            Line::Polling(_) => Transport::Polling,
            Line::Tcp { .. } | Line::Task { .. } | Line::Done => Transport::WebSocket,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.0.id).finish()
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Connection {}

impl std::hash::Hash for Connection {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

/// What a connection's task, its hub and its requests share.
///
/// A broadcast to thousands finds none of this in the processor's cache, so what a delivery looks at comes first and
/// lies together: the mark, the lock, the line and the queue.
#[repr(C, align(64))]
pub(crate) struct Inner {
    /// Batch of the hub in which the connection needs more than the broadcast.
    pub(crate) mark: AtomicU32,
    pub(crate) closed: AtomicBool,
    /// Whether a pong is awaited; spares the lock when it is not.
    pub(crate) awaiting_pong: AtomicBool,
    state: Mutex<State>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: u64,
    pub(crate) sid: Box<str>,
    /// Bytes to this client alone that its hub has not come to yet.
    in_hub: AtomicUsize,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The changing part of a connection, in the order in which a delivery looks at it.
#[repr(C)]
pub(crate) struct State {
    pub(crate) closing: Option<CloseReason>,
    pub(crate) line: Line,
    pub(crate) queue: Queue,
    pub(crate) waker: Option<Waker>,
    /// The task does not read until the client has taken more.
    paused: bool,
    /// The task does not read until the session has room: a pong may wait unread.
    pub(crate) session_full: bool,
    pub(crate) beat: Beat,
}

/// Where bytes go.
pub(crate) enum Line {
    /// Into the answers to polls.
    Polling(Box<Polling>),
    /// Into a socket that anyone may write to.
    Tcp {
        write: OwnedWriteHalf,
        deflate: Option<Deflate>,
    },
    /// Into a stream that only the connection's task can write to (TLS).
    Task { deflate: Option<Deflate> },
    /// Nowhere.
    Done,
}

/// Heartbeat of a connection.
pub(crate) struct Beat {
    /// Moment of the ping that waits for its pong.
    pub(crate) pinged: Option<Instant>,
    /// Moment of the first other packet since then: it gives the pong more time, once.
    pub(crate) heard: Option<Instant>,
    /// Moment after which the connection is dead, unless a pong comes.
    pub(crate) deadline: Instant,
}

/// Bytes that wait for room in a socket.
#[derive(Default)]
pub(crate) struct Queue {
    chunks: VecDeque<(Bytes, usize)>,
    bytes: usize,
    frames: usize,
    /// Bytes that were taken out since the last ping.
    taken: usize,
}

/// Writes without a look at the readiness that the runtime keeps for the socket: it lies in a cache line of its own,
/// and the socket itself says when it is full.
fn write_at_once(socket: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    let stream: &TcpStream = socket.as_ref();
    SockRef::from(stream).send(bytes)
}

/// Most pieces that one write takes.
const MAX_SLICES: usize = 64;

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes that went out since it was last asked.
    pub(crate) fn take_progress(&mut self) -> usize {
        std::mem::take(&mut self.taken)
    }

    pub(crate) fn push(&mut self, bytes: Bytes, frames: usize) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.frames += frames;
            self.chunks.push_back((bytes, frames));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let (bytes, frames) = self.chunks.pop_front()?;
        self.bytes -= bytes.len();
        self.taken += bytes.len();
        self.frames -= frames;
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        Some(bytes)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets all but the piece that may have gone out in part.
    pub(crate) fn keep_first(&mut self) {
        let first = self.chunks.pop_front();
        self.clear();
        if let Some((bytes, frames)) = first {
            self.push(bytes, frames);
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.taken += written;
        while let Some((chunk, frames)) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.frames -= *frames;
            self.chunks.pop_front();
        }
        // An idle connection keeps no buffer.
        self.chunks = VecDeque::new();
    }

    /// Writes until it is empty (`true`) or the socket is full.
    fn write_to(&mut self, socket: &OwnedWriteHalf) -> io::Result<bool> {
        while let Some((first, _)) = self.chunks.front() {
            let result = if self.chunks.len() == 1 {
                socket.try_write(first)
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = self.chunks.len().min(MAX_SLICES);
                for (slice, (chunk, _)) in slices.iter_mut().zip(&self.chunks) {
                    *slice = IoSlice::new(chunk);
                }
                socket.try_write_vectored(slices.get(..count).unwrap_or_default())
            };
            match result {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Writes until it is empty (`true`) or the socket is full; then the waker is registered for when it is not.
    pub(crate) fn drain_to(&mut self, socket: &OwnedWriteHalf, cx: &mut Context<'_>) -> io::Result<bool> {
        while !self.is_empty() {
            match socket.as_ref().poll_write_ready(cx) {
                Poll::Ready(Ok(())) => self.write_to(socket)?,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(false),
            };
        }
        Ok(true)
    }
}

impl State {
    /// Queues one message, in the form of the line.
    pub(crate) fn push(&mut self, message: &Outgoing) {
        if self.closing.is_some() {
            return;
        }
        let options = match &mut self.line {
            Line::Polling(polling) => return polling.push(message),
            Line::Tcp { deflate, .. } | Line::Task { deflate } => *deflate,
            Line::Done => return,
        };
        if message.is_volatile() && !self.queue.is_empty() {
            return metrics::counter!("engine_volatile_dropped_total").increment(1);
        }
        let bytes = match options {
            Some(options) => message.deflated(options).clone(),
            None => message.wire().clone(),
        };
        self.queue.push(bytes, message.frames());
    }

    /// Queues messages of a run, in the form of the line.
    pub(crate) fn push_run(&mut self, run: &Run, range: Range<usize>) {
        if self.closing.is_some() || range.is_empty() {
            return;
        }
        let options = match &self.line {
            Line::Tcp { deflate, .. } | Line::Task { deflate } => *deflate,
            Line::Polling(_) => return run.messages(range).iter().for_each(|message| self.push(message)),
            Line::Done => return,
        };
        if run.is_volatile() && !self.queue.is_empty() {
            return run.messages(range).iter().for_each(|message| self.push(message));
        }
        let (bytes, frames) = run.slice(range, options);
        self.queue.push(bytes, frames);
    }

    /// Writes what is queued as far as the line takes it; what is left is the task's.
    pub(crate) fn flush(&mut self, hub: &Hub) {
        if std::mem::take(&mut self.paused) {
            self.wake();
        }
        match &mut self.line {
            Line::Polling(polling) => {
                polling.flush();
                if polling.is_over(&hub.limits) {
                    self.fail(CloseReason::SlowReader);
                }
                return;
            }
            Line::Tcp { write, .. } => match self.queue.write_to(write) {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => return self.fail(CloseReason::TransportClose),
            },
            Line::Task { .. } => {}
            Line::Done => return self.queue.clear(),
        }
        if self.queue.is_empty() {
            return;
        }
        if self.queue.bytes > hub.limits.max_queued_bytes || self.queue.frames > hub.limits.max_queued_frames
        {
            return self.fail(CloseReason::SlowReader);
        }
        self.wake();
    }

    /// Writes what is queued as far as the line takes it, when the end is under way already.
    pub(crate) fn flush_closing(&mut self) {
        if let Line::Tcp { write, .. } = &self.line
            && self.queue.write_to(write).is_err()
        {
            self.line = Line::Done;
        }
    }

    /// Asks for the end of the connection; the first reason counts.
    pub(crate) fn fail(&mut self, reason: CloseReason) {
        if self.closing.is_none() {
            self.closing = Some(reason);
            self.wake();
        }
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Inner {
    pub(crate) fn new(id: u64, sid: Box<str>, hub: Arc<Hub>, line: Line, deadline: Instant) -> Self {
        let state = State {
            closing: None,
            line,
            queue: Queue::default(),
            waker: None,
            paused: false,
            session_full: false,
            beat: Beat {
                pinged: None,
                heard: None,
                deadline,
            },
        };
        Self {
            mark: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            awaiting_pong: AtomicBool::new(false),
            state: Mutex::new(state),
            hub,
            id,
            sid,
            in_hub: AtomicUsize::new(0),
        }
    }

    /// The hub has come to a message to this client alone.
    pub(crate) fn out_of_hub(&self, message: &Outgoing) {
        self.in_hub.fetch_sub(message.len(), Ordering::Relaxed);
    }

    /// Whether so much waits for the client that it is not to be read meanwhile.
    pub(crate) fn is_behind(&self, state: &State) -> bool {
        state.queue.bytes + self.in_hub.load(Ordering::Relaxed) > self.hub.limits.max_unread_bytes
    }

    /// The same for the client's task, which is woken by the next write if so.
    pub(crate) fn pause(&self, state: &mut State) -> bool {
        state.paused = self.is_behind(state);
        state.paused
    }

    /// A thread that panicked cannot have left the state half changed: nothing here panics midway.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a whole run at once. The path that nearly every delivery takes: one lock, one write.
    pub(crate) fn deliver(&self, run: &Run) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Line::Tcp { write, deflate: None } = &state.line
            && state.queue.is_empty()
            && state.closing.is_none()
        {
            let plain = run.plain();
            let written = match write_at_once(write, plain) {
                Ok(written) if written == plain.len() => return,
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => return state.fail(CloseReason::TransportClose),
            };
            let (bytes, frames) = run.slice(run.all(), None);
            state.queue.push(bytes, frames);
            state.queue.advance(written);
        } else {
            state.push_run(run, run.all());
        }
        state.flush(&self.hub);
    }

    /// Sends one packet of the engine itself, past the hub: heartbeats and answers of the transport.
    pub(crate) fn send_packet(&self, message: &Outgoing) {
        let mut state = self.lock();
        state.push(message);
        state.flush(&self.hub);
    }

    /// Whether the pong is overdue.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let state = self.lock();
        !state.session_full && state.beat.pinged.is_some() && state.beat.deadline <= now
    }

    /// The session has become full, and the client is not read; or it has room again, and the pong gets its whole time
    /// from now on.
    pub(crate) fn set_session_full(&self, full: bool) {
        let mut state = self.lock();
        state.session_full = full;
        if !full && state.beat.pinged.is_some() {
            let now = Instant::now();
            state.beat.heard = Some(now);
            state.beat.deadline = now + self.hub.ping_timeout;
        }
    }
}
