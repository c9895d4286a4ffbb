//! What the server sends: frames to packets, packets to events.

use super::framing;
use super::namespace::Standing;
use super::reconnect::Told;
use super::recovery::Recovery;
use super::state::Phase;
use super::{AckToken, AnswerError, ConnectionError, Direction, Event, Machine, Output, Reason, TransportId};
use crate::socketio::engine::polling_payload::SEPARATOR;
use crate::socketio::packet::{Body, EventName};
use crate::socketio::proto::session::{SessionError, Step};
use crate::socketio::{Decoded, Frame, Packet, Timestamp, Value};

impl Machine {
    /// The body of a polling response came: its packets, in order.
    pub fn handle_payload(&mut self, now: Timestamp, id: TransportId, body: &str) {
        self.tick(now);
        let limit = self.config.limits.max_payload_packets;
        let mut rest = Some(body);
        let mut packets = 0;
        while let Some(body) = rest
            && self.is_current(id)
        {
            if packets >= limit {
                let error = SessionError::TooManyPackets { limit };
                self.broken(now, ConnectionError::Session(error));
                return;
            }
            packets += 1;
            let (text, after) = match body.split_once(SEPARATOR) {
                Some((text, after)) => (text, Some(after)),
                None => (body, None),
            };
            rest = after;
            self.frame(now, Frame::from(text));
        }
    }

    /// Answers an event of the server. The token is used up, so that no event is answered twice.
    ///
    /// # Errors
    /// [`AnswerError::Stale`] when the connection on which the event came has ended: the server has forgotten the
    /// question, and its new session may have another one under the same number. The others, when the answer cannot
    /// be sent as it is.
    pub fn answer(&mut self, now: Timestamp, token: AckToken, args: Vec<Value>) -> Result<(), AnswerError> {
        self.tick(now);
        let AckToken { namespace, id, epoch } = token;
        let asked = self.find(&namespace);
        if !asked.is_some_and(|asked| asked.is_joined() && asked.epoch == epoch) {
            return Err(AnswerError::Stale);
        }
        let packet = Packet::new(namespace, Body::Ack { id, args });
        let frames = framing::encode(self.config.parser, &packet, &self.config.limits)?;
        if let Some((size, limit)) = self.oversize(&frames) {
            return Err(AnswerError::TooLarge { size, limit });
        }
        self.send_frames(frames);
        Ok(())
    }

    /// A frame came on the current transport.
    pub(super) fn frame(&mut self, now: Timestamp, frame: Frame) {
        self.count_in(&frame);
        self.observe_frame(Direction::In, &frame);
        let bytes = frame.len();
        let session = match &mut self.phase {
            Phase::Opening(opening) => &mut opening.session,
            Phase::Open(link) => &mut link.session,
            Phase::Idle | Phase::Waiting { .. } => return,
        };
        match session.handle_frame(now, frame) {
            Ok(Step::Opened) => self.opened(now),
            Ok(Step::Pinged) => {
                self.stats.pings += 1;
                self.send_frame(Frame::from(framing::PONG));
                self.event(Event::Ping);
            }
            Ok(Step::Message(frame)) => self.message(now, frame, bytes),
            Ok(Step::Closed) => self.closed_by_server(now),
            Ok(Step::Probed | Step::Ignored) => {}
            Err(error) => self.broken(now, ConnectionError::Session(error)),
        }
    }

    /// The server does not keep to Engine.IO.
    fn broken(&mut self, now: Timestamp, error: ConnectionError) {
        if matches!(self.phase, Phase::Opening(_)) {
            self.opening_failed(now, error, Told::No);
        } else {
            self.event(Event::Error(error.clone()));
            self.close(now, Reason::TransportError, Some(error), Told::No);
        }
    }

    /// Engine.IO `close`: the end of a polling session. On WebSocket it means nothing; the close frame counts.
    fn closed_by_server(&mut self, now: Timestamp) {
        if !self.polls() {
            return;
        }
        let error = ConnectionError::ClosedByServer;
        if matches!(self.phase, Phase::Opening(_)) {
            self.opening_failed(now, error, Told::No);
        } else {
            self.close(now, Reason::TransportClose, Some(error), Told::No);
        }
    }

    fn message(&mut self, now: Timestamp, frame: Frame, bytes: usize) {
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        // A packet weighs what all of its frames do, its attachments included.
        link.bytes = link.bytes.saturating_add(bytes);
        match link.decoder.decode(frame) {
            Ok(Decoded::Packet(packet)) => {
                let bytes = std::mem::take(&mut link.bytes);
                self.packet(now, packet, bytes);
            }
            Ok(Decoded::Incomplete { .. }) => {}
            Err(error) => {
                self.unreadable(now, ConnectionError::Parse(error));
            }
        }
    }

