//! Why something did not work, one type for each place where a program meets it.

use super::{CloseInfo, TransportKind};
use crate::socketio::packet::EncodeError;
use crate::socketio::proto::session::SessionError;
use crate::socketio::value::json;
use crate::socketio::{DecodeError, Value};

/// Why an event is not even queued. Nothing was sent, no ack is pending.
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, EmitError, Machine};
/// use pesan::socketio::Timestamp;
///
/// let mut machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// let refused = machine.emit(Timestamp::from_millis(0), Emit::new("connect"));
/// assert_eq!(refused, Err(EmitError::ReservedName("connect".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// Name that the protocol keeps for itself.
    #[error("'{0}' is a reserved event name")]
    ReservedName(String),
    /// Namespace that no packet can name: it must begin with `/`, hold no comma, and keep to the limit.
    #[error("'{}' is not a namespace", json::escaped(.0))]
    Namespace(String),
    /// A frame is larger than the server's `maxPayload`, which it would answer by cutting the connection.
    #[error("frame of {size} bytes, the server takes {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// More binary values than the receiver's parser takes.
    #[error("{count} attachments, at most {limit}")]
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// [`Limits::max_attachments`](crate::socketio::Limits::max_attachments).
        limit: usize,
    },
    /// The queue is full and its policy is to refuse.
    #[error("queue is full with {messages} messages of {bytes} bytes")]
    OutboxFull {
        /// Messages that the queue holds.
        messages: usize,
        /// Bytes that it holds.
        bytes: usize,
    },
    /// Data that the parser's format cannot carry.
    #[error(transparent)]
    Encode(EncodeError),
}

/// Why an event that was accepted came to nothing, or was not answered.
///
/// ```
/// use pesan::socketio::proto::Failure;
///
/// assert_eq!(Failure::TimedOut.to_string(), "operation has timed out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Volatile, and there was no connection to send it on.
    #[error("volatile and not connected")]
    Dropped,
    /// A younger message needed its place in the queue.
    #[error("pushed out of a full queue")]
    Evicted,
    /// Waited longer in the queue than the age limit.
    #[error("too old to be sent")]
    Expired,
    /// The queue was cleared.
    #[error("queue was cleared")]
    Cleared,
    /// Larger than the server, known only now, takes.
    #[error("frame of {size} bytes, the server takes {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// No answer in time; a message that still waited was taken out of the queue.
    #[error("operation has timed out")]
    TimedOut,
    /// The connection ended before the answer.
    #[error("socket has been disconnected")]
    Disconnected,
    /// The program lost interest.
    #[error("cancelled")]
    Cancelled,
}

/// Why an answer to a server's event is not sent.
///
/// ```
/// use pesan::socketio::proto::AnswerError;
///
/// assert_eq!(AnswerError::Stale.to_string(), "the connection that asked is gone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The connection on which the event came has ended; the server waits no more.
    #[error("the connection that asked is gone")]
    Stale,
    /// A frame is larger than the server takes.
    #[error("frame of {size} bytes, the server takes {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// More binary values than the receiver's parser takes.
    #[error("{count} attachments, at most {limit}")]
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// Most that are allowed.
        limit: usize,
    },
    /// Data that the parser's format cannot carry.
    #[error(transparent)]
    Encode(EncodeError),
}

/// Why a connection could not be opened, or broke.
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
        /// Transport that it was.
        kind: TransportKind,
        /// What is known about it.
        info: CloseInfo,
    },
    /// The server sent what is not Engine.IO.
    #[error(transparent)]
    Session(SessionError),
    /// The server sent what is not Socket.IO.
    #[error(transparent)]
    Parse(DecodeError),
    /// The server closed a polling session.
    #[error("transport closed by the server")]
    ClosedByServer,
    /// The browser says that there is no network.
    #[error("network connection lost")]
    NetworkLost,
    /// More events before the answer to CONNECT than are kept.
    #[error("more than {limit} events before the answer to CONNECT")]
    TooManyEarlyEvents {
        /// [`Config::early_events`](super::Config::early_events).
        limit: usize,
    },
    /// The server answered no CONNECT in time.
    #[error("the server did not answer CONNECT in time")]
    Unanswered,
    /// The change from polling to WebSocket did not come to an end.
    #[error("upgrade did not come to an end in time")]
    UpgradeStalled,
}

fn transport_failure(kind: TransportKind, info: &CloseInfo) -> &'static str {
    match (kind, &info.error) {
        (TransportKind::WebSocket, Some(_)) => "websocket error",
        (TransportKind::WebSocket, None) => "websocket connection closed",
        (TransportKind::Polling, Some(_)) => "xhr poll error",
        (TransportKind::Polling, None) => "polling stopped",
    }
}

/// Why a namespace is not connected: what `connect_error` carries.
///
/// ```
/// use pesan::socketio::proto::ConnectError;
/// use pesan::socketio::Value;
///
/// let error = ConnectError::Refused { message: "no seat".into(), data: Some(Value::from(7)) };
/// assert_eq!(error.to_string(), "no seat");
/// assert_eq!(error.data(), Some(&Value::from(7)));
/// assert!(!error.will_retry());
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server refused: CONNECT_ERROR.
    #[error("{message}")]
    Refused {
        /// `message` of its payload, or what stands for it.
        message: String,
        /// `data` of its payload.
        data: Option<Value>,
    },
    /// The server answered with something that is not Socket.IO 5, such as a CONNECT without `sid`.
    #[error("the server does not speak Socket.IO protocol 5")]
    NotSupported,
    /// The server sent DISCONNECT in place of an answer.
    #[error("the server disconnected in place of an answer")]
    TurnedAway,
    /// No packet can name it: it must begin with `/`, hold no comma, and keep to the limit.
    #[error("no packet can name this namespace")]
    IllegalName,
    /// The program could not say who it is, or said it with what is not an object, or is more than the server takes.
    #[error("no auth: {0}")]
    Auth(String),
    /// No answer to CONNECT within [`Config::connect_timeout`](super::Config::connect_timeout).
    #[error("the server did not answer CONNECT in time")]
    TimedOut,
    /// There is no connection.
    #[error(transparent)]
    Connection(ConnectionError),
}

impl ConnectError {
    /// What the server added to its refusal.
    #[must_use]
    pub fn data(&self) -> Option<&Value> {
        match self {
            Self::Refused { data, .. } => data.as_ref(),
            Self::NotSupported
            | Self::TurnedAway
            | Self::IllegalName
            | Self::Auth(_)
            | Self::TimedOut
            | Self::Connection(_) => None,
        }
    }

    /// Whether the namespace stays active, so that the client goes on trying if reconnection is on.
    #[must_use]
    pub fn will_retry(&self) -> bool {
        match self {
            Self::TimedOut | Self::Connection(_) => true,
            Self::Refused { .. }
            | Self::NotSupported
            | Self::TurnedAway
            | Self::IllegalName
            | Self::Auth(_) => false,
        }
    }

    /// Reads the payload of a CONNECT_ERROR, whatever it is.
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
