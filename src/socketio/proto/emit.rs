//! Emitting events: sent now, queued or retried, and how each emit ends.

use std::time::Duration;

use super::connection::Connection;
use super::error::{EmitError, Failure, SendAckError};
use super::event::{EmitId, EmitState, Event};
use super::framing::{self, FramingError};
use super::namespace::{NamespaceState, is_legal};
use super::pending_acks::PendingAck;
use super::send_buffer::{BufferedEvent, RetriedEvent};
use super::state::State;
use super::time::{Timestamp, deadline_after, earliest};
use crate::socketio::codec::packet::{Body, EventName, ROOT};
use crate::socketio::codec::{Frame, Packet, Value};

/// Event to send, with the options that the official client calls flags.
///
/// ```
/// use pesan::socketio::proto::Emit;
/// use std::time::Duration;
///
/// let plain = Emit::new("pesan").arg("halo");
/// let with_ack = Emit::new("save").to("/admin").arg(7).with_ack().timeout(Duration::from_secs(5));
/// # let _ = (plain, with_ack);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "it is sent by `Connection::emit`"]
pub struct Emit {
    pub(crate) namespace: String,
    pub(crate) name: EventName,
    pub(crate) args: Vec<Value>,
    pub(crate) volatile: bool,
    pub(crate) ack: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Emit {
    /// Event without arguments, in the namespace `/`.
    pub fn new(name: impl Into<EventName>) -> Self {
        Self {
            namespace: ROOT.to_owned(),
            name: name.into(),
            args: Vec::new(),
            volatile: false,
            ack: false,
            timeout: None,
        }
    }

    /// Sends it in another namespace.
    pub fn to(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<Value>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = Value>) -> Self {
        self.args.extend(args);
        self
    }

    /// Drops the event instead of queueing it when it cannot be sent immediately; never retried.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Requests an ack. [`Event::Ack`](super::Event::Ack) reports it, or why there is none, exactly once.
    pub fn with_ack(mut self) -> Self {
        self.ack = true;
        self
    }

    /// Time limit for the ack, instead of [`Config::ack_timeout`](super::Config::ack_timeout). It starts at `emit`, not
    /// when the event is sent; an event that is still queued then is removed. Without an ack it limits the time in the
    /// queue.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Result of an emit; later changes are reported by [`Event::EmitState`](super::Event::EmitState).
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, EmitState, Failure, Connection};
/// use pesan::socketio::Timestamp;
///
/// let mut connection = Connection::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// let now = Timestamp::from_millis(0);
/// let queued = connection.emit(now, Emit::new("pesan")).expect("there is room");
/// assert_eq!(queued.state, EmitState::Queued);
/// let dropped = connection.emit(now, Emit::new("typing").volatile()).expect("legal");
/// assert_eq!(dropped.state, EmitState::Failed(Failure::Dropped));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Id for later events about it.
    pub id: EmitId,
    /// Current state.
    pub state: EmitState,
}

/// Result of an event with an ack.
pub(crate) type AckResult = Result<Vec<Value>, Failure>;

