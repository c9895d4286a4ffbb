//! An event as it came, and the way to answer it.

use std::fmt;

use super::args::IntoArgs;
use super::driver::Connection;
use super::error::SendError;
use crate::socketio::Value;
use crate::socketio::proto::AckToken;
use crate::socketio::sync::{Lock, Shared, Weak};

/// Event as it came: what a catch-all listener or a stream gets.
///
/// ```no_run
/// # use pesan::socketio::{Message, Socket};
/// # fn listen(socket: &Socket) {
/// socket.on_any(|message: Message| println!("{} {:?}", message.name, message.args)).forget();
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Name of the event.
    pub name: String,
    /// Arguments, as many as the sender gave.
    pub args: Vec<Value>,
    /// Way to answer, if the sender wants an answer.
    pub responder: Option<Responder>,
}

/// Answers one event, at most once.
///
/// Take it as a parameter beside the event's arguments:
///
/// ```no_run
/// # use pesan::socketio::{Responder, Socket};
/// # fn listen(socket: &Socket) {
/// socket
///     .on("add", |left: i64, right: i64, answer: Responder| {
///         if let Err(error) = answer.send(left + right) {
///             eprintln!("{error}");
///         }
///     })
///     .forget();
/// # }
/// ```
#[derive(Clone)]
pub struct Responder(Shared<Lock<Option<Pending>>>);

struct Pending {
    connection: Weak<Connection>,
    token: AckToken,
}

impl Responder {
    pub(crate) fn new(connection: Weak<Connection>, token: AckToken) -> Self {
        Self(Shared::new(Lock::new(Some(Pending { connection, token }))))
    }

    /// For an event whose sender wants no answer.
    pub(crate) fn deaf() -> Self {
        Self(Shared::new(Lock::new(None)))
    }

    /// Whether somebody still waits for the answer.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Sends the answer. When nobody wants one, or it was given already, nothing happens, as in JavaScript.
    ///
    /// # Errors
    /// When the arguments cannot be sent, or the connection that the event came by is gone.
    pub fn send(&self, args: impl IntoArgs) -> Result<(), SendError> {
        let args = args.into_args()?;
        let Some(Pending { connection, token }) = self.0.lock().take() else {
            return Ok(());
        };
        let connection = connection.upgrade().ok_or(SendError::Closed)?;
        connection.answer(token, args)
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}
