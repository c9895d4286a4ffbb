//! Pending acks of one namespace.

use super::deadline_queue::DeadlineQueue;
use super::event::EmitId;
use super::time::Timestamp;

/// Pending acks in the order of their ids. Each entry is removed exactly once, by a method that returns [`PendingAck`].
#[derive(Debug, Default)]
pub(super) struct PendingAcks {
    /// Next id on the wire. Continues after a reconnection, so that a late ack matches no new event.
    next: u64,
    pending: DeadlineQueue<PendingAck>,
}

/// Event that waits for its ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingAck {
    pub(super) id: EmitId,
    /// When it was sent; `None` while it is queued.
    pub(super) sent: Option<Timestamp>,
    /// Whether it is a try of a retried event.
    pub(super) retried: bool,
}

impl PendingAcks {
    /// Ack id of the next event.
    pub(super) fn peek(&self) -> u64 {
        self.next
    }

    /// Starts waiting, until `due` if given; returns the ack id.
    pub(super) fn register(&mut self, id: EmitId, due: Option<Timestamp>, retried: bool) -> u64 {
        let ack_id = self.next;
        self.next += 1;
        let pending = PendingAck {
            id,
            sent: None,
            retried,
        };
        self.pending.push(ack_id, due, pending);
        ack_id
    }

    /// Marks an event as sent; from now on its ack is accepted.
    pub(super) fn mark_sent(&mut self, ack_id: u64, now: Timestamp) {
        if let Some(pending) = self.pending.get_mut(ack_id) {
            pending.sent = Some(now);
        }
    }

    /// Takes the entry of a received ack; `None` if there is none, or the event was not sent yet.
    pub(super) fn take_answered(&mut self, ack_id: u64) -> Option<PendingAck> {
        self.pending.get_mut(ack_id)?.sent?;
        self.pending.take(ack_id)
    }

    /// Stops waiting for the ack with this id.
    pub(super) fn take(&mut self, ack_id: u64) -> Option<PendingAck> {
        self.pending.take(ack_id)
    }

    /// Stops waiting for the ack of an event. A linear search, since the ack id is not known.
    pub(super) fn take_by_id(&mut self, id: EmitId) -> Option<PendingAck> {
        let (ack_id, _) = self.pending.iter().rfind(|(_, pending)| pending.id == id)?;
        self.pending.take(ack_id)
    }

    /// Takes an entry whose deadline has passed.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<PendingAck> {
        self.pending.take_due(now).map(|(_, pending)| pending)
    }

    /// Takes the entries of all sent events, after their connection has ended. Queued events keep waiting.
    pub(super) fn take_sent(&mut self) -> Vec<PendingAck> {
        let mut taken = Vec::new();
        loop {
            let sent = |(ack_id, pending): (u64, &PendingAck)| pending.sent.map(|_| ack_id);
            let next = self.pending.iter().find_map(sent);
            let Some(pending) = next.and_then(|ack_id| self.pending.take(ack_id)) else {
                return taken;
            };
            taken.push(pending);
        }
    }

    /// Earliest deadline.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.pending.due()
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn pending_ack_settles_once_and_only_after_sending() {
        let mut acks = PendingAcks::default();
        let ack_id = acks.register(EmitId(1), None, false);
        assert_eq!(ack_id, 0, "the first id is 0, as in the official client");
        assert_eq!(acks.take_answered(ack_id), None, "not asked yet");
        acks.mark_sent(ack_id, at(1));
        assert!(acks.take_answered(ack_id).is_some());
        assert_eq!(acks.take_answered(ack_id), None);
        assert_eq!(acks.take_answered(99), None);
        assert_eq!(acks.len(), 0);
    }

    #[test]
    fn pending_acks_on_disconnect_only_sent_ones_are_taken() {
        let mut acks = PendingAcks::default();
        let sent = acks.register(EmitId(1), Some(at(9)), false);
        acks.register(EmitId(2), Some(at(7)), false);
        acks.mark_sent(sent, at(1));
        let gone: Vec<EmitId> = acks.take_sent().iter().map(|pending| pending.id).collect();
        assert_eq!(gone, [EmitId(1)]);
        assert_eq!(acks.due(), Some(at(7)));
        assert_eq!(acks.take_due(at(6)), None);
        assert_eq!(acks.take_due(at(7)).map(|pending| pending.id), Some(EmitId(2)));
        assert_eq!(acks.due(), None);
    }
}
