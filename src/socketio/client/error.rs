//! Why the client does not do what it was asked.

use super::args::ArgsError;
use crate::socketio::proto::{AddressError, AnswerError, EmitError, Failure};
use crate::socketio::value::{ToValueError, json};

/// Why there is no client for an address.
///
/// ```
/// use pesan::socketio::{OpenError, Options, Socket};
///
/// assert!(matches!(Socket::open("ftp://localhost", Options::new()), Err(OpenError::Address(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not an address of a server.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Namespace that no packet can name: it holds a comma, or is longer than
    /// [`Limits::max_namespace_bytes`](crate::socketio::Limits::max_namespace_bytes).
    #[error("'{}' is not a namespace", json::escaped(.0))]
    Namespace(String),
    /// Natively: called outside a tokio runtime.
    #[error("no tokio runtime to run in")]
    NoRuntime,
}

/// Why an event, or an answer, is not sent.
///
/// ```no_run
/// # use pesan::socketio::{SendError, Socket};
/// # fn say(socket: &Socket) {
/// match socket.emit("disconnect", ()) {
///     Err(SendError::Emit(error)) => assert_eq!(error.to_string(), "'disconnect' is a reserved event name"),
///     other => panic!("{other:?}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Refused before anything was sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// Answer that cannot be sent.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Argument that its own `Serialize` refuses.
    #[error(transparent)]
    Argument(#[from] ToValueError),
    /// The client was dropped.
    #[error("the client is closed")]
    Closed,
    /// The socket of a component is not open: not rendered in a browser yet, or removed.
    #[error("the socket of this component is not open")]
    NotOpen,
}

/// Why an event has no answer.
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
    /// The event was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was accepted, and came to nothing or was not answered.
    #[error(transparent)]
    Failed(Failure),
    /// The answer is not what the program asked for.
    #[error("answer: {0}")]
    Answer(ArgsError),
}

impl AckError {
    /// Whether the answer did not come in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Failed(Failure::TimedOut))
    }
}
