//! Why a socket is gone, in the official words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engineio::CloseReason;

/// Why a socket was disconnected, as `disconnecting` and `disconnect` tell it.
///
/// ```
/// use pesan_server::socketio::DisconnectReason;
/// assert_eq!(DisconnectReason::TransportClose.as_str(), "transport close");
/// assert!(!DisconnectReason::ClientNamespaceDisconnect.is_recoverable());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DisconnectReason {
    /// Connection broke.
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
    /// Client sent what is no packet.
    #[serde(rename = "parse error")]
    ParseError,
    /// Server is going away.
    #[serde(rename = "server shutting down")]
    ServerShuttingDown,
    /// Server closed the connection, for example as no namespace was joined in time.
    #[serde(rename = "forced server close")]
    ForcedServerClose,
    /// Client read too slowly: more waited for it than the transport's limits allow. A word of ours.
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
    /// Official wording.
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

    /// Its place among all reasons.
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether the server has asked this socket to go, so that what it sent before counts no more.
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

    /// Whether the client may take its session up again.
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
    fn reason_comes_back_from_its_code() {
        for reason in DisconnectReason::ALL {
            assert_eq!(DisconnectReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(DisconnectReason::from_code(10), None);
    }
}
