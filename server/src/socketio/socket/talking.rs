//! What is sent to a socket, and to all but it.

use std::time::Duration;

use pesan::socketio::packet::Body;
use pesan::socketio::{Event, Packet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Socket;
use crate::socketio::emitter::{Answer, Emitter};
use crate::socketio::error::EmitError;
use crate::socketio::operator::{BroadcastOperator, Flags};
use crate::socketio::rooms::RoomNames;

/// Talking.
impl Socket {
    /// Sends an event to this client.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent or the socket is gone.
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

    /// Sends an event at once, and gives the client's answer when it comes.
    ///
    /// It waits as long as the socket is connected, unless [`timeout`](Self::timeout) says otherwise.
    ///
    /// # Errors
    /// [`AckError`](crate::socketio::AckError) when it could not be sent, was not answered, or the answer is of another type.
    pub fn emit_with_ack<R: DeserializeOwned + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Answer<R> {
        Emitter::new(self).emit_with_ack(event, args)
    }

    /// Waits for answers at most this long.
    pub fn timeout(&self, timeout: Duration) -> Emitter {
        Emitter::new(self).timeout(timeout)
    }

    /// The next event may be lost if the client is not ready for it.
    pub fn volatile(&self) -> Emitter {
        Emitter::new(self).volatile()
    }

    /// Whether the next event may be compressed, where compression is agreed on. Defaults to true.
    pub fn compress(&self, compress: bool) -> Emitter {
        Emitter::new(self).compress(compress)
    }

    /// Everyone in the namespace but this socket.
    pub fn broadcast(&self) -> BroadcastOperator {
        BroadcastOperator::new(&self.0.namespace).except(self.shared_id())
    }

    /// Everyone in these rooms but this socket.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.broadcast().to(rooms)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Everyone but this socket and those in these rooms.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.broadcast().except(rooms)
    }

    /// Everyone on this node but this socket.
    pub fn local(&self) -> BroadcastOperator {
        self.broadcast().local()
    }

    /// Encodes and sends; order is that of the calls.
    pub(in crate::socketio) fn send_body(&self, body: Body, flags: &Flags) -> Result<(), EmitError> {
        if self.is_gone() {
            return Err(EmitError::Disconnected);
        }
        let packet = Packet::new(self.0.namespace.name(), body);
        let outgoing = flags.mark(self.0.namespace.encode(&packet)?);
        match &packet.body {
            Body::Event { .. } | Body::Ack { .. } => self.connection().try_send(&outgoing)?,
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => self.connection().send(&outgoing),
        }
        Ok(())
    }
}
