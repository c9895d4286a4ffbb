//! Events of one namespace that wait for an answer.

use super::EmitId;
use crate::socketio::Timestamp;
use crate::socketio::proto::deadline_queue::Line;

/// Pending acks, in the order of their ids on the wire. Each entry leaves exactly once, by one of the methods that
/// return [`Pending`].
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Next id on the wire; goes on over reconnections, so that an old answer fits no new question.
    next: u64,
    pending: Line<Pending>,
}

/// One event that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: EmitId,
    /// When it left; `None` while it is queued.
    pub(super) sent: Option<Timestamp>,
    /// Whether it is one try of a retried event.
    pub(super) retried: bool,
}

impl Acks {
    /// Id that the next question will have on the wire.
    pub(super) fn peek(&self) -> u64 {
        self.next
    }

    /// Begins to wait, until `due` if there is a limit; returns the id for the wire.
    pub(super) fn register(&mut self, id: EmitId, due: Option<Timestamp>, retried: bool) -> u64 {
        let wire = self.next;
        self.next += 1;
        let pending = Pending {
            id,
            sent: None,
            retried,
        };
        self.pending.push(wire, due, pending);
        wire
    }

    /// The event has left; from now on it can be answered.
    pub(super) fn mark_sent(&mut self, wire: u64, now: Timestamp) {
        if let Some(pending) = self.pending.get_mut(wire) {
            pending.sent = Some(now);
        }
    }

    /// The server answered; `None` when nobody asked, or not yet.
    pub(super) fn take_answered(&mut self, wire: u64) -> Option<Pending> {
        self.pending.get_mut(wire)?.sent?;
        self.pending.take(wire)
    }

    /// Stops waiting for the answer to what would have had, or has, this id on the wire.
    pub(super) fn take(&mut self, wire: u64) -> Option<Pending> {
        self.pending.take(wire)
    }

    /// Stops waiting for one event, whose id on the wire is not at hand; looks at each until it is found.
    pub(super) fn take_by_id(&mut self, id: EmitId) -> Option<Pending> {
        let (wire, _) = self.pending.iter().rfind(|(_, pending)| pending.id == id)?;
        self.pending.take(wire)
    }

    /// Next one whose time is over.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Pending> {
        self.pending.take_due(now).map(|(_, pending)| pending)
    }

    /// All that have left: their connection has ended. Those still queued go on waiting.
    pub(super) fn take_sent(&mut self) -> Vec<Pending> {
        let mut taken = Vec::new();
        loop {
            let sent = |(wire, pending): (u64, &Pending)| pending.sent.map(|_| wire);
            let next = self.pending.iter().find_map(sent);
            let Some(pending) = next.and_then(|wire| self.pending.take(wire)) else {
                return taken;
            };
            taken.push(pending);
        }
    }

    /// Earliest moment at which one runs out of time.
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
    fn an_answer_counts_once_and_only_after_the_question() {
        let mut acks = Acks::default();
        let wire = acks.register(EmitId(1), None, false);
        assert_eq!(wire, 0, "the first id is 0, as in the official client");
        assert_eq!(acks.take_answered(wire), None, "not asked yet");
        acks.mark_sent(wire, at(1));
        assert!(acks.take_answered(wire).is_some());
        assert_eq!(acks.take_answered(wire), None);
        assert_eq!(acks.take_answered(99), None);
        assert_eq!(acks.len(), 0);
    }

    #[test]
    fn the_end_of_a_connection_takes_only_what_has_left() {
        let mut acks = Acks::default();
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
