//! A machine, a clock that is turned by hand, and a server that says what a test tells it to say.
//!
//! Everything that the machine puts out is written down as one line each; a test compares the lines with what it
//! expects. At every step the driver's rules are checked as well: nothing is sent on a transport that is not open,
//! and the next timeout is never in the past.

use std::time::Duration;

use pesan::socketio::proto::{
    AckToken, AuthRequest, CloseInfo, Config, Direction, Emit, EmitError, EmitId, Emitted, Event, Machine,
    Output, TransportId,
};
use pesan::socketio::value::{Value, json};
use pesan::socketio::{Frame, Timestamp};

pub(crate) struct World {
    pub(crate) machine: Machine,
    now: u64,
    lines: Vec<String>,
    open: Vec<TransportId>,
    /// Transport that was opened last.
    pub(crate) transport: Option<TransportId>,
    pub(crate) urls: Vec<String>,
    pub(crate) tokens: Vec<AckToken>,
    pub(crate) requests: Vec<AuthRequest>,
}

/// Handshake of a server with the official heartbeat.
pub(crate) const OPEN: &str =
    r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

impl World {
    /// Fresh machine, exact pauses between attempts, and only WebSocket.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("http://example.org".parse().expect("a legal address"));
        config.transports.truncate(1);
        config.reconnection.randomization = 0.0;
        change(&mut config);
        Self {
            machine: Machine::new(config, 1),
            now: 0,
            lines: Vec::new(),
            open: Vec::new(),
            transport: None,
            urls: Vec::new(),
            tokens: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Connected to `/`, and nothing written down.
    pub(crate) fn joined() -> Self {
        Self::joined_with(|_| {})
    }

    pub(crate) fn joined_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::with(change);
        world.connect("/");
        world.accept();
        world.lines.clear();
        world
    }

