//! The state machine of one connection: what it stores, its inputs (`handle_*`), its outputs (`poll_*`), its getters.
//!
//! The rules are in `impl Connection` blocks by subject: `connect` (namespaces), `emit`, `flush` (send buffer, retries,
//! timeouts), `receive`, `reconnect` (transports, backoff), `upgrade` and `transport_url`.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::Config;
use super::event::{Event, Output};
use super::namespace::{Namespace, NamespaceState};
use super::rng::Rng;
use super::session::Session;
use super::state::{PollingSession, State, Status};
use super::stats::{Latency, RttSamples, Stats};
use super::time::{Timestamp, earliest};
use super::transport::{CloseInfo, TransportId, TransportKind};
use crate::socketio::codec::Frame;

/// Socket.IO connection as a state machine, shared by any number of namespaces.
///
/// Methods are of four kinds: getters; `handle_*` for what happened; plain verbs for what the program wants; `poll_*`
/// for what to do next. Everything that a server sends results in an event, an error event, or a reconnection. Nothing
/// panics on it, and everything that it can make the connection store is bounded.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, Event, Connection, Output};
/// use pesan::socketio::{Frame, Timestamp};
///
/// let now = Timestamp::from_millis(0);
/// let mut connection = Connection::new(Config::new("http://localhost:5000".parse()?), 42);
/// connection.connect(now, "/");
/// connection.emit(now, Emit::new("pesan").arg("halo")).expect("the buffer has room");
///
/// let Some(Output::Open { id, .. }) = connection.poll_output() else { panic!("it opens a transport") };
/// connection.handle_opened(now, id);
/// let open = r#"0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// connection.handle_frame(now, id, Frame::from(open));
/// connection.handle_frame(now, id, Frame::from(r#"40{"sid":"s1"}"#));
///
/// let mut sent = Vec::new();
/// while let Some(output) = connection.poll_output() {
///     match output {
///         Output::Send { frame, .. } => sent.push(frame),
///         Output::Event(Event::Connect { id, .. }) => assert_eq!(id, "s1"),
///         _ => {}
///     }
/// }
/// assert_eq!(sent, [Frame::from("40"), Frame::from(r#"42["pesan","halo"]"#)]);
/// assert_eq!(connection.poll_timeout(), Some(Timestamp::from_millis(45_000)));
/// # Ok::<(), pesan::socketio::proto::AddressError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) rng: Rng,
    pub(super) state: State,
    /// In order of first use.
    pub(super) namespaces: Vec<Namespace>,
    pub(super) outputs: VecDeque<Output>,
    /// Latest `now` passed in.
    pub(super) now: Timestamp,
    pub(super) last_transport: u64,
    pub(super) last_emit: u64,
    /// Whether the last WebSocket attempt led to a session.
    pub(super) websocket_worked: bool,
    /// Most recently closed polling transport and its session, for frames that still wait there.
    pub(super) last_polling: Option<(TransportId, PollingSession)>,
    pub(super) stats: Stats,
    pub(super) rtt: RttSamples,
}

