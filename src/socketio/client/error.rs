//! Why something did not work, one type for each place where a program meets it.

use std::fmt;

use super::{CloseInfo, TransportKind};
use crate::socketio::engine::session::SessionError;
use crate::socketio::packet::EncodeError;
use crate::socketio::say;
use crate::socketio::value::json;
use crate::socketio::{DecodeError, Value};

/// Why an event is not even queued. Nothing was sent, no ack is pending.
///
/// ```
/// use pesan::socketio::client::{Config, Emit, EmitError, Machine};
/// use pesan::socketio::Timestamp;
///
/// let mut machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// let refused = machine.emit(Timestamp::from_millis(0), Emit::new("connect"));
/// assert_eq!(refused, Err(EmitError::ReservedName("connect".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// Name that the protocol keeps for itself.
    ReservedName(String),
    /// Namespace that no packet can name: it must begin with `/`, hold no comma, and keep to the limit.
    Namespace(String),
    /// A frame is larger than the server's `maxPayload`, which it would answer by cutting the connection.
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// More binary values than the receiver's parser takes.
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// [`Limits::max_attachments`](crate::socketio::Limits::max_attachments).
        limit: usize,
    },
    /// The queue is full and its policy is to refuse.
    OutboxFull {
        /// Messages that the queue holds.
        messages: usize,
        /// Bytes that it holds.
        bytes: usize,
    },
    /// Data that the parser's format cannot carry.
    Encode(EncodeError),
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedName(name) => say::text(f, "'", name, "' is a reserved event name"),
            Self::Namespace(name) => say::text(f, "'", &json::escaped(name), "' is not a namespace"),
            Self::TooLarge { size, limit } => {
                say::numbers(f, ["frame of ", " bytes, the server takes ", ""], [*size, *limit])
            }
            Self::TooManyAttachments { count, limit } => {
                say::numbers(f, ["", " attachments, at most ", ""], [*count, *limit])
            }
            Self::OutboxFull { messages, bytes } => say::numbers(
                f,
                ["queue is full with ", " messages of ", " bytes"],
                [*messages, *bytes],
            ),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EmitError {}

/// Why an event that was accepted came to nothing, or was not answered.
///
/// ```
/// use pesan::socketio::client::Failure;
///
/// assert_eq!(Failure::TimedOut.to_string(), "operation has timed out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Volatile, and there was no connection to send it on.
    Dropped,
    /// A younger message needed its place in the queue.
    Evicted,
    /// Waited longer in the queue than the age limit.
    Expired,
    /// The queue was cleared.
    Cleared,
    /// Larger than the server, known only now, takes.
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// No answer in time; a message that still waited was taken out of the queue.
    TimedOut,
    /// The connection ended before the answer.
    Disconnected,
    /// The program lost interest.
    Cancelled,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("volatile and not connected"),
            Self::Evicted => f.write_str("pushed out of a full queue"),
            Self::Expired => f.write_str("too old to be sent"),
            Self::Cleared => f.write_str("queue was cleared"),
            Self::TooLarge { size, limit } => {
                say::numbers(f, ["frame of ", " bytes, the server takes ", ""], [*size, *limit])
            }
            Self::TimedOut => f.write_str("operation has timed out"),
            Self::Disconnected => f.write_str("socket has been disconnected"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Failure {}

/// Why an answer to a server's event is not sent.
///
/// ```
/// use pesan::socketio::client::AnswerError;
///
/// assert_eq!(AnswerError::Stale.to_string(), "the connection that asked is gone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// The connection on which the event came has ended; the server waits no more.
    Stale,
    /// A frame is larger than the server takes.
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// What the server takes.
        limit: usize,
    },
    /// More binary values than the receiver's parser takes.
    TooManyAttachments {
        /// Binary values in the arguments.
        count: usize,
        /// Most that are allowed.
        limit: usize,
    },
    /// Data that the parser's format cannot carry.
    Encode(EncodeError),
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("the connection that asked is gone"),
            Self::TooLarge { size, limit } => {
                say::numbers(f, ["frame of ", " bytes, the server takes ", ""], [*size, *limit])
            }
            Self::TooManyAttachments { count, limit } => {
                say::numbers(f, ["", " attachments, at most ", ""], [*count, *limit])
            }
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AnswerError {}

