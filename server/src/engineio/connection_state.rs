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

use super::account::{Account, counted};
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

    /// Sends a message that must not be missing: a client whose queue is full is disconnected as a slow reader.
    pub fn send(&self, outgoing: &Outgoing) {
        if !self.is_closed() {
            self.0.in_hub.fetch_add(outgoing.len(), Ordering::Relaxed);
            self.0.hub.push(Op::Send(Arc::clone(&self.0), outgoing.clone()));
        }
    }

    /// Sends a message, unless too much waits for the client already.
    ///
    /// # Errors
    /// [`SendError`]; the client does not get the message, and stays connected.
    pub fn try_send(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let (queued, limit) = (self.0.waiting_bytes(), self.0.hub.limits.max_queued_bytes);
        if queued > limit {
            return Err(SendError::QueueFull { queued, limit });
        }
        self.send(outgoing);
        Ok(())
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
        self.0.account.queued()
    }

    /// Says how many bytes of what the client sent the protocol keeps at the moment; they count for
    /// [`Limits::max_held_bytes`](super::Limits::max_held_bytes).
    pub fn set_kept(&self, bytes: usize) {
        self.0.account.set_kept(bytes);
    }

    /// Says that the protocol knows the client from now on. Others are ended first when there is no room left.
    pub fn establish(&self) {
        self.0.account.establish();
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
        /// [`Limits::max_queued_bytes`](super::Limits::max_queued_bytes).
        limit: usize,
    },
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
    pub(crate) account: Arc<Account>,
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
    /// Bytes that may wait before one more message; see [`Limits::max_queued_bytes`](super::Limits::max_queued_bytes).
    max_queued: usize,
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
pub(crate) struct Queue {
    chunks: VecDeque<Bytes>,
    /// Small messages after the last chunk, joined.
    tail: Vec<u8>,
    bytes: usize,
    /// Bytes that were taken out since the account was last told.
    taken: usize,
    /// Bytes that the account knows of. It lies elsewhere in memory, and hears only of what has to wait.
    published: usize,
    account: Arc<Account>,
}

/// Writes without a look at the readiness that the runtime keeps for the socket: it lies in a cache line of its own,
/// and the socket itself says when it is full.
fn write_at_once(socket: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    let stream: &TcpStream = socket.as_ref();
    SockRef::from(stream).send(bytes)
}

/// Most pieces that one write takes.
const MAX_SLICES: usize = 64;

/// Largest message that is copied to those before it, where many wait: a piece of its own costs more.
const SMALL: usize = 1024;

/// Size from which joined messages become a piece.
const JOINED: usize = 16 << 10;

impl Queue {
    fn new(account: &Arc<Account>) -> Self {
        Self {
            chunks: VecDeque::new(),
            tail: Vec::new(),
            bytes: 0,
            taken: 0,
            published: 0,
            account: Arc::clone(account),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes that wait.
    fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tells the account what waits, and what did and was taken.
    fn publish(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if self.published == 0 && self.bytes == 0 {
            return;
        }
        self.account.add_taken(taken);
        if self.bytes >= self.published {
            self.account.add_queued(self.bytes - self.published);
        } else {
            self.account.drop_queued(self.published - self.bytes);
        }
        self.published = self.bytes;
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len();
        if self.chunks.is_empty() || bytes.len() > SMALL {
            self.join();
            self.chunks.push_back(bytes);
        } else {
            self.tail.extend_from_slice(&bytes);
            if self.tail.len() >= JOINED {
                self.join();
            }
        }
    }

    /// Makes a piece of the small messages at the end.
    fn join(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(counted(std::mem::take(&mut self.tail)));
        }
    }

    /// The first piece, for whoever writes it.
    pub(crate) fn front(&mut self) -> Option<Bytes> {
        self.join();
        self.chunks.front().cloned()
    }

    pub(crate) fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.tail = Vec::new();
        self.bytes = 0;
        self.publish();
    }

    /// Forgets all but the piece that may have gone out in part.
    pub(crate) fn keep_first(&mut self) {
        let first = self.chunks.pop_front();
        self.clear();
        if let Some(first) = first {
            self.push(first);
        }
        self.publish();
    }

