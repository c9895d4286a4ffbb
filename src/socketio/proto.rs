//! The whole client without I/O: no clock, no socket, no randomness.
//!
//! A driver feeds [`Machine`] with what happened (`handle_*`), the program says what it wants (plain verbs), and after
//! each of these the driver drains [`Machine::poll_output`] to `None`, then sets one timer to
//! [`Machine::poll_timeout`]. Time comes in as `now`, chance as a seed. One machine is one connection with any number of
//! namespaces; packets and their formats are in [`packet`](super::packet) and [`engine`](super::engine).

mod address;
mod backoff;
mod config;
mod connect;
pub(crate) mod deadline_queue;
mod disconnect;
mod emit;
mod error;
mod event;
mod flush;
mod framing;
mod namespace;
mod network_hints;
mod output;
mod pending_acks;
mod polling;
mod post_body;
mod receive;
mod reconnect;
mod recovery;
mod retries;
mod rng;
mod send_buffer;
mod sending;
pub(crate) mod session;
mod state;
mod stats;
pub(crate) mod time;
mod transport_url;
mod upgrade;

pub use address::{Address, AddressError};
pub use backoff::Reconnection;
pub use config::{Auth, Config, Flush, OutboxConfig, WhenFull};
pub use emit::{Emit, Emitted};
pub use error::{AnswerError, ConnectError, ConnectionError, EmitError, Failure};
pub use event::{AckToken, AuthRequest, Direction, EmitId, EmitState, Event, Reason};
#[cfg(any(
    all(feature = "native", not(target_arch = "wasm32")),
    all(feature = "web", target_arch = "wasm32")
))]
pub(crate) use framing::FrameKind;
#[cfg(any(feature = "web", feature = "native"))]
pub(super) use namespace::is_legal as is_legal_namespace;
pub use output::{CloseInfo, Output, TransportId, TransportKind};
pub use post_body::Batch;
pub use send_buffer::QueuedMessage;
pub use session::{Session, SessionError, Step};
pub use state::Status;
pub use stats::{Latency, Stats};
pub use time::Timestamp;

use std::collections::VecDeque;

use self::namespace::Namespace;
use self::polling::Polled;
use self::rng::Chance;
use self::state::Phase;
use self::stats::Answers;
use self::time::sooner;
use super::Frame;

/// A Socket.IO client as a state machine.
///
/// Methods are of four kinds: getters; `handle_*` for what happened; plain verbs for what the program wants; `poll_*`
/// for what to do next. Whatever a server sends ends in an event, an error that is one, or a reconnect; nothing here
/// panics on it, and everything that it can make the machine hold has a bound.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, Event, Machine, Output};
/// use pesan::socketio::{Frame, Timestamp};
///
/// let now = Timestamp::from_millis(0);
/// let mut machine = Machine::new(Config::new("http://localhost:5000".parse()?), 42);
/// machine.connect(now, "/");
/// machine.emit(now, Emit::new("pesan").arg("halo")).expect("the queue has room");
///
/// let Some(Output::Open { id, .. }) = machine.poll_output() else { panic!("it opens a transport") };
/// machine.handle_opened(now, id);
/// let open = r#"0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// machine.handle_frame(now, id, Frame::from(open));
/// machine.handle_frame(now, id, Frame::from(r#"40{"sid":"s1"}"#));
///
/// let mut sent = Vec::new();
/// while let Some(output) = machine.poll_output() {
///     match output {
///         Output::Send { frame, .. } => sent.push(frame),
///         Output::Event(Event::Connect { id, .. }) => assert_eq!(id, "s1"),
///         _ => {}
///     }
/// }
/// assert_eq!(sent, [Frame::from("40"), Frame::from(r#"42["pesan","halo"]"#)]);
/// assert_eq!(machine.poll_timeout(), Some(Timestamp::from_millis(45_000)));
/// # Ok::<(), pesan::socketio::proto::AddressError>(())
/// ```
#[derive(Debug)]
pub struct Machine {
    config: Config,
    chance: Chance,
    phase: Phase,
    /// In the order of their first use.
    namespaces: Vec<Namespace>,
    outputs: VecDeque<Output>,
    /// Latest moment that was passed in.
    now: Timestamp,
    last_transport: u64,
    last_emit: u64,
    /// Whether the last WebSocket carried a session.
    websocket_worked: bool,
    /// Polling transport that was closed last, with its session's id: what waits there may still be sent.
    last_polled: Option<(TransportId, Polled)>,
    stats: Stats,
    answers: Answers,
}

