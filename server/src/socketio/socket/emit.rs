//! Events to one socket, with flags, and broadcasts to all others.

use std::time::Duration;

use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::{Event, FromArg, Packet, to_args};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::socketio::ack::{AckFuture, PendingAckGuard};
use crate::socketio::broadcast::BroadcastOperator;
use crate::socketio::error::{AckError, EmitError};
use crate::socketio::flags::{Flags, check_event_name};
use crate::socketio::handles::Socket;
use crate::socketio::pending_acks::{AckReceiver, AckResult};
use crate::socketio::rooms::RoomNames;

/// Socket with flags for one event; returned by [`Socket::timeout`], [`Socket::volatile`] and [`Socket::compress`].
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
    pub(in crate::socketio) fn new(socket: &Socket) -> Self {
        Self {
            socket: socket.clone(),
            flags: Flags::default(),
        }
    }

    /// Longest wait for the ack.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// The event may be lost if the client is not ready for it.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the event may be compressed, if compression was negotiated. Defaults to true.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = Some(compress);
        self
    }

    /// Broadcast to all other sockets, with the same flags.
    pub fn broadcast(self) -> BroadcastOperator {
        self.socket.broadcast().with_flags(self.flags)
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is disconnected.
    pub fn emit<T: Serialize>(self, event: &str, args: T) -> Result<(), EmitError> {
        check_event_name(event)?;
        self.socket
            .namespace()
            .emit_to(&self.socket, event, to_args(&args)?, &self.flags)
    }

    /// Sends an event at once; the future completes with the ack of the client.
    ///
    /// # Errors
    /// [`AckError`](super::super::AckError) when the event could not be sent, was not acknowledged in time, or the ack has data of another type.
    pub fn emit_with_ack<R: FromArg<()> + 'static>(self, event: &str, args: impl Serialize) -> AckFuture<R> {
        let timeout = self
            .flags
            .timeout
            .or(self.socket.namespace().config().ack_timeout);
        AckFuture::new(self.send_with_ack(event, &args), timeout)
    }

    /// Sends a typed event at once; the future completes with the ack of the client.
    ///
    /// # Errors
    /// As [`emit_with_ack`](Self::emit_with_ack).
    pub fn request<E: Event>(self, event: &E) -> AckFuture<E::Ack>
    where
        E::Ack: 'static,
    {
        self.emit_with_ack(E::NAME, (event,))
    }

    /// Sends an event at once, and calls `then` with the ack of the client, or with the error.
    ///
    /// Unlike awaiting [`emit_with_ack`](Self::emit_with_ack) in a handler, this does not delay the socket's next events.
    ///
    /// ```
    /// use pesan_server::socketio::{AckError, Emitter};
    ///
    /// fn ask(socket: Emitter) {
    ///     socket.emit_then("name?", (), |name: Result<String, AckError>| match name {
    ///         Ok(name) => println!("the client is called {name}"),
    ///         Err(error) => eprintln!("{error}"),
    ///     });
    /// }
    /// ```
    pub fn emit_then<R: FromArg<()> + Send + 'static>(
        self,
        event: &str,
        args: impl Serialize,
        then: impl FnOnce(Result<R, AckError>) + Send + 'static,
    ) {
        let runtime = self.socket.runtime().clone();
        let ack = self.emit_with_ack(event, args);
        runtime.spawn(async move { then(ack.await) });
    }

    fn send_with_ack(
        self,
        event: &str,
        args: &impl Serialize,
    ) -> Result<(oneshot::Receiver<AckResult>, PendingAckGuard), EmitError> {
        check_event_name(event)?;
        let args = to_args(args)?;
        let namespace = self.socket.namespace();
        namespace.notify_outgoing(std::slice::from_ref(&self.socket), event, &args);
        let id = namespace.next_ack_id();
        let (sender, receiver) = oneshot::channel();
        let limit = namespace.config().limits.max_pending_acks;
        self.socket.acks().add(id, AckReceiver::Single(sender), limit)?;
        let guard = PendingAckGuard {
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
        // A socket that was closed meanwhile has dropped its other pending acks already.
        if self.socket.is_gone() {
            self.socket.acks().remove(id);
        }
        Ok((receiver, guard))
    }
}

/// Sending.
impl Socket {
    /// Sends an event to this client.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is disconnected.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        Emitter::new(self).emit(event, args)
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send<T: Serialize>(&self, args: T) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends a typed event.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<(), EmitError> {
        self.emit(E::NAME, (event,))
    }

    /// Sends an event at once; the future completes with the ack of the client.
    ///
    /// Without a [`timeout`](Self::timeout), and without [`IoConfig::ack_timeout`](crate::socketio::IoConfig::ack_timeout),
    /// it waits until the socket is disconnected.
    ///
    /// # Errors
    /// [`AckError`](crate::socketio::AckError) when the event could not be sent, was not acknowledged, or the ack has data of
    /// another type.
    pub fn emit_with_ack<R: FromArg<()> + 'static>(&self, event: &str, args: impl Serialize) -> AckFuture<R> {
        Emitter::new(self).emit_with_ack(event, args)
    }

    /// Sends a typed event at once; the future completes with the ack of the client.
    ///
    /// # Errors
    /// As [`emit_with_ack`](Self::emit_with_ack).
    pub fn request<E: Event>(&self, event: &E) -> AckFuture<E::Ack>
    where
        E::Ack: 'static,
    {
        Emitter::new(self).request(event)
    }

    /// Sends an event at once, and calls `then` with the ack of the client, or with the error; see
    /// [`Emitter::emit_then`].
    pub fn emit_then<R: FromArg<()> + Send + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
        then: impl FnOnce(Result<R, AckError>) + Send + 'static,
    ) {
        Emitter::new(self).emit_then(event, args, then);
    }

    /// Sets the longest wait for an ack.
    pub fn timeout(&self, timeout: Duration) -> Emitter {
        Emitter::new(self).timeout(timeout)
    }

    /// The next event may be lost if the client is not ready for it.
    pub fn volatile(&self) -> Emitter {
        Emitter::new(self).volatile()
    }

    /// Whether the next event may be compressed, if compression was negotiated. Defaults to true.
    pub fn compress(&self, compress: bool) -> Emitter {
        Emitter::new(self).compress(compress)
    }

    /// Broadcast to all other sockets of the namespace.
    pub fn broadcast(&self) -> BroadcastOperator {
        BroadcastOperator::new(&self.0.namespace).except(self.shared_id())
    }

    /// Broadcast to the other sockets in these rooms.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.broadcast().to(rooms)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Broadcast to all other sockets that are not in these rooms.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.broadcast().except(rooms)
    }

    /// Broadcast to all other sockets of this node.
    pub fn local(&self) -> BroadcastOperator {
        self.broadcast().local()
    }

    /// Encodes and sends a packet. Packets are sent in the order of the calls.
    pub(in crate::socketio) fn send_body(&self, body: Body, flags: &Flags) -> Result<(), EmitError> {
        if self.is_gone() {
            return Err(EmitError::Disconnected);
        }
        let packet = Packet::new(self.0.namespace.name(), body);
        let message = flags.apply(self.0.namespace.encode(&packet)?);
        match &packet.body {
            Body::Event { .. } | Body::Ack { .. } => self.connection().try_send(&message)?,
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => self.connection().send(&message),
        }
        Ok(())
    }
}
