//! One namespace of a connection: what a program talks to.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::ack::Answered;
use super::args::{FromArg, Handler, IntoArgs};
use super::driver::{Connection, State};
use super::emitter::Emitter;
use super::error::{AckError, OpenError, SendError};
use super::event_stream::{Buffer, Filling, Messages};
use super::events::Lifecycle;
use super::listeners::{Hear, Kind, Thing, reader};
use super::manager::Client;
use super::message::{Message, Responder};
use super::namespace::EmitChange;
use super::options::{Asker, Options};
use super::status::Status;
use super::subscription::Listening;
use crate::socketio::packet::EventName;
use crate::socketio::proto::{Auth, EmitId, Emitted};
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared};
use crate::socketio::{Event, Timestamp, Value};

/// Namespace of a connection. Cloning gives another handle to the same one.
///
/// ```no_run
/// use pesan::socketio::{Options, Socket};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = Socket::open("http://localhost:5000", Options::new())?;
/// socket.on("connect", || println!("connected")).forget();
/// socket.on("pesan", |text: String| println!("{text}")).forget();
/// socket.emit("pesan", "halo")?;
/// # Ok(())
/// # }
/// ```
///
/// A listener that captures a `Socket` and is [forgotten](Listening::forget) keeps the connection open until
/// [`Client::close`] is called.
#[derive(Clone)]
pub struct Socket {
    connection: Shared<Connection>,
    name: Name,
}

impl Socket {
    pub(super) fn new(connection: Shared<Connection>, name: Name) -> Self {
        Self { connection, name }
    }

