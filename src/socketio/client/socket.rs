//! A socket: one namespace of a connection.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;

use super::ack::AckFuture;
use super::driver::{Driver, State};
use super::emitter::Emitter;
use super::error::{AckError, FlushError, ListenerError, SendError};
use super::events::{EmitChange, Lifecycle};
use super::handler::{EventContext, EventHandler, Handler, erase, erase_typed};
use super::listeners::{ErasedListener, ListenerEvent, ListenerId, ListenerKind};
use super::message::Message;
use super::options::AuthProvider;
use super::status::Status;
use super::subscription::{Buffer, EventSender, EventStream, Subscription};
use crate::socketio::codec::args::{ArgReader, ArgsError, FromArg};
use crate::socketio::codec::packet::EventName;
use crate::socketio::codec::{Event, Value};
use crate::socketio::proto::Timestamp;
use crate::socketio::proto::{Auth, EmitId, Emitted};
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared};
use crate::socketio::transport::Transport;

/// Socket of one namespace. Clones are handles to the same socket.
///
/// ```no_run
/// use pesan::socketio::{Options, Socket};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = Socket::open("http://localhost:5000", Options::new())?;
/// socket.on("connect", || println!("connected"));
/// socket.on("pesan", |text: String| println!("{text}"));
/// socket.emit("pesan", "halo")?;
/// # Ok(())
/// # }
/// ```
///
/// The connection closes when the last handle is dropped. A listener that captures a `Socket` is such a handle, and keeps
/// the connection open until [`Manager::close`](super::Manager::close); take the socket as a parameter instead:
/// `|socket: Socket, text: String| …`.
#[derive(Clone)]
pub struct Socket {
    driver: Shared<Driver>,
    name: Name,
}

impl Socket {
    pub(super) fn new(driver: Shared<Driver>, name: Name) -> Self {
        Self { driver, name }
    }

    pub(super) fn driver(&self) -> &Shared<Driver> {
        &self.driver
    }

