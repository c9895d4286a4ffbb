//! What can go wrong, one type per boundary.

use std::fmt;

use pesan::socketio::packet::EncodeError;
use pesan::socketio::value::{ToValueError, Value, to_value};
use serde::Serialize;

use crate::engineio::SendError;

/// Why an event or an answer was not sent.
///
/// ```
/// use pesan_server::socketio::{EmitError, Io};
///
/// let io = Io::default();
/// assert_eq!(io.emit("connect", ()), Err(EmitError::Reserved("connect".into())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// Name that the protocol keeps for itself.
    Reserved(String),
    /// Data that serde cannot turn into a value.
    Data(ToValueError),
    /// Data that the wire format cannot carry.
    Encode(EncodeError),
    /// More attachments than the official peers take.
    TooManyAttachments {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Socket is no longer connected.
    Disconnected,
    /// Client has not read enough of what was sent before.
    QueueFull {
        /// Bytes that wait for it.
        queued: usize,
        /// Limit that was exceeded; see [`engineio::EngineLimits::max_queued_bytes`](crate::engineio::EngineLimits::max_queued_bytes).
        limit: usize,
    },
    /// Too many events of this socket wait for their answer.
    TooManyPendingAcks {
        /// Limit that was reached.
        limit: usize,
    },
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(name) => write!(f, "\"{name}\" is a reserved event name"),
            Self::Data(error) => write!(f, "cannot send this data: {error}"),
            Self::Encode(error) => write!(f, "cannot send this data: {error}"),
            Self::TooManyAttachments { limit } => write!(f, "more than {limit} attachments in one packet"),
            Self::Disconnected => write!(f, "socket is not connected"),
            Self::QueueFull { queued, limit } => {
                write!(f, "{queued} bytes wait for this client; the maximum is {limit}")
            }
            Self::TooManyPendingAcks { limit } => write!(f, "{limit} events wait for their answer already"),
        }
    }
}

impl std::error::Error for EmitError {}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::Disconnected,
            SendError::QueueFull { queued, limit } => Self::QueueFull { queued, limit },
        }
    }
}

impl From<ToValueError> for EmitError {
    fn from(error: ToValueError) -> Self {
        Self::Data(error)
    }
}

impl From<EncodeError> for EmitError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// Why there is no namespace of this name.
///
/// ```
/// use pesan_server::socketio::{Io, NamespaceError};
///
/// let error = Io::default().of("/a,b").expect_err("no client can ask for it");
/// assert_eq!(error, NamespaceError::Comma("/a,b".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A comma ends the name of a namespace in the default format.
    Comma(String),
    /// More bytes than [`SocketIoLimits::max_namespace_bytes`](super::SocketIoLimits::max_namespace_bytes): a CONNECT to it is refused.
    TooLong {
        /// Bytes of the name.
        bytes: usize,
        /// Limit that was exceeded.
        limit: usize,
    },
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comma(name) => write!(
                f,
                "namespace \"{name}\" has a comma, which ends its name on the wire"
            ),
            Self::TooLong { bytes, limit } => {
                write!(
                    f,
                    "name of the namespace is {bytes} bytes; the maximum is {limit}"
                )
            }
        }
    }
}

impl std::error::Error for NamespaceError {}

/// Why an event was not answered.
///
/// ```
/// use pesan_server::socketio::AckError;
/// assert_eq!(AckError::Timeout.to_string(), "operation has timed out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// Event was not sent.
    Emit(EmitError),
    /// No answer within the time given.
    Timeout,
    /// Socket went away first.
    Disconnected,
    /// Client sent more events than may wait for their handlers before it answered, and is not read any further.
    Overrun,
    /// Answer is not of the type that was asked for.
    Answer(String),
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emit(error) => error.fmt(f),
            Self::Timeout => write!(f, "operation has timed out"),
            Self::Disconnected => write!(f, "socket has been disconnected"),
            Self::Overrun => write!(f, "client sent too many events before its answer"),
            Self::Answer(error) => write!(f, "answer does not fit: {error}"),
        }
    }
}

impl std::error::Error for AckError {}

impl From<EmitError> for AckError {
    fn from(error: EmitError) -> Self {
        Self::Emit(error)
    }
}

/// Whether this is the text of an error that says no more than that the socket is gone.
pub(super) fn says_disconnected(message: &str) -> bool {
    message == EmitError::Disconnected.to_string() || message == AckError::Disconnected.to_string()
}

/// Refusal of a CONNECT by middleware; becomes `err.message` and `err.data` of the client's `connect_error`.
///
/// ```
/// use pesan_server::socketio::{ConnectError, Io, Socket};
///
/// let io = Io::default();
/// io.with_middleware(|socket: Socket| match socket.handshake().auth.get("token") {
///     Some(_) => Ok(()),
///     None => Err(ConnectError::new("authentication error").with_data(&("retry", 5))),
/// });
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectError {
    message: String,
    data: Option<Value>,
}

impl ConnectError {
    /// Refusal that says why.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// Adds details for the client; what serde cannot turn into a value is left out and logged.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        match to_value(data) {
            Ok(data) => self.data = Some(data),
            Err(error) => tracing::warn!(%error, "details of a refusal cannot be sent"),
        }
        self
    }

    /// Text for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Details for the client.
    #[must_use]
    pub fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// Payload of the CONNECT_ERROR packet.
    pub(super) fn payload(&self) -> Value {
        let message = ("message", Value::from(self.message.as_str()));
        let data = self.data.clone().map(|data| ("data", data));
        Value::object(std::iter::once(message).chain(data))
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

impl From<&str> for ConnectError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for ConnectError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
