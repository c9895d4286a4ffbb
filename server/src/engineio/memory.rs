//! Counts the bytes that are held for clients, for each connection and for the whole process.
//!
//! Outgoing messages are shared by their recipients: the process counts each buffer once ([`tracked`]), a connection
//! counts everything queued for it. [`super::send_queue`] and [`super::polling`] update the outgoing counts,
//! [`super::session`] and the protocol the incoming ones. When the process holds more than
//! [`EngineLimits::max_held_bytes`](super::EngineLimits::max_held_bytes), [`super::session_registry`] disconnects the
//! clients that hold the most.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

/// Bytes of all buffers in the process that are queued for clients or were received from them.
static PROCESS: AtomicUsize = AtomicUsize::new(0);

/// Bytes that the process holds for its clients, in all engines.
pub(crate) fn process_bytes() -> usize {
    PROCESS.load(Ordering::Relaxed)
}

/// Buffer that counts for the process until its last reference is dropped.
struct Tracked(Vec<u8>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        PROCESS.fetch_sub(self.0.capacity(), Ordering::Relaxed);
    }
}

/// Wraps a buffer that counts for the process until its last reference is dropped.
pub(crate) fn tracked(bytes: Vec<u8>) -> Bytes {
    PROCESS.fetch_add(bytes.capacity(), Ordering::Relaxed);
    Bytes::from_owner(Tracked(bytes))
}

/// Bytes that the process holds for one connection.
#[derive(Debug, Default)]
pub(crate) struct MemoryUsage {
    /// Bytes queued for the client.
    queued: AtomicUsize,
    /// Bytes of a polling response that the socket has not accepted yet.
    in_flight: AtomicUsize,
    /// Bytes written to the client since the last [`take_progress`](Self::take_progress).
    taken: AtomicUsize,
    /// Bytes of the request that opened the session, and of incomplete messages.
    incoming: AtomicUsize,
    /// Bytes of the body of a POST.
    body: AtomicUsize,
    /// Bytes that the protocol holds.
    protocol: AtomicUsize,
    /// Whether the protocol accepted the client: it has joined a namespace.
    established: AtomicBool,
}

/// Sets one count of a connection, and adds the difference to that of the process.
fn set(part: &AtomicUsize, bytes: usize) {
    let before = part.swap(bytes, Ordering::Relaxed);
    if bytes >= before {
        PROCESS.fetch_add(bytes - before, Ordering::Relaxed);
    } else {
        PROCESS.fetch_sub(before - bytes, Ordering::Relaxed);
    }
}

impl MemoryUsage {
    /// Queued bytes.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Queued bytes, and those of a polling response in flight.
    pub(crate) fn unread(&self) -> usize {
        self.queued() + self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn add_queued(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Removes queued bytes that were not sent.
    pub(crate) fn drop_queued(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Removes queued bytes that the client's socket accepted.
    pub(crate) fn take_queued(&self, bytes: usize) {
        self.drop_queued(bytes);
        self.add_taken(bytes);
    }

    /// The client's socket accepted bytes.
    pub(crate) fn add_taken(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Begins a polling response of this size.
    pub(crate) fn begin_response(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of a response was accepted by the socket (`read`) or dropped.
    pub(crate) fn end_response(&self, bytes: usize, read: bool) {
        self.in_flight.fetch_sub(bytes, Ordering::Relaxed);
        if read {
            self.taken.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_incoming(&self, bytes: usize) {
        if self.incoming.load(Ordering::Relaxed) != bytes {
            set(&self.incoming, bytes);
        }
    }

    pub(crate) fn set_body(&self, bytes: usize) {
        set(&self.body, bytes);
    }

    pub(crate) fn set_protocol_bytes(&self, bytes: usize) {
        if self.protocol.load(Ordering::Relaxed) != bytes {
            set(&self.protocol, bytes);
        }
    }

    /// Bytes received from the client that are still held.
    pub(crate) fn inbound(&self) -> usize {
        let parts = [&self.incoming, &self.body, &self.protocol];
        parts.iter().map(|part| part.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn establish(&self) {
        self.established.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established.load(Ordering::Relaxed)
    }

    /// Bytes written to the client since the last call.
    pub(crate) fn take_progress(&self) -> usize {
        self.taken.swap(0, Ordering::Relaxed)
    }
}

impl Drop for MemoryUsage {
    fn drop(&mut self) {
        self.set_incoming(0);
        self.set_body(0);
        self.set_protocol_bytes(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_response_in_part_sent_counts_as_unread_and_progress() {
        let memory = MemoryUsage::default();
        memory.begin_response(100);
        memory.end_response(60, true);
        assert_eq!((memory.unread(), memory.take_progress()), (40, 60));
        memory.end_response(40, false);
        assert_eq!((memory.unread(), memory.take_progress()), (0, 0));
    }
}
