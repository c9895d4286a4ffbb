//! Events of one namespace that wait: the send buffer (not sent yet) and the retry queue (not acknowledged yet).
//!
//! Data only; `flush` sends them.

use std::time::Duration;

use super::config::{SendBufferConfig, WhenFull};
use super::deadline_queue::DeadlineQueue;
use super::event::EmitId;
use super::time::Timestamp;
use crate::socketio::codec::packet::EventName;
use crate::socketio::codec::{Frame, Value};

/// Queue in order of emission, which is the order of the ids.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    entries: DeadlineQueue<BufferedEvent>,
    bytes: usize,
}

/// Event that waits to be sent.
#[derive(Debug)]
pub(super) struct BufferedEvent {
    pub(super) name: EventName,
    pub(super) frames: Vec<Frame>,
    /// Ack id on the wire, if it requests an ack.
    pub(super) ack_id: Option<u64>,
    pub(super) since: Timestamp,
    /// Arguments, if outgoing events are observed.
    pub(super) args: Option<Vec<Value>>,
}

impl BufferedEvent {
    fn bytes(&self) -> usize {
        self.frames.iter().map(Frame::len).sum()
    }
}

/// Event in the send buffer, as the program sees it.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, Connection};
/// use pesan::socketio::Timestamp;
///
/// let mut connection = Connection::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// connection.emit(Timestamp::from_millis(3), Emit::new("pesan").arg("halo")).expect("there is room");
/// let queued: Vec<_> = connection.queued("/").collect();
/// assert_eq!(queued[0].name.as_str(), "pesan");
/// assert_eq!(queued[0].since, Timestamp::from_millis(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueuedEvent<'m> {
    /// Its id.
    pub id: EmitId,
    /// Name of the event.
    pub name: &'m EventName,
    /// Size on the wire, in bytes.
    pub bytes: usize,
    /// When it was emitted.
    pub since: Timestamp,
}

impl SendBuffer {
    /// Events to evict so that one of this size fits; `None` if it does not fit.
    pub(super) fn evictions_for(&self, bytes: usize, bounds: &SendBufferConfig) -> Option<Vec<EmitId>> {
        let (mut messages, mut total) = (self.entries.len(), self.bytes.saturating_add(bytes));
        let mut oldest = self.entries.iter();
        let mut evicted = Vec::new();
        while messages >= bounds.messages || total > bounds.bytes {
            match (bounds.when_full, oldest.next()) {
                (WhenFull::DropOldest, Some((id, entry))) => {
                    evicted.push(EmitId(id));
                    messages -= 1;
                    total -= entry.bytes();
                }
                (WhenFull::DropOldest, None) | (WhenFull::RefuseNew, _) => return None,
            }
        }
        Some(evicted)
    }

    /// Adds an event, which expires at `due` if that is given.
    pub(super) fn push(&mut self, id: EmitId, due: Option<Timestamp>, entry: BufferedEvent) {
        self.bytes += entry.bytes();
        self.entries.push(id.0, due, entry);
    }

    pub(super) fn take(&mut self, id: EmitId) -> Option<BufferedEvent> {
        let entry = self.entries.take(id.0)?;
        self.bytes -= entry.bytes();
        Some(entry)
    }

    pub(super) fn take_first(&mut self) -> Option<(EmitId, BufferedEvent)> {
        let (id, entry) = self.entries.take_first()?;
        self.bytes -= entry.bytes();
        Some((EmitId(id), entry))
    }

    /// Removes an event that has expired.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(EmitId, BufferedEvent)> {
        let (id, entry) = self.entries.take_due(now)?;
        self.bytes -= entry.bytes();
        Some((EmitId(id), entry))
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.entries.due()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = QueuedEvent<'_>> {
        self.entries.iter().map(|(id, entry)| QueuedEvent {
            id: EmitId(id),
            name: &entry.name,
            bytes: entry.bytes(),
            since: entry.since,
        })
    }
}

/// Events of one namespace that are sent again until the server acknowledges them: one in flight, in order.
///
/// Each try has its own ack id, as in the official client. A try fails by its timeout or when the connection ends; after
/// `retries + 1` tries the event fails and the next one is sent. The queue survives reconnections and shares the bounds
/// of the send buffer.
#[derive(Debug, Default)]
pub(super) struct RetryQueue {
    /// In order of emission, which is the order of the ids.
    pub(super) queue: DeadlineQueue<RetriedEvent>,
    bytes: usize,
}

/// Event that waits for its ack or its turn.
#[derive(Debug)]
pub(super) struct RetriedEvent {
    pub(super) id: EmitId,
    pub(super) name: EventName,
    pub(super) args: Vec<Value>,
    /// When it expires, unless a try is in flight.
    pub(super) expires: Option<Timestamp>,
    /// Time limit of each try.
    pub(super) timeout: Option<Duration>,
    /// Whether the program requested the ack.
    pub(super) wants_ack: bool,
    /// Number of tries so far.
    pub(super) tries: u32,
    /// Whether a try is in flight.
    pub(super) in_flight: bool,
    /// Approximate size on the wire, in bytes.
    pub(super) bytes: usize,
}

