//! One Engine.IO session as a client sees it: handshake, heartbeat, and what each frame means.
//!
//! Says what a frame led to and when the server counts as dead; sending, transports and retries belong to
//! the [machine](crate::socketio::proto::Machine), which makes one session for each connection it opens.

use crate::socketio::codec::engine::packet::{self, Kind};
use crate::socketio::codec::engine::{Handshake, HandshakeError, PacketError};
use crate::socketio::{Frame, Timestamp};

/// Life of one connection, from its first frame on.
///
/// ```
/// use pesan::socketio::proto::{Session, Step};
/// use pesan::socketio::{Frame, Timestamp};
///
/// let mut session = Session::new();
/// let open = Frame::from(r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
/// assert_eq!(session.handle_frame(Timestamp::from_millis(5), open), Ok(Step::Opened));
/// assert_eq!(session.deadline(), Some(Timestamp::from_millis(45_005)));
/// ```
#[derive(Debug, Default)]
pub struct Session {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// The open packet has not come yet.
    #[default]
    Handshake,
    /// The server has to be heard before the deadline.
    Open {
        handshake: Handshake,
        deadline: Timestamp,
        last_ping: Option<Timestamp>,
    },
}

/// What a frame led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The handshake is done; messages may be sent.
    Opened,
    /// The server pinged; answer with a pong.
    Pinged,
    /// Something for the layer above.
    Message(Frame),
    /// The server answered the probe of an upgrade.
    Probed,
    /// The server ends the session.
    Closed,
    /// Nothing that concerns anyone.
    Ignored,
}

/// Why a session cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Frame that is no Engine.IO packet.
    #[error(transparent)]
    Packet(PacketError),
    /// Open packet that says nothing usable.
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
    /// Session that waits for the server's open packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the server said when it opened; `None` before.
    #[must_use]
    pub fn handshake(&self) -> Option<&Handshake> {
        match &self.state {
            State::Handshake => None,
            State::Open { handshake, .. } => Some(handshake),
        }
    }

    /// When the server counts as dead unless it pings: `pingInterval + pingTimeout` after its last ping.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Handshake => None,
            State::Open { deadline, .. } => Some(*deadline),
        }
    }

    /// When the server last pinged.
    #[must_use]
    pub fn last_ping(&self) -> Option<Timestamp> {
        match &self.state {
            State::Handshake => None,
            State::Open { last_ping, .. } => *last_ping,
        }
    }

    /// Whether the deadline is over.
    #[must_use]
    pub fn is_dead(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Takes a frame in the order of the wire.
    ///
    /// Only a ping moves the deadline. A second open packet, pongs without a probe, `noop` and messages
    /// before the handshake are ignored.
    ///
    /// # Errors
    /// [`SessionError`]; the connection is then to be closed with `transport error`.
    pub fn handle_frame(&mut self, now: Timestamp, frame: Frame) -> Result<Step, SessionError> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => return Ok(self.message(frame)),
        };
        let (kind, data) = packet::split(&text).map_err(SessionError::Packet)?;
        match (kind, &mut self.state) {
            (Kind::Open, State::Handshake) => {
                let handshake = Handshake::decode(data).map_err(SessionError::Handshake)?;
                let deadline = now + handshake.ping_interval + handshake.ping_timeout;
                self.state = State::Open {
                    handshake,
                    deadline,
                    last_ping: None,
                };
                Ok(Step::Opened)
            }
            (
                Kind::Ping,
                State::Open {
                    handshake,
                    deadline,
                    last_ping,
                },
            ) => {
                *deadline = now + handshake.ping_interval + handshake.ping_timeout;
                *last_ping = Some(now);
                Ok(Step::Pinged)
            }
            (Kind::Message, _) => Ok(self.message(Frame::from(data))),
            (Kind::Binary, _) => {
                let frame = packet::binary(data).map_err(SessionError::Packet)?;
                Ok(self.message(frame))
            }
            (Kind::Pong, _) if data == "probe" => Ok(Step::Probed),
            (Kind::Close, _) => Ok(Step::Closed),
            (Kind::Ping, State::Handshake)
            | (Kind::Open, State::Open { .. })
            | (Kind::Pong | Kind::Upgrade | Kind::Noop, _) => Ok(Step::Ignored),
        }
    }

    fn message(&self, frame: Frame) -> Step {
        match self.state {
            State::Handshake => Step::Ignored,
            State::Open { .. } => Step::Message(frame),
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
        assert_eq!(session.handle_frame(at(millis), OPEN.into()), Ok(Step::Opened));
        session
    }

    #[test]
    fn only_a_ping_moves_the_deadline() {
        let mut session = open_at(0);
        for frame in ["4x", "6", "3", "3probe", OPEN, "5"] {
            session.handle_frame(at(90), frame.into()).expect("legal");
            assert_eq!(session.deadline(), Some(at(150)), "after {frame}");
        }
        assert_eq!(session.handle_frame(at(90), "2".into()), Ok(Step::Pinged));
        assert_eq!(session.deadline(), Some(at(240)));
        assert_eq!(session.last_ping(), Some(at(90)));
    }

    #[test]
    fn the_server_is_dead_at_the_deadline_and_not_before() {
        let session = open_at(7);
        assert!(!session.is_dead(at(156)));
        assert!(session.is_dead(at(157)));
        assert!(
            !Session::new().is_dead(at(u64::MAX)),
            "nothing is due before the handshake"
        );
    }

    #[test]
    fn a_ping_with_data_is_a_ping() {
        let mut session = open_at(0);
        assert_eq!(session.handle_frame(at(1), "2abc".into()), Ok(Step::Pinged));
    }

    #[test]
    fn a_second_open_packet_is_ignored_even_when_it_is_garbage() {
        let mut session = open_at(0);
        assert_eq!(session.handle_frame(at(9), "0{".into()), Ok(Step::Ignored));
        assert_eq!(session.handshake().map(|h| h.sid.as_str()), Some("a"));
    }

    #[test]
    fn messages_and_pings_before_the_handshake_are_ignored() {
        let mut session = Session::new();
        for frame in ["4x", "2", "6"] {
            assert_eq!(session.handle_frame(at(0), frame.into()), Ok(Step::Ignored));
        }
    }

    #[test]
    fn garbage_says_what_is_wrong_with_it() {
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
