//! Events that are sent again until the server answers: one in flight, in order.
//!
//! Each try has an ack id of its own, as in the official client. A try ends unanswered by its timeout or by the end
//! of the connection; after `retries + 1` tries the event fails and the next one has its turn. The queue survives
//! reconnections and shares the bounds of the outbox.

use std::time::Duration;

use super::pending_acks::Pending;
use super::sending::Settled;
use super::{EmitId, EmitState, Failure, Machine, framing};
use crate::socketio::packet::{Body, EventName};
use crate::socketio::proto::deadline_queue::Line;
use crate::socketio::proto::time::after;
use crate::socketio::{Packet, Timestamp, Value};

/// Queue of one namespace.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// In the order of emission, which is the order of the ids.
    queue: Line<Retried>,
    bytes: usize,
}

/// Event that waits for its answer or its turn.
#[derive(Debug)]
pub(super) struct Retried {
    pub(super) id: EmitId,
    pub(super) name: EventName,
    pub(super) args: Vec<Value>,
    /// When it has waited too long, unless a try is under way.
    pub(super) expires: Option<Timestamp>,
    /// Time for each try.
    pub(super) timeout: Option<Duration>,
    /// Whether the program wants the answer.
    pub(super) wants_ack: bool,
    /// How often it was sent.
    pub(super) tries: u32,
    /// Whether a try is under way.
    pub(super) in_flight: bool,
    /// Bytes that it has on the wire, about.
    pub(super) bytes: usize,
}

impl Retries {
    pub(super) fn push(&mut self, retried: Retried) {
        self.bytes += retried.bytes;
        self.queue.push(retried.id.0, None, retried);
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn take(&mut self, id: EmitId) -> Option<Retried> {
        let retried = self.queue.take(id.0)?;
        self.bytes -= retried.bytes;
        Some(retried)
    }

    /// Empties the queue, but leaves a try that is under way.
    pub(super) fn take_waiting(&mut self) -> Vec<Retried> {
        let waiting = self.queue.iter().filter(|(_, retried)| !retried.in_flight);
        let waiting: Vec<u64> = waiting.map(|(id, _)| id).collect();
        waiting
            .into_iter()
            .filter_map(|id| self.take(EmitId(id)))
            .collect()
    }

    /// Moment at which the first that waits has done so for too long. All have the same time.
    pub(super) fn due(&self) -> Option<Timestamp> {
        Some(self.first_waiting()?.1)
    }

    /// Takes one that has waited too long.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Retried> {
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

    pub(super) fn get_mut(&mut self, id: EmitId) -> Option<&mut Retried> {
        self.queue.get_mut(id.0)
    }
}

impl Machine {
    /// Sends the first of the queue if nothing is in flight.
    pub(super) fn drain_retries(&mut self, now: Timestamp, place: usize) {
        while self.can_send(place) {
            let parser = self.config.parser;
            let limits = &self.config.limits;
            let Some(namespace) = self.namespaces.get_mut(place) else {
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
            let due = after(now, head.timeout);
            let wire = namespace.acks.register(id, due, true);
            let body = Body::Event {
                id: Some(wire),
                name: head.name.clone(),
                args: head.args.clone(),
            };
            let packet = Packet::new(namespace.name.clone(), body);
            let frames = framing::encode(parser, &packet, limits).unwrap_or_default();
            if let Some((size, limit)) = self.oversize(&frames) {
                // The server of this connection takes less than the one it was checked against.
                self.forget_try(place, id);
                self.finish_retried(place, id, Err(Failure::TooLarge { size, limit }));
                continue;
            }
            if let Some(namespace) = self.namespaces.get_mut(place) {
                namespace.acks.mark_sent(wire, now);
            }
            if let Body::Event { name, args, .. } = packet.body {
                self.observe_outgoing(place, name, args);
            }
            self.send_frames(frames);
            if first {
                self.state(place, id, EmitState::Sent);
            }
            return;
        }
    }

    /// A try was answered, timed out, or lost its connection.
    pub(super) fn settle_try(&mut self, now: Timestamp, place: usize, pending: &Pending, result: Settled) {
        let most = self.config.retries;
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let Some(retried) = namespace.retries.get_mut(pending.id) else {
            return;
        };
        retried.in_flight = false;
        if result.is_ok() || retried.tries > most {
            self.finish_retried(place, pending.id, result);
        }
        self.drain_retries(now, place);
    }

    /// Takes an event out of the queue for good.
    pub(super) fn finish_retried(&mut self, place: usize, id: EmitId, result: Settled) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let Some(retried) = namespace.retries.take(id) else {
            return;
        };
        self.settled(place, id, retried.wants_ack, result);
    }

    fn forget_try(&mut self, place: usize, id: EmitId) {
        if let Some(namespace) = self.namespaces.get_mut(place) {
            namespace.acks.take_by_id(id);
        }
    }
}
