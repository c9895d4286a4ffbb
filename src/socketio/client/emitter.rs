//! Emitting with options: a time limit for the ack, or volatile.

use std::fmt;
use std::time::Duration;

use super::ack::{AckFuture, AckSlot, callback_for, read_ack};
use super::driver::Driver;
use super::error::{AckError, SendError};
use serde::Serialize;

use crate::socketio::codec::args::{Args, FromArg, to_args};
use crate::socketio::codec::packet::EventName;
use crate::socketio::codec::{Event, Value, to_value};
use crate::socketio::proto::{Emit, Emitted};
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared};

/// Emits events with options; created by [`Socket::timeout`](super::Socket::timeout) and
/// [`Socket::volatile`](super::Socket::volatile).
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
#[derive(Clone)]
#[must_use = "it only sets options; emit an event"]
pub struct Emitter {
    driver: Shared<Driver>,
    namespace: Name,
    timeout: Option<Duration>,
    volatile: bool,
}

impl Emitter {
    pub(super) fn new(driver: Shared<Driver>, namespace: Name) -> Self {
        Self {
            driver,
            namespace,
            timeout: None,
            volatile: false,
        }
    }

    /// Sets the time limit of the ack, counted from the emit.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Drops the event if it cannot be sent immediately.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Emits an event; see [`Socket::emit`](super::Socket::emit).
    ///
    /// # Errors
    /// See [`Socket::emit`](super::Socket::emit).
    pub fn emit(&self, name: impl Into<EventName>, args: impl Serialize) -> Result<Emitted, SendError> {
        let emit = self.prepare(name.into(), args)?;
        self.driver.emit(emit, None)
    }

    /// Emits a typed event; see [`Socket::emit_event`](super::Socket::emit_event).
    ///
    /// # Errors
    /// See [`Socket::emit`](super::Socket::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<Emitted, SendError> {
        let emit = self.with_values(E::NAME.into(), vec![to_value(event)?]);
        self.driver.emit(emit, None)
    }

    /// Emits an event and returns a future of its ack; see [`Socket::emit_with_ack`](super::Socket::emit_with_ack).
    pub fn emit_with_ack<T: FromArg<()>>(
        &self,
        name: impl Into<EventName>,
        args: impl Serialize,
    ) -> AckFuture<T> {
        let slot = Shared::new(Lock::new(AckSlot::New));
        let callback = callback_for(&slot);
        let sent = self
            .prepare(name.into(), args)
            .and_then(|emit| self.driver.emit(emit.with_ack(), Some(callback)));
        match sent {
            Ok(sent) => AckFuture::waiting(self.driver.downgrade(), sent.id, slot),
            Err(error) => AckFuture::refused(AckError::Send(error)),
        }
    }

    /// Emits a typed event and returns a future of its ack; see [`Socket::request`](super::Socket::request).
    pub fn request<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        match to_value(event) {
            Ok(value) => self.emit_with_ack(E::NAME, Args(vec![value])),
            Err(error) => AckFuture::refused(AckError::Send(error.into())),
        }
    }

    /// Emits an event and calls a closure with its ack, or with the error.
    ///
    /// # Errors
    /// See [`Socket::emit`](super::Socket::emit); then the closure is not called.
    pub fn emit_then<T: FromArg<()>>(
        &self,
        name: impl Into<EventName>,
        args: impl Serialize,
        then: impl FnOnce(Result<T, AckError>) + MaybeSend + 'static,
    ) -> Result<Emitted, SendError> {
        let emit = self.prepare(name.into(), args)?.with_ack();
        let callback = Box::new(move |result| then(read_ack(result)));
        self.driver.emit(emit, Some(callback))
    }

    fn prepare(&self, name: EventName, args: impl Serialize) -> Result<Emit, SendError> {
        Ok(self.with_values(name, to_args(&args)?))
    }

    fn with_values(&self, name: EventName, args: Vec<Value>) -> Emit {
        Emit {
            namespace: self.namespace.to_string(),
            name,
            args,
            volatile: self.volatile,
            ack: false,
            timeout: self.timeout,
        }
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("namespace", &self.namespace)
            .field("timeout", &self.timeout)
            .field("volatile", &self.volatile)
            .finish_non_exhaustive()
    }
}
