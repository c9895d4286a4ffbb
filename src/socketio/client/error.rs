//! Why something did not work, one type for each place where a program meets it.

use super::{CloseInfo, TransportKind};
use crate::socketio::engine::session::SessionError;
use crate::socketio::packet::EncodeError;
use crate::socketio::say::{self, Say};
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

impl Say for EmitError {
    fn say(&self, out: &mut String) {
        match self {
            Self::ReservedName(name) => say::text(out, "'", name, "' is a reserved event name"),
            Self::Namespace(name) => say::text(out, "'", &json::escaped(name), "' is not a namespace"),
            Self::TooLarge { size, limit } => say::numbers(
                out,
                ["frame of ", " bytes, the server takes ", ""],
                [*size, *limit],
            ),
            Self::TooManyAttachments { count, limit } => {
                say::numbers(out, ["", " attachments, at most ", ""], [*count, *limit]);
            }
            Self::OutboxFull { messages, bytes } => say::numbers(
                out,
                ["queue is full with ", " messages of ", " bytes"],
                [*messages, *bytes],
            ),
            Self::Encode(error) => error.say(out),
        }
    }
}

say::displayed!(EmitError);
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

impl Say for Failure {
    fn say(&self, out: &mut String) {
        match self {
            Self::Dropped => out.push_str("volatile and not connected"),
            Self::Evicted => out.push_str("pushed out of a full queue"),
            Self::Expired => out.push_str("too old to be sent"),
            Self::Cleared => out.push_str("queue was cleared"),
            Self::TooLarge { size, limit } => say::numbers(
                out,
                ["frame of ", " bytes, the server takes ", ""],
                [*size, *limit],
            ),
            Self::TimedOut => out.push_str("operation has timed out"),
            Self::Disconnected => out.push_str("socket has been disconnected"),
            Self::Cancelled => out.push_str("cancelled"),
        }
    }
}

say::displayed!(Failure);
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

impl Say for AnswerError {
    fn say(&self, out: &mut String) {
        match self {
            Self::Stale => out.push_str("the connection that asked is gone"),
            Self::TooLarge { size, limit } => say::numbers(
                out,
                ["frame of ", " bytes, the server takes ", ""],
                [*size, *limit],
            ),
            Self::TooManyAttachments { count, limit } => {
                say::numbers(out, ["", " attachments, at most ", ""], [*count, *limit]);
            }
            Self::Encode(error) => error.say(out),
        }
    }
}

say::displayed!(AnswerError);
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

impl Say for ConnectionError {
    fn say(&self, out: &mut String) {
        match self {
            Self::TimedOut => out.push_str("timeout"),
            Self::Transport { kind, info } => {
                let what = match (kind.polls(), &info.error) {
                    (None, Some(_)) => "websocket error: ",
                    (None, None) => "websocket connection closed: ",
                    (Some(_), Some(_)) => "xhr poll error: ",
                    (Some(_), None) => "polling stopped: ",
                };
                say::cause(out, what, info);
            }
            Self::Session(error) => error.say(out),
            Self::Parse(error) => error.say(out),
            Self::ClosedByServer => out.push_str("transport closed by the server"),
            Self::NetworkLost => out.push_str("network connection lost"),
            Self::TooManyEarlyEvents { limit } => {
                say::number(out, "more than ", *limit, " events before the answer to CONNECT");
            }
            Self::Unanswered => out.push_str("the server did not answer CONNECT in time"),
            Self::UpgradeStalled => out.push_str("upgrade did not come to an end in time"),
        }
    }
}

say::displayed!(ConnectionError);
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
    /// The program could not say who it is, or said it with what is not an object, or is more than the server takes.
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

impl Say for ConnectError {
    fn say(&self, out: &mut String) {
        match self {
            Self::Refused { message, .. } => out.push_str(message),
            Self::NotSupported => out.push_str("the server does not speak Socket.IO protocol 5"),
            Self::TurnedAway => out.push_str("the server disconnected in place of an answer"),
            Self::IllegalName => out.push_str("no packet can name this namespace"),
            Self::Auth(error) => say::text(out, "no auth: ", error, ""),
            Self::TimedOut => out.push_str("the server did not answer CONNECT in time"),
            Self::Connection(error) => error.say(out),
        }
    }
}

say::displayed!(ConnectError);
impl std::error::Error for ConnectError {}