    /// Name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.name
    }

    /// Calls a closure for each event of this name, in order.
    ///
    /// The closure's parameters are the event's arguments: any type that serde can deserialize. It may also take the
    /// `Socket`, and an [`AckSender`](super::AckSender) to acknowledge the event; what it returns is sent as the ack. It may
    /// be async; then its events are handled one after the other, while other listeners continue. See [`Handler`].
    ///
    /// The listener remains until [`off`](Self::off); [`on_scoped`](Self::on_scoped) ties it to a value. The names `connect`, `connect_error`, `disconnect`, `reconnect_attempt`, `reconnect`, `reconnect_error`,
    /// `reconnect_failed`, `connect_timeout` and `error` are lifecycle events with the official arguments;
    /// [`on_lifecycle`](Self::on_lifecycle) has all their details.
    ///
    /// Arguments that do not fit the parameters, and errors that the closure returns, are reported to
    /// [`on_error`](Self::on_error). Several closures may listen to the same event; natively, a panic in one does not
    /// affect the others.
    pub fn on<M>(&self, name: impl AsRef<str>, listener: impl Handler<M>) -> ListenerId {
        self.listen(ListenerKind::Named, name.as_ref(), false, self.erase(listener))
    }

    /// Like [`on`](Self::on), until the returned value is dropped.
    pub fn on_scoped<M>(&self, name: impl AsRef<str>, listener: impl Handler<M>) -> Subscription {
        self.scope(self.on(name, listener))
    }

    /// Ties a listener of any kind to a value: it is removed when the returned value is dropped.
    pub fn scope(&self, listener: ListenerId) -> Subscription {
        Subscription::new(self.driver.downgrade(), listener)
    }

    /// Like [`on`](Self::on), for the next event only.
    pub fn once<M>(&self, name: impl AsRef<str>, listener: impl Handler<M>) -> ListenerId {
        self.listen(ListenerKind::Named, name.as_ref(), true, self.erase(listener))
    }

    fn erase<M>(&self, listener: impl Handler<M>) -> Box<dyn ErasedListener> {
        erase(&self.driver.downgrade(), &self.name, listener)
    }

    /// Calls a closure for each event of a type; what it returns is sent as the ack.
    ///
    /// ```no_run
    /// # use pesan::socketio::{Event, Socket};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Add { left: i64, right: i64 }
    /// # impl Event for Add { const NAME: &'static str = "add"; type Ack = i64; }
    /// # fn listen(socket: &Socket) {
    /// socket.on_event::<Add, _>(|add: Add| add.left + add.right);
    /// # }
    /// ```
    ///
    /// The type of the returned value is checked:
    ///
    /// ```compile_fail
    /// # use pesan::socketio::{Event, Socket};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Add { left: i64, right: i64 }
    /// # impl Event for Add { const NAME: &'static str = "add"; type Ack = i64; }
    /// # fn listen(socket: &Socket) {
    /// socket.on_event::<Add, _>(|add: Add| "text");
    /// # }
    /// ```
    pub fn on_event<E: Event, M>(&self, listener: impl EventHandler<E, M>) -> ListenerId {
        let listener = erase_typed(&self.driver.downgrade(), &self.name, listener);
        self.listen(ListenerKind::Named, E::NAME, false, listener)
    }

    /// Calls a closure for every event of the server, before the listeners of its name.
    pub fn on_any(&self, listener: impl FnMut(Message) + MaybeSend + 'static) -> ListenerId {
        self.listen(ListenerKind::Any, "", false, self.erase(listener))
    }

    /// Calls a closure for every event when it is sent, after it has waited in the queue if necessary.
    pub fn on_any_outgoing(&self, listener: impl FnMut(Message) + MaybeSend + 'static) -> ListenerId {
        self.driver
            .with_state(|state, _| state.connection.config_mut().observe_outgoing = true);
        self.listen(ListenerKind::AnyOutgoing, "", false, self.erase(listener))
    }

    /// Calls a closure for each lifecycle event of the socket, in the official order.
    pub fn on_lifecycle(&self, mut listener: impl FnMut(&Lifecycle) + MaybeSend + 'static) -> ListenerId {
        let call = move |event: &mut ListenerEvent| {
            if let ListenerEvent::Lifecycle(step) = event {
                listener(step);
            }
            Ok(None)
        };
        self.listen(ListenerKind::Lifecycle, "", false, Box::new(call))
    }

    /// Calls a closure whenever the [status](Self::status) changes.
    pub fn on_status(&self, mut listener: impl FnMut(&Status) + MaybeSend + 'static) -> ListenerId {
        let call = move |event: &mut ListenerEvent| {
            if let ListenerEvent::Status(status) = event {
                listener(status);
            }
            Ok(None)
        };
        self.driver.with_state(State::observe_status);
        self.listen(ListenerKind::Status, "", false, Box::new(call))
    }

    /// Calls a closure whenever the state of an emitted event changes.
    pub fn on_emit_change(&self, mut listener: impl FnMut(&EmitChange) + MaybeSend + 'static) -> ListenerId {
        let call = move |event: &mut ListenerEvent| {
            if let ListenerEvent::Emit(change) = event {
                listener(change);
            }
            Ok(None)
        };
        self.listen(ListenerKind::Emits, "", false, Box::new(call))
    }

    /// Calls a closure when a listener did not handle an event: its arguments did not fit, or it returned an error.
    pub fn on_error(&self, mut listener: impl FnMut(&ListenerError) + MaybeSend + 'static) -> ListenerId {
        self.on_lifecycle(move |event| {
            if let Lifecycle::ListenerFailed(error) = event {
                listener(error);
            }
        })
    }

    /// Removes a listener of any kind; returns whether it was there. Calls of an async listener that have begun, or wait
    /// for an earlier one, still run.
    pub fn off(&self, listener: ListenerId) -> bool {
        self.driver.unlisten(listener)
    }

    /// Removes all listeners of an event.
    pub fn remove_all_listeners(&self, name: &str) {
        let removed = self
            .driver
            .with_state(|state, _| state.listeners.clear(&self.name, name));
        drop(removed);
    }

    /// Stream of the server's events.
    #[must_use]
    pub fn events(&self) -> EventStream {
        let buffer = Shared::new(Lock::new(Buffer::default()));
        let sender = EventSender(Shared::clone(&buffer));
        let listener = self.on_any(move |message| sender.push(message));
        EventStream::new(buffer, self.scope(listener))
    }

    fn listen(
        &self,
        kind: ListenerKind,
        name: &str,
        once: bool,
        listener: Box<dyn ErasedListener>,
    ) -> ListenerId {
        self.driver.register_namespace(&self.name);
        self.driver.listen(&self.name, kind, name, once, listener)
    }

    /// Emits an event. While not connected, it waits in a bounded queue and is sent after connecting.
    ///
    /// Any type that serde can serialize is one argument; several are a tuple, none is `()`; see
    /// [`to_args`](crate::socketio::to_args).
    ///
    /// # Errors
    /// When the name is reserved, the event is larger than the server accepts, it has more than ten binary values, the
    /// queue is full, or serializing an argument fails.
    pub fn emit(&self, name: impl Into<EventName>, args: impl Serialize) -> Result<Emitted, SendError> {
        self.plain().emit(name, args)
    }

    /// Emits a typed event.
    ///
    /// # Errors
    /// See [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<Emitted, SendError> {
        self.plain().emit_event(event)
    }

    /// Emits an event named `message`.
    ///
    /// # Errors
    /// See [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<Emitted, SendError> {
        self.emit("message", args)
    }

    /// Emits an event and returns a future of its ack. The event is sent whether or not the future is awaited.
    ///
    /// Without a [time limit](Self::timeout) it waits until the ack arrives or the connection ends.
    pub fn emit_with_ack<T: FromArg<()>>(
        &self,
        name: impl Into<EventName>,
        args: impl Serialize,
    ) -> AckFuture<T> {
        self.plain().emit_with_ack(name, args)
    }

    /// Emits a typed event and returns a future of its ack.
    ///
    /// ```no_run
    /// # use pesan::socketio::{AckError, Event, Socket};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Add { left: i64, right: i64 }
    /// # impl Event for Add { const NAME: &'static str = "add"; type Ack = i64; }
    /// # async fn ask(socket: Socket) -> Result<(), AckError> {
    /// assert_eq!(socket.request(&Add { left: 1, right: 2 }).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        self.plain().request(event)
    }

    /// Emits an event and calls a closure with its ack, or with the error.
    ///
    /// # Errors
    /// See [`emit`](Self::emit).
    pub fn emit_then<T: FromArg<()>>(
        &self,
        name: impl Into<EventName>,
        args: impl Serialize,
        then: impl FnOnce(Result<T, AckError>) + MaybeSend + 'static,
    ) -> Result<Emitted, SendError> {
        self.plain().emit_then(name, args, then)
    }

    /// Sets a time limit for the acks of the next events.
    pub fn timeout(&self, time: Duration) -> Emitter {
        self.plain().timeout(time)
    }

    /// Drops the next events if they cannot be sent immediately.
    pub fn volatile(&self) -> Emitter {
        self.plain().volatile()
    }

    fn plain(&self) -> Emitter {
        Emitter::new(Shared::clone(&self.driver), Shared::clone(&self.name))
    }

    /// Number of events that wait to be sent or are being retried.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.driver
            .with_state(|state, _| state.connection.queue_len(&self.name))
    }

    /// Ids and names of the events that wait to be sent, in order.
    #[must_use]
    pub fn queued(&self) -> Vec<(EmitId, EventName)> {
        let read = |state: &mut State, _: Timestamp| {
            let queued = state.connection.queued(&self.name);
            queued.map(|message| (message.id, message.name.clone())).collect()
        };
        self.driver.with_state(read)
    }

    /// Empties the queue; each event in it fails.
    pub fn clear_queue(&self) {
        self.driver
            .with_state_mut(|state, _| state.connection.clear_queue(&self.name));
    }

    /// Cancels an event that has not been sent yet; returns whether there was anything to cancel.
    pub fn cancel(&self, id: EmitId) -> bool {
        self.driver
            .with_state_mut(|state, now| state.connection.cancel(now, id))
    }

    /// Number of pending acks.
    #[must_use]
    pub fn pending_acks(&self) -> usize {
        self.driver
            .with_state(|state, _| state.connection.pending_acks(&self.name))
    }

    /// Connects, unless it is connected or connecting.
    pub fn connect(&self) {
        self.driver.with_state_mut(|state, now| {
            state.status_dirty = true;
            let (known, connection) = state.namespace_or_insert(&self.name);
            connection.connect(now, &known.name);
        });
    }

    /// Disconnects. The connection closes when no other namespace needs it. Queued events stay queued.
    pub fn disconnect(&self) {
        self.driver.with_state_mut(|state, now| {
            state.status_dirty = true;
            state.connection.disconnect(now, &self.name);
        });
    }

    /// Waits until everything that was emitted is written, and acknowledged where an ack is expected. Events that failed
    /// are not waited for.
    ///
    /// While the socket is connecting or reconnecting this continues to wait; use a timeout of your runtime to limit it.
    ///
    /// # Errors
    /// When events are queued and the socket is not connected, and will not connect by itself.
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.driver.flushed(&self.name).await
    }

    /// [Flushes](Self::flush), disconnects, and waits until the connection has closed, unless another namespace needs it.
    ///
    /// ```no_run
    /// # use pesan::socketio::{FlushError, Socket};
    /// # async fn leave(socket: Socket) -> Result<(), FlushError> {
    /// for number in 0..100 {
    ///     socket.emit("number", number).expect("the queue is not full");
    /// }
    /// socket.close().await // all of them have been sent
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`flush`](Self::flush); it is disconnected nevertheless, and its queue remains.
    pub async fn close(&self) -> Result<(), FlushError> {
        let flushed = self.flush().await;
        let ended = self.driver.each_transport(Transport::ended);
        self.disconnect();
        if self
            .driver
            .with_state(|state, _| state.connection.transport().is_none())
        {
            for ended in ended {
                ended.await;
            }
        }
        flushed
    }

    /// Reconnects immediately instead of waiting for the next attempt.
    pub fn reconnect_now(&self) {
        self.driver.with_state_mut(|state, now| {
            state.status_dirty = true;
            state.connection.reconnect_now(now);
        });
    }

    /// Sets the `auth` of this namespace from its next CONNECT on.
    pub fn set_auth(&self, auth: Value) {
        self.driver
            .with_state(|state, _| state.connection.set_auth(&self.name, Auth::Value(auth)));
    }

    /// Calls a function for the `auth` of this namespace, from its next CONNECT on.
    pub fn set_auth_with<F, R>(&self, ask: F)
    where
        F: Fn() -> R + MaybeSend + 'static,
        R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
    {
        let auth_provider = AuthProvider::new(ask);
        let old = self.driver.with_state(|state, _| {
            let (known, connection) = state.namespace_or_insert(&self.name);
            connection.set_auth(&self.name, Auth::Ask);
            known.auth_provider.replace(auth_provider)
        });
        drop(old);
    }

    /// Current status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.driver
            .with_state(|state, now| match state.namespace(&self.name) {
                Some(known) => known.status(&state.connection, now),
                None => Status::default(),
            })
    }

    /// Socket id; `None` while not connected.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.driver
            .with_state(|state, _| state.connection.id(&self.name).map(str::to_owned))
    }

    /// Whether it is connected, so that events are sent immediately.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.driver
            .with_state(|state, _| state.connection.is_connected(&self.name))
    }

    /// Whether it is connected, connecting or reconnecting.
    #[must_use]
    pub fn active(&self) -> bool {
        self.driver
            .with_state(|state, _| state.connection.is_active(&self.name))
    }

    /// Whether the server restored the session at the last connect, including missed events.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.driver
            .with_state(|state, _| state.connection.recovered(&self.name))
    }
}

impl FromArg<EventContext> for Socket {
    fn from_arg(_: &mut ArgReader, event: &mut EventContext) -> Result<Self, ArgsError> {
        let driver = event.driver.upgrade();
        let driver = driver.ok_or_else(|| ArgsError::Unavailable("the client is closed".to_owned()))?;
        Ok(Self::new(driver, Shared::clone(&event.namespace)))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