    /// Lets time pass, with every timeout on its way at its moment.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(due) = self
            .machine
            .poll_timeout()
            .map(Timestamp::as_millis)
            .filter(|due| *due <= end)
        {
            self.now = due;
            self.machine.handle_timeout(Timestamp::from_millis(due));
            self.drain();
        }
        self.now = end;
    }

    /// Lets time pass as for a program that sleeps: no timeout on its way.
    pub(crate) fn sleep(&mut self, millis: u64) {
        self.now += millis;
    }

    /// Does something with the machine at this moment.
    pub(crate) fn act<R>(&mut self, act: impl FnOnce(&mut Machine, Timestamp) -> R) -> R {
        let result = act(&mut self.machine, Timestamp::from_millis(self.now));
        self.drain();
        result
    }

    pub(crate) fn connect(&mut self, namespace: &str) {
        self.act(|machine, now| machine.connect(now, namespace));
    }

    pub(crate) fn disconnect(&mut self, namespace: &str) {
        self.act(|machine, now| machine.disconnect(now, namespace));
    }

    pub(crate) fn try_emit(&mut self, emit: Emit) -> Result<Emitted, EmitError> {
        self.act(|machine, now| machine.emit(now, emit))
    }

    pub(crate) fn emit(&mut self, emit: Emit) -> EmitId {
        self.try_emit(emit).expect("legal").id
    }

    pub(crate) fn current(&self) -> TransportId {
        self.transport.expect("a transport was opened")
    }

    /// The server sends a text frame on the transport that was opened last.
    pub(crate) fn frame(&mut self, text: &str) {
        self.frame_on(self.current(), text);
    }

    pub(crate) fn frame_on(&mut self, id: TransportId, text: &str) {
        self.act(|machine, now| machine.handle_frame(now, id, Frame::from(text)));
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        let id = self.current();
        self.act(|machine, now| machine.handle_frame(now, id, Frame::from(bytes.to_vec())));
    }

    /// The transport opens and the server shakes hands.
    pub(crate) fn open(&mut self) {
        let id = self.current();
        self.act(|machine, now| machine.handle_opened(now, id));
        self.frame(OPEN);
    }

    /// The same, and the server accepts `/`.
    pub(crate) fn accept(&mut self) {
        self.open();
        self.frame(r#"40{"sid":"s"}"#);
    }

    /// The transport is gone without a word.
    pub(crate) fn cut(&mut self) {
        self.closed(CloseInfo::closed(1006, ""));
    }

    /// The transport could not be opened.
    pub(crate) fn fail(&mut self) {
        self.closed(CloseInfo::failed("refused"));
    }

    pub(crate) fn closed(&mut self, info: CloseInfo) {
        let id = self.current();
        self.open.retain(|open| *open != id);
        self.act(|machine, now| machine.handle_closed(now, id, info));
    }

    /// What was put out since the last look, one line each; `expected` may be indented.
    #[track_caller]
    pub(crate) fn sees(&mut self, expected: &str) {
        let expected: Vec<&str> = expected
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let lines = std::mem::take(&mut self.lines);
        assert_eq!(lines.join("\n"), expected.join("\n"), "at {} ms", self.now);
    }

    /// The same, when only some lines matter: those that begin with one of `prefixes`.
    #[track_caller]
    pub(crate) fn sees_of(&mut self, prefixes: &[&str], expected: &str) {
        self.lines
            .retain(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)));
        self.sees(expected);
    }

    pub(crate) fn forget(&mut self) {
        self.lines.clear();
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            let line = self.written(output);
            self.lines.push(line);
        }
        let due = self.machine.poll_timeout().map(Timestamp::as_millis);
        assert!(
            due.is_none_or(|due| due >= self.now),
            "timeout at {due:?}, and it is {}",
            self.now
        );
    }

    fn written(&mut self, output: Output) -> String {
        match output {
            Output::Open { id, kind, url } => {
                self.open.push(id);
                self.transport = Some(id);
                self.urls.push(url);
                format!("open {id} {}", kind.as_str())
            }
            Output::Send { id, frame } => {
                assert!(self.open.contains(&id), "sent on {id}, which is not open");
                format!("send {id} {}", shown(&frame))
            }
            Output::Pause { id } => format!("pause {id}"),
            Output::Close { id } => {
                assert!(self.open.contains(&id), "closed {id}, which is not open");
                self.open.retain(|open| *open != id);
                format!("close {id}")
            }
            Output::Event(event) => self.told(event),
        }
    }

    fn told(&mut self, event: Event) -> String {
        match event {
            Event::Open => "- open".to_owned(),
            Event::Close { reason, details } => {
                format!(
                    "- close: {reason}{}",
                    details.map(|details| format!(" ({details})")).unwrap_or_default()
                )
            }
            Event::Error(error) => format!("- error: {error}"),
            Event::Ping => "- ping".to_owned(),
            Event::ConnectTimeout { namespace } => {
                format!("{} connect_timeout", namespace.unwrap_or_else(|| "-".to_owned()))
            }
            Event::ReconnectAttempt(n) => format!("- reconnect_attempt {n}"),
            Event::ReconnectError(error) => format!("- reconnect_error: {error}"),
            Event::ReconnectFailed => "- reconnect_failed".to_owned(),
            Event::Reconnect(n) => format!("- reconnect {n}"),
            Event::Upgrade => "- upgrade".to_owned(),
            Event::AuthNeeded(request) => {
                let line = format!("{} asks for auth", request.namespace());
                self.requests.push(request);
                line
            }
            Event::Connect {
                namespace,
                id,
                recovered,
            } => {
                format!(
                    "{namespace} connect {id}{}",
                    if recovered { " recovered" } else { "" }
                )
            }
            Event::ConnectError { namespace, error } => format!("{namespace} connect_error: {error}"),
            Event::Disconnect {
                namespace,
                reason,
                details,
            } => format!(
                "{namespace} disconnect: {reason}{}",
                details.map(|details| format!(" ({details})")).unwrap_or_default()
            ),
            Event::Message {
                namespace,
                name,
                args,
                ack,
            } => {
                let asked = if ack.is_some() { " ?" } else { "" };
                self.tokens.extend(ack);
                format!(
                    "{namespace} got {} {}{asked}",
                    name.as_str(),
                    json::to_string(&Value::Array(args))
                )
            }
            Event::State { namespace, id, state } => format!("{namespace} #{} {state:?}", id.get()),
            Event::Ack {
                namespace,
                id,
                result,
            } => format!(
                "{namespace} #{} ack {}",
                id.get(),
                match result {
                    Ok(args) => json::to_string(&Value::Array(args)),
                    Err(failure) => failure.to_string(),
                }
            ),
            Event::Outgoing {
                namespace,
                name,
                args,
            } => {
                format!(
                    "{namespace} out {} {}",
                    name.as_str(),
                    json::to_string(&Value::Array(args))
                )
            }
            Event::Frame {
                direction: Direction::In,
                frame,
            } => format!("< {}", shown(&frame)),
            Event::Frame {
                direction: Direction::Out,
                frame,
            } => format!("> {}", shown(&frame)),
            other => panic!("an event without a line: {other:?}"),
        }
    }
}

pub(crate) fn shown(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.clone(),
        Frame::Binary(bytes) => format!("{bytes:?}"),
    }
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