impl Connection {
    /// Idle connection. Give each client its own seed, otherwise all clients reconnect at the same time.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            state: State::Idle,
            namespaces: Vec::new(),
            outputs: VecDeque::new(),
            now: Timestamp::default(),
            last_transport: 0,
            last_emit: 0,
            websocket_worked: false,
            last_polling: None,
            stats: Stats::default(),
            rtt: RttSamples::default(),
        }
    }

    /// A transport is open. For polling the call is optional.
    pub fn handle_opened(&mut self, now: Timestamp, id: TransportId) {
        self.advance_clock(now);
        if self.is_probe(id) {
            self.probe_opened(id);
        }
    }

    /// A frame arrived. For polling, use [`handle_payload`](Self::handle_payload), or pass each packet as one text frame.
    pub fn handle_frame(&mut self, now: Timestamp, id: TransportId, frame: Frame) {
        self.advance_clock(now);
        if self.is_current(id) {
            self.on_frame(now, frame);
        } else if self.is_probe(id) {
            self.probe_frame(now, id, frame);
        }
    }

    /// A transport ended or failed to open.
    pub fn handle_closed(&mut self, now: Timestamp, id: TransportId, info: CloseInfo) {
        self.advance_clock(now);
        if self.is_current(id) {
            self.on_transport_closed(now, info);
        } else if self.is_probe(id) {
            self.probe_closed(now);
        }
    }

    /// Polling has stopped after [`Output::Pause`].
    pub fn handle_paused(&mut self, now: Timestamp, id: TransportId) {
        self.advance_clock(now);
        if self.is_current(id) {
            self.complete_upgrade(now);
        }
    }

    /// The timer fired. An early call does nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance_clock(now);
        self.state_timeout(now);
        for index in 0..self.namespaces.len() {
            self.expire_events(now, index);
        }
        self.expire_connects(now);
    }

    /// Next output; call it until it returns `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); never earlier than the latest `now` passed in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let mut due = self.state.due();
        for namespace in &self.namespaces {
            due = earliest(due, namespace.due());
        }
        due.map(|due| due.max(self.now))
    }

    /// State of the connection.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// When the next attempt begins, for a countdown; `None` outside of a backoff.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Backoff { until, .. } => Some(until),
            State::Idle | State::Connecting(_) | State::Established(_) => None,
        }
    }

    /// Transport that carries the connection, or is being opened.
    #[must_use]
    pub fn transport(&self) -> Option<(TransportId, TransportKind)> {
        match &self.state {
            State::Connecting(connecting) => Some((connecting.transport, connecting.kind)),
            State::Established(open) => Some((open.transport, open.kind)),
            State::Idle | State::Backoff { .. } => None,
        }
    }

    /// Largest frame or polling body that the server accepts, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> Option<u64> {
        self.session()?.handshake()?.max_payload
    }

    /// Whether a namespace is connected.
    #[must_use]
    pub fn is_connected(&self, namespace: &str) -> bool {
        self.find(namespace).is_some_and(Namespace::is_connected)
    }

    /// Whether a namespace is connected or will connect when it can.
    #[must_use]
    pub fn is_active(&self, namespace: &str) -> bool {
        self.find(namespace).is_some_and(Namespace::is_active)
    }

    /// Whether the server restored the session at the namespace's last connect.
    #[must_use]
    pub fn recovered(&self, namespace: &str) -> bool {
        self.find(namespace)
            .is_some_and(|namespace| namespace.recovery.recovered)
    }

    /// Socket id of a connected namespace.
    #[must_use]
    pub fn id(&self, namespace: &str) -> Option<&str> {
        match &self.find(namespace)?.state {
            NamespaceState::Connected { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Settings to change; most apply from the next connection.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    pub(super) fn find(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|namespace| namespace.name == name)
    }

    /// Index of a namespace, which is created at its first use.
    pub(super) fn index_or_insert(&mut self, name: &str) -> usize {
        self.index_of(name).unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(name));
            self.namespaces.len() - 1
        })
    }

    pub(super) fn is_current(&self, id: TransportId) -> bool {
        self.transport().is_some_and(|(current, _)| current == id)
    }

    pub(super) fn is_probe(&self, id: TransportId) -> bool {
        match &self.state {
            State::Established(open) => open.upgrade.transport() == Some(id),
            State::Idle | State::Connecting(_) | State::Backoff { .. } => false,
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Established(open) => Some(&open.session),
            State::Idle | State::Connecting(_) | State::Backoff { .. } => None,
        }
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Round-trip times; `None` before the first ack.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        self.rtt.latency()
    }

    /// When the server last sent a ping on this connection. A gap much longer than
    /// [`ping_interval`](Self::ping_interval) indicates a slow network or a suspended tab.
    #[must_use]
    pub fn last_ping(&self) -> Option<Timestamp> {
        self.session()?.last_ping()
    }

    /// Interval between the server's pings.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        Some(self.session()?.handshake()?.ping_interval)
    }

    pub(super) fn record_rtt(&mut self, millis: u64) {
        self.rtt.add(millis);
    }

    pub(super) fn count_in(&mut self, frame: &Frame) {
        self.stats.frames_in += 1;
        self.stats.bytes_in += frame.len() as u64;
    }

    pub(super) fn count_out(&mut self, frame: &Frame) {
        self.stats.frames_out += 1;
        self.stats.bytes_out += frame.len() as u64;
    }

    /// Records the time of the current call.
    pub(super) fn advance_clock(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