/// Why a connection could not be opened, or broke.
///
/// ```
/// use pesan::socketio::client::ConnectionError;
///
/// assert_eq!(ConnectionError::TimedOut.to_string(), "timeout");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Not open within [`Config::timeout`](super::Config::timeout).
    TimedOut,
    /// The transport failed or was closed.
    Transport {
        /// Transport that it was.
        kind: TransportKind,
        /// What is known about it.
        info: CloseInfo,
    },
    /// The server sent what is not Engine.IO.
    Session(SessionError),
    /// The server sent what is not Socket.IO.
    Parse(DecodeError),
    /// The server closed a polling session.
    ClosedByServer,
    /// The browser says that there is no network.
    NetworkLost,
    /// More events before the answer to CONNECT than are kept.
    TooManyEarlyEvents {
        /// [`Config::early_events`](super::Config::early_events).
        limit: usize,
    },
    /// The server answered no CONNECT in time.
    Unanswered,
    /// The change from polling to WebSocket did not come to an end.
    UpgradeStalled,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timeout"),
            Self::Transport { kind, info } => {
                let what = match (kind, &info.error) {
                    (TransportKind::WebSocket, Some(_)) => "websocket error: ",
                    (TransportKind::WebSocket, None) => "websocket connection closed: ",
                    (TransportKind::Polling, Some(_)) => "xhr poll error: ",
                    (TransportKind::Polling, None) => "polling stopped: ",
                };
                say::cause(f, what, info)
            }
            Self::Session(error) => error.fmt(f),
            Self::Parse(error) => error.fmt(f),
            Self::ClosedByServer => f.write_str("transport closed by the server"),
            Self::NetworkLost => f.write_str("network connection lost"),
            Self::TooManyEarlyEvents { limit } => {
                say::number(f, "more than ", *limit, " events before the answer to CONNECT")
            }
            Self::Unanswered => f.write_str("the server did not answer CONNECT in time"),
            Self::UpgradeStalled => f.write_str("upgrade did not come to an end in time"),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// Why a namespace is not connected: what `connect_error` carries.
///
/// ```
/// use pesan::socketio::client::ConnectError;
/// use pesan::socketio::Value;
///
/// let error = ConnectError::Refused { message: "no seat".into(), data: Some(Value::from(7)) };
/// assert_eq!(error.to_string(), "no seat");
/// assert_eq!(error.data(), Some(&Value::from(7)));
/// assert!(!error.will_retry());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server refused: CONNECT_ERROR.
    Refused {
        /// `message` of its payload, or what stands for it.
        message: String,
        /// `data` of its payload.
        data: Option<Value>,
    },
    /// The server answered with something that is not Socket.IO 5, such as a CONNECT without `sid`.
    NotSupported,
    /// The server sent DISCONNECT in place of an answer.
    TurnedAway,
    /// No packet can name it: it must begin with `/`, hold no comma, and keep to the limit.
    IllegalName,
    /// The program could not say who it is, or said it with what is not an object.
    Auth(String),
    /// No answer to CONNECT within [`Config::connect_timeout`](super::Config::connect_timeout).
    TimedOut,
    /// There is no connection.
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

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, .. } => f.write_str(message),
            Self::NotSupported => f.write_str("the server does not speak Socket.IO protocol 5"),
            Self::TurnedAway => f.write_str("the server disconnected in place of an answer"),
            Self::IllegalName => f.write_str("no packet can name this namespace"),
            Self::Auth(error) => say::text(f, "no auth: ", error, ""),
            Self::TimedOut => f.write_str("the server did not answer CONNECT in time"),
            Self::Connection(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}
