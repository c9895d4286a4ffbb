//! Why a socket was disconnected, with the names of the official server.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engineio::CloseReason;

/// Why a socket was disconnected; argument of `disconnecting` and `disconnect`.
///
/// ```
/// use pesan_server::socketio::DisconnectReason;
/// assert_eq!(DisconnectReason::TransportClose.as_str(), "transport close");
/// assert!(!DisconnectReason::ClientNamespaceDisconnect.is_recoverable());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DisconnectReason {
    /// Connection failed.
    #[serde(rename = "transport error")]
    TransportError,
    /// Client closed the connection, or lost it.
    #[serde(rename = "transport close")]
    TransportClose,
    /// Server closed the connection, for example to make room for others.
    #[serde(rename = "forced close")]
    ForcedClose,
    /// Client did not answer a ping in time.
    #[serde(rename = "ping timeout")]
    PingTimeout,
    /// Client sent an invalid packet.
    #[serde(rename = "parse error")]
    ParseError,
    /// Server is shutting down.
    #[serde(rename = "server shutting down")]
    ServerShuttingDown,
    /// Server closed the connection, for example because no namespace was joined in time.
    #[serde(rename = "forced server close")]
    ForcedServerClose,
    /// Client read too slowly: more was queued for it than the transport allows. The official server has no such reason.
    #[serde(rename = "slow reader")]
    SlowReader,
    /// Client left the namespace.
    #[serde(rename = "client namespace disconnect")]
    ClientNamespaceDisconnect,
    /// Server made the socket leave the namespace.
    #[serde(rename = "server namespace disconnect")]
    ServerNamespaceDisconnect,
}

impl DisconnectReason {
    /// Name; that of the official server where it has one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
            Self::ForcedServerClose => "forced server close",
            Self::SlowReader => "slow reader",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
        }
    }

    const ALL: [Self; 10] = [
        Self::TransportError,
        Self::TransportClose,
        Self::ForcedClose,
        Self::PingTimeout,
        Self::ParseError,
        Self::ServerShuttingDown,
        Self::ForcedServerClose,
        Self::SlowReader,
        Self::ClientNamespaceDisconnect,
        Self::ServerNamespaceDisconnect,
    ];

    /// Index among all reasons.
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether the server disconnected the socket, so that events received before are not handled.
    pub(super) fn is_by_server(self) -> bool {
        match self {
            Self::ServerNamespaceDisconnect => true,
            Self::TransportError
            | Self::TransportClose
            | Self::ForcedClose
            | Self::PingTimeout
            | Self::ParseError
            | Self::ServerShuttingDown
            | Self::ForcedServerClose
            | Self::SlowReader
            | Self::ClientNamespaceDisconnect => false,
        }
    }

    /// Whether the client may resume its session.
    #[must_use]
    pub fn is_recoverable(self) -> bool {
        match self {
            Self::TransportError
            | Self::TransportClose
            | Self::ForcedClose
            | Self::PingTimeout
            | Self::ServerShuttingDown
            | Self::ForcedServerClose
            | Self::SlowReader => true,
            Self::ParseError | Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect => false,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::TransportError => Self::TransportError,
            CloseReason::TransportClose => Self::TransportClose,
            CloseReason::ForcedClose | CloseReason::Overload => Self::ForcedClose,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::ServerShuttingDown => Self::ServerShuttingDown,
            CloseReason::ForcedServerClose => Self::ForcedServerClose,
            CloseReason::SlowReader => Self::SlowReader,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_from_its_code_is_the_same() {
        for reason in DisconnectReason::ALL {
            assert_eq!(DisconnectReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(DisconnectReason::from_code(10), None);
    }
}
