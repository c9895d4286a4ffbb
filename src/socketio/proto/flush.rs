//! Sending what waits: flush of the send buffer, retries, expiry, and what a program may inspect or cancel.

use super::connection::Connection;
use super::emit::AckResult;
use super::error::{EmitError, Failure};
use super::event::{EmitId, EmitState, Event};
use super::framing;
use super::namespace::NamespaceState;
use super::pending_acks::PendingAck;
use super::send_buffer::QueuedEvent;
use super::time::{Timestamp, deadline_after};
use crate::socketio::codec::packet::Body;
use crate::socketio::codec::{Frame, Packet};

impl Connection {
    /// Events in the send buffer of a namespace, in order. Retried events are not included.
    pub fn queued(&self, namespace: &str) -> impl Iterator<Item = QueuedEvent<'_>> {
        self.find(namespace)
            .into_iter()
            .flat_map(|found| found.send_buffer.iter())
    }

    /// Number of events of a namespace in the send buffer and the retry queue.
    #[must_use]
    pub fn queue_len(&self, namespace: &str) -> usize {
        self.find(namespace)
            .map_or(0, |found| found.send_buffer.len() + found.retries.len())
    }

    /// Number of acks that a namespace waits for.
    #[must_use]
    pub fn pending_acks(&self, namespace: &str) -> usize {
        self.find(namespace).map_or(0, |found| found.acks.len())
    }

    /// Empties the queue of a namespace; each event fails with [`Failure::Cleared`]. A retried event in flight stays
    /// until it is acknowledged.
    pub fn clear_queue(&mut self, namespace: &str) {
        let Some(index) = self.index_of(namespace) else {
            return;
        };
        while let Some((id, entry)) = self
            .namespaces
            .get_mut(index)
            .and_then(|found| found.send_buffer.take_first())
        {
            self.fail_queued(index, id, entry.ack_id, Failure::Cleared);
        }
        let Some(found) = self.namespaces.get_mut(index) else {
            return;
        };
        for retried in found.retries.take_waiting() {
            self.finish_emit(index, retried.id, retried.wants_ack, Err(Failure::Cleared));
        }
    }

    /// Removes an event from the send buffer or the retry queue; its ack fails with [`Failure::Cancelled`].
    /// Returns whether there was anything to cancel.
    pub fn cancel(&mut self, now: Timestamp, id: EmitId) -> bool {
        self.advance_clock(now);
        for index in 0..self.namespaces.len() {
            let Some(found) = self.namespaces.get_mut(index) else {
                break;
            };
            if let Some(entry) = found.send_buffer.take(id) {
                self.fail_queued(index, id, entry.ack_id, Failure::Cancelled);
                return true;
            }
            let pending = found.acks.take_by_id(id);
            if found.retries.get_mut(id).is_some() {
                self.finish_retried(index, id, Err(Failure::Cancelled));
                self.send_next_retry(now, index);
                return true;
            }
            if let Some(pending) = pending {
                self.settle_ack(now, index, &pending, Err(Failure::Cancelled));
                return true;
            }
        }
        false
    }

    /// Stops waiting for an ack, which fails with [`Failure::Cancelled`]. The event itself is sent and retried as
    /// before. Returns whether the ack was pending.
    pub fn cancel_ack(&mut self, id: EmitId) -> bool {
        for index in 0..self.namespaces.len() {
            let Some(found) = self.namespaces.get_mut(index) else {
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

    /// Evicts events, if the policy allows it, so that one with these frames fits.
    pub(super) fn make_room(&mut self, index: usize, frames: &[Frame]) -> Result<(), EmitError> {
        let bytes: usize = frames.iter().map(Frame::len).sum();
        let Some(found) = self.namespaces.get_mut(index) else {
            return Ok(());
        };
        // Retried events count but are never evicted: one of them may be in flight.
        let mut bounds = self.config.send_buffer.clone();
        bounds.messages = bounds.messages.saturating_sub(found.retries.len());
        bounds.bytes = bounds.bytes.saturating_sub(found.retries.bytes());
        let Some(evicted) = found.send_buffer.evictions_for(bytes, &bounds) else {
            return Err(EmitError::SendBufferFull {
                messages: found.send_buffer.len() + found.retries.len(),
                bytes: found.send_buffer.bytes() + found.retries.bytes(),
            });
        };
        for id in evicted {
            let evicted = self
                .namespaces
                .get_mut(index)
                .and_then(|found| found.send_buffer.take(id));
            let ack_id = evicted.and_then(|entry| entry.ack_id);
            self.fail_queued(index, id, ack_id, Failure::Evicted);
        }
        Ok(())
    }

    /// Sends the send buffer in order, then the next retried event.
    pub(super) fn flush(&mut self, now: Timestamp, index: usize) {
        while self.can_send(index) {
            let Some(found) = self.namespaces.get_mut(index) else {
                return;
            };
            let Some((id, entry)) = found.send_buffer.take_first() else {
                break;
            };
            if let Some((size, limit)) = self.oversize(&entry.frames) {
                self.fail_queued(index, id, entry.ack_id, Failure::TooLarge { size, limit });
                continue;
            }
            if let (Some(ack_id), Some(found)) = (entry.ack_id, self.namespaces.get_mut(index)) {
                found.acks.mark_sent(ack_id, now);
            }
            self.observe_outgoing(index, entry.name, entry.args.unwrap_or_default());
            self.send_frames(entry.frames);
            self.report_emit_state(index, id, EmitState::Sent);
        }
        self.send_next_retry(now, index);
    }

    /// Flushes every namespace.
    pub(super) fn flush_all(&mut self, now: Timestamp) {
        for index in 0..self.namespaces.len() {
            self.flush(now, index);
        }
    }

    /// Expires events and acks of one namespace, and flushes it if that was deferred until now.
    pub(super) fn expire_events(&mut self, now: Timestamp, index: usize) {
        while let Some((id, entry)) = self
            .namespaces
            .get_mut(index)
            .and_then(|found| found.send_buffer.take_due(now))
        {
            let expired = self
                .config
                .send_buffer
                .max_age
                .is_some_and(|age| entry.since + age <= now);
            let failure = if expired {
                Failure::Expired
            } else {
                Failure::TimedOut
            };
            self.fail_queued(index, id, entry.ack_id, failure);
        }
        while let Some(retried) = self
            .namespaces
            .get_mut(index)
            .and_then(|found| found.retries.take_due(now))
        {
            self.finish_emit(index, retried.id, retried.wants_ack, Err(Failure::Expired));
        }
        while let Some(pending) = self
            .namespaces
            .get_mut(index)
            .and_then(|found| found.acks.take_due(now))
        {
            if let Some(found) = self.namespaces.get_mut(index) {
                found.send_buffer.take(pending.id);
            }
            self.settle_ack(now, index, &pending, Err(Failure::TimedOut));
        }
        let Some(found) = self.namespaces.get_mut(index) else {
            return;
        };
        if let NamespaceState::Connected { flush, .. } = &mut found.state
            && flush.is_some_and(|due| due <= now)
        {
            *flush = None;
            self.flush(now, index);
        }
    }

    /// A queued event will not be sent; its ack, if any, fails too.
    fn fail_queued(&mut self, index: usize, id: EmitId, ack_id: Option<u64>, failure: Failure) {
        let Some(found) = self.namespaces.get_mut(index) else {
            return;
        };
        let wants_ack = ack_id.is_some_and(|ack_id| found.acks.take(ack_id).is_some());
        self.finish_emit(index, id, wants_ack, Err(failure));
    }

    /// Sends the first retried event if none is in flight.
    pub(super) fn send_next_retry(&mut self, now: Timestamp, index: usize) {
        while self.can_send(index) {
            let parser = self.config.parser;
            let limits = &self.config.limits;
            let Some(namespace) = self.namespaces.get_mut(index) else {
                return;
            };
            let Some(head) = namespace.retries.queue.first_mut() else {
                return;
            };
            if head.in_flight {
                return;
            }
            head.in_flight = true;
            head.tries += 1;
            let (id, first) = (head.id, head.tries == 1);
            let due = deadline_after(now, head.timeout);
            let ack_id = namespace.acks.register(id, due, true);
            let body = Body::Event {
                id: Some(ack_id),
                name: head.name.clone(),
                args: head.args.clone(),
            };
            let packet = Packet::new(namespace.name.clone(), body);
            let frames = framing::encode(parser, &packet, limits).unwrap_or_default();
            if let Some((size, limit)) = self.oversize(&frames) {
                // This connection's server accepts less than the one for which the size was checked.
                self.forget_try(index, id);
                self.finish_retried(index, id, Err(Failure::TooLarge { size, limit }));
                continue;
            }
            if let Some(namespace) = self.namespaces.get_mut(index) {
                namespace.acks.mark_sent(ack_id, now);
            }
            if let Body::Event { name, args, .. } = packet.body {
                self.observe_outgoing(index, name, args);
            }
            self.send_frames(frames);
            if first {
                self.report_emit_state(index, id, EmitState::Sent);
            }
            return;
        }
    }

    /// A try was acknowledged, timed out, or lost its connection.
    pub(super) fn finish_try(
        &mut self,
        now: Timestamp,
        index: usize,
        pending: &PendingAck,
        result: AckResult,
    ) {
        let most = self.config.retries;
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let Some(retried) = namespace.retries.get_mut(pending.id) else {
            return;
        };
        retried.in_flight = false;
        if result.is_ok() || retried.tries > most {
            self.finish_retried(index, pending.id, result);
        }
        self.send_next_retry(now, index);
    }

    /// Removes an event from the retry queue and reports its result.
    pub(super) fn finish_retried(&mut self, index: usize, id: EmitId, result: AckResult) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let Some(retried) = namespace.retries.take(id) else {
            return;
        };
        self.finish_emit(index, id, retried.wants_ack, result);
    }

    fn forget_try(&mut self, index: usize, id: EmitId) {
        if let Some(namespace) = self.namespaces.get_mut(index) {
            namespace.acks.take_by_id(id);
        }
    }
}
