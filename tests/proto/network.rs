//! In-memory Socket.IO server behind transports that delay, cut and stall.
//!
//! It follows the rules of the official server: events of a socket in order, acks, heartbeats, recovery by private id and
//! offset, upgrade from polling. It records the events that it handled, for comparison with the client's results.

use std::collections::{BTreeMap, BTreeSet};

use pesan::socketio::proto::{TransportId, TransportKind};

/// Seeded random numbers for the simulation.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Number below `sides`.
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }

    /// True once in `times` times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Transport in the network. Frames in transit keep their order in each direction.
pub(crate) struct SimulatedTransport {
    pub(crate) kind: TransportKind,
    pub(crate) sid: Option<u64>,
    /// Frames are delivered.
    pub(crate) alive: bool,
    /// Polling is paused.
    pub(crate) paused: bool,
    pub(crate) latency: u64,
    pub(crate) last_to_client: u64,
    pub(crate) last_to_server: u64,
}

/// Engine.IO session, with the one socket on it.
struct Session {
    transport: TransportId,
    joined: bool,
    pid: u64,
    /// Frames held until the end of an upgrade.
    held: Vec<String>,
    /// Events whose ack has not arrived yet.
    asked: BTreeSet<u64>,
    next_ping: u64,
}

#[derive(Default)]
pub(crate) struct Server {
    sessions: BTreeMap<u64, Session>,
    last_sid: u64,
    /// Private ids of recoverable sessions.
    restorable: BTreeSet<u64>,
    /// Broadcast events so far.
    ticks: u64,
    last_ask: u64,
    /// Until when it refuses connections.
    pub(crate) down_until: u64,
    /// Numbers of the messages that it handled, in the order of their arrival.
    pub(crate) handled: Vec<u64>,
    pub(crate) answers: u64,
}

/// Frames to send, each on its transport.
pub(crate) type Sends = Vec<(TransportId, String)>;

pub(crate) const PING_INTERVAL: u64 = 2000;
pub(crate) const PING_TIMEOUT: u64 = 1500;

impl Server {
    /// A transport opens; the handshake, unless it belongs to a session already.
    pub(crate) fn open(&mut self, now: u64, transport: TransportId, kind: TransportKind) -> (u64, String) {
        self.last_sid += 1;
        let sid = self.last_sid;
        self.sessions.insert(
            sid,
            Session {
                transport,
                joined: false,
                pid: sid,
                held: Vec::new(),
                asked: BTreeSet::new(),
                next_ping: now + PING_INTERVAL,
            },
        );
        let upgrades = if kind == TransportKind::Polling {
            "\"websocket\""
        } else {
            ""
        };
        let handshake = format!(
            r#"0{{"sid":"{sid}","upgrades":[{upgrades}],"pingInterval":{PING_INTERVAL},"pingTimeout":{PING_TIMEOUT}}}"#
        );
        (sid, handshake)
    }

    /// Restarts: drops all state.
    pub(crate) fn restart(&mut self, until: u64) {
        self.sessions.clear();
        self.restorable.clear();
        self.down_until = until;
    }

    /// Closes the connection of a session on the server's side.
    pub(crate) fn lost(&mut self, sid: u64) {
        if let Some(session) = self.sessions.remove(&sid)
            && session.joined
        {
            self.restorable.insert(session.pid);
        }
    }

    /// Sends something to a session, or holds it while its transport changes.
    fn send(&mut self, sid: u64, paused: bool, frame: String, sends: &mut Sends) {
        let Some(session) = self.sessions.get_mut(&sid) else {
            return;
        };
        if paused {
            session.held.push(frame);
        } else {
            sends.push((session.transport, frame));
        }
    }

    /// Broadcasts an event with a number; its last argument is the offset.
    pub(crate) fn tick(&mut self, paused: impl Fn(TransportId) -> bool, sends: &mut Sends) {
        self.ticks += 1;
        let joined: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.joined)
            .map(|(sid, _)| *sid)
            .collect();
        for sid in joined {
            let is_paused = self
                .sessions
                .get(&sid)
                .is_some_and(|session| paused(session.transport));
            let frame = format!(r#"42["tick",{0},"{0}"]"#, self.ticks);
            self.send(sid, is_paused, frame, sends);
        }
    }

