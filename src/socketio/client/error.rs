//! Errors of the client: opening, sending, acks, arguments.

use crate::socketio::codec::args::ArgsError;
use crate::socketio::codec::value::{ToValueError, json};
use crate::socketio::proto::{AddressError, EmitError, Failure, SendAckError};

/// Why a connection cannot be opened for a URL.
///
/// ```
/// use pesan::socketio::{OpenError, Options, Socket};
///
/// assert!(matches!(Socket::open("ftp://localhost", Options::new()), Err(OpenError::Address(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Namespace that no packet can carry: it contains a comma, or is longer than
    /// [`Limits::max_namespace_bytes`](crate::socketio::Limits::max_namespace_bytes).
    #[error("'{}' is not a namespace", json::escaped(.0))]
    Namespace(String),
    /// Native only: called outside a tokio runtime.
    #[error("not inside a tokio runtime")]
    NoRuntime,
}

/// Why a listener did not handle an event.
///
/// ```no_run
/// # use pesan::socketio::{ListenerError, Socket};
/// # fn listen(socket: &Socket) {
/// socket.on_error(|error: &ListenerError| eprintln!("{error}"));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerError {
    /// The arguments do not fit the parameters of the listener, which was not called.
    #[error("event '{}': {error}", json::escaped(.event))]
    Args {
        /// Name of the event.
        event: String,
        /// Which argument, and why.
        error: ArgsError,
    },
    /// The listener returned an error, or the ack that it returned could not be sent.
    #[error("event '{}': {message}", json::escaped(.event))]
    Failed {
        /// Name of the event.
        event: String,
        /// Text of the error.
        message: String,
    },
}

/// Why not everything that was emitted has been sent.
///
/// ```
/// use pesan::socketio::FlushError;
///
/// let error = FlushError { queued: 2 };
/// assert_eq!(error.to_string(), "2 events are queued, and the socket is not connected");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{queued} events are queued, and the socket is not connected")]
pub struct FlushError {
    /// Number of events that wait for a connection.
    pub queued: usize,
}

/// Why an event or ack is not sent.
///
/// ```no_run
/// # use pesan::socketio::{SendError, Socket};
/// # fn emit(socket: &Socket) {
/// match socket.emit("disconnect", ()) {
///     Err(SendError::Emit(error)) => assert_eq!(error.to_string(), "'disconnect' is a reserved event name"),
///     other => panic!("{other:?}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The event was refused before anything was sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The ack cannot be sent.
    #[error(transparent)]
    Ack(#[from] SendAckError),
    /// Serializing an argument failed.
    #[error(transparent)]
    Argument(#[from] ToValueError),
    /// The connection was dropped.
    #[error("the client is closed")]
    Closed,
    /// The socket of a component is not open: it is not mounted in a browser yet, or was removed.
    #[error("the socket of this component is not open")]
    NotOpen,
}

/// Why an event was not acknowledged.
///
/// ```
/// use pesan::socketio::AckError;
/// use pesan::socketio::proto::Failure;
///
/// assert!(AckError::Failed(Failure::TimedOut).is_timeout());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was queued or sent, but not acknowledged.
    #[error(transparent)]
    Failed(Failure),
    /// The arguments of the ack do not fit the requested type.
    #[error("ack: {0}")]
    Args(ArgsError),
}

impl AckError {
    /// Whether the time limit for the ack has passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Failed(Failure::TimedOut))
    }
}
