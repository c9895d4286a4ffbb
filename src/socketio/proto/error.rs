//! Errors, one type for each call or event that reports them.

use super::session::SessionError;
use super::transport::{CloseInfo, TransportKind};
use crate::socketio::codec::packet::EncodeError;
use crate::socketio::codec::value::json;
use crate::socketio::codec::{DecodeError, Value};

/// Why an event was refused. Nothing was sent or queued, and no ack is pending.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, EmitError, Connection};
/// use pesan::socketio::Timestamp;
///
/// let mut connection = Connection::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// let refused = connection.emit(Timestamp::from_millis(0), Emit::new("connect"));
/// assert_eq!(refused, Err(EmitError::ReservedName("connect".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The name is reserved by the protocol.
    #[error("'{0}' is a reserved event name")]
    ReservedName(String),
    /// No packet can carry the namespace: it must begin with `/`, contain no comma, and respect the length limit.
    #[error("'{}' is not a namespace", json::escaped(.0))]
    Namespace(String),
    /// A frame is larger than the server's `maxPayload`; the server would close the connection.
    #[error("frame is {size} bytes; the server accepts {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Maximum that the server accepts.
        limit: usize,
    },
    /// More binary values than the receiver's parser accepts.
    #[error("{count} attachments; the maximum is {limit}")]
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// [`Limits::max_attachments`](crate::socketio::Limits::max_attachments).
        limit: usize,
    },
    /// The send buffer is full and its policy is to refuse new events.
    #[error("send buffer is full with {messages} events of {bytes} bytes")]
    SendBufferFull {
        /// Events in the buffer.
        messages: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// Data that the wire format cannot carry.
    #[error(transparent)]
    Encode(EncodeError),
}

/// Why an accepted event was not sent, or not acknowledged.
///
/// ```
/// use pesan::socketio::proto::Failure;
///
/// assert_eq!(Failure::TimedOut.to_string(), "operation has timed out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Volatile, and it could not be sent immediately.
    #[error("volatile event while not connected")]
    Dropped,
    /// Removed from the full send buffer in favour of a newer event.
    #[error("removed from a full send buffer")]
    Evicted,
    /// Waited longer in the send buffer than the maximum age.
    #[error("expired in the send buffer")]
    Expired,
    /// The send buffer was cleared.
    #[error("send buffer was cleared")]
    Cleared,
    /// Larger than the server accepts, which became known after connecting.
    #[error("frame is {size} bytes; the server accepts {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Maximum that the server accepts.
        limit: usize,
    },
    /// No ack in time; an event that was still queued was removed.
    #[error("operation has timed out")]
    TimedOut,
    /// The connection ended before the ack.
    #[error("socket has been disconnected")]
    Disconnected,
    /// Cancelled by the program.
    #[error("cancelled")]
    Cancelled,
}

/// Why an ack to a server's event was not sent.
///
/// ```
/// use pesan::socketio::proto::SendAckError;
///
/// assert_eq!(SendAckError::Stale.to_string(), "the connection of the event has ended");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendAckError {
    /// The connection on which the event arrived has ended; the server no longer expects the ack.
    #[error("the connection of the event has ended")]
    Stale,
    /// A frame is larger than the server accepts.
    #[error("frame is {size} bytes; the server accepts {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Maximum that the server accepts.
        limit: usize,
    },
    /// More binary values than the receiver's parser accepts.
    #[error("{count} attachments; the maximum is {limit}")]
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// Maximum number.
        limit: usize,
    },
    /// Data that the wire format cannot carry.
    #[error(transparent)]
    Encode(EncodeError),
}