impl RetryQueue {
    pub(super) fn push(&mut self, retried: RetriedEvent) {
        self.bytes += retried.bytes;
        self.queue.push(retried.id.0, None, retried);
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn take(&mut self, id: EmitId) -> Option<RetriedEvent> {
        let retried = self.queue.take(id.0)?;
        self.bytes -= retried.bytes;
        Some(retried)
    }

    /// Removes all events except one in flight.
    pub(super) fn take_waiting(&mut self) -> Vec<RetriedEvent> {
        let waiting = self.queue.iter().filter(|(_, retried)| !retried.in_flight);
        let waiting: Vec<u64> = waiting.map(|(id, _)| id).collect();
        waiting
            .into_iter()
            .filter_map(|id| self.take(EmitId(id)))
            .collect()
    }

    /// When the first waiting event expires. All events have the same maximum age.
    pub(super) fn due(&self) -> Option<Timestamp> {
        Some(self.first_waiting()?.1)
    }

    /// Removes an event that has expired.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<RetriedEvent> {
        let (id, due) = self.first_waiting()?;
        if now < due {
            return None;
        }
        self.take(id)
    }

    fn first_waiting(&self) -> Option<(EmitId, Timestamp)> {
        let mut queue = self.queue.iter();
        let (_, retried) = queue.find(|(_, retried)| !retried.in_flight)?;
        Some((retried.id, retried.expires?))
    }

    pub(super) fn get_mut(&mut self, id: EmitId) -> Option<&mut RetriedEvent> {
        self.queue.get_mut(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> BufferedEvent {
        BufferedEvent {
            name: "x".into(),
            frames: vec![Frame::Binary(vec![0; bytes])],
            ack_id: None,
            since: Timestamp::default(),
            args: None,
        }
    }

    fn bounds(messages: usize, bytes: usize, when_full: WhenFull) -> SendBufferConfig {
        SendBufferConfig {
            messages,
            bytes,
            when_full,
            ..SendBufferConfig::default()
        }
    }

    fn filled(sizes: &[usize]) -> SendBuffer {
        let mut send_buffer = SendBuffer::default();
        for (id, size) in (0..).zip(sizes) {
            send_buffer.push(EmitId(id), None, entry(*size));
        }
        send_buffer
    }

    #[test]
    fn send_buffer_over_either_bound_refuses() {
        let send_buffer = filled(&[10, 10]);
        assert_eq!(
            send_buffer.evictions_for(1, &bounds(2, 100, WhenFull::RefuseNew)),
            None
        );
        assert_eq!(
            send_buffer.evictions_for(81, &bounds(9, 100, WhenFull::RefuseNew)),
            None
        );
        assert_eq!(
            send_buffer.evictions_for(80, &bounds(9, 100, WhenFull::RefuseNew)),
            Some(vec![])
        );
    }

    #[test]
    fn send_buffer_drop_oldest_evicts_as_few_as_needed() {
        let send_buffer = filled(&[10, 50, 10]);
        let policy = WhenFull::DropOldest;
        assert_eq!(
            send_buffer.evictions_for(1, &bounds(3, 100, policy)),
            Some(vec![EmitId(0)])
        );
        assert_eq!(
            send_buffer.evictions_for(45, &bounds(9, 100, policy)),
            Some(vec![EmitId(0), EmitId(1)])
        );
        assert_eq!(
            send_buffer.evictions_for(101, &bounds(9, 100, policy)),
            None,
            "nothing would make room"
        );
        assert_eq!(send_buffer.evictions_for(0, &bounds(0, 100, policy)), None);
    }

    #[test]
    fn send_buffer_is_in_order_and_counts_bytes() {
        let mut send_buffer = filled(&[1, 2, 3]);
        assert_eq!(send_buffer.bytes(), 6);
        assert!(send_buffer.take(EmitId(1)).is_some());
        assert_eq!(send_buffer.take_first().map(|(id, _)| id), Some(EmitId(0)));
        assert_eq!(send_buffer.take_first().map(|(id, _)| id), Some(EmitId(2)));
        assert!(send_buffer.is_empty());
        assert_eq!(send_buffer.bytes(), 0);
    }

    #[test]
    fn send_buffer_entries_have_own_deadlines() {
        let mut send_buffer = SendBuffer::default();
        send_buffer.push(EmitId(0), Some(Timestamp::from_millis(20)), entry(1));
        send_buffer.push(EmitId(1), Some(Timestamp::from_millis(10)), entry(1));
        assert_eq!(send_buffer.due(), Some(Timestamp::from_millis(10)));
        assert!(send_buffer.take_due(Timestamp::from_millis(9)).is_none());
        assert_eq!(
            send_buffer.take_due(Timestamp::from_millis(10)).map(|(id, _)| id),
            Some(EmitId(1))
        );
        assert_eq!(send_buffer.len(), 1);
    }
}
