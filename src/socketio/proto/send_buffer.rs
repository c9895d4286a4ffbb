//! Events of one namespace that cannot be sent yet: in order, bounded, open to inspection.

use super::{EmitId, OutboxConfig, WhenFull};
use crate::socketio::packet::EventName;
use crate::socketio::proto::deadline_queue::Line;
use crate::socketio::{Frame, Timestamp, Value};

/// Queue in the order of emission, which is the order of the ids.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: Line<Entry>,
    bytes: usize,
}

/// Event that waits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: EventName,
    pub(super) frames: Vec<Frame>,
    /// Id on the wire, if it wants an answer.
    pub(super) wire: Option<u64>,
    pub(super) since: Timestamp,
    /// Arguments, for an observer.
    pub(super) args: Option<Vec<Value>>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.frames.iter().map(Frame::len).sum()
    }
}

/// Message that waits in the queue, as a program sees it.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, Machine};
/// use pesan::socketio::Timestamp;
///
/// let mut machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// machine.emit(Timestamp::from_millis(3), Emit::new("pesan").arg("halo")).expect("there is room");
/// let waiting: Vec<_> = machine.queued("/").collect();
/// assert_eq!(waiting[0].name.as_str(), "pesan");
/// assert_eq!(waiting[0].since, Timestamp::from_millis(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueuedMessage<'m> {
    /// Which.
    pub id: EmitId,
    /// Name of the event.
    pub name: &'m EventName,
    /// Bytes that it will have on the wire.
    pub bytes: usize,
    /// When it was emitted.
    pub since: Timestamp,
}

impl Outbox {
    /// Whether a message of this size finds a place, and which ones would have to go for it.
    pub(super) fn room(&self, bytes: usize, bounds: &OutboxConfig) -> Option<Vec<EmitId>> {
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

    /// Adds an event, which waits until `due` if there is a limit.
    pub(super) fn push(&mut self, id: EmitId, due: Option<Timestamp>, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push(id.0, due, entry);
    }

    pub(super) fn take(&mut self, id: EmitId) -> Option<Entry> {
        let entry = self.entries.take(id.0)?;
        self.bytes -= entry.bytes();
        Some(entry)
    }

    pub(super) fn take_first(&mut self) -> Option<(EmitId, Entry)> {
        let (id, entry) = self.entries.take_first()?;
        self.bytes -= entry.bytes();
        Some((EmitId(id), entry))
    }

    /// Takes one that has waited too long.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(EmitId, Entry)> {
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

    pub(super) fn iter(&self) -> impl Iterator<Item = QueuedMessage<'_>> {
        self.entries.iter().map(|(id, entry)| QueuedMessage {
            id: EmitId(id),
            name: &entry.name,
            bytes: entry.bytes(),
            since: entry.since,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> Entry {
        Entry {
            name: "x".into(),
            frames: vec![Frame::Binary(vec![0; bytes])],
            wire: None,
            since: Timestamp::default(),
            args: None,
        }
    }

    fn bounds(messages: usize, bytes: usize, when_full: WhenFull) -> OutboxConfig {
        OutboxConfig {
            messages,
            bytes,
            when_full,
            ..OutboxConfig::default()
        }
    }

    fn filled(sizes: &[usize]) -> Outbox {
        let mut outbox = Outbox::default();
        for (id, size) in (0..).zip(sizes) {
            outbox.push(EmitId(id), None, entry(*size));
        }
        outbox
    }

    #[test]
    fn both_bounds_refuse_what_does_not_fit() {
        let outbox = filled(&[10, 10]);
        assert_eq!(outbox.room(1, &bounds(2, 100, WhenFull::RefuseNew)), None);
        assert_eq!(outbox.room(81, &bounds(9, 100, WhenFull::RefuseNew)), None);
        assert_eq!(
            outbox.room(80, &bounds(9, 100, WhenFull::RefuseNew)),
            Some(vec![])
        );
    }

    #[test]
    fn the_oldest_make_room_and_only_as_many_as_needed() {
        let outbox = filled(&[10, 50, 10]);
        let policy = WhenFull::DropOldest;
        assert_eq!(outbox.room(1, &bounds(3, 100, policy)), Some(vec![EmitId(0)]));
        assert_eq!(
            outbox.room(45, &bounds(9, 100, policy)),
            Some(vec![EmitId(0), EmitId(1)])
        );
        assert_eq!(
            outbox.room(101, &bounds(9, 100, policy)),
            None,
            "nothing would make room"
        );
        assert_eq!(outbox.room(0, &bounds(0, 100, policy)), None);
    }

    #[test]
    fn messages_leave_in_order_and_bytes_are_counted() {
        let mut outbox = filled(&[1, 2, 3]);
        assert_eq!(outbox.bytes(), 6);
        assert!(outbox.take(EmitId(1)).is_some());
        assert_eq!(outbox.take_first().map(|(id, _)| id), Some(EmitId(0)));
        assert_eq!(outbox.take_first().map(|(id, _)| id), Some(EmitId(2)));
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn each_message_has_its_own_deadline() {
        let mut outbox = Outbox::default();
        outbox.push(EmitId(0), Some(Timestamp::from_millis(20)), entry(1));
        outbox.push(EmitId(1), Some(Timestamp::from_millis(10)), entry(1));
        assert_eq!(outbox.due(), Some(Timestamp::from_millis(10)));
        assert!(outbox.take_due(Timestamp::from_millis(9)).is_none());
        assert_eq!(
            outbox.take_due(Timestamp::from_millis(10)).map(|(id, _)| id),
            Some(EmitId(1))
        );
        assert_eq!(outbox.len(), 1);
    }
}
