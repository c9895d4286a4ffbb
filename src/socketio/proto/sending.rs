//! What the program sends, and how each sending ends.

use super::framing::{self, WriteError};
use super::namespace::{Standing, is_legal};
use super::pending_acks::Pending;
use super::retries::Retried;
use super::send_buffer::Entry;
use super::state::Phase;
use super::{AnswerError, Emit, EmitError, EmitId, EmitState, Emitted, Event, Failure, Machine};
use crate::socketio::packet::{Body, EventName};
use crate::socketio::proto::time::{after, sooner};
use crate::socketio::{Frame, Packet, Timestamp, Value};

/// How an event with an ack ended.
pub(super) type Settled = Result<Vec<Value>, Failure>;

impl Machine {
    /// Sends an event, or queues it until its namespace is connected.
    ///
    /// # Errors
    /// [`EmitError`]; nothing was sent or queued, and no ack is pending.
    pub fn emit(&mut self, now: Timestamp, emit: Emit) -> Result<Emitted, EmitError> {
        self.tick(now);
        // A tab that slept may not have noticed yet that the server is gone.
        self.check_heartbeat(now);
        let Emit {
            namespace,
            name,
            args,
            volatile,
            ack,
            timeout,
        } = emit;
        if name.is_reserved() {
            return Err(EmitError::ReservedName(name.as_str().to_owned()));
        }
        if !is_legal(&namespace, self.config.limits.max_namespace_bytes) {
            return Err(EmitError::Namespace(namespace));
        }
        let place = self.place_or_new(&namespace);
        let retried = self.config.retries > 0 && !volatile;
        // Of a retried event the first try's id stands for those to come.
        let next = self.namespaces.get(place).map(|namespace| namespace.acks.peek());
        let wire = next.filter(|_| ack || retried);
        let body = Body::Event { id: wire, name, args };
        let packet = Packet::new(namespace, body);
        let frames = framing::encode(self.config.parser, &packet, &self.config.limits)?;
        if let Some((size, limit)) = self.oversize(&frames) {
            return Err(EmitError::TooLarge { size, limit });
        }
        let Packet {
            namespace,
            body: Body::Event { name, args, .. },
        } = packet
        else {
            unreachable!("the packet was made an event above");
        };
        let direct = !retried && self.can_send(place) && self.has_sent_all(place);
        if volatile && !direct {
            return Ok(self.drop_volatile(namespace, ack));
        }
        if !direct {
            self.make_room(place, &frames)?;
        }
        let id = self.next_emit();
        let timeout_or_usual = timeout.or(self.config.ack_timeout);
        let Some(known) = self.namespaces.get_mut(place) else {
            unreachable!("the namespace was made above");
        };
        if retried {
            known.retries.push(Retried {
                id,
                name,
                args,
                expires: after(now, self.config.outbox.max_age),
                timeout: timeout_or_usual,
                wants_ack: ack,
                tries: 0,
                in_flight: false,
                bytes: frames.iter().map(Frame::len).sum(),
            });
            self.drain_retries(now, place);
            return Ok(Emitted {
                id,
                state: EmitState::Queued,
            });
        }
        if ack {
            let due = after(now, timeout_or_usual);
            known.acks.register(id, due, false);
        }
        if !direct {
            let max_age = self.config.outbox.max_age;
            let waits = sooner(after(now, max_age), after(now, timeout.filter(|_| !ack)));
            let entry = Entry {
                name,
                frames,
                wire,
                since: now,
                args: self.config.observe_outgoing.then_some(args),
            };
            known.outbox.push(id, waits, entry);
            return Ok(Emitted {
                id,
                state: EmitState::Queued,
            });
        }
        if let Some(wire) = wire {
            known.acks.mark_sent(wire, now);
        }
        self.observe_outgoing(place, name, args);
        self.send_frames(frames);
        Ok(Emitted {
            id,
            state: EmitState::Sent,
        })
    }

    fn has_sent_all(&self, place: usize) -> bool {
        self.namespaces
            .get(place)
            .is_some_and(|namespace| namespace.outbox.is_empty())
    }

    fn drop_volatile(&mut self, namespace: String, ack: bool) -> Emitted {
        let id = self.next_emit();
        self.stats.dropped += 1;
        if ack {
            self.event(Event::Ack {
                namespace,
                id,
                result: Err(Failure::Dropped),
            });
        }
        Emitted {
            id,
            state: EmitState::Failed(Failure::Dropped),
        }
    }

    fn next_emit(&mut self) -> EmitId {
        self.last_emit += 1;
        EmitId(self.last_emit)
    }

    /// Whether an event of this namespace may leave now.
    pub(super) fn can_send(&self, place: usize) -> bool {
        let joined = self
            .namespaces
            .get(place)
            .is_some_and(|namespace| matches!(namespace.standing, Standing::Joined { flush: None, .. }));
        match &self.phase {
            Phase::Open(link) => joined && link.is_writable(),
            Phase::Idle | Phase::Opening(_) | Phase::Waiting { .. } => false,
        }
    }

    /// A question is closed: answered, or not to be answered any more.
    pub(super) fn settle(&mut self, now: Timestamp, place: usize, pending: &Pending, result: Settled) {
        if pending.retried {
            self.settle_try(now, place, pending, result);
        } else {
            self.settled(place, pending.id, true, result);
        }
    }

    /// Tells the program how an event ended.
    pub(super) fn settled(&mut self, place: usize, id: EmitId, wants_ack: bool, result: Settled) {
        let state = match &result {
            Ok(_) => EmitState::Acknowledged,
            Err(failure) => EmitState::Failed(failure.clone()),
        };
        self.state(place, id, state);
        if wants_ack {
            let Some(namespace) = self.namespaces.get(place) else {
                return;
            };
            let namespace = namespace.name.clone();
            self.event(Event::Ack {
                namespace,
                id,
                result,
            });
        }
    }

    pub(super) fn state(&mut self, place: usize, id: EmitId, state: EmitState) {
        let Some(namespace) = self.namespaces.get(place) else {
            return;
        };
        let namespace = namespace.name.clone();
        self.event(Event::State { namespace, id, state });
    }

    /// An event leaves for the server.
    pub(super) fn observe_outgoing(&mut self, place: usize, name: EventName, args: Vec<Value>) {
        self.stats.events_out += 1;
        let Some(namespace) = self.namespaces.get(place) else {
            return;
        };
        if self.config.observe_outgoing {
            let namespace = namespace.name.clone();
            self.event(Event::Outgoing {
                namespace,
                name,
                args,
            });
        }
    }
}

impl From<WriteError> for EmitError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooManyAttachments { count, limit } => Self::TooManyAttachments { count, limit },
            WriteError::Encode(error) => Self::Encode(error),
        }
    }
}

impl From<WriteError> for AnswerError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::TooManyAttachments { count, limit } => Self::TooManyAttachments { count, limit },
            WriteError::Encode(error) => Self::Encode(error),
        }
    }
}
