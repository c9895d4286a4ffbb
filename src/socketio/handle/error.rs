//! Why the client does not do what it was asked.

use std::fmt;

use super::args::ArgsError;
use crate::socketio::client::{AddressError, AnswerError, EmitError, Failure};
use crate::socketio::value::ToValueError;

/// Why there is no client for an address.
///
/// ```
/// use pesan::socketio::{OpenError, Options, Socket};
///
/// assert!(matches!(Socket::open("ftp://localhost", Options::new()), Err(OpenError::Address(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Not an address of a server.
    Address(AddressError),
    /// Natively: called outside a tokio runtime.
    NoRuntime,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::NoRuntime => f.write_str("no tokio runtime to run in"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<AddressError> for OpenError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// Refused before anything was sent.
    Emit(EmitError),
    /// Answer that cannot be sent.
    Answer(AnswerError),
    /// Argument that its own `Serialize` refuses.
    Argument(ToValueError),
    /// The client was dropped.
    Closed,
    /// The socket of a component is not open: not rendered in a browser yet, or removed.
    NotOpen,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emit(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
            Self::Argument(error) => error.fmt(f),
            Self::Closed => f.write_str("the client is closed"),
            Self::NotOpen => f.write_str("the socket of this component is not open"),
        }
    }
}

impl std::error::Error for SendError {}

impl From<EmitError> for SendError {
    fn from(error: EmitError) -> Self {
        Self::Emit(error)
    }
}

impl From<AnswerError> for SendError {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}

impl From<ToValueError> for SendError {
    fn from(error: ToValueError) -> Self {
        Self::Argument(error)
    }
}

/// Why an event has no answer.
///
/// ```
/// use pesan::socketio::AckError;
/// use pesan::socketio::client::Failure;
///
/// assert!(AckError::Failed(Failure::TimedOut).is_timeout());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not accepted.
    Send(SendError),
    /// It was accepted, and came to nothing or was not answered.
    Failed(Failure),
    /// The answer is not what the program asked for.
    Answer(ArgsError),
}

impl AckError {
    /// Whether the answer did not come in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Failed(Failure::TimedOut))
    }
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
            Self::Answer(error) => {
                f.write_str("answer: ")?;
                error.fmt(f)
            }
        }
    }
}

impl std::error::Error for AckError {}

impl From<SendError> for AckError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}