    /// The socket has taken this many bytes.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.taken += written;
        while let Some(chunk) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
        // An idle connection keeps no buffer.
        self.chunks = VecDeque::new();
    }

    /// Writes until it is empty (`true`) or the socket is full.
    fn write_to(&mut self, socket: &OwnedWriteHalf) -> io::Result<bool> {
        let written = self.write_pieces(socket);
        self.publish();
        written
    }

    fn write_pieces(&mut self, socket: &OwnedWriteHalf) -> io::Result<bool> {
        self.join();
        while let Some(first) = self.chunks.front() {
            let result = if self.chunks.len() == 1 {
                socket.try_write(first)
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = self.chunks.len().min(MAX_SLICES);
                for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
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

impl Drop for Queue {
    fn drop(&mut self) {
        self.clear();
    }
}

impl State {
    /// Whether the client may get more. One that has left too much unread is offered it once more; if it takes nothing, it
    /// is a slow reader. The message that is going out does not count, however large it is.
    fn has_room(&mut self) -> bool {
        let is_over = |state: &Self| {
            let waiting = match &state.line {
                Line::Polling(polling) => polling.waiting_bytes(),
                Line::Tcp { .. } | Line::Task { .. } | Line::Done => state.queue.bytes(),
            };
            waiting > state.max_queued && waiting.saturating_sub(state.first_len()) > state.max_queued
        };
        if !is_over(self) {
            return true;
        }
        if let Line::Tcp { write, .. } = &self.line
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

    /// Queues one message, in the form of the line.
    pub(crate) fn push(&mut self, message: &Outgoing) {
        let is_ready = match &self.line {
            Line::Polling(polling) => polling.is_ready(),
            Line::Tcp { .. } | Line::Task { .. } => self.queue.is_empty(),
            Line::Done => return,
        };
        if message.is_volatile() && !is_ready {
            return metrics::counter!("engine_volatile_dropped_total").increment(1);
        }
        if self.closing.is_none() && self.has_room() {
            self.push_packet(message);
        }
    }

    /// Queues a packet of the engine itself, which is small and has to go out.
    pub(crate) fn push_packet(&mut self, message: &Outgoing) {
        let options = match &mut self.line {
            Line::Polling(polling) => return polling.push(message),
            Line::Tcp { deflate, .. } | Line::Task { deflate } => *deflate,
            Line::Done => return,
        };
        self.queue.push(match options {
            Some(options) => message.deflated(options).clone(),
            None => message.wire().clone(),
        });
    }

    /// Queues messages of a run, in the form of the line.
    pub(crate) fn push_run(&mut self, run: &Run, range: Range<usize>) {
        if self.closing.is_some() || range.is_empty() {
            return;
        }
        let options = match &self.line {
            Line::Tcp { deflate, .. } | Line::Task { deflate } if !run.is_volatile() => *deflate,
            Line::Polling(_) | Line::Tcp { .. } | Line::Task { .. } => {
                return run.messages(range).iter().for_each(|message| self.push(message));
            }
            Line::Done => return,
        };
        if self.has_room() {
            self.queue.push(run.slice(range, options));
        }
    }

    /// Writes what is queued as far as the line takes it; what is left is the task's.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.wake();
        }
        match &mut self.line {
            Line::Polling(polling) => return polling.flush(),
            Line::Tcp { write, .. } => match self.queue.write_to(write) {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => return self.fail(CloseReason::TransportClose),
            },
            Line::Task { .. } => self.queue.publish(),
            Line::Done => return self.queue.clear(),
        }
        if !self.queue.is_empty() {
            self.wake();
        }
    }

    /// Writes what is queued as far as the line takes it, when the end is under way already.
    pub(crate) fn flush_closing(&mut self) {
        if let Line::Tcp { write, .. } = &self.line
            && self.queue.write_to(write).is_err()
        {
            self.finish();
        }
    }

    /// Nothing goes out any more, and nothing waits.
    pub(crate) fn finish(&mut self) {
        self.line = Line::Done;
        self.queue.clear();
    }

    /// Bytes that the end of the connection sets free; those of the message that is going out are not the client's fault.
    pub(crate) fn releasable(&self, account: &Account) -> usize {
        account.held() + account.queued().saturating_sub(self.first_len())
    }

    /// Bytes of the message that is going out.
    fn first_len(&self) -> usize {
        match &self.line {
            Line::Polling(polling) => polling.first_len(),
            Line::Tcp { .. } | Line::Task { .. } | Line::Done => {
                self.queue.chunks.front().map_or(0, Bytes::len)
            }
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
    pub(crate) fn new(
        id: u64,
        sid: Box<str>,
        hub: Arc<Hub>,
        account: Arc<Account>,
        line: Line,
        deadline: Instant,
    ) -> Self {
        let state = State {
            closing: None,
            line,
            queue: Queue::new(&account),
            waker: None,
            max_queued: hub.limits.max_queued_bytes,
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
            account,
            in_hub: AtomicUsize::new(0),
        }
    }

    /// The hub has come to a message to this client alone.
    pub(crate) fn out_of_hub(&self, message: &Outgoing) {
        self.in_hub.fetch_sub(message.len(), Ordering::Relaxed);
    }

    /// Bytes that wait for the client: in its queue, and to it alone in the list of its hub.
    fn waiting_bytes(&self) -> usize {
        self.account.queued() + self.in_hub.load(Ordering::Relaxed)
    }

    /// Whether so much waits for the client that it is not to be read meanwhile. A client that polls takes what waits with
    /// a request, which is not held up.
    fn is_behind(&self, state: &State) -> bool {
        let queued = match state.line {
            Line::Polling(_) => 0,
            Line::Tcp { .. } | Line::Task { .. } | Line::Done => state.queue.bytes(),
        };
        queued + self.in_hub.load(Ordering::Relaxed) > self.hub.limits.max_unread_bytes
    }

    /// The same for the client's task, which is woken by the next write if so.
    pub(crate) fn pause(&self, state: &mut State) -> bool {
        state.paused = self.is_behind(state);
        state.paused
    }

    /// For a stream that only the task writes to: the first piece, after so many bytes of the one before.
    pub(crate) fn next_piece(&self, written: usize) -> Option<Bytes> {
        let mut state = self.lock();
        if written > 0 {
            state.queue.advance(written);
            state.queue.publish();
        }
        state.queue.front()
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
            && !run.has_volatile_rest()
        {
            let plain = run.plain();
            let written = match write_at_once(write, plain) {
                Ok(written) if written == plain.len() => return,
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => return state.fail(CloseReason::TransportClose),
            };
            state.queue.push(run.slice(run.all(), None));
            state.queue.advance(written);
        } else {
            state.push_run(run, run.all());
        }
        state.flush();
    }

    /// Sends one packet of the engine itself, past the hub: heartbeats and answers of the transport.
    pub(crate) fn send_packet(&self, message: &Outgoing) {
        let mut state = self.lock();
        state.push_packet(message);
        state.flush();
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