/// Why a connection failed to open, or was lost.
///
/// ```
/// use pesan::socketio::proto::ConnectionError;
///
/// assert_eq!(ConnectionError::TimedOut.to_string(), "timeout");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Not open within [`Config::timeout`](super::Config::timeout).
    #[error("timeout")]
    TimedOut,
    /// The transport failed or was closed.
    #[error("{}: {info}", transport_failure(*kind, info))]
    Transport {
        /// Kind of the transport.
        kind: TransportKind,
        /// How it ended.
        info: CloseInfo,
    },
    /// Several transports were tried, and all failed: their errors, the last one first.
    #[error("{}", joined(.0))]
    AllTransports(Vec<Self>),
    /// The server violated the Engine.IO protocol.
    #[error(transparent)]
    Session(SessionError),
    /// The server violated the Socket.IO protocol.
    #[error(transparent)]
    Parse(DecodeError),
    /// The server closed a polling session.
    #[error("transport closed by the server")]
    ClosedByServer,
    /// The network was lost.
    #[error("network connection lost")]
    NetworkLost,
    /// The receive buffer is full: too many events before the answer to CONNECT.
    #[error("more than {limit} events before the answer to CONNECT")]
    ReceiveBufferFull {
        /// [`Config::receive_buffer_events`](super::Config::receive_buffer_events).
        limit: usize,
    },
    /// The server answered none of the CONNECTs in time.
    #[error("the server did not answer CONNECT in time")]
    Unanswered,
    /// The upgrade from polling to WebSocket did not finish.
    #[error("upgrade did not finish in time")]
    UpgradeStalled,
}

fn joined(errors: &[ConnectionError]) -> String {
    let mut texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.dedup();
    texts.join("; ")
}

fn transport_failure(kind: TransportKind, info: &CloseInfo) -> &'static str {
    match (kind, &info.error) {
        (TransportKind::WebSocket, Some(_)) => "websocket error",
        (TransportKind::WebSocket, None) => "websocket connection closed",
        (TransportKind::Polling, Some(_)) => "xhr poll error",
        (TransportKind::Polling, None) => "polling stopped",
    }
}

/// Why a namespace failed to connect, as reported by `connect_error`.
///
/// ```
/// use pesan::socketio::proto::ConnectError;
/// use pesan::socketio::Value;
///
/// let error = ConnectError::Refused { message: "not authorized".into(), data: Some(Value::from(7)) };
/// assert_eq!(error.to_string(), "not authorized");
/// assert_eq!(error.data(), Some(&Value::from(7)));
/// assert!(!error.will_retry());
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server refused with CONNECT_ERROR.
    #[error("{message}")]
    Refused {
        /// `message` of its payload, or a default.
        message: String,
        /// `data` of its payload.
        data: Option<Value>,
    },
    /// The answer is not Socket.IO 5, such as a CONNECT without `sid`.
    #[error("the server does not speak Socket.IO protocol 5")]
    NotSupported,
    /// The server answered with DISCONNECT.
    #[error("the server answered CONNECT with DISCONNECT")]
    DisconnectedByServer,
    /// No packet can carry the namespace: it must begin with `/`, contain no comma, and respect the length limit.
    #[error("no packet can carry this namespace")]
    IllegalName,
    /// The program provided no `auth`, or one that is not an object or larger than the server accepts.
    #[error("invalid auth: {0}")]
    Auth(String),
    /// No answer to CONNECT within [`Config::connect_timeout`](super::Config::connect_timeout).
    #[error("the server did not answer CONNECT in time")]
    TimedOut,
    /// The connection failed.
    #[error(transparent)]
    Connection(ConnectionError),
}

impl ConnectError {
    /// `data` of the server's CONNECT_ERROR.
    #[must_use]
    pub fn data(&self) -> Option<&Value> {
        match self {
            Self::Refused { data, .. } => data.as_ref(),
            Self::NotSupported
            | Self::DisconnectedByServer
            | Self::IllegalName
            | Self::Auth(_)
            | Self::TimedOut
            | Self::Connection(_) => None,
        }
    }

    /// Whether the namespace stays active, so that it will connect after a reconnection.
    #[must_use]
    pub fn will_retry(&self) -> bool {
        match self {
            Self::TimedOut | Self::Connection(_) => true,
            Self::Refused { .. }
            | Self::NotSupported
            | Self::DisconnectedByServer
            | Self::IllegalName
            | Self::Auth(_) => false,
        }
    }

    /// Reads the payload of a CONNECT_ERROR, in any form.
    pub(super) fn from_payload(payload: Option<Value>) -> Self {
        const SILENT: &str = "the server refused the connection";
        let (message, data) = match payload {
            None => (SILENT.to_owned(), None),
            Some(Value::String(message)) => (message, None),
            Some(other) => {
                let message = other.get("message").and_then(Value::as_str);
                (message.unwrap_or(SILENT).to_owned(), other.get("data").cloned())
            }
        };
        Self::Refused { message, data }
    }
}
