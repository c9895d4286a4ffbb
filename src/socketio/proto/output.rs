//! What a driver is to do, and what it reports about its transports.

use std::fmt;

use super::Event;
use crate::socketio::Frame;

/// Number of a transport; each gets its own, so that a late report of an old one is known as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportId(pub(super) u64);

impl TransportId {
    /// Number itself, for logs.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// One WebSocket.
    WebSocket,
    /// HTTP long-polling: one GET that waits, and a POST for what is sent.
    Polling,
}

impl TransportKind {
    /// Name in the handshake's `upgrades` and in the query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Polling => "polling",
        }
    }

    /// All of them, in the order in which they are tried.
    pub(super) const ALL: [Self; 2] = [Self::WebSocket, Self::Polling];

    /// Whether it is polling.
    pub(crate) const fn is_polling(self) -> bool {
        matches!(self, Self::Polling)
    }
}

/// One thing for the driver to do, in the order in which [`Machine::poll_output`](super::Machine::poll_output)
/// hands them out.
///
/// ```
/// use pesan::socketio::proto::{Config, Machine, Output, TransportKind};
/// use pesan::socketio::Timestamp;
///
/// let config = Config::new("http://localhost:5000".parse().expect("a legal address"));
/// let mut machine = Machine::new(config, 1);
/// machine.connect(Timestamp::from_millis(0), "/");
/// let Some(Output::Open { kind, url, .. }) = machine.poll_output() else { panic!("it opens first") };
/// assert_eq!(kind, TransportKind::WebSocket);
/// assert_eq!(url, "ws://localhost:5000/socket.io/?EIO=4&transport=websocket");
/// ```
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a transport, then report [`handle_opened`](super::Machine::handle_opened) or
    /// [`handle_closed`](super::Machine::handle_closed).
    Open {
        /// Its number.
        id: TransportId,
        /// WebSocket or polling. For polling, take the URL of each request from
        /// [`request_url`](super::Machine::request_url).
        kind: TransportKind,
        /// Where to.
        url: String,
    },
    /// Send one frame; polling gathers what waits into one POST, see [`Batch`](super::Batch).
    Send {
        /// Transport to send on.
        id: TransportId,
        /// Frame, its Engine.IO type included.
        frame: Frame,
    },
    /// Stop polling: when the GET and the POST under way are done, and nothing waits to be sent, report
    /// [`handle_paused`](super::Machine::handle_paused). Frames that still come are reported as always.
    Pause {
        /// Transport to pause.
        id: TransportId,
    },
    /// Close a transport and drop its handlers. What was sent before is to leave if it still can; nothing that
    /// the transport does from now on matters.
    Close {
        /// Transport to close.
        id: TransportId,
    },
    /// Something for the program.
    Event(Event),
}

/// How a transport ended, as far as the driver knows.
///
/// ```
/// use pesan::socketio::proto::CloseInfo;
///
/// assert_eq!(CloseInfo::closed(1001, "going away").to_string(), "closed with code 1001: going away");
/// assert_eq!(CloseInfo::failed("connection refused").to_string(), "connection refused");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CloseInfo {
    /// Code of the WebSocket's close frame, or the HTTP status of a failed request.
    pub code: Option<u16>,
    /// Reason in the WebSocket's close frame.
    pub reason: String,
    /// What failed; `None` when the transport was closed in order or its peer went away.
    /// Decides between the reasons `transport error` and `transport close`.
    pub error: Option<String>,
}

impl CloseInfo {
    /// Closed by the peer, or lost.
    #[must_use]
    pub fn closed(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            reason: reason.into(),
            error: None,
        }
    }

    /// Could not be opened, or broke.
    #[must_use]
    pub fn failed(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// Given up, since more than `limit` bytes wait for the server.
    #[must_use]
    pub fn unread(limit: usize) -> Self {
        Self::failed(format!(
            "more than {limit} bytes wait, and the server does not read"
        ))
    }

    /// The same with a code.
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }
}

impl fmt::Display for CloseInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, self.code) {
            (Some(error), Some(code)) => write!(f, "{error} ({code})"),
            (Some(error), None) => f.write_str(error),
            (None, Some(code)) => write!(f, "closed with code {code}"),
            (None, None) => f.write_str("closed"),
        }?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}
