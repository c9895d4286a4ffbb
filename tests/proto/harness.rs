//! A connection with a manual clock and a scripted server.
//!
//! Each output of the connection is recorded as one line, and tests compare these lines. The contract with the driver is
//! checked at every step: nothing is sent on a transport that is not open, and the next timeout is never in the past.

use std::time::Duration;

use pesan::socketio::proto::{
    AckToken, AuthRequest, CloseInfo, Config, Connection, Direction, Emit, EmitError, EmitId, Emitted, Event,
    Output, TransportId,
};
use pesan::socketio::value::{Value, json};
use pesan::socketio::{Frame, Timestamp};

pub(crate) struct Harness {
    pub(crate) connection: Connection,
    now: u64,
    lines: Vec<String>,
    open: Vec<TransportId>,
    /// Most recently opened transport.
    pub(crate) transport: Option<TransportId>,
    pub(crate) urls: Vec<String>,
    pub(crate) tokens: Vec<AckToken>,
    pub(crate) requests: Vec<AuthRequest>,
}

/// Handshake of a server with the official heartbeat.
pub(crate) const OPEN: &str =
    r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

impl Harness {
    /// New connection without jitter, with WebSocket only.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// Like `new`, with changed settings.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("http://example.org".parse().expect("a legal address"));
        config.transports.truncate(1);
        config.reconnection.randomization = 0.0;
        change(&mut config);
        Self {
            connection: Connection::new(config, 1),
            now: 0,
            lines: Vec::new(),
            open: Vec::new(),
            transport: None,
            urls: Vec::new(),
            tokens: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Connected to `/`, with an empty record.
    pub(crate) fn joined() -> Self {
        Self::joined_with(|_| {})
    }

    pub(crate) fn joined_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut harness = Self::with(change);
        harness.connect("/");
        harness.accept();
        harness.lines.clear();
        harness
    }

    /// Advances the clock and delivers all timeouts on time.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(due) = self
            .connection
            .poll_timeout()
            .map(Timestamp::as_millis)
            .filter(|due| *due <= end)
        {
            self.now = due;
            self.connection.handle_timeout(Timestamp::from_millis(due));
            self.drain();
        }
        self.now = end;
    }

    /// Advances the clock without timeouts, as when the program is suspended.
    pub(crate) fn sleep(&mut self, millis: u64) {
        self.now += millis;
    }

    /// Calls the connection at the current time.
    pub(crate) fn act<R>(&mut self, act: impl FnOnce(&mut Connection, Timestamp) -> R) -> R {
        let result = act(&mut self.connection, Timestamp::from_millis(self.now));
        self.drain();
        result
    }

    pub(crate) fn connect(&mut self, namespace: &str) {
        self.act(|connection, now| connection.connect(now, namespace));
    }

    pub(crate) fn disconnect(&mut self, namespace: &str) {
        self.act(|connection, now| connection.disconnect(now, namespace));
    }

    pub(crate) fn try_emit(&mut self, emit: Emit) -> Result<Emitted, EmitError> {
        self.act(|connection, now| connection.emit(now, emit))
    }

    pub(crate) fn emit(&mut self, emit: Emit) -> EmitId {
        self.try_emit(emit).expect("legal").id
    }

    pub(crate) fn current(&self) -> TransportId {
        self.transport.expect("a transport was opened")
    }

    /// The server sends a text frame on the most recently opened transport.
    pub(crate) fn frame(&mut self, text: &str) {
        self.frame_on(self.current(), text);
    }

    pub(crate) fn frame_on(&mut self, id: TransportId, text: &str) {
        self.act(|connection, now| connection.handle_frame(now, id, Frame::from(text)));
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        let id = self.current();
        self.act(|connection, now| connection.handle_frame(now, id, Frame::from(bytes.to_vec())));
    }

    /// The transport opens and the server sends the handshake.
    pub(crate) fn open(&mut self) {
        let id = self.current();
        self.act(|connection, now| connection.handle_opened(now, id));
        self.frame(OPEN);
    }

    /// Like `open`, and the server accepts `/`.
    pub(crate) fn accept(&mut self) {
        self.open();
        self.frame(r#"40{"sid":"s"}"#);
    }

    /// The transport is lost.
    pub(crate) fn lose_connection(&mut self) {
        self.closed(CloseInfo::closed(1006, ""));
    }

    /// The transport failed to open.
    pub(crate) fn fail(&mut self) {
        self.closed(CloseInfo::failed("refused"));
    }

    pub(crate) fn closed(&mut self, info: CloseInfo) {
        let id = self.current();
        self.open.retain(|open| *open != id);
        self.act(|connection, now| connection.handle_closed(now, id, info));
    }

    /// Compares the lines recorded since the last call; `expected` may be indented.
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

    /// Compares only the lines that begin with one of `prefixes`.
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
        while let Some(output) = self.connection.poll_output() {
            let line = self.written(output);
            self.lines.push(line);
        }
        let due = self.connection.poll_timeout().map(Timestamp::as_millis);
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
            Output::Event(event) => self.on_event(event),
        }
    }

    fn on_event(&mut self, event: Event) -> String {
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
            Event::EmitState { namespace, id, state } => format!("{namespace} #{} {state:?}", id.get()),
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
