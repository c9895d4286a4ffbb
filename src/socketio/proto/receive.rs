//! Received data: frames to packets, packets to events. Also sends frames, and acks to the server's events.

use super::connection::Connection;
use super::error::{ConnectionError, SendAckError};
use super::event::{AckToken, Direction, Event, Output, Reason};
use super::framing;
use super::namespace::NamespaceState;
use super::recovery::Recovery;
use super::session::{SessionError, SessionEvent};
use super::state::{CloseInitiator, State};
use super::time::Timestamp;
use super::transport::TransportId;
use crate::socketio::codec::engine::polling_payload::SEPARATOR;
use crate::socketio::codec::packet::{Body, EventName};
use crate::socketio::codec::{Decoded, Frame, Packet, Value};

impl Connection {
    /// The body of a polling response arrived: handles its packets in order.
    pub fn handle_payload(&mut self, now: Timestamp, id: TransportId, body: &str) {
        self.advance_clock(now);
        let limit = self.config.limits.max_payload_packets;
        let mut rest = Some(body);
        let mut packets = 0;
        while let Some(body) = rest
            && self.is_current(id)
        {
            if packets >= limit {
                let error = SessionError::TooManyPackets { limit };
                self.on_protocol_error(now, ConnectionError::Session(error));
                return;
            }
            packets += 1;
            let (text, after) = match body.split_once(SEPARATOR) {
                Some((text, after)) => (text, Some(after)),
                None => (body, None),
            };
            rest = after;
            self.on_frame(now, Frame::from(text));
        }
    }

    /// Sends the ack to an event of the server. It consumes the token, so that no event is acknowledged twice.
    ///
    /// # Errors
    /// [`SendAckError::Stale`] when the connection on which the event arrived has ended: in a new session the id may
    /// belong to another event. The others when the ack cannot be encoded or is too large.
    pub fn send_ack(
        &mut self,
        now: Timestamp,
        token: AckToken,
        args: Vec<Value>,
    ) -> Result<(), SendAckError> {
        self.advance_clock(now);
        let AckToken { namespace, id, epoch } = token;
        let asked = self.find(&namespace);
        if !asked.is_some_and(|asked| asked.is_connected() && asked.epoch == epoch) {
            return Err(SendAckError::Stale);
        }
        let packet = Packet::new(namespace, Body::Ack { id, args });
        let frames = framing::encode(self.config.parser, &packet, &self.config.limits)?;
        if let Some((size, limit)) = self.oversize(&frames) {
            return Err(SendAckError::TooLarge { size, limit });
        }
        self.send_frames(frames);
        Ok(())
    }

    /// Handles a frame of the current transport.
    pub(super) fn on_frame(&mut self, now: Timestamp, frame: Frame) {
        self.count_in(&frame);
        self.observe_frame(Direction::In, &frame);
        let bytes = frame.len();
        let session = match &mut self.state {
            State::Connecting(connecting) => &mut connecting.session,
            State::Established(open) => &mut open.session,
            State::Idle | State::Backoff { .. } => return,
        };
        match session.handle_frame(now, frame) {
            Ok(SessionEvent::Opened) => self.on_open(now),
            Ok(SessionEvent::Pinged) => {
                self.stats.pings += 1;
                self.send_frame(Frame::from(framing::PONG));
                self.event(Event::Ping);
            }
            Ok(SessionEvent::Message(frame)) => self.on_message(now, frame, bytes),
            Ok(SessionEvent::Closed) => self.on_engine_close(now),
            Ok(SessionEvent::Probed | SessionEvent::Ignored) => {}
            Err(error) => self.on_protocol_error(now, ConnectionError::Session(error)),
        }
    }

    /// The server violated the Engine.IO protocol.
    fn on_protocol_error(&mut self, now: Timestamp, error: ConnectionError) {
        if matches!(self.state, State::Connecting(_)) {
            self.transport_failed(now, error, CloseInitiator::Client);
        } else {
            self.event(Event::Error(error.clone()));
            self.close(now, Reason::TransportError, Some(error), CloseInitiator::Client);
        }
    }

    /// Engine.IO `close` ends a polling session. On a WebSocket it is ignored; the close frame counts.
    fn on_engine_close(&mut self, now: Timestamp) {
        if !self.is_polling() {
            return;
        }
        let error = ConnectionError::ClosedByServer;
        if matches!(self.state, State::Connecting(_)) {
            self.transport_failed(now, error, CloseInitiator::Client);
        } else {
            self.close(now, Reason::TransportClose, Some(error), CloseInitiator::Client);
        }
    }

