//! Engine.IO session of a client: handshake, heartbeat, and the meaning of each frame.
//!
//! It interprets frames and knows the heartbeat deadline. Sending, transports and reconnection belong to the
//! [connection](super::Connection), which makes one session for each connection it opens.

use super::time::Timestamp;
use crate::socketio::codec::Frame;
use crate::socketio::codec::engine::{self, Handshake, HandshakeError, PacketError, PacketKind};

/// State of one Engine.IO session, from its first frame.
///
/// ```
/// use pesan::socketio::proto::{Session, SessionEvent};
/// use pesan::socketio::{Frame, Timestamp};
///
/// let mut session = Session::new();
/// let open = Frame::from(r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
/// assert_eq!(session.handle_frame(Timestamp::from_millis(5), open), Ok(SessionEvent::Opened));
/// assert_eq!(session.deadline(), Some(Timestamp::from_millis(45_005)));
/// ```
#[derive(Debug, Default)]
pub struct Session {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// The open packet has not arrived yet.
    #[default]
    Handshake,
    /// The server must ping before the deadline.
    Open {
        handshake: Handshake,
        deadline: Timestamp,
        last_ping: Option<Timestamp>,
    },
}

/// Meaning of a received frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The handshake is complete; messages may be sent.
    Opened,
    /// The server pinged; reply with a pong.
    Pinged,
    /// Message for the layer above.
    Message(Frame),
    /// The server replied to the probe of an upgrade.
    Probed,
    /// The server ends the session.
    Closed,
    /// No effect.
    Ignored,
}

/// Protocol violation that ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The frame is not an Engine.IO packet.
    #[error(transparent)]
    Packet(PacketError),
    /// The open packet is invalid.
    #[error(transparent)]
    Handshake(HandshakeError),
    /// More packets in a polling response than [`Limits::max_payload_packets`](crate::socketio::Limits).
    #[error("more than {limit} packets in a payload")]
    TooManyPackets {
        /// Limit that was exceeded.
        limit: usize,
    },
}

impl Session {
    /// Session before the server's open packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Handshake of the server; `None` before the open packet.
    #[must_use]
    pub fn handshake(&self) -> Option<&Handshake> {
        match &self.state {
            State::Handshake => None,
            State::Open { handshake, .. } => Some(handshake),
        }
    }

    /// Heartbeat deadline: `pingInterval + pingTimeout` after the last ping.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Handshake => None,
            State::Open { deadline, .. } => Some(*deadline),
        }
    }

    /// Time of the last ping.
    #[must_use]
    pub fn last_ping(&self) -> Option<Timestamp> {
        match &self.state {
            State::Handshake => None,
            State::Open { last_ping, .. } => *last_ping,
        }
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn is_dead(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Handles the next frame, in the order of the wire.
    ///
    /// Only a ping moves the deadline. A second open packet, pongs without a probe, `noop` and messages
    /// before the handshake are ignored.
    ///
    /// # Errors
    /// [`SessionError`]; the connection must then be closed with `transport error`.
    pub fn handle_frame(&mut self, now: Timestamp, frame: Frame) -> Result<SessionEvent, SessionError> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => return Ok(self.message(frame)),
        };
        let (kind, data) = engine::split(&text).map_err(SessionError::Packet)?;
        match (kind, &mut self.state) {
            (PacketKind::Open, State::Handshake) => {
                let handshake = Handshake::decode(data).map_err(SessionError::Handshake)?;
                let deadline = now + handshake.ping_interval + handshake.ping_timeout;
                self.state = State::Open {
                    handshake,
                    deadline,
                    last_ping: None,
                };
                Ok(SessionEvent::Opened)
            }
            (
                PacketKind::Ping,
                State::Open {
                    handshake,
                    deadline,
                    last_ping,
                },
            ) => {
                *deadline = now + handshake.ping_interval + handshake.ping_timeout;
                *last_ping = Some(now);
                Ok(SessionEvent::Pinged)
            }
            (PacketKind::Message, _) => Ok(self.message(Frame::from(data))),
            (PacketKind::Binary, _) => {
                let frame = engine::binary(data).map_err(SessionError::Packet)?;
                Ok(self.message(frame))
            }
            (PacketKind::Pong, _) if data == "probe" => Ok(SessionEvent::Probed),
            (PacketKind::Close, _) => Ok(SessionEvent::Closed),
            (PacketKind::Ping, State::Handshake)
            | (PacketKind::Open, State::Open { .. })
            | (PacketKind::Pong | PacketKind::Upgrade | PacketKind::Noop, _) => Ok(SessionEvent::Ignored),
        }
    }

    fn message(&self, frame: Frame) -> SessionEvent {
        match self.state {
            State::Handshake => SessionEvent::Ignored,
            State::Open { .. } => SessionEvent::Message(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = r#"0{"sid":"a","upgrades":[],"pingInterval":100,"pingTimeout":50,"maxPayload":9}"#;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn open_at(millis: u64) -> Session {
        let mut session = Session::new();
        assert_eq!(
            session.handle_frame(at(millis), OPEN.into()),
            Ok(SessionEvent::Opened)
        );
        session
    }

    #[test]
    fn session_deadline_is_moved_by_pings_only() {
        let mut session = open_at(0);
        for frame in ["4x", "6", "3", "3probe", OPEN, "5"] {
            session.handle_frame(at(90), frame.into()).expect("legal");
            assert_eq!(session.deadline(), Some(at(150)), "after {frame}");
        }
        assert_eq!(session.handle_frame(at(90), "2".into()), Ok(SessionEvent::Pinged));
        assert_eq!(session.deadline(), Some(at(240)));
        assert_eq!(session.last_ping(), Some(at(90)));
    }

    #[test]
    fn session_is_dead_at_the_deadline() {
        let session = open_at(7);
        assert!(!session.is_dead(at(156)));
        assert!(session.is_dead(at(157)));
        assert!(
            !Session::new().is_dead(at(u64::MAX)),
            "nothing is due before the handshake"
        );
    }

    #[test]
    fn session_ping_with_data_is_a_ping() {
        let mut session = open_at(0);
        assert_eq!(
            session.handle_frame(at(1), "2abc".into()),
            Ok(SessionEvent::Pinged)
        );
    }

    #[test]
    fn session_second_open_packet_is_ignored() {
        let mut session = open_at(0);
        assert_eq!(
            session.handle_frame(at(9), "0{".into()),
            Ok(SessionEvent::Ignored)
        );
        assert_eq!(session.handshake().map(|h| h.sid.as_str()), Some("a"));
    }

    #[test]
    fn session_packets_before_handshake_are_ignored() {
        let mut session = Session::new();
        for frame in ["4x", "2", "6"] {
            assert_eq!(
                session.handle_frame(at(0), frame.into()),
                Ok(SessionEvent::Ignored)
            );
        }
    }

    #[test]
    fn session_invalid_frame_is_an_error_with_cause() {
        let wrong = |frame: &str| Session::new().handle_frame(at(0), frame.into());
        assert_eq!(wrong(""), Err(SessionError::Packet(PacketError::Empty)));
        assert_eq!(
            wrong("€"),
            Err(SessionError::Packet(PacketError::UnknownType('€')))
        );
        assert!(matches!(
            wrong("0{"),
            Err(SessionError::Handshake(HandshakeError::Json(_)))
        ));
        assert_eq!(
            wrong(r#"0{"sid":"a","pingInterval":0,"pingTimeout":1}"#),
            Err(SessionError::Handshake(HandshakeError::Field("pingInterval")))
        );
    }
}
