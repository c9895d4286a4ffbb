//! The outbox in action: room, flush, age, timeouts, and what a program may look at and take back.

use super::namespace::Standing;
use super::{EmitError, EmitId, EmitState, Event, Failure, Machine, QueuedMessage};
use crate::socketio::{Frame, Timestamp};

impl Machine {
    /// Events of a namespace that wait to be sent, in order; those to be retried are not among them.
    pub fn queued(&self, namespace: &str) -> impl Iterator<Item = QueuedMessage<'_>> {
        self.find(namespace)
            .into_iter()
            .flat_map(|found| found.outbox.iter())
    }

    /// How many events of a namespace wait to be sent, or are being retried.
    #[must_use]
    pub fn queue_len(&self, namespace: &str) -> usize {
        self.find(namespace)
            .map_or(0, |found| found.outbox.len() + found.retries.len())
    }

    /// How many answers a namespace waits for.
    #[must_use]
    pub fn pending_acks(&self, namespace: &str) -> usize {
        self.find(namespace).map_or(0, |found| found.acks.len())
    }

    /// Empties a namespace's queue; each event fails with [`Failure::Cleared`]. One that is under way to be retried
    /// stays until it is answered.
    pub fn clear_queue(&mut self, namespace: &str) {
        let Some(place) = self.place(namespace) else {
            return;
        };
        while let Some((id, entry)) = self
            .namespaces
            .get_mut(place)
            .and_then(|found| found.outbox.take_first())
        {
            self.unsent(place, id, entry.wire, Failure::Cleared);
        }
        let Some(found) = self.namespaces.get_mut(place) else {
            return;
        };
        for retried in found.retries.take_waiting() {
            self.settled(place, retried.id, retried.wants_ack, Err(Failure::Cleared));
        }
    }

    /// Takes an event back: out of the queue, or out of the retries; its ack fails with [`Failure::Cancelled`].
    /// Says whether there was anything left to take back.
    pub fn cancel(&mut self, now: Timestamp, id: EmitId) -> bool {
        self.tick(now);
        for place in 0..self.namespaces.len() {
            let Some(found) = self.namespaces.get_mut(place) else {
                break;
            };
            if let Some(entry) = found.outbox.take(id) {
                self.unsent(place, id, entry.wire, Failure::Cancelled);
                return true;
            }
            let pending = found.acks.take_by_id(id);
            if found.retries.get_mut(id).is_some() {
                self.finish_retried(place, id, Err(Failure::Cancelled));
                self.drain_retries(now, place);
                return true;
            }
            if let Some(pending) = pending {
                self.settle(now, place, &pending, Err(Failure::Cancelled));
                return true;
            }
        }
        false
    }

    /// Loses interest in an answer: the event itself is sent, and retried, as before. The ack fails with
    /// [`Failure::Cancelled`]. Says whether one was pending.
    pub fn cancel_ack(&mut self, id: EmitId) -> bool {
        for place in 0..self.namespaces.len() {
            let Some(found) = self.namespaces.get_mut(place) else {
                break;
            };
            let pending = match found.retries.get_mut(id) {
                Some(retried) => std::mem::replace(&mut retried.wants_ack, false),
                None => found.acks.take_by_id(id).is_some(),
            };
            if pending {
                let namespace = found.name.clone();
                let result = Err(Failure::Cancelled);
                self.event(Event::Ack {
                    namespace,
                    id,
                    result,
                });
                return true;
            }
        }
        false
    }

    /// Makes sure that an event finds a place in its queue.
    pub(super) fn make_room(&mut self, place: usize, frames: &[Frame]) -> Result<(), EmitError> {
        let bytes: usize = frames.iter().map(Frame::len).sum();
        let Some(found) = self.namespaces.get_mut(place) else {
            return Ok(());
        };
        // Retried events count, but do not give way: one of them may be under way.
        let mut bounds = self.config.outbox.clone();
        bounds.messages = bounds.messages.saturating_sub(found.retries.len());
        bounds.bytes = bounds.bytes.saturating_sub(found.retries.bytes());
        let Some(evicted) = found.outbox.room(bytes, &bounds) else {
            return Err(EmitError::OutboxFull {
                messages: found.outbox.len() + found.retries.len(),
                bytes: found.outbox.bytes() + found.retries.bytes(),
            });
        };
        for id in evicted {
            let evicted = self
                .namespaces
                .get_mut(place)
                .and_then(|found| found.outbox.take(id));
            let wire = evicted.and_then(|entry| entry.wire);
            self.unsent(place, id, wire, Failure::Evicted);
        }
        Ok(())
    }

    /// Sends what waits, in order, then what is to be retried.
    pub(super) fn flush(&mut self, now: Timestamp, place: usize) {
        while self.can_send(place) {
            let Some(found) = self.namespaces.get_mut(place) else {
                return;
            };
            let Some((id, entry)) = found.outbox.take_first() else {
                break;
            };
            if let Some((size, limit)) = self.oversize(&entry.frames) {
                self.unsent(place, id, entry.wire, Failure::TooLarge { size, limit });
                continue;
            }
            if let (Some(wire), Some(found)) = (entry.wire, self.namespaces.get_mut(place)) {
                found.acks.mark_sent(wire, now);
            }
            self.observe_outgoing(place, entry.name, entry.args.unwrap_or_default());
            self.send_frames(entry.frames);
            self.state(place, id, EmitState::Sent);
        }
        self.drain_retries(now, place);
    }

    /// Sends what waits in every namespace.
    pub(super) fn flush_all(&mut self, now: Timestamp) {
        for place in 0..self.namespaces.len() {
            self.flush(now, place);
        }
    }

    /// Deadlines of one namespace's events.
    pub(super) fn queue_timeout(&mut self, now: Timestamp, place: usize) {
        while let Some((id, entry)) = self
            .namespaces
            .get_mut(place)
            .and_then(|found| found.outbox.take_due(now))
        {
            let too_old = self
                .config
                .outbox
                .max_age
                .is_some_and(|age| entry.since + age <= now);
            let failure = if too_old {
                Failure::Expired
            } else {
                Failure::TimedOut
            };
            self.unsent(place, id, entry.wire, failure);
        }
        while let Some(retried) = self
            .namespaces
            .get_mut(place)
            .and_then(|found| found.retries.take_due(now))
        {
            self.settled(place, retried.id, retried.wants_ack, Err(Failure::Expired));
        }
        while let Some(pending) = self
            .namespaces
            .get_mut(place)
            .and_then(|found| found.acks.take_due(now))
        {
            if let Some(found) = self.namespaces.get_mut(place) {
                found.outbox.take(pending.id);
            }
            self.settle(now, place, &pending, Err(Failure::TimedOut));
        }
        let Some(found) = self.namespaces.get_mut(place) else {
            return;
        };
        if let Standing::Joined { flush, .. } = &mut found.standing
            && flush.is_some_and(|due| due <= now)
        {
            *flush = None;
            self.flush(now, place);
        }
    }

    /// An event that waited is not sent; its ack, if it has one, ends with it.
    fn unsent(&mut self, place: usize, id: EmitId, wire: Option<u64>, failure: Failure) {
        let Some(found) = self.namespaces.get_mut(place) else {
            return;
        };
        let wants_ack = wire.is_some_and(|wire| found.acks.take(wire).is_some());
        self.settled(place, id, wants_ack, Err(failure));
    }
}
