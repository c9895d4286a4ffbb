//! Emitting with conditions: a time limit for the answer, or only if it can leave at once.

use std::time::Duration;

use super::ack::{self, Answered, Slot, read};
use super::args::{FromArg, IntoArgs};
use super::error::{AckError, SendError};
use super::socket::Socket;
use crate::socketio::packet::EventName;
use crate::socketio::proto::{Emit, Emitted};
use crate::socketio::sync::{Lock, MaybeSend, Shared};
use crate::socketio::{Event, to_value};

/// Socket with conditions for the next events: made by [`Socket::timeout`] and [`Socket::volatile`].
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn ask(socket: pesan::socketio::Socket) -> Result<(), pesan::socketio::AckError> {
/// let sum: i64 = socket.timeout(Duration::from_secs(2)).emit_with_ack("add", (1, 2)).await?;
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it only sets conditions; emit something"]
pub struct Emitter {
    socket: Socket,
    timeout: Option<Duration>,
    volatile: bool,
}

impl Emitter {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            timeout: None,
            volatile: false,
        }
    }

    /// Gives the answer this much time, counted from now.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Drops the event when it cannot leave at once.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Emits an event; see [`Socket::emit`].
    ///
    /// # Errors
    /// See [`Socket::emit`].
    pub fn emit(&self, name: impl Into<EventName>, args: impl IntoArgs) -> Result<Emitted, SendError> {
        let emit = self.prepare(name.into(), args)?;
        self.socket.connection().emit(emit, None)
    }

    /// Emits a typed event; see [`Socket::emit_event`].
    ///
    /// # Errors
    /// See [`Socket::emit`].
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<Emitted, SendError> {
        self.emit(E::NAME, vec![to_value(event)?])
    }

    /// Emits an event and waits for the answer; see [`Socket::emit_with_ack`].
    pub fn emit_with_ack<T: FromArg>(&self, name: impl Into<EventName>, args: impl IntoArgs) -> Answered<T> {
        let slot = Shared::new(Lock::new(Slot::New));
        let waiter = ack::future(&slot);
        let connection = self.socket.connection();
        let sent = self
            .prepare(name.into(), args)
            .and_then(|emit| connection.emit(emit.with_ack(), Some(waiter)));
        match sent {
            Ok(sent) => Answered::waiting(connection.downgrade(), sent.id, slot),
            Err(error) => Answered::refused(AckError::Send(error)),
        }
    }

    /// Emits a typed event and waits for its answer; see [`Socket::request`].
    pub fn request<E: Event>(&self, event: &E) -> Answered<E::Ack> {
        match to_value(event) {
            Ok(value) => self.emit_with_ack(E::NAME, value),
            Err(error) => Answered::refused(AckError::Send(error.into())),
        }
    }

    /// Emits an event and calls a closure with the answer, or with why there is none.
    ///
    /// # Errors
    /// See [`Socket::emit`]; the closure is not called then.
    pub fn emit_then<T: FromArg>(
        &self,
        name: impl Into<EventName>,
        args: impl IntoArgs,
        then: impl FnOnce(Result<T, AckError>) + MaybeSend + 'static,
    ) -> Result<Emitted, SendError> {
        let emit = self.prepare(name.into(), args)?.with_ack();
        let waiter = Box::new(move |outcome| then(read(outcome)));
        self.socket.connection().emit(emit, Some(waiter))
    }

    fn prepare(&self, name: EventName, args: impl IntoArgs) -> Result<Emit, SendError> {
        Ok(Emit {
            namespace: self.socket.namespace().to_owned(),
            name,
            args: args.into_args()?,
            volatile: self.volatile,
            ack: false,
            timeout: self.timeout,
        })
    }
}
