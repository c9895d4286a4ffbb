//! What a socket listens to.

use std::sync::Arc;

use pesan::socketio::Event;
use pesan::socketio::value::Value;

use super::Socket;
use crate::socketio::handler::{EventHandler, Handler, PacketMiddleware};
use crate::socketio::listeners::ListenerId;

/// Listening.
impl Socket {
    /// Calls `handler` for each event of this name; several handlers are called in the order in which they were added.
    pub fn on<M>(&self, event: &str, handler: impl Handler<M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(event, false, call)
    }

    /// Calls `handler` for the next event of this name only.
    pub fn once<M>(&self, event: &str, handler: impl Handler<M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(event, true, call)
    }

    /// Calls `handler` for each typed event; what it returns is the answer.
    pub fn on_event<E: Event, M>(&self, handler: impl EventHandler<E, M>) -> ListenerId {
        let call = Box::new(move |socket, args, ack| handler.call(socket, args, ack));
        self.0.listeners.add(E::NAME, false, call)
    }

    /// Takes a listener of any kind away; says whether it was there.
    pub fn off(&self, listener: ListenerId) -> bool {
        self.0.listeners.remove(listener)
    }

    /// Takes all listeners of an event away.
    pub fn remove_all_listeners(&self, event: &str) {
        self.0.listeners.remove_all(event);
    }

    /// How many listeners an event has.
    #[must_use]
    pub fn listener_count(&self, event: &str) -> usize {
        self.0.listeners.count(event)
    }

    /// Calls `listener` with name and arguments of every event that comes in, before the event's own listeners.
    pub fn on_any(&self, listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static) -> ListenerId {
        self.0.listeners.add_any(false, false, Arc::new(listener))
    }

    /// The same, before the other such listeners.
    pub fn prepend_any(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.listeners.add_any(false, true, Arc::new(listener))
    }

    /// Calls `listener` with name and arguments of every event that goes out to this socket, broadcasts included.
    pub fn on_any_outgoing(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.namespace.watch_outgoing();
        self.0.listeners.add_any(true, false, Arc::new(listener))
    }

    /// The same, before the other such listeners.
    pub fn prepend_any_outgoing(
        &self,
        listener: impl Fn(&Self, &str, &[Value]) + Send + Sync + 'static,
    ) -> ListenerId {
        self.0.namespace.watch_outgoing();
        self.0.listeners.add_any(true, true, Arc::new(listener))
    }

    /// Lets `middleware` see each event first; it may change or refuse it. Official name: `socket.use`.
    pub fn use_packet<M>(&self, middleware: impl PacketMiddleware<M>) {
        let call = Arc::new(move |socket, event| middleware.call(socket, event));
        self.0.listeners.add_packet(call);
    }
}