    /// Opens a connection, or shares one, and gives the namespace that the URL's path names; what `io(url)` is in
    /// JavaScript.
    ///
    /// # Errors
    /// When the URL is no address or names an illegal namespace, or there is no runtime to live in.
    pub fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        Client::open(url, options).map(|client| client.home())
    }

    pub(super) fn connection(&self) -> &Shared<Connection> {
        &self.connection
    }

    /// Connection that the socket shares with others.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::of(Shared::clone(&self.connection))
    }

    /// Name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.name
    }

    // What the program wants to hear.

    /// Calls a closure at each event of this name, in the order of the wire.
    ///
    /// The closure's parameters are the event's arguments: anything that serde reads, and a [`Responder`] to answer
    /// with. The names `connect`, `connect_error`, `disconnect`, `reconnect_attempt`, `reconnect`, `reconnect_error`,
    /// `reconnect_failed`, `connect_timeout` and `error` also stand for what happens to the socket itself, with the
    /// official arguments; [`on_lifecycle`](Self::on_lifecycle) hears it with all details.
    ///
    /// Arguments that do not fit the parameters are told as `error`, and the closure is not called. Several closures may
    /// listen to one name; a panic of one does not keep the others from being called, natively.
    pub fn on<P: 'static>(&self, name: impl AsRef<str>, listener: impl Handler<P>) -> Listening {
        self.listen(Kind::Named, name.as_ref(), false, reader(listener))
    }

    /// As [`on`](Self::on), for the next event alone.
    pub fn once<P: 'static>(&self, name: impl AsRef<str>, listener: impl Handler<P>) -> Listening {
        self.listen(Kind::Named, name.as_ref(), true, reader(listener))
    }

    /// Calls a closure at each event of a type, with the way to answer it.
    ///
    /// ```no_run
    /// # use pesan::socketio::{Event, Socket};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Add { left: i64, right: i64 }
    /// # impl Event for Add { const NAME: &'static str = "add"; type Ack = i64; }
    /// # fn listen(socket: &Socket) {
    /// socket.on_event(|add: Add, answer| drop(answer.send(add.left + add.right))).forget();
    /// # }
    /// ```
    pub fn on_event<E: Event + 'static>(
        &self,
        mut listener: impl FnMut(E, Responder) + MaybeSend + 'static,
    ) -> Listening {
        self.on(E::NAME, move |event: E, responder: Responder| {
            listener(event, responder);
        })
    }

    /// Calls a closure at every event of the server, before those that listen to its name.
    pub fn on_any(&self, listener: impl FnMut(Message) + MaybeSend + 'static) -> Listening {
        self.listen(Kind::Any, "", false, reader::<(Message,), _>(listener))
    }

    /// Calls a closure at every event that leaves for the server; of one that waited, when it does.
    pub fn on_any_outgoing(&self, listener: impl FnMut(Message) + MaybeSend + 'static) -> Listening {
        self.connection
            .look(|state, _| state.machine.config_mut().observe_outgoing = true);
        self.listen(Kind::AnyOutgoing, "", false, reader::<(Message,), _>(listener))
    }

    /// Calls a closure at each step of the socket's life, in the official order.
    pub fn on_lifecycle(&self, mut listener: impl FnMut(&Lifecycle) + MaybeSend + 'static) -> Listening {
        let hear = move |thing: &mut Thing| {
            if let Thing::Lifecycle(step) = thing {
                listener(step);
            }
            Ok(())
        };
        self.listen(Kind::Lifecycle, "", false, Box::new(hear))
    }

    /// Calls a closure whenever the [status](Self::status) changes.
    pub fn on_status(&self, mut listener: impl FnMut(&Status) + MaybeSend + 'static) -> Listening {
        let hear = move |thing: &mut Thing| {
            if let Thing::Status(status) = thing {
                listener(status);
            }
            Ok(())
        };
        self.connection.look(State::watch);
        self.listen(Kind::Status, "", false, Box::new(hear))
    }

    /// Calls a closure whenever an emitted event gets into another state than `emit` returned.
    pub fn on_emit_change(&self, mut listener: impl FnMut(&EmitChange) + MaybeSend + 'static) -> Listening {
        let hear = move |thing: &mut Thing| {
            if let Thing::Emit(change) = thing {
                listener(change);
            }
            Ok(())
        };
        self.listen(Kind::Emits, "", false, Box::new(hear))
    }

    /// Removes all that listen to a name.
    pub fn off(&self, name: &str) {
        let removed = self
            .connection
            .look(|state, _| state.listeners.clear(&self.name, name));
        drop(removed);
    }

    /// Events of the server as a stream.
    #[must_use]
    pub fn events(&self) -> Messages {
        let buffer = Shared::new(Lock::new(Buffer::default()));
        let filling = Filling(Shared::clone(&buffer));
        let listening = self.on_any(move |message| filling.push(message));
        Messages::new(buffer, listening)
    }

    fn listen(&self, kind: Kind, name: &str, once: bool, hear: Box<dyn Hear>) -> Listening {
        self.connection.claim(&self.name);
        self.connection.listen(&self.name, kind, name, once, hear)
    }

    // What the program says.

    /// Emits an event. Without a connection it waits in a bounded queue and leaves when there is one.
    ///
    /// One argument is given as it is, several as a tuple, none as `()`, a type of your own as `(value,)`; see
    /// [`IntoArgs`].
    ///
    /// # Errors
    /// When it can never be sent: a reserved name, more than the server takes, more than ten binary values, a full
    /// queue, an argument that serde refuses.
    pub fn emit(&self, name: impl Into<EventName>, args: impl IntoArgs) -> Result<Emitted, SendError> {
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
    pub fn send(&self, args: impl IntoArgs) -> Result<Emitted, SendError> {
        self.emit("message", args)
    }

    /// Emits an event and gives a future of the answer. The event leaves whether the future is awaited or not.
    ///
    /// Without a [time limit](Self::timeout) it waits for as long as the connection, and the queue, hold.
    pub fn emit_with_ack<T: FromArg>(&self, name: impl Into<EventName>, args: impl IntoArgs) -> Answered<T> {
        self.plain().emit_with_ack(name, args)
    }

    /// Emits a typed event and gives a future of its answer.
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
    pub fn request<E: Event>(&self, event: &E) -> Answered<E::Ack> {
        self.plain().request(event)
    }

    /// Emits an event and calls a closure with its answer, or with why there is none.
    ///
    /// # Errors
    /// See [`emit`](Self::emit).
    pub fn emit_then<T: FromArg>(
        &self,
        name: impl Into<EventName>,
        args: impl IntoArgs,
        then: impl FnOnce(Result<T, AckError>) + MaybeSend + 'static,
    ) -> Result<Emitted, SendError> {
        self.plain().emit_then(name, args, then)
    }

    /// Gives the answers of the next events this much time.
    pub fn timeout(&self, time: Duration) -> Emitter {
        self.plain().timeout(time)
    }

    /// Drops the next events when they cannot leave at once.
    pub fn volatile(&self) -> Emitter {
        self.plain().volatile()
    }

    fn plain(&self) -> Emitter {
        Emitter::new(self.clone())
    }

    // What waits.

    /// How many events wait to be sent, or are being retried.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.connection
            .look(|state, _| state.machine.queue_len(&self.name))
    }

    /// Numbers and names of the events that wait to be sent, in order.
    #[must_use]
    pub fn queued(&self) -> Vec<(EmitId, EventName)> {
        let read = |state: &mut State, _: Timestamp| {
            let queued = state.machine.queued(&self.name);
            queued.map(|message| (message.id, message.name.clone())).collect()
        };
        self.connection.look(read)
    }

    /// Empties the queue; each event in it fails.
    pub fn clear_queue(&self) {
        self.connection
            .enter(|state, _| state.machine.clear_queue(&self.name));
    }

    /// Takes an event back that has not left yet; says whether that was still possible.
    pub fn cancel(&self, id: EmitId) -> bool {
        self.connection.enter(|state, now| state.machine.cancel(now, id))
    }

    /// How many answers are waited for.
    #[must_use]
    pub fn pending_acks(&self) -> usize {
        self.connection
            .look(|state, _| state.machine.pending_acks(&self.name))
    }

    // How it stands.

    /// Connects, if it is not connected or on its way already.
    pub fn connect(&self) {
        self.connection.enter(|state, now| {
            state.unsettled = true;
            let (known, machine) = state.make(&self.name);
            machine.connect(now, &known.name);
        });
    }

    /// Disconnects. The connection closes when no other namespace needs it; what is queued stays queued.
    pub fn disconnect(&self) {
        self.connection.enter(|state, now| {
            state.unsettled = true;
            state.machine.disconnect(now, &self.name);
        });
    }

    /// The same as [`disconnect`](Self::disconnect).
    pub fn close(&self) {
        self.disconnect();
    }

    /// Ends the pause before the next attempt.
    pub fn reconnect_now(&self) {
        self.connection.enter(|state, now| {
            state.unsettled = true;
            state.machine.reconnect_now(now);
        });
    }

    /// Says who this namespace is from its next CONNECT on.
    pub fn set_auth(&self, auth: Value) {
        self.connection
            .look(|state, _| state.machine.set_auth(&self.name, Auth::Value(auth)));
    }

    /// Asks a function who this namespace is, from its next CONNECT on.
    pub fn set_auth_with<F, R>(&self, ask: F)
    where
        F: Fn() -> R + MaybeSend + 'static,
        R: Future<Output = Result<Value, String>> + MaybeSend + 'static,
    {
        let asker = Asker::new(ask);
        let old = self.connection.look(|state, _| {
            let (known, machine) = state.make(&self.name);
            machine.set_auth(&self.name, Auth::Ask);
            known.asker.replace(asker)
        });
        drop(old);
    }

    /// How it stands now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.connection
            .look(|state, now| match state.namespace(&self.name) {
                Some(known) => known.status(&state.machine, now),
                None => Status::default(),
            })
    }

    /// Id that the server gave; `None` while not connected.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.connection
            .look(|state, _| state.machine.id(&self.name).map(str::to_owned))
    }

    /// Whether events go out at once.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.connection
            .look(|state, _| state.machine.is_connected(&self.name))
    }

    /// Whether it is connected, or will be when it can.
    #[must_use]
    pub fn active(&self) -> bool {
        self.connection
            .look(|state, _| state.machine.is_active(&self.name))
    }

    /// Whether the server restored the session at the last connect, missed events included.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.connection
            .look(|state, _| state.machine.recovered(&self.name))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
