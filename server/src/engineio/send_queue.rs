//! Bytes that wait for room in a client's socket.
//!
//! Only data: [`super::connection_state`] decides what is queued, and when it is written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use super::memory::{MemoryUsage, tracked};

/// Most chunks in one vectored write.
const MAX_SLICES: usize = 64;

/// Messages up to this size are copied into a shared chunk when others wait: a chunk of their own would cost more.
const SMALL_MESSAGE: usize = 1024;

/// Size at which joined small messages become a chunk.
const JOINED_CHUNK: usize = 16 << 10;

/// Sends without asking the runtime whether the socket is writable: that flag lies in another cache line, and the socket
/// itself reports when it is full.
pub(crate) fn write_at_once(socket: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    let stream: &TcpStream = socket.as_ref();
    SockRef::from(stream).send(bytes)
}

/// Queue of encoded frames for one socket.
pub(crate) struct SendQueue {
    chunks: VecDeque<Bytes>,
    /// Small messages after the last chunk, joined.
    tail: Vec<u8>,
    bytes: usize,
    /// Bytes written since the last [`publish`](Self::publish).
    written: usize,
    /// Queued bytes as last reported to `memory`, which lies elsewhere and is only updated when something has to wait.
    published: usize,
    memory: Arc<MemoryUsage>,
}

impl SendQueue {
    pub(crate) fn new(memory: &Arc<MemoryUsage>) -> Self {
        Self {
            chunks: VecDeque::new(),
            tail: Vec::new(),
            bytes: 0,
            written: 0,
            published: 0,
            memory: Arc::clone(memory),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Queued bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the chunk that is written next.
    pub(crate) fn first_len(&self) -> usize {
        self.chunks.front().map_or(0, Bytes::len)
    }

    /// Reports queued and written bytes to the connection's memory usage.
    pub(crate) fn publish(&mut self) {
        let written = std::mem::take(&mut self.written);
        if self.published == 0 && self.bytes == 0 {
            return;
        }
        self.memory.add_taken(written);
        if self.bytes >= self.published {
            self.memory.add_queued(self.bytes - self.published);
        } else {
            self.memory.drop_queued(self.published - self.bytes);
        }
        self.published = self.bytes;
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len();
        if self.chunks.is_empty() || bytes.len() > SMALL_MESSAGE {
            self.join_tail();
            self.chunks.push_back(bytes);
        } else {
            self.tail.extend_from_slice(&bytes);
            if self.tail.len() >= JOINED_CHUNK {
                self.join_tail();
            }
        }
    }

    /// Turns the joined small messages into a chunk.
    fn join_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(tracked(std::mem::take(&mut self.tail)));
        }
    }

    /// First chunk, for a writer other than [`write_to`](Self::write_to).
    pub(crate) fn front(&mut self) -> Option<Bytes> {
        self.join_tail();
        self.chunks.front().cloned()
    }

    pub(crate) fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.tail = Vec::new();
        self.bytes = 0;
        self.publish();
    }

    /// Drops everything but the first chunk, which may have been written in part.
    pub(crate) fn keep_first(&mut self) {
        let first = self.chunks.pop_front();
        self.clear();
        if let Some(first) = first {
            self.push(first);
        }
        self.publish();
    }

    /// Removes bytes that the socket has accepted.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.written += written;
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

    /// Writes until the queue is empty (`true`) or the socket is full (`false`).
    pub(crate) fn write_to(&mut self, socket: &OwnedWriteHalf) -> io::Result<bool> {
        let result = self.write_chunks(socket);
        self.publish();
        result
    }

    fn write_chunks(&mut self, socket: &OwnedWriteHalf) -> io::Result<bool> {
        self.join_tail();
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

    /// Writes until the queue is empty (`true`) or the socket is full (`false`); in the second case the waker is
    /// registered for when it has room.
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

impl Drop for SendQueue {
    fn drop(&mut self) {
        self.clear();
    }
}