    /// Sends each socket an event with an ack.
    pub(crate) fn ask(&mut self, paused: impl Fn(TransportId) -> bool, sends: &mut Sends) {
        let joined: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.joined)
            .map(|(sid, _)| *sid)
            .collect();
        for sid in joined {
            self.last_ask += 1;
            let id = self.last_ask;
            let Some(session) = self.sessions.get_mut(&sid) else {
                continue;
            };
            session.asked.insert(id);
            let is_paused = paused(session.transport);
            self.send(sid, is_paused, format!(r#"42{id}["ask",null]"#), sends);
        }
    }

    /// Disconnects each socket for good.
    pub(crate) fn kick(&mut self, paused: impl Fn(TransportId) -> bool, sends: &mut Sends) {
        let joined: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.joined)
            .map(|(sid, _)| *sid)
            .collect();
        for sid in joined {
            let Some(session) = self.sessions.get_mut(&sid) else {
                continue;
            };
            session.joined = false;
            let is_paused = paused(session.transport);
            self.send(sid, is_paused, "41".to_owned(), sends);
        }
    }

    /// Sends the pings that are due.
    pub(crate) fn heartbeat(&mut self, now: u64, paused: impl Fn(TransportId) -> bool, sends: &mut Sends) {
        let due: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.next_ping <= now)
            .map(|(sid, _)| *sid)
            .collect();
        for sid in due {
            let Some(session) = self.sessions.get_mut(&sid) else {
                continue;
            };
            session.next_ping = now + PING_INTERVAL;
            let is_paused = paused(session.transport);
            self.send(sid, is_paused, "2".to_owned(), sends);
        }
    }

    /// A frame of a client. Returns the answer to a saved message apart, since the server takes its time for it.
    pub(crate) fn receive(
        &mut self,
        sid: u64,
        transport: TransportId,
        paused: bool,
        frame: &str,
        sends: &mut Sends,
    ) -> Option<String> {
        if frame == "2probe" {
            sends.push((transport, "3probe".to_owned()));
            return None;
        }
        let session = self.sessions.get_mut(&sid)?;
        if frame == "5" {
            session.transport = transport;
            sends.extend(session.held.drain(..).map(|frame| (transport, frame)));
            return None;
        }
        if let Some(rest) = frame.strip_prefix("40") {
            assert!(!session.joined, "a second CONNECT on one session");
            session.joined = true;
            let known = number_after(rest, "\"pid\":\"").filter(|pid| self.restorable.contains(pid));
            let restored = known.zip(number_after(rest, "\"offset\":\""));
            if let Some((pid, offset)) = restored {
                self.restorable.remove(&pid);
                if let Some(session) = self.sessions.get_mut(&sid) {
                    session.pid = pid;
                }
                for tick in offset + 1..=self.ticks {
                    self.send(sid, paused, format!(r#"42["tick",{tick},"{tick}"]"#), sends);
                }
            }
            let pid = self.sessions.get(&sid).map_or(0, |session| session.pid);
            self.send(
                sid,
                paused,
                format!(r#"40{{"sid":"s{pid}","pid":"{pid}"}}"#),
                sends,
            );
        } else if frame == "41" {
            session.joined = false;
        } else if frame == "1" {
            self.sessions.remove(&sid);
        } else if let Some(rest) = frame.strip_prefix("42") {
            if !session.joined {
                // It was in transit when the server disconnected the socket.
                return None;
            }
            let number = number_after(rest, "\"save\",").expect("its number");
            self.handled.push(number);
            let id: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return Some(format!("43{id}[{number}]"));
        } else if let Some(rest) = frame.strip_prefix("43") {
            let id: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let id = id.parse().expect("an id");
            assert!(
                session.asked.remove(&id),
                "an answer to a question of another session, or a second one"
            );
            self.answers += 1;
        }
        None
    }

    /// Sends an ack if its session still exists.
    pub(crate) fn acknowledge(
        &mut self,
        sid: u64,
        paused: impl Fn(TransportId) -> bool,
        ack: String,
        sends: &mut Sends,
    ) {
        let Some(session) = self.sessions.get(&sid) else {
            return;
        };
        if session.joined {
            let is_paused = paused(session.transport);
            self.send(sid, is_paused, ack, sends);
        }
    }
}

/// Whole number that follows `mark`.
fn number_after(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.split_once(mark)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