impl Machine {
    /// Machine that does nothing yet. Give each client a seed of its own, or they will retry in step.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            chance: Chance::new(seed),
            phase: Phase::Idle,
            namespaces: Vec::new(),
            outputs: VecDeque::new(),
            now: Timestamp::default(),
            last_transport: 0,
            last_emit: 0,
            websocket_worked: false,
            last_polled: None,
            stats: Stats::default(),
            answers: Answers::default(),
        }
    }

    /// A transport is open. Polling has no such moment; there it may be called at once, or never.
    pub fn handle_opened(&mut self, now: Timestamp, id: TransportId) {
        self.tick(now);
        if self.is_probe(id) {
            self.probe_opened(id);
        }
    }

    /// A frame came. For polling, give each packet of a response as one text frame, in order;
    /// [`handle_payload`](Self::handle_payload) does it.
    pub fn handle_frame(&mut self, now: Timestamp, id: TransportId, frame: Frame) {
        self.tick(now);
        if self.is_current(id) {
            self.frame(now, frame);
        } else if self.is_probe(id) {
            self.probe_frame(now, id, frame);
        }
    }

    /// A transport ended, or could not be opened.
    pub fn handle_closed(&mut self, now: Timestamp, id: TransportId, info: CloseInfo) {
        self.tick(now);
        if self.is_current(id) {
            self.transport_ended(now, info);
        } else if self.is_probe(id) {
            self.probe_closed(now);
        }
    }

    /// Polling has come to rest after [`Output::Pause`].
    pub fn handle_paused(&mut self, now: Timestamp, id: TransportId) {
        self.tick(now);
        if self.is_current(id) {
            self.take_over(now);
        }
    }

    /// Time has passed. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.tick(now);
        self.phase_timeout(now);
        for place in 0..self.namespaces.len() {
            self.queue_timeout(now, place);
        }
        self.connect_timeouts(now);
    }

    /// Next thing to do; call it until it returns `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); never before the latest `now` that was passed in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let mut due = self.phase.due();
        for namespace in &self.namespaces {
            due = sooner(due, namespace.due());
        }
        due.map(|due| due.max(self.now))
    }

    /// Where the connection stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.phase.status()
    }

    /// When the next attempt begins, for a countdown.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { until, .. } => Some(until),
            Phase::Idle | Phase::Opening(_) | Phase::Open(_) => None,
        }
    }

    /// Transport that carries the connection, or is to.
    #[must_use]
    pub fn transport(&self) -> Option<(TransportId, TransportKind)> {
        match &self.phase {
            Phase::Opening(opening) => Some((opening.transport, opening.kind)),
            Phase::Open(link) => Some((link.transport, link.kind)),
            Phase::Idle | Phase::Waiting { .. } => None,
        }
    }

    /// Largest frame, or polling body, that the server of this connection takes, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> Option<u64> {
        self.session()?.handshake()?.max_payload
    }

    /// Whether a namespace is connected.
    #[must_use]
    pub fn is_connected(&self, namespace: &str) -> bool {
        self.find(namespace).is_some_and(Namespace::is_joined)
    }

    /// Whether a namespace is connected or wants to be.
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

    /// Id that the server gave a connected namespace.
    #[must_use]
    pub fn id(&self, namespace: &str) -> Option<&str> {
        match &self.find(namespace)?.standing {
            namespace::Standing::Joined { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Settings to change; most count from the next connection on.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    fn find(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|namespace| namespace.name == name)
    }

    /// Place of a namespace, which exists from its first use on.
    fn place_or_new(&mut self, name: &str) -> usize {
        self.place(name).unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(name));
            self.namespaces.len() - 1
        })
    }

    fn is_current(&self, id: TransportId) -> bool {
        self.transport().is_some_and(|(current, _)| current == id)
    }

    fn is_probe(&self, id: TransportId) -> bool {
        match &self.phase {
            Phase::Open(link) => link.upgrade.transport() == Some(id),
            Phase::Idle | Phase::Opening(_) | Phase::Waiting { .. } => false,
        }
    }

    fn session(&self) -> Option<&Session> {
        match &self.phase {
            Phase::Open(link) => Some(&link.session),
            Phase::Idle | Phase::Opening(_) | Phase::Waiting { .. } => None,
        }
    }

    /// Takes note of the time.
    fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