impl Connection {
    /// Sends an event, or queues it until its namespace is connected.
    ///
    /// # Errors
    /// [`EmitError`]; nothing was sent or queued, and no ack is pending.
    pub fn emit(&mut self, now: Timestamp, emit: Emit) -> Result<Emitted, EmitError> {
        self.advance_clock(now);
        // After a suspended tab resumes, the heartbeat timeout may not have fired yet.
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
        let index = self.index_or_insert(&namespace);
        let retried = self.config.retries > 0 && !volatile;
        // Ids of later tries may be longer; the first one is used to check the size.
        let next = self.namespaces.get(index).map(|namespace| namespace.acks.peek());
        let ack_id = next.filter(|_| ack || retried);
        let body = Body::Event {
            id: ack_id,
            name,
            args,
        };
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
            unreachable!("the packet was built as an event above");
        };
        let direct = !retried && self.can_send(index) && self.send_buffer_is_empty(index);
        if volatile && !direct {
            return Ok(self.drop_volatile(namespace, ack));
        }
        if !direct {
            self.make_room(index, &frames)?;
        }
        let id = self.next_emit_id();
        let ack_timeout = timeout.or(self.config.ack_timeout);
        let Some(namespace) = self.namespaces.get_mut(index) else {
            unreachable!("the namespace was created above");
        };
        if retried {
            namespace.retries.push(RetriedEvent {
                id,
                name,
                args,
                expires: deadline_after(now, self.config.send_buffer.max_age),
                timeout: ack_timeout,
                wants_ack: ack,
                tries: 0,
                in_flight: false,
                bytes: frames.iter().map(Frame::len).sum(),
            });
            self.send_next_retry(now, index);
            return Ok(Emitted {
                id,
                state: EmitState::Queued,
            });
        }
        if ack {
            let due = deadline_after(now, ack_timeout);
            namespace.acks.register(id, due, false);
        }
        if !direct {
            let max_age = self.config.send_buffer.max_age;
            let expires = earliest(
                deadline_after(now, max_age),
                deadline_after(now, timeout.filter(|_| !ack)),
            );
            let buffered = BufferedEvent {
                name,
                frames,
                ack_id,
                since: now,
                args: self.config.observe_outgoing.then_some(args),
            };
            namespace.send_buffer.push(id, expires, buffered);
            return Ok(Emitted {
                id,
                state: EmitState::Queued,
            });
        }
        if let Some(ack_id) = ack_id {
            namespace.acks.mark_sent(ack_id, now);
        }
        self.observe_outgoing(index, name, args);
        self.send_frames(frames);
        Ok(Emitted {
            id,
            state: EmitState::Sent,
        })
    }

    fn send_buffer_is_empty(&self, index: usize) -> bool {
        self.namespaces
            .get(index)
            .is_some_and(|namespace| namespace.send_buffer.is_empty())
    }

    fn drop_volatile(&mut self, namespace: String, ack: bool) -> Emitted {
        let id = self.next_emit_id();
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

    fn next_emit_id(&mut self) -> EmitId {
        self.last_emit += 1;
        EmitId(self.last_emit)
    }

    /// Whether events of this namespace can be sent now.
    pub(super) fn can_send(&self, index: usize) -> bool {
        let joined = self.namespaces.get(index).is_some_and(|namespace| {
            matches!(namespace.state, NamespaceState::Connected { flush: None, .. })
        });
        match &self.state {
            State::Established(open) => joined && open.is_writable(),
            State::Idle | State::Connecting(_) | State::Backoff { .. } => false,
        }
    }

    /// An ack arrived, or can no longer arrive.
    pub(super) fn settle_ack(
        &mut self,
        now: Timestamp,
        index: usize,
        pending: &PendingAck,
        result: AckResult,
    ) {
        if pending.retried {
            self.finish_try(now, index, pending, result);
        } else {
            self.finish_emit(index, pending.id, true, result);
        }
    }

    /// Reports the final state of an event, and its ack.
    pub(super) fn finish_emit(&mut self, index: usize, id: EmitId, wants_ack: bool, result: AckResult) {
        let state = match &result {
            Ok(_) => EmitState::Acknowledged,
            Err(failure) => EmitState::Failed(failure.clone()),
        };
        self.report_emit_state(index, id, state);
        if wants_ack {
            let Some(namespace) = self.namespaces.get(index) else {
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

    pub(super) fn report_emit_state(&mut self, index: usize, id: EmitId, state: EmitState) {
        let Some(namespace) = self.namespaces.get(index) else {
            return;
        };
        let namespace = namespace.name.clone();
        self.event(Event::EmitState { namespace, id, state });
    }

    /// Counts an event that is being sent, and reports it to observers.
    pub(super) fn observe_outgoing(&mut self, index: usize, name: EventName, args: Vec<Value>) {
        self.stats.events_out += 1;
        let Some(namespace) = self.namespaces.get(index) else {
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

impl From<FramingError> for EmitError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::TooManyAttachments { count, limit } => Self::TooManyAttachments { count, limit },
            FramingError::Encode(error) => Self::Encode(error),
        }
    }
}

impl From<FramingError> for SendAckError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::TooManyAttachments { count, limit } => Self::TooManyAttachments { count, limit },
            FramingError::Encode(error) => Self::Encode(error),
        }
    }
}
