//! Acknowledgements of single events: [`AckSender`] for those that clients ask for, [`AckFuture`] for those of clients.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use pesan::socketio::packet::Body;
use pesan::socketio::value::{Value, to_value};
use pesan::socketio::{ArgReader, FromArg, to_args};
use serde::Serialize;
use tokio::sync::oneshot;

use super::error::{AckError, EmitError};
use super::flags::Flags;
use super::handles::{AckSender, RequestedAck, Socket};
use super::listeners::BoxFuture;
use super::pending_acks::AckResult;

impl AckSender {
    pub(super) fn new(socket: &Socket, id: Option<u64>) -> Self {
        Self(id.map(|id| RequestedAck {
            socket: socket.clone(),
            id,
            sent: Arc::default(),
        }))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Sender of the same ack for another listener.
    pub(super) fn share(&self) -> Self {
        Self(self.0.as_ref().map(|requested| RequestedAck {
            socket: requested.socket.clone(),
            id: requested.id,
            sent: requested.sent.clone(),
        }))
    }

    /// Whether the client asked for an ack and none was sent yet.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|requested| !requested.sent.load(Ordering::Relaxed))
    }

    /// Sends the ack. A tuple is sent as all arguments, any other value as the only one. Does nothing if the client did
    /// not ask for an ack, or another listener has sent it.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is disconnected.
    pub fn send<T: Serialize>(self, args: T) -> Result<(), EmitError> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.send_values(to_args(&args)?)
    }

    /// Sends one value as the only argument, even if it is a tuple.
    pub(super) fn send_one<T: Serialize>(self, value: &T) -> Result<(), EmitError> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.send_values(vec![to_value(value)?])
    }

    pub(super) fn send_values(self, args: Vec<Value>) -> Result<(), EmitError> {
        match self.0 {
            Some(requested) if !requested.sent.swap(true, Ordering::Relaxed) => {
                let body = Body::Ack {
                    id: requested.id,
                    args,
                };
                requested.socket.send_body(body, &Flags::default())
            }
            _ => Ok(()),
        }
    }
}

/// Acknowledgement of a client, when it arrives. The event is sent already; dropping the future only stops waiting.
#[must_use = "the ack is only seen by waiting for it"]
pub struct AckFuture<R>(BoxFuture<Result<R, AckError>>);

impl<R: FromArg<()> + 'static> AckFuture<R> {
    /// Waits for the ack of an event that was sent, or failed to be.
    pub(super) fn new(
        sent: Result<(oneshot::Receiver<AckResult>, PendingAckGuard), EmitError>,
        timeout: Option<Duration>,
    ) -> Self {
        Self(Box::pin(async move {
            let (receiver, _guard) = sent?;
            let ack = match timeout {
                Some(timeout) => tokio::time::timeout(timeout, receiver)
                    .await
                    .map_err(|_| AckError::Timeout)?,
                None => receiver.await,
            };
            let values = ack.map_err(|_| AckError::Disconnected)??;
            R::from_arg(&mut ArgReader::new(values), &mut ())
                .map_err(|error| AckError::Answer(error.to_string()))
        }))
    }
}

impl<R> fmt::Debug for AckFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckFuture").finish_non_exhaustive()
    }
}

impl<R> Future for AckFuture<R> {
    type Output = Result<R, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// Removes a pending ack when its future is dropped.
pub(super) struct PendingAckGuard {
    pub(super) socket: Socket,
    pub(super) id: u64,
}

impl Drop for PendingAckGuard {
    fn drop(&mut self) {
        self.socket.acks().remove(self.id);
    }
}
