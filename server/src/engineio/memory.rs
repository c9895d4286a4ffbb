//! Bytes that are held for clients: a count for each connection, and one for the whole process.
//!
//! Outgoing messages are shared by all who get them, so the process counts their buffers ([`counted`]) and not the
//! references to them; a connection counts all that waits for it. [`super::connection`] and [`super::polling`] keep the
//! counts of what goes out, [`super::task`] and the protocol those of what came in. When the process holds more than
//! [`Limits::max_held_bytes`](super::Limits::max_held_bytes), [`super::sessions`] ends those who hold the most.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

/// Bytes of all buffers of the process that wait for clients, or come from them.
static PROCESS: AtomicUsize = AtomicUsize::new(0);

/// Bytes that the process holds for its clients.
pub(crate) fn process_bytes() -> usize {
    PROCESS.load(Ordering::Relaxed)
}

/// Buffer that the process counts until its last reference is dropped.
struct Counted(Vec<u8>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        PROCESS.fetch_sub(self.0.capacity(), Ordering::Relaxed);
    }
}

/// Bytes that count for the process as long as anyone holds them.
pub(crate) fn counted(bytes: Vec<u8>) -> Bytes {
    PROCESS.fetch_add(bytes.capacity(), Ordering::Relaxed);
    Bytes::from_owner(Counted(bytes))
}

/// What one connection makes the process hold.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Bytes that wait for the client to read.
    queued: AtomicUsize,
    /// Bytes of a polling response that the socket has not taken yet.
    in_flight: AtomicUsize,
    /// Bytes that the client has taken since the last look.
    taken: AtomicUsize,
    /// Bytes of the request that opened the session, and those that were read and are no whole message yet.
    incoming: AtomicUsize,
    /// Bytes of the body of a POST.
    body: AtomicUsize,
    /// Bytes of messages that the protocol keeps.
    kept: AtomicUsize,
    /// Whether the protocol knows the client: it has joined a namespace.
    established: AtomicBool,
}

/// Sets a part of what a connection holds, and counts the difference for the process.
fn set(part: &AtomicUsize, bytes: usize) {
    let before = part.swap(bytes, Ordering::Relaxed);
    if bytes >= before {
        PROCESS.fetch_add(bytes - before, Ordering::Relaxed);
    } else {
        PROCESS.fetch_sub(before - bytes, Ordering::Relaxed);
    }
}

impl Account {
    /// Bytes in the queue.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Bytes in the queue, and on their way in a polling response.
    pub(crate) fn unread(&self) -> usize {
        self.queued() + self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn add_queued(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes leave the queue without having been read.
    pub(crate) fn drop_queued(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The client's socket has taken bytes of the queue.
    pub(crate) fn take_queued(&self, bytes: usize) {
        self.drop_queued(bytes);
        self.add_taken(bytes);
    }

    /// The client's socket has taken bytes that waited.
    pub(crate) fn add_taken(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A response of this size begins.
    pub(crate) fn begin_response(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of a response is with the socket (`read`), or is given up.
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

    pub(crate) fn set_kept(&self, bytes: usize) {
        if self.kept.load(Ordering::Relaxed) != bytes {
            set(&self.kept, bytes);
        }
    }

    /// Bytes that the client has sent and that are still held.
    pub(crate) fn held(&self) -> usize {
        let parts = [&self.incoming, &self.body, &self.kept];
        parts.iter().map(|part| part.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn establish(&self) {
        self.established.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established.load(Ordering::Relaxed)
    }

    /// Bytes that the client has taken since this was last asked.
    pub(crate) fn take_progress(&self) -> usize {
        self.taken.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.set_incoming(0);
        self.set_body(0);
        self.set_kept(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_of_a_response_counts_what_the_socket_took() {
        let account = Account::default();
        account.begin_response(100);
        account.end_response(60, true);
        assert_eq!((account.unread(), account.take_progress()), (40, 60));
        account.end_response(40, false);
        assert_eq!((account.unread(), account.take_progress()), (0, 0));
    }
}