    /// The server sends what cannot be taken. Where that may be what was missed, it would come again with each attempt
    /// to restore the session: the next CONNECT asks for a new one.
    fn unreadable(&mut self, now: Timestamp, error: ConnectionError) {
        for namespace in &mut self.namespaces {
            if matches!(namespace.standing, Standing::Joining { .. }) {
                namespace.recovery = Recovery::default();
            }
        }
        self.close(now, Reason::ParseError, Some(error), Told::No);
    }

    fn packet(&mut self, now: Timestamp, packet: Packet, bytes: usize) {
        let Some(place) = self.place(&packet.namespace) else {
            return;
        };
        match packet.body {
            Body::Connect(data) => self.connect_answered(now, place, data.as_ref()),
            Body::ConnectError(payload) => self.connect_refused(now, place, payload),
            Body::Disconnect => self.disconnected(now, place),
            Body::Event { id, name, args } => {
                self.incoming(now, place, packet.namespace, id, name, args, bytes);
            }
            Body::Ack { id, args } => self.ack(now, place, id, args),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one packet, taken apart where it is matched"
    )]
    fn incoming(
        &mut self,
        now: Timestamp,
        place: usize,
        namespace: String,
        id: Option<u64>,
        name: EventName,
        args: Vec<Value>,
        bytes: usize,
    ) {
        let limit = self.config.early_events;
        let max_bytes = self.config.limits.max_frame_bytes;
        let Some(known) = self.namespaces.get_mut(place) else {
            return;
        };
        let epoch = known.epoch;
        let event = Event::Message {
            ack: id.map(|id| AckToken {
                namespace: namespace.clone(),
                id,
                epoch,
            }),
            namespace,
            name,
            args,
        };
        match &mut known.standing {
            Standing::Joined { .. } => self.deliver(place, event),
            // The socket that was left heard it; nothing waits for a new one, since one that was left is not restored.
            Standing::Joining { .. } if known.left => {}
            Standing::Joining { early, .. } => {
                early.bytes = early.bytes.saturating_add(bytes);
                if early.events.len() >= limit || early.bytes > max_bytes {
                    let error = ConnectionError::TooManyEarlyEvents { limit };
                    self.event(Event::Error(error.clone()));
                    self.unreadable(now, error);
                } else {
                    early.events.push(event);
                }
            }
            Standing::Inactive | Standing::Away | Standing::Asking { .. } | Standing::Withdrawn { .. } => {}
        }
    }

    /// Hands an event to the program, and remembers its offset.
    pub(super) fn deliver(&mut self, place: usize, event: Event) {
        self.stats.events_in += 1;
        if let (Event::Message { args, .. }, Some(namespace)) = (&event, self.namespaces.get_mut(place)) {
            namespace.recovery.delivered(args);
        }
        self.event(event);
    }

    fn ack(&mut self, now: Timestamp, place: usize, wire: u64, args: Vec<Value>) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let Some(pending) = namespace.acks.take_answered(wire) else {
            self.stats.stray_acks += 1;
            return;
        };
        if let Some(sent) = pending.sent {
            self.answered_after(now.millis_since(sent));
        }
        self.settle(now, place, &pending, Ok(args));
    }

    pub(super) fn observe_frame(&mut self, direction: Direction, frame: &Frame) {
        if self.config.observe_frames {
            self.event(Event::Frame {
                direction,
                frame: frame.clone(),
            });
        }
    }

    /// Sends a packet whose form is our own and cannot be refused.
    pub(super) fn send_packet(&mut self, packet: &Packet) {
        if let Ok(frames) = framing::encode(self.config.parser, packet, &self.config.limits) {
            self.send_frames(frames);
        }
    }

    pub(super) fn send_frames(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.send_frame(frame);
        }
    }

    /// Sends a frame on the open connection, or holds it while the transport changes.
    fn send_frame(&mut self, frame: Frame) {
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        let id = link.transport;
        if let Some(frame) = link.hold(frame) {
            self.transmit(id, frame);
        }
    }

    /// Hands a frame to the driver.
    pub(super) fn transmit(&mut self, id: TransportId, frame: Frame) {
        let frame = if self.config.force_base64 {
            framing::to_base64(frame)
        } else {
            frame
        };
        self.count_out(&frame);
        self.observe_frame(Direction::Out, &frame);
        self.outputs.push_back(Output::Send { id, frame });
    }

    /// Size and limit of the first frame that the server of this connection would not take.
    pub(super) fn oversize(&self, frames: &[Frame]) -> Option<(usize, usize)> {
        let limit = usize::try_from(self.max_payload()?).unwrap_or(usize::MAX);
        let base64 = self.config.force_base64 || self.polls();
        let mut size = 0;
        for frame in frames {
            size = size.max(framing::wire_len(frame, base64));
        }
        (size > limit).then_some((size, limit))
    }
}
