//! Errors: of emitting, of acks, of namespaces, and the refusal of a CONNECT.

use std::fmt;

use pesan::socketio::packet::EncodeError;
use pesan::socketio::value::{ToValueError, Value, to_value};
use serde::Serialize;

use crate::engineio::SendError;

/// Why an event or an ack was not sent.
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
    /// Event name is reserved by the protocol.
    Reserved(String),
    /// Data cannot be serialized.
    Data(ToValueError),
    /// Data cannot be encoded in the wire format.
    Encode(EncodeError),
    /// Packet has too many attachments.
    TooManyAttachments {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Socket is not connected.
    Disconnected,
    /// Client has not read enough of what was sent before.
    QueueFull {
        /// Queued bytes.
        queued: usize,
        /// Limit that was exceeded, see
        /// [`EngineLimits::max_queued_bytes`](crate::engineio::EngineLimits::max_queued_bytes).
        limit: usize,
    },
    /// Socket has too many pending acks.
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
            Self::TooManyPendingAcks { limit } => {
                write!(f, "{limit} acks are pending already, which is the maximum")
            }
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

/// Why a namespace cannot be created.
///
/// ```
/// use pesan_server::socketio::{Io, NamespaceError};
///
/// let error = Io::default().of("/a,b").expect_err("no client can connect to it");
/// assert_eq!(error, NamespaceError::Comma("/a,b".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamespaceError {
    /// Name has a comma, which ends the name in the default wire format.
    Comma(String),
    /// Name is longer than [`SocketIoLimits::max_namespace_bytes`](super::SocketIoLimits::max_namespace_bytes).
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

/// Why there is no ack.
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
    /// No ack within the timeout.
    Timeout,
    /// Socket was disconnected.
    Disconnected,
    /// Client sent more events than may wait for their handlers before its ack.
    Overrun,
    /// Ack has data of another type.
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

/// Whether an error text means that the socket is disconnected.
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
    /// Refusal with a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// Adds details for the client; data that cannot be serialized is omitted and logged.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        match to_value(data) {
            Ok(data) => self.data = Some(data),
            Err(error) => tracing::warn!(%error, "cannot serialize the details of a refusal"),
        }
        self
    }

    /// Message for the client.
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
