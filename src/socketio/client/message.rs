//! A received event, and the sender of its ack.

use std::fmt;

use super::error::SendError;
use serde::Serialize;

use crate::socketio::codec::Value;
use crate::socketio::codec::args::to_args;
use crate::socketio::proto::AckToken;
use crate::socketio::sync::{Lock, MaybeSend, MaybeSync, Shared, Weak};

/// Received event, as passed to catch-all listeners and streams.
///
/// ```no_run
/// # use pesan::socketio::{Message, Socket};
/// # fn listen(socket: &Socket) {
/// socket.on_any(|message: Message| println!("{} {:?}", message.name, message.args));
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Name of the event.
    pub name: String,
    /// Arguments of the event.
    pub args: Vec<Value>,
    /// Sends the ack, if the server requested one.
    pub ack: Option<AckSender>,
}

/// Sends the ack of one event, at most once.
///
/// Take it as a parameter, in addition to the event's arguments:
///
/// ```no_run
/// # use pesan::socketio::{AckSender, Socket};
/// # fn listen(socket: &Socket) {
/// socket
///     .on("add", |left: i64, right: i64, ack: AckSender| {
///         if let Err(error) = ack.send(left + right) {
///             eprintln!("{error}");
///         }
///     })
///;
/// # }
/// ```
#[derive(Clone)]
pub struct AckSender(Shared<Lock<Option<Pending>>>);

struct Pending {
    transmitter: Weak<dyn AckTransmitter>,
    token: AckToken,
}

/// Connection that an ack is sent on.
pub(super) trait AckTransmitter: MaybeSend + MaybeSync {
    fn send_ack(&self, token: AckToken, args: Vec<Value>) -> Result<(), SendError>;
}

impl AckSender {
    pub(super) fn new(transmitter: Weak<dyn AckTransmitter>, token: AckToken) -> Self {
        Self(Shared::new(Lock::new(Some(Pending { transmitter, token }))))
    }

    /// Sender for an event without an ack request, which does nothing.
    pub(crate) fn noop() -> Self {
        Self(Shared::new(Lock::new(None)))
    }

    /// Whether the server requested an ack and none was sent yet.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Sends the ack; several arguments are a tuple. Does nothing if the server requested none, or one was already sent, as in JavaScript.
    ///
    /// # Errors
    /// When the arguments cannot be sent, or the connection of the event has ended.
    pub fn send(&self, args: impl Serialize) -> Result<(), SendError> {
        self.send_values(to_args(&args)?)
    }

    pub(super) fn send_values(&self, args: Vec<Value>) -> Result<(), SendError> {
        let Some(Pending { transmitter, token }) = self.0.lock().take() else {
            return Ok(());
        };
        let transmitter = transmitter.upgrade().ok_or(SendError::Closed)?;
        transmitter.send_ack(token, args)
    }
}

impl fmt::Debug for AckSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AckSender")
    }
}
