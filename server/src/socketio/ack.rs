//! The answer that a client asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pesan::socketio::packet::Body;
use pesan::socketio::value::{Value, to_value};
use serde::Serialize;

use super::args::to_args;
use super::error::EmitError;
use super::operator::Flags;
use super::socket::Socket;

/// Answers one event, at most once. Dropping it answers nothing.
///
/// ```
/// use pesan_server::socketio::{Ack, Socket};
///
/// fn listen(socket: &Socket) {
///     socket.on("add", |_: Socket, (a, b): (i32, i32), ack: Ack| ack.send(a + b));
/// }
/// ```
#[derive(Debug)]
pub struct Ack(Option<Wanted>);

#[derive(Debug)]
struct Wanted {
    socket: Socket,
    id: u64,
    /// Shared by the listeners of one event: the first answer counts.
    sent: Arc<AtomicBool>,
}

impl Ack {
    pub(super) fn new(socket: &Socket, id: Option<u64>) -> Self {
        Self(id.map(|id| Wanted {
            socket: socket.clone(),
            id,
            sent: Arc::default(),
        }))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// The same answer for one more listener.
    pub(super) fn share(&self) -> Self {
        Self(self.0.as_ref().map(|wanted| Wanted {
            socket: wanted.socket.clone(),
            id: wanted.id,
            sent: wanted.sent.clone(),
        }))
    }

    /// Whether the client asked for an answer and has none yet.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|wanted| !wanted.sent.load(Ordering::Relaxed))
    }

    /// Sends the answer: a tuple is all its arguments, anything else the first one. Nothing happens when the client
    /// did not ask, or another listener answered first.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is gone.
    pub fn send<T: Serialize>(self, args: T) -> Result<(), EmitError> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.send_values(to_args(&args)?)
    }

    /// Sends one value as it is, even a tuple.
    pub(super) fn send_one<T: Serialize>(self, value: &T) -> Result<(), EmitError> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.send_values(vec![to_value(value)?])
    }

    fn send_values(self, args: Vec<Value>) -> Result<(), EmitError> {
        match self.0 {
            Some(wanted) if !wanted.sent.swap(true, Ordering::Relaxed) => wanted
                .socket
                .send_body(Body::Ack { id: wanted.id, args }, &Flags::default()),
            _ => Ok(()),
        }
    }
}
