//! Why a connection ended. Hooks, logs and metrics use these names.

use std::fmt;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed the connection: a close frame, a close packet, or the end of the stream.
    TransportClose,
    /// The transport failed, or the client violated its protocol.
    TransportError,
    /// The client sent something that is not an Engine.IO packet.
    ParseError,
    /// No pong came in time.
    PingTimeout,
    /// Code on this server closed the connection.
    ForcedClose,
    /// Code on this server closed the connection together with all of its namespaces.
    ForcedServerClose,
    /// The server is shutting down.
    ServerShuttingDown,
    /// The client read too slowly: more was queued for it than
    /// [`EngineLimits::max_queued_bytes`](super::EngineLimits::max_queued_bytes).
    SlowReader,
    /// The server had to make room: the client held too much memory, or had not joined a namespace.
    Overload,
}

impl CloseReason {
    /// Name; that of the official server where it has one.
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

    /// Close code of RFC 6455 for a WebSocket client.
    pub(crate) const fn close_code(self) -> u16 {
        match self {
            Self::TransportClose | Self::PingTimeout | Self::ForcedClose | Self::ForcedServerClose => 1000,
            Self::ServerShuttingDown => 1001,
            Self::TransportError | Self::ParseError => 1002,
            Self::SlowReader => 1008,
            // 1013: try again later
            Self::Overload => 1013,
        }
    }

    /// Whether queued messages are still sent before the end.
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
