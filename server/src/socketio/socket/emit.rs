//! Events to one socket, with flags.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::acks::{AckResult, Waiter};
use super::args::{from_args, to_args};
use super::error::{AckError, EmitError};
use super::handler::Later;
use super::operator::{BroadcastOperator, Flags, check_name};
use super::socket::Socket;

/// What [`Socket::timeout`], [`Socket::volatile`] and [`Socket::compress`] give: the same socket, with flags.
///
/// ```
/// use std::time::Duration;
/// use pesan_server::socketio::{AckError, Socket};
///
/// async fn ask(socket: &Socket) -> Result<String, AckError> {
///     socket.timeout(Duration::from_secs(1)).emit_with_ack("name?", ()).await
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct Emitter {
    socket: Socket,
    flags: Flags,
}

impl Emitter {
    pub(super) fn new(socket: &Socket) -> Self {
        Self {
            socket: socket.clone(),
            flags: Flags::default(),
        }
    }

    /// Waits for the answer at most this long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// The event may be lost if the client is not ready for it.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the event may be compressed, where compression is agreed on. Defaults to true.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = Some(compress);
        self
    }

    /// Everyone but this socket, with the same flags.
    pub fn broadcast(self) -> BroadcastOperator {
        self.socket.broadcast().with_flags(self.flags)
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is gone.
    pub fn emit<T: Serialize>(self, event: &str, args: T) -> Result<(), EmitError> {
        check_name(event)?;
        self.socket
            .namespace()
            .emit_to(&self.socket, event, to_args(&args)?, &self.flags)
    }

    /// Sends an event at once, and gives the client's answer when it comes.
    ///
    /// # Errors
    /// [`AckError`] when it could not be sent, was not answered in time, or the answer is of another type.
    pub fn emit_with_ack<R: DeserializeOwned + 'static>(
        self,
        event: &str,
        args: impl Serialize,
    ) -> Answer<R> {
        let timeout = self.flags.timeout;
        let asked = self.ask(event, &args);
        Answer(Box::pin(async move {
            let (receiver, _pending) = asked?;
            let answer = match timeout {
                Some(timeout) => tokio::time::timeout(timeout, receiver)
                    .await
                    .map_err(|_| AckError::Timeout)?,
                None => receiver.await,
            };
            let values = answer.map_err(|_| AckError::Disconnected)??;
            from_args(values).map_err(|error| AckError::Answer(error.to_string()))
        }))
    }

    fn ask(
        self,
        event: &str,
        args: &impl Serialize,
    ) -> Result<(oneshot::Receiver<AckResult>, Pending), EmitError> {
        check_name(event)?;
        let args = to_args(args)?;
        let namespace = self.socket.namespace();
        namespace.tell_outgoing(std::slice::from_ref(&self.socket), event, &args);
        let id = namespace.next_ack_id();
        let (sender, receiver) = oneshot::channel();
        let limit = namespace.config().limits.max_pending_acks;
        self.socket.acks().add(id, Waiter::One(sender), limit)?;
        let pending = Pending {
            socket: self.socket.clone(),
            id,
        };
        let body = Body::Event {
            id: Some(id),
            name: EventName::from(event),
            args,
        };
        self.socket.send_body(body, &self.flags)?;
        namespace.meters().events_out.increment(1);
        self.socket.wake_if_paused();
        // A socket that went meanwhile has cancelled the others already.
        if self.socket.is_gone() {
            self.socket.acks().remove(id);
        }
        Ok((receiver, pending))
    }
}

/// Answer on its way. The event was sent already; dropping this only means that nobody waits.
#[must_use = "the answer is only seen by waiting for it"]
pub struct Answer<R>(Later<Result<R, AckError>>);

impl<R> fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl<R> Future for Answer<R> {
    type Output = Result<R, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// Forgets the answer when nobody waits for it any more.
struct Pending {
    socket: Socket,
    id: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.socket.acks().remove(self.id);
    }
}
