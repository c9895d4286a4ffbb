//! Transports as the client without I/O sees them: an id, a kind, and how one ended.

use std::fmt;

/// Identifies a transport. Each one gets a new id, so that late events of a closed transport are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportId(pub(super) u64);

impl TransportId {
    /// The number, for logs.
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

/// Kind of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// WebSocket.
    WebSocket,
    /// HTTP long-polling: a pending GET to receive, POSTs to send.
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

    /// All kinds, in the default order of trying.
    pub(super) const ALL: [Self; 2] = [Self::WebSocket, Self::Polling];

    /// Whether it is polling.
    pub(crate) const fn is_polling(self) -> bool {
        matches!(self, Self::Polling)
    }
}

/// How a transport ended, as reported by the driver.
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
    /// What failed; `None` for an orderly close or when the peer disappeared.
    /// Decides between the reasons `transport error` and `transport close`.
    pub error: Option<String>,
}

impl CloseInfo {
    /// Closed by the peer, or connection lost.
    #[must_use]
    pub fn closed(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            reason: reason.into(),
            error: None,
        }
    }

    /// Failed to open, or failed later.
    #[must_use]
    pub fn failed(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// Closed by the client, since the server leaves more than `limit` bytes unread.
    #[must_use]
    pub fn send_backlog(limit: usize) -> Self {
        Self::failed(format!(
            "more than {limit} bytes are unsent because the server does not read"
        ))
    }

    /// Adds a code.
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
