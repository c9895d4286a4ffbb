//! Why a connection ended, and why a request was refused. Hooks, logs and metrics use these names.

use std::fmt;

/// Why a connection ended. [`Self::as_str`] gives the official words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client left: a close frame, a close packet, or the end of the stream.
    TransportClose,
    /// The transport failed, or the client broke the rules of the transport.
    TransportError,
    /// The client sent what is not an Engine.IO packet.
    ParseError,
    /// No pong came in time.
    PingTimeout,
    /// Code on this server closed the connection.
    ForcedClose,
    /// Code on this server closed the connection together with all of its namespaces.
    ForcedServerClose,
    /// The server stops.
    ServerShuttingDown,
    /// Client read too slowly: more waited for it than [`Limits::max_queued_bytes`](super::Limits::max_queued_bytes).
    SlowReader,
    /// Server had to make room: the client held much of the memory, or a place without having joined a namespace.
    Overload,
}

impl CloseReason {
    /// Official words where the official server has them.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::PingTimeout => "ping timeout",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::SlowReader => "slow reader",
            Self::Overload => "overload",
        }
    }

    /// Close code of RFC 6455 that tells a WebSocket client the same.
    pub(crate) const fn close_code(self) -> u16 {
        match self {
            Self::TransportClose | Self::PingTimeout | Self::ForcedClose | Self::ForcedServerClose => 1000,
            Self::ServerShuttingDown => 1001,
            Self::TransportError | Self::ParseError => 1002,
            Self::SlowReader => 1008,
            // "try again later"
            Self::Overload => 1013,
        }
    }

    /// Whether what is queued still goes out before the end.
    pub(crate) const fn is_orderly(self) -> bool {
        matches!(
            self,
            Self::ForcedClose | Self::ForcedServerClose | Self::ServerShuttingDown
        )
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Error codes of the Engine.IO server, as they stand in the JSON body of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum RefuseCode {
    /// `transport` is missing, unknown or not allowed here.
    TransportUnknown = 0,
    /// No session has this `sid`.
    UnknownSid = 1,
    /// A handshake that is no GET.
    BadHandshakeMethod = 2,
    /// Anything else that breaks the protocol.
    BadRequest = 3,
    /// [`EngineConfig::allow_request`](super::EngineConfig::allow_request), the origin or a limit forbids it.
    Forbidden = 4,
    /// `EIO` is not 4.
    UnsupportedVersion = 5,
}

impl RefuseCode {
    /// Number in the JSON body.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Official message of the code.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

/// A request that was refused, as [`EngineConfig::on_connection_error`](super::EngineConfig::on_connection_error) sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionError {
    /// Official code.
    pub code: RefuseCode,
    /// Message in the body: the code's own, or that of `allow_request`.
    pub message: String,
    /// What was wrong, for the log: `unknown sid 'abc'`.
    pub context: String,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.message, self.code.code(), self.context)
    }
}

impl std::error::Error for ConnectionError {}