    fn on_message(&mut self, now: Timestamp, frame: Frame, bytes: usize) {
        let State::Established(open) = &mut self.state else {
            return;
        };
        // The size of a packet includes its attachments.
        open.bytes = open.bytes.saturating_add(bytes);
        match open.decoder.decode(frame) {
            Ok(Decoded::Packet(packet)) => {
                let bytes = std::mem::take(&mut open.bytes);
                self.on_packet(now, packet, bytes);
            }
            Ok(Decoded::Incomplete { .. }) => {}
            Err(error) => {
                self.on_parse_error(now, ConnectionError::Parse(error));
            }
        }
    }

    /// Closes the connection after unreadable data. If it may be a missed event, the next CONNECT does not restore the
    /// session, since the server would send the same data again.
    fn on_parse_error(&mut self, now: Timestamp, error: ConnectionError) {
        for namespace in &mut self.namespaces {
            if matches!(namespace.state, NamespaceState::Connecting { .. }) {
                namespace.recovery = Recovery::default();
            }
        }
        self.close(now, Reason::ParseError, Some(error), CloseInitiator::Client);
    }

    fn on_packet(&mut self, now: Timestamp, packet: Packet, bytes: usize) {
        let Some(index) = self.index_of(&packet.namespace) else {
            return;
        };
        match packet.body {
            Body::Connect(data) => self.on_connect(now, index, data.as_ref()),
            Body::ConnectError(payload) => self.on_connect_error(now, index, payload),
            Body::Disconnect => self.on_disconnect(now, index),
            Body::Event { id, name, args } => {
                self.on_event(now, index, packet.namespace, id, name, args, bytes);
            }
            Body::Ack { id, args } => self.on_ack(now, index, id, args),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one packet, destructured where it is matched"
    )]
    fn on_event(
        &mut self,
        now: Timestamp,
        index: usize,
        namespace: String,
        id: Option<u64>,
        name: EventName,
        args: Vec<Value>,
        bytes: usize,
    ) {
        let limit = self.config.receive_buffer_events;
        let max_bytes = self.config.limits.max_frame_bytes;
        let Some(known) = self.namespaces.get_mut(index) else {
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
        match &mut known.state {
            NamespaceState::Connected { .. } => self.deliver(index, event),
            // The event is for the previous socket. There are no missed events, since a disconnected socket is not recovered.
            NamespaceState::Connecting { .. } if known.disconnect_unacked => {}
            NamespaceState::Connecting { buffer, .. } => {
                buffer.bytes = buffer.bytes.saturating_add(bytes);
                if buffer.events.len() >= limit || buffer.bytes > max_bytes {
                    let error = ConnectionError::ReceiveBufferFull { limit };
                    self.event(Event::Error(error.clone()));
                    self.on_parse_error(now, error);
                } else {
                    buffer.events.push(event);
                }
            }
            NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Cancelled { .. } => {}
        }
    }

    /// Reports an event to the program and stores its offset.
    pub(super) fn deliver(&mut self, index: usize, event: Event) {
        self.stats.events_in += 1;
        if let (Event::Message { args, .. }, Some(namespace)) = (&event, self.namespaces.get_mut(index)) {
            namespace.recovery.delivered(args);
        }
        self.event(event);
    }

    fn on_ack(&mut self, now: Timestamp, index: usize, ack_id: u64, args: Vec<Value>) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let Some(pending) = namespace.acks.take_answered(ack_id) else {
            self.stats.stray_acks += 1;
            return;
        };
        if let Some(sent) = pending.sent {
            self.record_rtt(now.millis_since(sent));
        }
        self.settle_ack(now, index, &pending, Ok(args));
    }

    pub(super) fn observe_frame(&mut self, direction: Direction, frame: &Frame) {
        if self.config.observe_frames {
            self.event(Event::Frame {
                direction,
                frame: frame.clone(),
            });
        }
    }

    /// Sends a packet that is always valid.
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

    /// Sends a frame on the open connection, or holds it during an upgrade.
    fn send_frame(&mut self, frame: Frame) {
        let State::Established(open) = &mut self.state else {
            return;
        };
        let id = open.transport;
        if let Some(frame) = open.hold(frame) {
            self.transmit(id, frame);
        }
    }

    /// Passes a frame to the driver.
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

    /// Size and limit of the largest frame, if it is larger than the server accepts.
    pub(super) fn oversize(&self, frames: &[Frame]) -> Option<(usize, usize)> {
        let limit = usize::try_from(self.max_payload()?).unwrap_or(usize::MAX);
        let base64 = self.config.force_base64 || self.is_polling();
        let mut size = 0;
        for frame in frames {
            size = size.max(framing::wire_len(frame, base64));
        }
        (size > limit).then_some((size, limit))
    }
}
